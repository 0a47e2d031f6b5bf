"""Training sessions: cards and a case, what each person answered, a summary, who signed for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

from marshmallow import fields
from marshmallow.validate import Length, OneOf, Range, Regexp

from sync.protocol.clock import FOREVER, format_time, parse_time
from sync.protocol.feature import Feature, RecordType
from sync.protocol.op import (
    MAX_TEXT_LENGTH,
    Accepted,
    EmptyPayload,
    HistoryEntry,
    Id,
    Kind,
    Op,
    Payload,
)
from sync.protocol.roles import FRONT_DESK_ROLES, role_mask
from sync.protocol.text import _l, _lp
from sync.training.curriculum import refresh_date

APPROACHES = ("A", "B", "C")
MAX_CARDS, MAX_ATTENDEES, MAX_PROMPTS = 200, 100, 6
VISIBLE_FOR = timedelta(days=30)
"""How long a session that nobody closed stays on phones."""

CARD_REF_VALIDATOR = Regexp(r"^[a-z]{1,20}:[0-9a-f-]{36}\Z", error="A card is named group:id.")


class TrainingSessionLike(Protocol):
    """What the rules need to know of a session."""

    facilitator_id: str
    attendees: list[str]
    prompts: list[str]


class SessionBeginPayload(Payload):
    """The cards with their groups as they were, the prompts as they were put to the room."""

    cards = fields.List(
        fields.String(validate=CARD_REF_VALIDATOR),
        load_default=list,
        validate=Length(max=MAX_CARDS),
    )
    case = Id(allow_none=True, load_default=None)
    prompts = fields.List(
        fields.String(validate=Length(min=1, max=MAX_TEXT_LENGTH)),
        load_default=list,
        validate=Length(max=MAX_PROMPTS),
    )
    attendees = fields.List(Id(), load_default=list, validate=Length(max=MAX_ATTENDEES))


class SessionAnswerPayload(Payload):
    person = Id(required=True)
    prompt = fields.Integer(required=True, strict=True, validate=Range(min=0, max=MAX_PROMPTS - 1))
    text = fields.String(load_default="", validate=Length(max=MAX_TEXT_LENGTH))
    approach = fields.String(allow_none=True, load_default=None, validate=OneOf(APPROACHES))


class SessionSummarisePayload(Payload):
    summary = fields.String(required=True, validate=Length(min=1, max=MAX_TEXT_LENGTH))


def begin(_: None, op: Op) -> Accepted:
    """Z1: whoever begins a session leads it; the approaches are kept as the case has them then."""
    said = op.payload
    card = op.related.get(said["case"] or "")
    lists = {name: list(dict.fromkeys(said[name])) for name in ("cards", "attendees")}
    approaches = list(card.approaches or []) if card else []
    changes = {"case": said["case"], "prompts": said["prompts"], "approaches": approaches, **lists}
    return Accepted(changes, flag="unknown-case" if said["case"] and card is None else None)


def answer(session: TrainingSessionLike, op: Op) -> Accepted:
    """Z2: an answer is kept whoever wrote it down; one of somebody who was not there is noted."""
    person, known = op.payload["person"], op.payload["prompt"] < len(session.prompts)
    if person not in session.attendees:
        return Accepted({}, flag="not-an-attendee")
    return Accepted({}, flag=None if known else "no-such-prompt")


def flag_summary_unless_facilitator(session: TrainingSessionLike, op: Op) -> Accepted:
    """Z4: the summary is the facilitator's; another's is kept and asks for a look."""
    return Accepted({}, flag=None if op.by == session.facilitator_id else "not-the-facilitator")


def flag_unless_attendee(session: TrainingSessionLike, op: Op) -> Accepted:
    """Z5: only who attended signs for it; another signature is kept and asks for a look."""
    return Accepted({}, flag=None if op.by in session.attendees else "not-an-attendee")


def flag_close_unless_facilitator(session: TrainingSessionLike, op: Op) -> Accepted:
    """Z4: a session ends as it ends; ended by another, it asks for a look."""
    return Accepted({}, flag=None if op.by == session.facilitator_id else "not-the-facilitator")


def fold(session: Any, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """Z3: of several answers of one person to one prompt the newest counts, the others stay."""
    begun = next((entry for entry in history if entry.kind == "session.begin"), None)
    if begun is None:
        return {}
    led_by = begun.by
    summaries = [e for e in history if e.kind == "session.summarise" and e.by == led_by]
    ended = next((entry for entry in history if entry.kind == "session.close"), None)
    return {
        "facilitator_id": led_by,
        "begun_at": begun.occurred_at,
        "answers": _answers(history),
        "summary": summaries[-1].payload["summary"] if summaries else None,
        "acknowledged": _acknowledged(_attendees(begun), history),
        "closed_at": ended and ended.occurred_at,
    }


def _attendees(begun: HistoryEntry) -> set[str]:
    return {_canonical_id(raw) for raw in begun.payload.get("attendees") or []}


def _canonical_id(raw: Any) -> str:
    """An id as records have it; the log keeps it as it was sent."""
    return str(UUID(str(raw)))


def _answers(history: Sequence[HistoryEntry]) -> dict[str, dict[str, Any]]:
    """By person and prompt, each with those that came before it."""
    found: dict[str, dict[str, Any]] = {}
    for entry in history:
        if entry.kind != "session.answer":
            continue
        said = entry.payload
        mine = found.setdefault(_canonical_id(said["person"]), {})
        place = str(said["prompt"])
        before = mine.get(place)
        earlier = [*before["earlier"], _without_earlier(before)] if before else []
        mine[place] = {
            "text": said.get("text") or "",
            "approach": said.get("approach"),
            "at": format_time(entry.occurred_at),
            "by_id": entry.by,
            "earlier": earlier,
        }
    return found


def _without_earlier(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "earlier"}


def _acknowledged(
    attendees: set[str], history: Sequence[HistoryEntry]
) -> dict[str, dict[str, str]]:
    """The first signature of each attendee, and until when what was learnt counts."""
    found: dict[str, dict[str, str]] = {}
    for entry in history:
        if entry.kind == "session.acknowledge" and entry.by in attendees:
            until = refresh_date(entry.occurred_at).isoformat()
            found.setdefault(entry.by, {"at": format_time(entry.occurred_at), "refresh_on": until})
    return found


def approach_counts(answers: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Counter[str]:
    """Z6: how many of the answers that count took each approach; nobody is named."""
    counting = (one for mine in answers.values() for one in mine.values())
    return Counter(str(one["approach"]) for one in counting if one["approach"])


def state(session: Any) -> str:
    """Open until somebody closed it."""
    return "closed" if session["closed_at"] else "open"


def visible_until(session: Any) -> str:
    """What was learnt in it stays on phones as long as it counts, an open one for a month."""
    days = [signed["refresh_on"] for signed in session["acknowledged"].values()]
    ends = [format_time(parse_time(f"{day}T00:00:00+08:00")) for day in days]
    return max([format_time((session["closed_at"] or session["begun_at"]) + VISIBLE_FOR), *ends])


KINDS = {
    "session.begin": Kind(
        payload=SessionBeginPayload,
        rule=begin,
        type="session",
        fact=True,
        creates=True,
        related_fields=("case",),
        optimistic_patch={
            "state": "open",
            "begun_at": "$at",
            "facilitator_id": "$by",
            "facilitator": "$by_name",
            "approaches": [],
            "answers": {},
            "acknowledged": {},
            "summary": None,
            "until": FOREVER,
        },
        label=_l("Training started"),
    ),
    "session.answer": Kind(
        payload=SessionAnswerPayload,
        rule=answer,
        type="session",
        fact=True,
        overlay_payload=False,
        optimistic_patch={
            "answers.$person.$prompt": {"text": "$text", "approach": "$approach", "at": "$at"},
        },
        label=_l("Answer recorded"),
    ),
    "session.summarise": Kind(
        payload=SessionSummarisePayload,
        rule=flag_summary_unless_facilitator,
        type="session",
        fact=True,
        label=_l("Training summarised"),
    ),
    "session.acknowledge": Kind(
        payload=EmptyPayload,
        rule=flag_unless_attendee,
        type="session",
        fact=True,
        optimistic_patch={"acknowledged.$by": {"at": "$at"}},
        label=_l("Training signed"),
    ),
    "session.close": Kind(
        payload=EmptyPayload,
        rule=flag_close_unless_facilitator,
        type="session",
        fact=True,
        optimistic_patch={"state": "closed", "closed_at": "$at"},
        label=_l("Training ended"),
    ),
}


FEATURE = Feature(
    types={
        "session": RecordType(
            label=_l("Training session"),
            state=state,
            visible_until=visible_until,
            fold=fold,
            audience=lambda session, roles_of: role_mask(
                FRONT_DESK_ROLES.union(
                    *map(roles_of, [session["facilitator_id"], *session["attendees"]])
                )
            ),
            states={"open": _lp("training", "in progress"), "closed": _lp("training", "ended")},
        ),
    },
    kinds=KINDS,
    fields={
        "text": _lp("session", "Answer"),
        "approach": _l("Approach"),
        "prompt": _l("Question"),
        "case": _l("Case study"),
        "cards": _l("Cards"),
        "attendees": _l("Attendees"),
        "answers": _l("Answers"),
        "facilitator_id": _l("Led by"),
        "begun_at": _l("Started at"),
        "summary": _l("Summary"),
    },
)
