"""The rules of patrols."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, Protocol

from sync.protocol.op import (
    Accepted,
    Op,
    Refused,
)
from sync.work.recurrence_fields import (
    activation_error,
)


class RoundLike(Protocol):
    """The fields of a round that the rules read."""

    points: list[dict[str, Any]]
    fastest: int
    window_start: datetime
    window_end: datetime


def add_route(_: None, op: Op) -> Accepted | Refused:
    """N1: an active route needs an interval and a responsible person, as a schedule does."""
    missing = activation_error(op.payload)
    return Refused(missing) if missing else Accepted({**op.payload, "before": []})


def change_route(route: Any, op: Op) -> Accepted | Refused:
    """N1: an active route needs an interval and a responsible person, as a schedule does."""
    missing = activation_error({**vars(route), **op.payload})
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


def token_hash(token: str) -> str:
    """The SHA-256 of a label's secret token. A phone can recognise the label by it, but not forge
    one."""
    return hashlib.sha256(token.encode()).hexdigest()
