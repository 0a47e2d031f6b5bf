"""Training sessions: cards, a case study, answers, a summary, and signatures."""

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
    PERSON,
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
"""How long phones show a session at least."""

CARD_REF_VALIDATOR = Regexp(r"^[a-z]{1,20}:[0-9a-f-]{36}\Z", error="A card is named group:id.")


class TrainingSessionLike(Protocol):
    """The fields of a session that the rules read."""

    facilitator_id: str
    attendees: list[str]
    prompts: list[str]


class SessionBeginPayload(Payload):
    """The cards with their groups, and the prompts as they were shown to the participants."""

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


class SessionJoinPayload(Payload):
    person = Id(required=True)


class SessionAnswerPayload(Payload):
    person = Id(required=True)
    prompt = fields.Integer(required=True, strict=True, validate=Range(min=0, max=MAX_PROMPTS - 1))
    text = fields.String(load_default="", validate=Length(max=MAX_TEXT_LENGTH))
    approach = fields.String(allow_none=True, load_default=None, validate=OneOf(APPROACHES))


class SessionSummarisePayload(Payload):
    summary = fields.String(required=True, validate=Length(min=1, max=MAX_TEXT_LENGTH))


def begin(_: None, op: Op) -> Accepted:
    """Z1: whoever begins a session leads it. The approaches are copied from the case study."""
    payload = op.payload
    card = op.related.get(payload["case"] or "")
    lists = {name: list(dict.fromkeys(payload[name])) for name in ("cards", "attendees")}
    approaches = list(card.approaches or []) if card else []
    changes = {
        "case": payload["case"],
        "prompts": payload["prompts"],
        "approaches": approaches,
        **lists,
    }
    return Accepted(changes, flag="unknown-case" if payload["case"] and card is None else None)


def join(_: TrainingSessionLike, __: Op) -> Accepted:
    """Z12: somebody came late, also after others signed or the training ended."""
    return Accepted({})


def answer(session: TrainingSessionLike, op: Op) -> Accepted:
    """Z2: an answer is stored whoever wrote it down; one of somebody who did not attend is
    flagged."""
    person, is_known = op.payload["person"], op.payload["prompt"] < len(session.prompts)
    if person not in session.attendees:
        return Accepted({}, flag="not-an-attendee")
    return Accepted({}, flag=None if is_known else "no-such-prompt")


def flag_summary_unless_facilitator(session: TrainingSessionLike, op: Op) -> Accepted:
    """Z4: only the facilitator's summary counts; another one is flagged."""
    return Accepted({}, flag=None if op.by == session.facilitator_id else "not-the-facilitator")


def flag_unless_attendee(session: TrainingSessionLike, op: Op) -> Accepted:
    """Z5: only signatures of attendees count; another one is flagged."""
    return Accepted({}, flag=None if op.by in session.attendees else "not-an-attendee")


def flag_close_unless_facilitator(session: TrainingSessionLike, op: Op) -> Accepted:
    """Z4: the end of a session is never refused; ended by somebody else, it is flagged."""
    return Accepted({}, flag=None if op.by == session.facilitator_id else "not-the-facilitator")


