"""Home entries: who went into a home, for which firm, what for, and when they came out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from marshmallow import fields
from marshmallow.validate import Length, OneOf

from sync.gate.home_entry_labels import FIELDS, STATES, VALUES
from sync.protocol.clock import FOREVER, as_datetime, format_time
from sync.protocol.feature import Feature, RecordType
from sync.protocol.op import (
    MAX_LABEL_LENGTH,
    MAX_NAME_LENGTH,
    MAX_TEXT_LENGTH,
    Accepted,
    EmptyPayload,
    HistoryEntry,
    Id,
    Kind,
    Op,
    PastMoment,
    Payload,
)
from sync.protocol.roles import FRONT_DESK_ROLES, role_mask
from sync.protocol.text import _l

ACKNOWLEDGEMENTS = ("none", "verbal", "signature")

VISIBLE_FOR = timedelta(days=7)
"""How long phones show a home entry. A loss is noticed within days."""

LATEST_VALUE_FIELDS = ("resident_present", "second_person", "acknowledgement")
"""Fields that may be given on the way in and on the way out; the latest value counts."""


class HomeEntryLike(Protocol):
    """The fields of a home entry that the rules read."""

    in_at: datetime
    out_at: datetime | None


class EntryEndPayload(Payload):
    """The end of a home entry. There is no field for a photo of the inside of a home."""

    resident_present = fields.Boolean()
    second_person = fields.String(allow_none=True, validate=Length(max=MAX_NAME_LENGTH))
    acknowledgement = fields.String(validate=OneOf(ACKNOWLEDGEMENTS))
    remarks = fields.String(allow_none=True, validate=Length(max=MAX_TEXT_LENGTH))


class EntryBeginPayload(EntryEndPayload):
    """The worker: one of our staff by id, or a contractor's worker by name.

    Without either, the worker is the author of the op.
    """

    unit = Id(required=True)
    purpose = fields.String(required=True, validate=Length(min=1, max=MAX_LABEL_LENGTH))
    worker_id = Id(allow_none=True)
    worker = fields.String(allow_none=True, validate=Length(max=MAX_NAME_LENGTH))
    contractor = Id(allow_none=True)
    ticket = Id(allow_none=True)
    visit = Id(allow_none=True)


class EntryTellPayload(EntryBeginPayload):
    """A home entry that is recorded afterwards, with its own times."""

    in_at = PastMoment(required=True)
    out_at = PastMoment(allow_none=True)


class EntryLeftPayload(EntryEndPayload):
    out_at = PastMoment(required=True)


class EntryStrikePayload(Payload):
    reason = fields.String(required=True, validate=Length(min=1, max=MAX_LABEL_LENGTH))


BEGIN_FIELDS = ("unit", "purpose", "worker", "contractor", "ticket", "visit")


def begin(_: None, op: Op) -> Accepted:
    """J1: who went into which home, for whom and what for; staff and contractors' workers alike."""
    given = {name: op.payload.get(name) or None for name in BEGIN_FIELDS}
    is_author = not (given["worker"] or given["contractor"])
    return Accepted(
        {**given, "worker_id": op.payload.get("worker_id") or (op.by if is_author else None)}
    )


def end(entry: HomeEntryLike, op: Op) -> Accepted:
    """J2: a second end is stored and flagged; the first plausible one counts."""
    if entry.out_at:
        return Accepted({}, flag="left-again")
    out_at = op.payload.get("out_at", op.occurred_at)
    return Accepted({}, flag="left-before-arriving" if out_at < entry.in_at else None)


def accept_fact(_: HomeEntryLike, __: Op) -> Accepted:
    """J2, J4: an undone end and a voided entry are stored; the fold takes them into account."""
    return Accepted({})


