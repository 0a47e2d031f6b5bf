"""The rules of visits. Facts are never refused; the fold decides what they amount to."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from sync.protocol.op import Accepted, Op, Refused


class VisitLike(Protocol):
    """The fields of a visit that the rules read."""

    arrived_at: datetime | None
    departed_at: datetime | None
    presumed: bool
    held_at: datetime | None
    purged_at: datetime | None


REDACTED_VALUES: dict[str, Any] = {
    "visitor": "*",
    "host_unit": None,
    "host_person": None,
    "firm": None,
    "phone": None,
    "plate": None,
    "note": "*",
    "reason": "*",
    "refuse_reason": "*",
    "hold_reason": "*",
    "photos": [],
    "sha256": "0" * 64,
}
"""The personal data of a visit, with the values that replace it when it is erased."""


def arrive(_: None, op: Op) -> Accepted:
    """V1: an arrival begins a visit; without a departure the visitor counts as inside."""
    return Accepted({n: value for n, value in op.payload.items() if n != "steps"})


def expect(_: None, op: Op) -> Accepted:
    """V6: a pre-registered visitor is expected, and is let in with one tap."""
    return Accepted(dict(op.payload))


def admit(_: VisitLike, __: Op) -> Accepted:
    """V6, V7: the expected visitor has come in, and is inside from then on."""
    return Accepted({})


def refuse(visit: VisitLike, _: Op) -> Accepted:
    """V8: a refusal is stored with its reason; a visitor who was let in stays inside."""
    return Accepted({}, flag="refused-though-inside" if _is_inside(visit) else None)


def depart(visit: VisitLike, op: Op) -> Accepted:
    """V2, V3: the earliest departure after the arrival counts; others are flagged."""
    if visit.purged_at:
        return Accepted({})
    if visit.departed_at and not visit.presumed:
        return Accepted({}, flag="left-again")
    early = visit.arrived_at is None or op.occurred_at < visit.arrived_at
    return Accepted({}, flag="left-before-arriving" if early else None)


def accept_fact(_: VisitLike, __: Op) -> Accepted:
    """V9, V10: an undone fact, a presumed departure or a reception step is stored, for the fold."""
    return Accepted({})


def amend(visit: VisitLike, op: Op) -> Accepted | Refused:
    """V4: a correction by the desk writes only the fields that it names."""
    return Refused("purged") if visit.purged_at else Accepted(dict(op.payload))


def hold(visit: VisitLike, op: Op) -> Accepted | Refused:
    """V13: a legal hold with a reason, which keeps a visit beyond its retention period."""
    if visit.purged_at:
        return Refused("purged")
    if visit.held_at:
        return Refused("on-hold")
    details = {"held_by_id": op.by, "hold_reason": op.payload["reason"]}
    return Accepted({"held_at": op.occurred_at, **details})


def release_hold(visit: VisitLike, _: Op) -> Accepted | Refused:
    """V13: a legal hold is lifted once; the retention period applies again."""
    if not visit.held_at:
        return Refused("not-on-hold")
    return Accepted({"held_at": None, "held_by_id": None, "hold_reason": None})


def purge(visit: VisitLike, op: Op) -> Accepted | Refused:
    """V12, V13: after the retention period the names, numbers, homes and photos of a visit are
    erased."""
    if visit.held_at:
        return Refused("on-hold")
    return Accepted({**redacted_columns(), "purged_at": op.occurred_at}, tombstone=True)


def redacted_columns() -> dict[str, Any]:
    """The columns of an erased visit."""
    cleared = ("host_unit", "host_person", "firm", "phone", "plate", "note", "hold_reason")
    return {"visitor": "*", **dict.fromkeys(cleared), "photos": [], "photos_here": 0}


def _is_inside(visit: VisitLike) -> bool:
    return bool(visit.arrived_at and not visit.departed_at and not visit.purged_at)
