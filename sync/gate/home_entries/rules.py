"""The rules of home entries. Facts are never refused; the desk joins what belongs together."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Protocol

from sync.protocol.clock import format_time
from sync.protocol.op import Accepted, Op, Refused, derive_op
from sync.protocol.redaction import NIL_ID

END_FIELDS = ("resident_present", "second_person", "acknowledgement", "remarks")
LINK_FIELDS = ("worker_id", "worker", "contractor", "ticket", "visit")
MAX_STAY = timedelta(hours=24)
"""The longest time between an entry and an exit that may belong together."""


class HomeEntryLike(Protocol):
    """The fields of a home entry that the rules read."""

    id: str
    unit: str
    in_at: datetime | None
    out_at: datetime | None
    out_by_id: str | None
    joined_to: str | None
    struck_at: datetime | None


def ends(exit_: HomeEntryLike, entry: HomeEntryLike) -> bool:
    """J7: whether a recorded exit may be that of an entry without one, by home and time. Which home
    an erased one was about is not known."""
    if entry.in_at is None or entry.out_at or exit_.out_at is None:
        return False
    if exit_.unit != entry.unit and NIL_ID not in (exit_.unit, entry.unit):
        return False
    return entry.in_at <= exit_.out_at <= entry.in_at + MAX_STAY


def begin(_: None, op: Op) -> Accepted:
    """J1: who went into which home, for whom and what for; staff and contractors' workers alike."""
    return Accepted({"unit": op.payload["unit"], "purpose": op.payload.get("purpose") or None})


def end(entry: HomeEntryLike, op: Op) -> Accepted:
    """J2: a second end is stored and flagged; the first plausible one counts."""
    if entry.out_at:
        return Accepted({}, flag="left-again")
    out_at = op.payload.get("out_at", op.occurred_at)
    is_early = entry.in_at is not None and out_at < entry.in_at
    return Accepted({}, flag="left-before-arriving" if is_early else None)


def accept_fact(_: HomeEntryLike, __: Op) -> Accepted:
    """J2, J4, J7: an undone end, a voided entry and what a joined record knew are stored; the fold
    takes them into account."""
    return Accepted({})


def join(exit_: HomeEntryLike, op: Op) -> Accepted | Refused:
    """J7: an exit becomes part of the entry that it ends. What it knew is added to that entry."""
    into = op.related.get(op.payload["into"])
    if into is None or getattr(into, "in_at", None) is None or into.id == exit_.id:
        return Refused("no-such-record")
    if exit_.joined_to or into.joined_to or exit_.struck_at or into.struck_at:
        return Refused("already-joined")
    if not ends(exit_, into):
        return Refused("does-not-end-it")
    known: dict[str, Any] = {
        name: value
        for name in (*END_FIELDS, *LINK_FIELDS)
        if (value := getattr(exit_, name)) is not None
    }
    known |= {
        "entry": exit_.id,
        "out_at": format_time(exit_.out_at),
        "out_by_id": exit_.out_by_id,
    }
    return Accepted(
        {"joined_to": into.id, "joined_at": op.occurred_at, "joined_by_id": op.by},
        followups=(derive_op(op, "entry.absorb", into.id, known),),
    )


def separate(exit_: HomeEntryLike, op: Op) -> Accepted | Refused:
    """J7: joining can be undone; both records are then as they were."""
    if not exit_.joined_to:
        return Refused("nothing-changed")
    release = derive_op(op, "entry.release", exit_.joined_to, {"entry": exit_.id})
    return Accepted(
        {"joined_to": None, "joined_at": None, "joined_by_id": None}, followups=(release,)
    )