def fold(_: Any, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """J2, J3: the times of an entry and what was recorded about it, whatever order the facts
    arrived in."""
    beginning = next((entry for entry in history if "unit" in entry.payload), None)
    if beginning is None:
        return {}
    in_at = as_datetime(beginning.payload.get("in_at")) or beginning.occurred_at
    out_at, out_by_id = _effective_end(history, in_at)
    voiding = next((entry for entry in history if entry.kind == "entry.strike"), None)
    return {
        "recorded_at": beginning.occurred_at,
        "recorded_by_id": beginning.by,
        "received_at": beginning.received_at,
        "in_at": in_at,
        "afterwards": beginning.kind == "entry.tell",
        "out_at": out_at,
        "out_by_id": out_by_id,
        **{name: _last_value(history, name) for name in LATEST_VALUE_FIELDS},
        "remarks": "\n".join(_values(history, "remarks")) or None,
        "struck_at": voiding and voiding.occurred_at,
        "struck_by_id": voiding and voiding.by,
        "struck_because": voiding and voiding.payload["reason"],
    }


def _effective_end(
    history: Sequence[HistoryEntry], in_at: datetime
) -> tuple[datetime | None, str | None]:
    """J2: the earliest end that is not before the beginning, otherwise the beginning itself.

    Returns the time and the author, or (None, None) without an end.
    """
    ends: list[tuple[datetime, str, str]] = []
    for entry in history:
        if entry.kind == "entry.undo":
            ends = []
        elif entry.kind == "entry.end":
            ends.append((entry.occurred_at, entry.id, entry.by))
        elif out_at := as_datetime(entry.payload.get("out_at")):
            ends.append((out_at, entry.id, entry.by))
    possible = [end for end in ends if end[0] >= in_at]
    first = min(possible or ends, default=None)
    return (max(first[0], in_at), first[2]) if first else (None, None)


def _last_value(history: Iterable[HistoryEntry], name: str) -> Any:
    return next(reversed(_values(history, name)), None)


def _values(history: Iterable[HistoryEntry], name: str) -> list[Any]:
    return [entry.payload[name] for entry in history if entry.payload.get(name) is not None]


def party_key(entry: Mapping[str, Any]) -> str:
    """A text that identifies the worker, so that the same person is asked only once."""
    return entry["worker_id"] or f"{entry['contractor'] or ''}|{entry['worker'] or ''}"


def state(entry: Any) -> str:
    """Whether the worker is inside, came out, or the entry was voided."""
    if entry["struck_at"]:
        return "struck"
    return "out" if entry["out_at"] else "inside"


def visible_until(entry: Any) -> str:
    """Phones show an entry while somebody is inside, and for `VISIBLE_FOR` afterwards."""
    if entry["struck_at"] is None and entry["out_at"] is None:
        return FOREVER
    return format_time(max(entry["out_at"] or entry["in_at"], entry["recorded_at"]) + VISIBLE_FOR)


def fact_kind(
    payload: type[Payload], rule: Any, optimistic_patch: dict[str, Any], **kwargs: Any
) -> Kind:
    """A kind of fact about a home entry."""
    return Kind(
        payload=payload,
        rule=rule,
        type="entry",
        fact=True,
        optimistic_patch=optimistic_patch,
        **kwargs,
    )


RECORDED_PATCH = {"recorded_at": "$at", "recorded_by_id": "$by", "recorded_by": "$by_name"}
OUT_PATCH = {"state": "out", "out_by": "$by_name"}

KINDS = {
    "entry.begin": fact_kind(
        EntryBeginPayload,
        begin,
        {**RECORDED_PATCH, "state": "inside", "in_at": "$at", "until": FOREVER},
        creates=True,
        label=_l("Home entered"),
    ),
    "entry.tell": fact_kind(
        EntryTellPayload,
        begin,
        {**RECORDED_PATCH, "state": "out", "afterwards": True},
        creates=True,
        label=_l("Home entry added later"),
    ),
    "entry.end": fact_kind(
        EntryEndPayload, end, {**OUT_PATCH, "out_at": "$at"}, label=_l("Home left")
    ),
    "entry.left": fact_kind(EntryLeftPayload, end, OUT_PATCH, label=_l("Home exit added later")),
    "entry.undo": fact_kind(
        EmptyPayload,
        accept_fact,
        {"state": "inside", "out_at": None, "until": FOREVER},
        label=_l("Home exit undone"),
    ),
    "entry.strike": fact_kind(
        EntryStrikePayload,
        accept_fact,
        {"state": "struck", "struck_at": "$at", "struck_because": "$reason"},
        overlay_payload=False,
        label=_l("Home entry voided"),
    ),
}


FEATURE = Feature(
    types={
        "entry": RecordType(
            label=_l("Home entry"),
            state=state,
            visible_until=visible_until,
            fold=fold,
            audience=lambda entry, roles_of: role_mask(
                FRONT_DESK_ROLES
                | {"guard"}
                | roles_of(entry["recorded_by_id"])
                | roles_of(entry["worker_id"] or "")
            ),
            states=STATES,
        ),
    },
    kinds=KINDS,
    fields=FIELDS,
    values=VALUES,
)
