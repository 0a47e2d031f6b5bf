"""Entries: who went into a home, for whom, what for, and when they came out."""

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
    Payload,
)
from sync.protocol.roles import FRONT_DESK_ROLES, role_mask
from sync.protocol.text import _l

ACKNOWLEDGEMENTS = ("none", "verbal", "signature")

VISIBLE_FOR = timedelta(days=7)
"""How long a phone keeps who was where: a loss is noticed within days."""

LATEST_VALUE_FIELDS = ("resident_present", "second_person", "acknowledgement")
"""What is asked at the door, on the way in or out: whatever was said last counts."""


class HomeEntryLike(Protocol):
    """What the rules need to know of an entry."""

    in_at: datetime
    out_at: datetime | None


class EntryEndPayload(Payload):
    """What is said when somebody comes out. Nothing is ever photographed inside a home."""

    resident_present = fields.Boolean()
    second_person = fields.String(allow_none=True, validate=Length(max=MAX_NAME_LENGTH))
    acknowledgement = fields.String(validate=OneOf(ACKNOWLEDGEMENTS))
    remarks = fields.String(allow_none=True, validate=Length(max=MAX_TEXT_LENGTH))


class EntryBeginPayload(EntryEndPayload):
    """One of ours by id, or the hands of a firm by name; neither: whoever writes it down."""

    unit = Id(required=True)
    purpose = fields.String(required=True, validate=Length(min=1, max=MAX_LABEL_LENGTH))
    worker_id = Id(allow_none=True)
    worker = fields.String(allow_none=True, validate=Length(max=MAX_NAME_LENGTH))
    contractor = Id(allow_none=True)
    ticket = Id(allow_none=True)
    visit = Id(allow_none=True)


class EntryTellPayload(EntryBeginPayload):
    """The same, told afterwards with its own times."""

    in_at = fields.AwareDateTime(required=True)
    out_at = fields.AwareDateTime(allow_none=True)


class EntryLeftPayload(EntryEndPayload):
    out_at = fields.AwareDateTime(required=True)


class EntryStrikePayload(Payload):
    reason = fields.String(required=True, validate=Length(min=1, max=MAX_LABEL_LENGTH))


BEGIN_FIELDS = ("unit", "purpose", "worker", "contractor", "ticket", "visit")


def begin(_: None, op: Op) -> Accepted:
    """J1: who goes into which home, for whom and what for; ours and a firm's hands alike."""
    said = {name: op.payload.get(name) or None for name in BEGIN_FIELDS}
    own = not (said["worker"] or said["contractor"])
    return Accepted({**said, "worker_id": op.payload.get("worker_id") or (op.by if own else None)})


def end(entry: HomeEntryLike, op: Op) -> Accepted:
    """J2: a second end is kept and asks for a look; the first that can be true counts."""
    if entry.out_at:
        return Accepted({}, flag="left-again")
    out_at = op.payload.get("out_at", op.occurred_at)
    return Accepted({}, flag="left-before-arriving" if out_at < entry.in_at else None)


def accept_fact(_: HomeEntryLike, __: Op) -> Accepted:
    """J2, J4: an end taken back, an entry struck out: kept, and counted by the fold."""
    return Accepted({})


def fold(_: Any, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """J2, J3: coming and going in the order of their times, however late they arrived."""
    begun = next((entry for entry in history if "unit" in entry.payload), None)
    if begun is None:
        return {}
    in_at = as_datetime(begun.payload.get("in_at")) or begun.occurred_at
    out_at, out_by_id = _effective_end(history, in_at)
    struck = next((entry for entry in history if entry.kind == "entry.strike"), None)
    return {
        "recorded_at": begun.occurred_at,
        "recorded_by_id": begun.by,
        "received_at": begun.received_at,
        "in_at": in_at,
        "afterwards": begun.kind == "entry.tell",
        "out_at": out_at,
        "out_by_id": out_by_id,
        **{name: _last_value(history, name) for name in LATEST_VALUE_FIELDS},
        "remarks": "\n".join(_values(history, "remarks")) or None,
        "struck_at": struck and struck.occurred_at,
        "struck_by_id": struck and struck.by,
        "struck_because": struck and struck.payload["reason"],
    }


def _effective_end(
    history: Sequence[HistoryEntry], in_at: datetime
) -> tuple[datetime | None, str | None]:
    """J2: the earliest end that is not before the beginning; else the beginning itself."""
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
    """Who this was, as one text: the same person twice is asked once."""
    return entry["worker_id"] or f"{entry['contractor'] or ''}|{entry['worker'] or ''}"


def state(entry: Any) -> str:
    """Inside until somebody came out; struck out where it was a mistake."""
    if entry["struck_at"]:
        return "struck"
    return "out" if entry["out_at"] else "inside"


def visible_until(entry: Any) -> str:
    """A phone cares while somebody is inside, and some days more."""
    if entry["struck_at"] is None and entry["out_at"] is None:
        return FOREVER
    return format_time(max(entry["out_at"] or entry["in_at"], entry["recorded_at"]) + VISIBLE_FOR)


def fact_kind(
    payload: type[Payload], rule: Any, optimistic_patch: dict[str, Any], **more: Any
) -> Kind:
    """A kind that tells of somebody at a home."""
    return Kind(
        payload=payload,
        rule=rule,
        type="entry",
        fact=True,
        optimistic_patch=optimistic_patch,
        **more,
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
