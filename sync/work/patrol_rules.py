"""The rules of patrols."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from sync.protocol.clock import format_time, parse_time
from sync.protocol.op import (
    Accepted,
    Op,
    Refused,
    derive_op,
)
from sync.work.recurrence_fields import (
    recurrence_error,
)

COUNTED_AROUND = timedelta(hours=1)
"""A scan counts for a patrol from this long before its window until this long after it (our
choice). Another one belongs to another patrol or to none."""


class TimedRound(Protocol):
    """The window of a round."""

    window_start: datetime
    window_end: datetime


class RoundLike(Protocol):
    """The fields of a round that the rules read."""

    points: list[dict[str, Any]]
    fastest: int
    window_start: datetime
    window_end: datetime
    cancelled_at: datetime | None
    scans: dict[str, dict[str, Any]]
    skips: dict[str, dict[str, Any]]
    disposed: dict[str, dict[str, Any]]


def add_route(_: None, op: Op) -> Accepted | Refused:
    """N1: an active route needs an interval and a responsible person, as a schedule does."""
    missing = recurrence_error(op.payload, op.occurred_at)
    return Refused(missing) if missing else Accepted({**op.payload, "before": []})


def change_route(route: Any, op: Op) -> Accepted | Refused:
    """N1: an active route needs an interval and a responsible person, as a schedule does."""
    missing = recurrence_error({**vars(route), **op.payload}, op.occurred_at)
    return Refused(missing) if missing else Accepted(dict(op.payload))


def plan(_: None, op: Op) -> Accepted:
    """N2: a round follows from its route alone, with its window, its checkpoints and their valid
    labels."""
    return Accepted(dict(op.payload))


def amend(round_: RoundLike, op: Op) -> Accepted:
    """N2: a round follows its route. Labels that were valid stay valid."""
    if "points" not in op.payload:
        return Accepted(dict(op.payload))
    old_seals = {point["checkpoint"]: point["seals"] for point in round_.points}
    points = [
        {**point, "seals": sorted({*point["seals"], *old_seals.get(point["checkpoint"], ())})}
        for point in op.payload["points"]
    ]
    return Accepted({**op.payload, "points": points})


def drop(_: RoundLike, op: Op) -> Accepted:
    """N2: a future round that no longer follows from any route is deleted from the phones."""
    return Accepted({"cancelled_at": op.occurred_at}, tombstone=True)


def accept_fact(_: RoundLike, __: Op) -> Accepted:
    """N3: a scan, a check without findings or a skip is never refused."""
    return Accepted({})


def move_scan(_: RoundLike, op: Op) -> Accepted | Refused:
    """N8: the desk moves a scan to another patrol that has its checkpoint, or to none."""
    payload, target = op.payload, op.related.get(op.payload["to"] or "")
    if payload["to"] is None:
        return Accepted({})
    return Refused("same-patrol") if payload["to"] == op.subject else _take(payload, target, op)


def move_outside_scan(scan: Any, op: Op) -> Accepted | Refused:
    """N8: the desk counts a scan outside a patrol for one that has its checkpoint. Once."""
    if scan.moved_to:
        return Refused("already-moved")
    facts = {name: getattr(scan, name) for name in ("checkpoint", "by_id", "at", "method")}
    texts = {name: getattr(scan, name) for name in ("token", "note") if getattr(scan, name)}
    payload = {**facts, **texts, "scan": op.subject, **op.payload}
    return _take(payload, op.related.get(payload["to"]), op, {"moved_to": payload["to"]})


def _take(
    payload: Mapping[str, Any], target: Any, op: Op, changes: dict[str, Any] | None = None
) -> Accepted | Refused:
    """The op by which another patrol gets a scan; refused if it does not have its checkpoint."""
    points = [point["checkpoint"] for point in getattr(target, "points", ())]
    if payload["checkpoint"] not in points:
        return Refused("not-on-that-patrol")
    taken = {name: value for name, value in payload.items() if name != "to"}
    taken |= {"at": format_time(payload["at"]), "source": op.subject}
    return Accepted(changes or {}, followups=(derive_op(op, "round.take", payload["to"], taken),))


def dispose(round_: RoundLike, op: Op) -> Accepted | Refused:
    """N9: missed checkpoints are decided once the patrol is over, and a decision can be changed."""
    if round_.cancelled_at:
        return Refused("already-cancelled")
    if op.occurred_at < round_.window_end:
        return Refused("not-over")
    missing = missing_checkpoints(round_)
    if not set(op.payload["checkpoints"]) <= set(missing):
        return Refused("already-scanned")
    decision = {name: op.payload[name] for name in ("disposition", "note")}
    entry = {**decision, "at": format_time(op.occurred_at), "by_id": op.by}
    decided = dict.fromkeys(op.payload["checkpoints"], entry)
    return Accepted({"disposed": {**(round_.disposed or {}), **decided}})


def missing_checkpoints(round_: RoundLike) -> list[str]:
    """The checkpoints of a patrol without a scan that counts and without a skip."""
    found = {id_ for id_, scan in round_.scans.items() if is_counted(round_, scan)}
    found |= {id_ for id_, skip in round_.skips.items() if is_timely_skip(round_, skip)}
    ids = [point["checkpoint"] for point in round_.points]
    return [id_ for id_ in ids if id_ not in found]


def is_timely_skip(round_: TimedRound, skip: Mapping[str, Any]) -> bool:
    """N9: whether a reason was given before, on or just after a patrol. A later one speaks for the
    guard, but the checkpoint stays missed until the desk has decided."""
    return parse_time(skip["at"]) <= round_.window_end + COUNTED_AROUND


def is_counted(round_: TimedRound, scan: Mapping[str, Any]) -> bool:
    """N5, N8: whether a scan was made near enough to the window of its patrol, or was moved to it
    by the desk."""
    if "moved" in scan["flags"]:
        return True
    start, end = round_.window_start - COUNTED_AROUND, round_.window_end + COUNTED_AROUND
    return start <= parse_time(scan["at"]) <= end


def token_hash(token: str) -> str:
    """The SHA-256 of a label's secret token. A phone can recognise the label by it, but not forge
    one."""
    return hashlib.sha256(token.encode()).hexdigest()
