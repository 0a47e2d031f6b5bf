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
from sync.protocol.feature import Feature, RecordType
from sync.protocol.op import (
    MAX_LABEL_LENGTH,
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
from sync.work.shift_labels import FIELDS, STATES

MAX_SHIFT = timedelta(hours=24)
"""Nobody works longer: what is open after that was never closed, and phones let go of it."""

ITEM_REF_VALIDATOR = Regexp(
    r"^[a-z_]{1,20}:[0-9a-f-]{36}\Z", error="An open item is named type:id."
)
MAX_ITEMS = 200


def OpenItemsField() -> fields.Dict:  # noqa: N802 - reads as the field type that it is
    """Open items as the phone listed them by itself: what each is called, by `type:id`."""
    return fields.Dict(
        keys=fields.String(validate=ITEM_REF_VALIDATOR),
        values=fields.String(validate=Length(max=MAX_LABEL_LENGTH)),
        validate=Length(max=MAX_ITEMS),
    )


class ShiftLike(Protocol):
    """What the rules need to know of a shift."""

    id: str
    person_id: str
    opened_at: datetime
    handed_over_at: datetime | None
    handed_to_id: str | None
    closed_at: datetime | None


class ShiftOpenPayload(Payload):
    """Only yes or no: there is no photo of anybody's face."""

    uniform = fields.Boolean(required=True)
    note = fields.String(allow_none=True, validate=Length(max=MAX_TEXT_LENGTH))


class ShiftClosePayload(Payload):
    unsent = fields.Integer(strict=True, validate=Range(min=0, max=1_000_000))
    open_items = OpenItemsField()


class ShiftHandOverPayload(Payload):
    to = Id(required=True)
    items = OpenItemsField()


def open_(_: None, op: Op) -> Accepted:
    """S1: whoever begins says whether they wear work clothes; whatever the answer, it begins."""
    told = op.payload["uniform"] or (op.payload.get("note") or "").strip()
    return Accepted({}, flag=None if told else "note-missing")


def close(_: ShiftLike, __: Op) -> Accepted:
    """S2: a shift ends as it ends, with what was unsent and open on the phone at that moment."""
    return Accepted({})


def hand_over(shift: ShiftLike, op: Op) -> Accepted:
    """S3: whoever leaves names the next person; done for somebody else, it asks for a look."""
    return Accepted({}, flag=None if op.by == shift.person_id else "handed-over-by-another")


def take_over(shift: ShiftLike, op: Op) -> Accepted:
    """S4: only the signature of the next person counts; another is kept and asks for a look."""
    return Accepted({}, flag=None if op.by == shift.handed_to_id else "signed-by-another")


def fold(_: Any, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """S5: the first opening and the first end count, and of several hand-overs the last."""
    opening = _first_of_kind(history, "shift.open")
    if opening is None:
        return {}
    return {
        "person_id": opening.by,
        "opened_at": opening.occurred_at,
        "uniform": opening.payload["uniform"],
        "note": (opening.payload.get("note") or "").strip() or None,
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
    given = _first_of_kind(reversed(history), "shift.hand_over")
    to = str(UUID(str(given.payload["to"]))) if given else None
    signed = _first_of_kind([entry for entry in history if entry.by == to], "shift.take_over")
    return {
        "handed_over_at": given and given.occurred_at,
        "handed_to_id": to,
        "items": given.payload.get("items", {}) if given else {},
        "taken_over_at": signed and signed.occurred_at,
        "taken_over_by_id": signed and signed.by,
    }


def _first_of_kind(history: Iterable[HistoryEntry], kind: str) -> HistoryEntry | None:
    return next((entry for entry in history if entry.kind == kind), None)


def state(shift: Any) -> str:
    """Open; handed over and waiting for a signature; closed."""
    if shift["closed_at"] or shift["taken_over_at"]:
        return "closed"
    return "handed_over" if shift["handed_over_at"] else "open"


def visible_until(shift: Any) -> str:
    """A phone cares until the shift ended, and no longer than anybody works."""
    ended = shift["taken_over_at"] or shift["closed_at"]
    return format_time(ended or (shift["handed_over_at"] or shift["opened_at"]) + MAX_SHIFT)


def shift_end(shift: ShiftLike) -> datetime:
    """When somebody went off duty, at the latest."""
    ends = [shift.closed_at, shift.handed_over_at, shift.opened_at + MAX_SHIFT]
    return min(moment for moment in ends if moment)


def overlapping_shifts(shifts: Iterable[ShiftLike], phones: Mapping[str, str | None]) -> set[str]:
    """S6: shifts of one person that run at the same time on two phones; both are kept.

    Worked out whenever somebody looks, so that it does not matter which of the phones was late.
    """
    by_person: dict[str, list[ShiftLike]] = defaultdict(list)
    for shift in shifts:
        by_person[shift.person_id].append(shift)
    return {
        one.id
        for mine in by_person.values()
        for one in mine
        for other in mine
        if phones.get(one.id) != phones.get(other.id)
        and one.opened_at < shift_end(other)
        and other.opened_at < shift_end(one)
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
        optimistic_patch={
            "state": "closed",
            "taken_over_at": "$at",
            "taken_over_by_id": "$by",
            "taken_over_by": "$by_name",
        },
        label=_l("Shift taken over"),
    ),
}


FEATURE = Feature(
    types={
        "shift": RecordType(
            label=_l("Shift"),
            state=state,
            visible_until=visible_until,
            fold=fold,
            audience=lambda shift, roles_of: role_mask(
                FRONT_DESK_ROLES
                | roles_of(shift["person_id"])
                | roles_of(shift["handed_to_id"] or "")
            ),
            states=STATES,
        ),
    },
    kinds=KINDS,
    fields=FIELDS,
)
