"""Shifts: who is on duty on which phone, what was open at the end, and who took it over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from marshmallow import fields
from marshmallow.validate import Length, Range, Regexp

from sync.protocol.clock import FOREVER, format_time
from sync.protocol.feature import Feature, RecordType, RolesLookup
from sync.protocol.op import (
    MAX_LABEL_LENGTH,
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
from sync.protocol.scope import firm_key
from sync.protocol.text import _l
from sync.work.shift_labels import FIELDS, SENTENCES, STATES, VALUES

MAX_SHIFT = timedelta(hours=24)
"""The longest shift. One that is still open after this was never ended, and phones stop showing
it."""

ITEM_REF_VALIDATOR = Regexp(
    r"^[a-z_]{1,20}:[0-9a-f-]{36}\Z", error="An open item is named type:id."
)
MAX_ITEMS = 200


def OpenItemsField() -> fields.Dict:  # noqa: N802 - named like a field type
    """A field for the open items that a phone lists: the name of each, by `type:id`."""
    return fields.Dict(
        keys=fields.String(validate=ITEM_REF_VALIDATOR),
        values=fields.String(validate=Length(max=MAX_LABEL_LENGTH)),
        validate=Length(max=MAX_ITEMS),
    )


class ShiftLike(Protocol):
    """The fields of a shift that the rules read."""

    id: str
    person_id: str
    opened_at: datetime
    handed_over_at: datetime | None
    handed_to_id: str | None
    closed_at: datetime | None


class ShiftOpenPayload(Payload):
    """Work clothes are a yes-or-no question. There is no field for a photo."""

    uniform = fields.Boolean(required=True)
    note = fields.String(allow_none=True, validate=Length(max=MAX_TEXT_LENGTH))


class ShiftClosePayload(Payload):
    unsent = fields.Integer(strict=True, validate=Range(min=0, max=1_000_000))
    open_items = OpenItemsField()


class ShiftHandOverPayload(Payload):
    to = Id(required=True)
    items = OpenItemsField()
    handover_note = fields.String(allow_none=True, validate=Length(max=MAX_TEXT_LENGTH))


def open_(_: None, op: Op) -> Accepted:
    """S1: the shift starts whatever the answer about work clothes is; "no" without a note is
    flagged."""
    is_explained = op.payload["uniform"] or (op.payload.get("note") or "").strip()
    return Accepted({}, flag=None if is_explained else "note-missing")


def close(_: ShiftLike, __: Op) -> Accepted:
    """S2: the end of a shift records what was unsent and open on the phone; it is never refused."""
    return Accepted({})


def hand_over(shift: ShiftLike, op: Op) -> Accepted:
    """S3: whoever leaves names the next person. A hand-over of somebody else's shift is flagged."""
    return Accepted({}, flag=None if op.by == shift.person_id else "handed-over-by-another")


def take_over(shift: ShiftLike, op: Op) -> Accepted:
    """S4: only the signature of the next person counts. Another signature is stored and flagged."""
    return Accepted({}, flag=None if op.by == shift.handed_to_id else "signed-by-another")


