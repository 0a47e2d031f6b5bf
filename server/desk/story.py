"""What happened to a record, told in sentences: "Li Guixiang handed it to Qian"."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import Flask
from flask_babel import gettext
from markupsafe import Markup, escape
from sqlalchemy import ColumnElement, select

from server.auth.access import current_user
from server.db.engine import db
from server.db.statements import chunks
from server.desk.formatting import ID_WITHIN, format_value, labelled_values
from server.desk.history import HIDDEN_FIELDS, OpLine, op_lines
from server.desk.labels import FEATURE_OF_KIND
from server.desk.phone_status import RECENT_OPS
from server.desk.record_access import may_open
from server.desk.related import Related, titled_links
from server.i18n.filters import money, with_context
from server.i18n.locale import localize, moment, translate
from server.models import MODELS_BY_TYPE
from server.models.conflicts import Conflict
from server.models.directory import Directory
from server.models.feed import SiteHead
from server.models.oplog import LoggedOp
from server.models.photos import Photo
from server.models.places import Checkpoint
from server.oplog.directory import directory_of
from sync import KINDS
from sync.protocol.clock import SITE_ZONE
from sync.protocol.photos import SHA256_PATTERN
from sync.protocol.text import Text

SHOWN_EVENTS = 24
"""How many of the newest events are shown at once; older ones are folded."""

BOOKKEEPING = ("photo.arrive",)
"""Kinds of what the server notes for itself: a photo stands where it was taken."""

NAMED_PARTS = frozenset(
    {"who", "whom", "name", "visitor", "worker", "holder", "to", "role", "keeper", "told_whom"}
    | {"handler_id", "contractor_id", "contractor", "accountable_id", "for_id", "to_id", "from_id"}
    | {"responsible_id", "collector_id", "worker_id", "leader_id", "person"}
    | {"promised_at", "due_at", "answer_until", "appointment_at", "next_action_at"}
)
"""Parts of sentences that stand out: who, and until when."""

NEVER_TOLD = frozenset(
    {*HIDDEN_FIELDS, "photos", "shots", "number", "slip", "has_items", "about_type", "about"}
    | {"token", "scan", "parties", "purposes", "entries", "performers", "task_id", "template_id"}
    | {"sha256", "here", "order", "dtstart", "planned_at", "before", "member_ids"}
)
"""Fields that a page shows elsewhere, or that say nothing to people."""

ICONS: Mapping[str, str] = {
    "ticket.open": "ticket",
    "lost.open": "search",
    "find.record": "box",
    **dict.fromkeys(("hand_over", "reassign", "assign", "succeed", "escalate", "move"), "swap"),
    **dict.fromkeys(("accept", "acknowledge", "approve_visit", "verify", "settle", "fine"), "ok"),
    **dict.fromkeys(("complete", "confirm", "tick", "close", "decide", "conclude"), "ok"),
    **dict.fromkeys(("resolve",), "wrench"),
    **dict.fromkeys(("enquire", "ask", "dispute"), "help"),
    **dict.fromkeys(("inform", "feed_back", "tell", "call", "state", "follow"), "chat"),
    **dict.fromkeys(("register", "pass_on", "return_item", "keep", "return"), "key"),
    **dict.fromkeys(("begin", "exit", "end", "left", "visit"), "home"),
    **dict.fromkeys(("arrive", "depart", "admit", "expect", "refuse"), "gate"),
    **dict.fromkeys(("revise", "amend", "change"), "edit"),
    **dict.fromkeys(("promise", "appoint", "next", "plan", "replan"), "clock"),
    **dict.fromkeys(("undo", "untick", "reopen", "give_back", "separate"), "undo"),
    **dict.fromkeys(("merge", "absorb", "give_way", "join"), "split"),
    **dict.fromkeys(("skip", "cancel", "strike", "drop", "dismiss"), "x"),
    **dict.fromkeys(("pay", "list", "relist"), "yuan"),
    **dict.fromkeys(("hold", "purge", "to_police"), "lock"),
    **dict.fromkeys(("raise", "rectify", "dispose"), "flag"),
    **dict.fromkeys(("scan", "take"), "pin"),
    "attach": "cam",
}
"""The sign of a kind, or of the verb that it ends in."""


@dataclass(frozen=True, slots=True)
class Event:
    """One op of a story: its sentence, what else it says, and the photos that are here."""

    line: OpLine
    sentence: Markup
    more: list[tuple[str, str]]
    photos: list[str]
    icon: str

    @property
    def is_in_doubt(self) -> bool:
        """Whether the op did not take effect, or somebody has to look at it."""
        return self.line.op.status != "applied" or bool(self.line.flag_labels)

    @property
    def day(self) -> date:
        """The local day on which it happened."""
        return self.line.occurred_at.astimezone(SITE_ZONE).date()

    @property
    def is_folded(self) -> bool:
        """Whether what else it says is folded away: the page shows the present values beside."""
        kind = KINDS.get(self.line.op.kind)
        return kind is not None and (kind.creates or kind.from_server_only)


@dataclass(frozen=True, slots=True)
class Story:
    """The events of a record in the order of time; `older` are folded away."""

    older: list[Event]
    shown: list[Event]


def init_app(app: Flask) -> None:
    """Give templates the filter `day_label`."""
    app.jinja_env.filters["day_label"] = with_context(day_label)


def day_label(day: date) -> str:
    """What people call a day: today, month and day, in another year with the year."""
    today = datetime.now(SITE_ZONE).date()
    if day == today:
        return gettext("Today")
    return f"{day:%m-%d}" if day.year == today.year else f"{day:%Y-%m-%d}"


def story_about(site_id: str, id_: str) -> Story:
    """The story of a record and of the questions that the desk had to settle about it."""
    conflicts = select(Conflict.id).where(Conflict.site_id == site_id, Conflict.subject == id_)
    ids = [id_, *db.session.scalars(conflicts)]
    ops = select(LoggedOp).where(LoggedOp.site_id == site_id, LoggedOp.subject.in_(ids))
    return story_of(db.session.scalars(ops))


def story_of(
    ops: Iterable[LoggedOp],
    newest: int = SHOWN_EVENTS,
    times: Callable[[datetime], str] = moment,
) -> Story:
    """What these ops of the current user's site say, in the order in which it happened; `times`
    writes a time."""
    told = [op for op in ops if op.kind not in BOOKKEEPING]
    told = _without_repeated_photos(sorted(told, key=lambda op: (op.occurred_at, op.place)))
    events = _events(told, times)
    cut = max(len(events) - newest, 0)
    return Story(events[:cut], events[cut:])


def _events(ops: Sequence[LoggedOp], times: Callable[[datetime], str]) -> list[Event]:
    names, lines = directory_of(current_user().site_id), op_lines(ops, times)
    here, points = _photos_here(ops), _checkpoint_labels(ops)
    events = []
    for line in lines:
        parts = _parts(line, names, points, times)
        text = sentence_text(line.op.kind, parts)
        events.append(
            Event(
                line=line,
                sentence=_sentence(text, parts),
                more=_more(line, text, names, times),
                photos=[sha256 for sha256 in _named_photos(line.op) if sha256 in here],
                icon=_icon(line.op.kind),
            )
        )
    return events


def sentence_text(kind: str, parts: Mapping[str, str]) -> Text | None:
    """The first sentence of a kind that has all its parts; None for a kind of a later version."""
    feature = FEATURE_OF_KIND.get(kind)
    sentences = feature.sentences.get(kind, ()) if feature else ()
    return next((text for text in sentences if _has_parts(text.message, parts)), None)


def _has_parts(message: str, parts: Mapping[str, str]) -> bool:
    return all(parts.get(name) for name in part_names(message))


def part_names(message: str) -> list[str]:
    """The named parts of a sentence, in its order."""
    return [piece.partition(")")[0] for piece in message.split("%(")[1:]]


def _sentence(text: Text | None, parts: Mapping[str, str]) -> Markup:
    if text is None:
        return Markup("<b>{}</b> · {}").format(parts["who"], parts["what"])
    shown = {
        name: Markup("<b>{}</b>").format(value) if name in NAMED_PARTS else escape(value)
        for name, value in parts.items()
    }
    return Markup(translate(text)) % shown  # noqa: S704 - the catalogue is ours, parts are escaped


def _parts(
    line: OpLine,
    names: Directory,
    points: Mapping[str, str],
    times: Callable[[datetime], str],
) -> dict[str, str]:
    """The parts that a sentence about an op may name, as text."""
    type_, kind, values = _type_of(line.op), line.op.kind, line.values
    parts = {name: _part(type_, name, raw, names, kind, times) for name, raw in values.items()}
    parts["whom"] = parts.pop("who", "")
    if values.get("worker_id") == line.op.by:
        parts["worker_id"] = ""  # "went in", not "noted that the same person went in"
    if "checkpoint" in values:
        parts["checkpoint"] = points.get(values["checkpoint"], "")
    if isinstance(values.get("cents"), int):
        parts["cents"] = money(values["cents"])
    told = {name: raw for name, raw in values.items() if name not in NEVER_TOLD}
    changes = labelled_values(type_, told, names, kind, times)
    parts["changes"] = "; ".join(f"{label}: {text}" for label, text in changes)
    return {**parts, "who": line.author, "what": line.action_label}


def _type_of(op: LoggedOp) -> str | None:
    """The type of record that an op is about; that of its kind if there is no such record."""
    kind = KINDS.get(op.kind)
    return op.subject_type or (kind.type if kind else None)


def _part(
    type_: str | None,
    name: str,
    raw: Any,
    names: Directory,
    kind: str,
    times: Callable[[datetime], str],
) -> str:
    if raw is None or raw == "" or raw == [] or raw == {}:
        return ""
    if name == "lines":
        return "; ".join(_arrears_line(line) for line in raw)
    text = format_value(type_, name, raw, names, kind, times)
    return "" if ID_WITHIN.search(text) or SHA256_PATTERN.match(text) else text


def _arrears_line(line: Mapping[str, Any]) -> str:
    return f"{line.get('what', '')} {line.get('period', '')} ¥ {money(line.get('cents', 0))}"


def _more(
    line: OpLine, text: Text | None, names: Directory, times: Callable[[datetime], str]
) -> list[tuple[str, str]]:
    """What the payload says beyond the sentence, with labels."""
    told = set(part_names(text.message)) if text else set()
    if "changes" in told:
        return []
    told |= {"who"} if "whom" in told else set()
    told |= {"worker_id"} if line.values.get("worker_id") == line.op.by else set()
    rest = {
        name: raw
        for name, raw in line.values.items()
        if name not in told | NEVER_TOLD and (raw is False or raw)
    }
    type_, kind = _type_of(line.op), line.op.kind
    pairs = [
        (label, _part(type_, name, raw, names, kind, times))
        for name, raw in rest.items()
        for label, _ in labelled_values(type_, {name: raw}, names, kind)
    ]
    return [(label, said) for label, said in pairs if said]


def recent_ops(site_id: str, *which: ColumnElement[bool], most: int) -> list[LoggedOp]:
    """Those of the newest RECENT_OPS ops of a site that meet these conditions and that the current
    user may read, newest first."""
    judged = select(SiteHead.judged).where(SiteHead.site_id == site_id).scalar_subquery()
    hidden = [type_ for type_ in MODELS_BY_TYPE if not may_open(type_)]
    recent = LoggedOp.site_id == site_id, LoggedOp.place > judged - RECENT_OPS
    readable = LoggedOp.subject_type.is_(None) | LoggedOp.subject_type.not_in(hidden)
    ops = select(LoggedOp).where(*recent, readable, *which).order_by(LoggedOp.place.desc())
    return list(db.session.scalars(ops.limit(most)))


def subjects_of(story: Story) -> dict[str, Related]:
    """The records that a story of several is about, by their ids."""
    ops = [event.line.op for event in (*story.older, *story.shown)]
    types = {
        op.subject: op.subject_type
        for op in ops
        if op.subject and op.subject_type in MODELS_BY_TYPE
    }
    return titled_links(types)


def _icon(kind: str) -> str:
    return ICONS.get(kind) or ICONS.get(kind.partition(".")[2]) or "todo"


def _named_photos(op: LoggedOp) -> list[str]:
    """The photos that an op names: those of its record, and those of each criterion."""
    if not isinstance(op.payload, dict):
        return []
    if op.kind == "photo.attach":
        return [str(op.payload.get("sha256"))]
    photos, shots = op.payload.get("photos"), op.payload.get("shots")
    named = list(photos) if isinstance(photos, list) else []
    for each in shots.values() if isinstance(shots, dict) else ():
        named += each if isinstance(each, list) else []
    return list(dict.fromkeys(map(str, named)))


def _without_repeated_photos(ops: Sequence[LoggedOp]) -> list[LoggedOp]:
    """The ops without those that only attach a photo that another one names."""
    named = {photo for op in ops if op.kind != "photo.attach" for photo in _named_photos(op)}
    return [op for op in ops if op.kind != "photo.attach" or not named & {*_named_photos(op)}]


def _photos_here(ops: Iterable[LoggedOp]) -> set[str]:
    """The photos of these ops that have arrived."""
    named = sorted({photo for op in ops for photo in _named_photos(op)})
    here: set[str] = set()
    for chunk in chunks(named):
        query = select(Photo.sha256).where(Photo.site_id == current_user().site_id)
        here.update(db.session.scalars(query.where(Photo.sha256.in_(chunk))))
    return here


def _checkpoint_labels(ops: Iterable[LoggedOp]) -> dict[str, str]:
    """The labels of the checkpoints that these ops name."""
    ids = {
        op.payload["checkpoint"]
        for op in ops
        if isinstance(op.payload, dict) and isinstance(op.payload.get("checkpoint"), str)
    }
    if not ids:
        return {}
    rows = select(Checkpoint.id, Checkpoint.label).where(
        Checkpoint.site_id == current_user().site_id, Checkpoint.id.in_(ids)
    )
    return {row.id: localize(row.label) for row in db.session.execute(rows)}