def fold(session: Any, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """Z3: of several answers of one person to one prompt the newest counts, and the others stay
    stored."""
    beginning = next((entry for entry in history if entry.kind == "session.begin"), None)
    if beginning is None:
        return {}
    facilitator_id = beginning.by
    summaries = [e for e in history if e.kind == "session.summarise" and e.by == facilitator_id]
    closing = next((entry for entry in history if entry.kind == "session.close"), None)
    attendees = _attendees(beginning)
    late = _latecomers(attendees, history, closing)
    joined = {"attendees": [*attendees, *late], "late": late} if late else {}
    return {
        "facilitator_id": facilitator_id,
        "begun_at": beginning.occurred_at,
        "answers": _answers(history),
        "summary": summaries[-1].payload["summary"] if summaries else None,
        "acknowledged": _acknowledged({*attendees, *late}, history),
        "closed_at": closing and closing.occurred_at,
        **joined,
    }


def _attendees(beginning: HistoryEntry) -> list[str]:
    """Who was there from the beginning, each once."""
    ids = (_canonical_id(id_) for id_ in beginning.payload.get("attendees") or [])
    return list(dict.fromkeys(ids))


def _latecomers(
    attendees: Sequence[str], history: Sequence[HistoryEntry], closing: HistoryEntry | None
) -> dict[str, dict[str, Any]]:
    """Z12: who came late: when, who wrote it down, and whether the training was over by then."""
    late: dict[str, dict[str, Any]] = {}
    for entry in history:
        if entry.kind != "session.join":
            continue
        person = _canonical_id(entry.payload["person"])
        after_end = closing is not None and entry.occurred_at >= closing.occurred_at
        if person not in attendees and person not in late:
            at = format_time(entry.occurred_at)
            late[person] = {"at": at, "by_id": entry.by, "after_end": after_end}
    return late


def _canonical_id(value: Any) -> str:
    """A UUID in lower case. The log stores it as it was sent."""
    return str(UUID(str(value)))


def _answers(history: Sequence[HistoryEntry]) -> dict[str, dict[str, Any]]:
    """The newest answers by person and prompt, each with the earlier ones."""
    answers: dict[str, dict[str, Any]] = {}
    for entry in history:
        if entry.kind != "session.answer":
            continue
        payload = entry.payload
        own_answers = answers.setdefault(_canonical_id(payload["person"]), {})
        prompt = str(payload["prompt"])
        previous = own_answers.get(prompt)
        earlier = [*previous["earlier"], _without_earlier(previous)] if previous else []
        own_answers[prompt] = {
            "text": payload.get("text") or "",
            "approach": payload.get("approach"),
            "at": format_time(entry.occurred_at),
            "by_id": entry.by,
            "earlier": earlier,
        }
    return answers


def _without_earlier(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "earlier"}


def _acknowledged(
    attendees: set[str], history: Sequence[HistoryEntry]
) -> dict[str, dict[str, str]]:
    """Each attendee's first signature, with the date until which the training is valid."""
    signatures: dict[str, dict[str, str]] = {}
    for entry in history:
        if entry.kind == "session.acknowledge" and entry.by in attendees:
            refresh_on = refresh_date(entry.occurred_at).isoformat()
            signatures.setdefault(
                entry.by, {"at": format_time(entry.occurred_at), "refresh_on": refresh_on}
            )
    return signatures


def approach_counts(answers: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Counter[str]:
    """Z6: the number of counted answers by approach, without names."""
    counted = (answer_ for own_answers in answers.values() for answer_ in own_answers.values())
    return Counter(str(answer_["approach"]) for answer_ in counted if answer_["approach"])


def state(session: Any) -> str:
    """Whether a session is open or closed."""
    return "closed" if session["closed_at"] else "open"


def visible_until(session: Any) -> str:
    """Phones show a session as long as its training is valid, and at least for `VISIBLE_FOR`."""
    days = [signature["refresh_on"] for signature in session["acknowledged"].values()]
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
    "session.join": Kind(
        payload=SessionJoinPayload,
        rule=join,
        type="session",
        fact=True,
        overlay_payload=False,
        optimistic_patch={"attendees+": "$person", "late.$person": {"at": "$at"}},
        label=_l("Came late to a training"),
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
        proof=PERSON,
        personal=True,
        not_before="begun_at",
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
            audience=lambda _, __: role_mask(FRONT_DESK_ROLES),
            people=lambda session: [session["facilitator_id"], *session["attendees"]],
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
        "late": _l("Came late"),
        "facilitator_id": _l("Led by"),
        "begun_at": _l("Started at"),
        "summary": _l("Summary"),
    },
    sentences={
        "session.begin": (_l("%(who)s began the training"),),
        "session.join": (_l("%(who)s noted that %(person)s came late"),),
        "session.answer": (
            _l("%(who)s answered: %(text)s"),
            _l("%(who)s chose an approach"),
        ),
        "session.summarise": (_l("%(who)s summed up: %(summary)s"),),
        "session.acknowledge": (_l("%(who)s signed"),),
        "session.close": (_l("%(who)s ended the training"),),
    },
)