def fold(_: Any, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """S5: the first start and the first end count, and of several hand-overs the last."""
    opening = _first_of_kind(history, "shift.open")
    if opening is None:
        return {}
    return {
        "person_id": opening.by,
        "opened_at": opening.occurred_at,
        "uniform": opening.payload["uniform"],
        "note": _stripped(opening, "note"),
        **_close_fields(_first_of_kind(history, "shift.close")),
        **_hand_over_fields(history),
    }


def _close_fields(end: HistoryEntry | None) -> dict[str, Any]:
    return {
        "closed_at": end and end.occurred_at,
        "closed_by_id": end and end.by,
        "unsent": end and end.payload.get("unsent"),
        "open_items": end.payload.get("open_items", {}) if end else {},
    }


def _hand_over_fields(history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """S7: the last hand-over with its note, and the signature of whoever was named in it."""
    hand_over = _first_of_kind(reversed(history), "shift.hand_over")
    to = str(UUID(str(hand_over.payload["to"]))) if hand_over else None
    take_over = _first_of_kind([entry for entry in history if entry.by == to], "shift.take_over")
    return {
        "handed_over_at": hand_over and hand_over.occurred_at,
        "handed_to_id": to,
        "handover_note": _stripped(hand_over, "handover_note"),
        "items": hand_over.payload.get("items", {}) if hand_over else {},
        "taken_over_at": take_over and take_over.occurred_at,
        "taken_over_by_id": take_over and take_over.by,
    }


def _stripped(entry: HistoryEntry | None, name: str) -> str | None:
    """A text of an entry's payload, None if there is none."""
    return ((entry and entry.payload.get(name)) or "").strip() or None


def _first_of_kind(history: Iterable[HistoryEntry], kind: str) -> HistoryEntry | None:
    return next((entry for entry in history if entry.kind == kind), None)


def state(shift: Any) -> str:
    """Whether a shift is open, handed over (waiting for a signature) or closed."""
    if shift["closed_at"] or shift["taken_over_at"]:
        return "closed"
    return "handed_over" if shift["handed_over_at"] else "open"


def visible_until(shift: Any) -> str:
    """Phones show a shift until it ends, and at most for `MAX_SHIFT`."""
    ended = shift["taken_over_at"] or shift["closed_at"]
    return format_time(ended or (shift["handed_over_at"] or shift["opened_at"]) + MAX_SHIFT)


def shift_end(shift: ShiftLike) -> datetime:
    """When the person went off duty, at the latest."""
    ends = [shift.closed_at, shift.handed_over_at, shift.opened_at + MAX_SHIFT]
    return min(moment for moment in ends if moment)


def overlapping_shifts(shifts: Iterable[ShiftLike], phones: Mapping[str, str | None]) -> set[str]:
    """S6: the ids of shifts of one person that overlap on two phones. Both are stored.

    `phones` is the phone of each shift, by shift id. Computed whenever it is read, so it does not
    matter which phone sent its shift late.
    """
    by_person: dict[str, list[ShiftLike]] = defaultdict(list)
    for shift in shifts:
        by_person[shift.person_id].append(shift)
    return {
        candidate.id
        for own_shifts in by_person.values()
        for candidate in own_shifts
        for other in own_shifts
        if phones.get(candidate.id) != phones.get(other.id)
        and candidate.opened_at < shift_end(other)
        and other.opened_at < shift_end(candidate)
    }


KINDS = {
    "shift.open": Kind(
        payload=ShiftOpenPayload,
        rule=open_,
        type="shift",
        fact=True,
        creates=True,
        optimistic_patch={
            "state": "open",
            "opened_at": "$at",
            "person_id": "$by",
            "person": "$by_name",
            "until": FOREVER,
        },
        label=_l("Shift started"),
    ),
    "shift.close": Kind(
        payload=ShiftClosePayload,
        rule=close,
        type="shift",
        fact=True,
        optimistic_patch={"state": "closed", "closed_at": "$at"},
        label=_l("Shift ended"),
    ),
    "shift.hand_over": Kind(
        payload=ShiftHandOverPayload,
        rule=hand_over,
        type="shift",
        fact=True,
        optimistic_patch={"state": "handed_over", "handed_over_at": "$at", "handed_to_id": "$to"},
        label=_l("Shift handed over"),
    ),
    "shift.take_over": Kind(
        payload=EmptyPayload,
        rule=take_over,
        type="shift",
        fact=True,
        proof=PERSON,
        personal=True,
        not_before="opened_at",
        optimistic_patch={
            "state": "closed",
            "taken_over_at": "$at",
            "taken_over_by_id": "$by",
            "taken_over_by": "$by_name",
        },
        label=_l("Shift taken over"),
    ),
}


def audience(shift: Any, roles_of: RolesLookup) -> int:
    """The front desk sees every shift, and everybody of the same post those that are open. W8: of a
    contractor's worker only the colleagues of the same firm do."""
    same_post = set() if state(shift) == "closed" else roles_of(shift["person_id"])
    return role_mask(FRONT_DESK_ROLES | same_post - {"contractor_worker"})


FEATURE = Feature(
    types={
        "shift": RecordType(
            label=_l("Shift"),
            state=state,
            visible_until=visible_until,
            fold=fold,
            audience=audience,
            groups=lambda shift: [] if state(shift) == "closed" else [firm_key(shift["person_id"])],
            people=lambda shift: [shift["person_id"], shift["handed_to_id"]],
            states=STATES,
        ),
    },
    kinds=KINDS,
    fields=FIELDS,
    values=VALUES,
    sentences=SENTENCES,
)
