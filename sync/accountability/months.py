"""Monthly closes: a month is closed once everything that was missed in it has been decided."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from marshmallow import ValidationError, fields
from marshmallow.validate import Length, Range, Regexp

from sync.estate.places import MASTER_DATA_ROLES
from sync.protocol.clock import FOREVER, SITE_ZONE
from sync.protocol.feature import Feature, RecordType
from sync.protocol.op import Accepted, Id, Kind, Op, Payload, Refused
from sync.protocol.roles import DESK_ONLY_AUDIENCE
from sync.protocol.text import _l, _lp
from sync.work.patrol_rules import is_timely_skip, missing_checkpoints

MAX_TASKS = 10_000


def _validate_month(text: str) -> None:
    try:
        month_bounds(text)
    except ValueError:
        raise ValidationError("A month is like 2026-11.") from None


class MonthClosePayload(Payload):
    """`tasks`: every task of the month that was not done in time, `rounds`: every patrol with a
    checkpoint that was not scanned, so that the rule reads each of them.

    `unspoken`: how many tasks and checkpoints a phone may still report as done.
    """

    month = fields.String(required=True, validate=[Regexp(r"^\d{4}-\d{2}\Z"), _validate_month])
    tasks = fields.List(Id(), required=True, validate=Length(max=MAX_TASKS))
    rounds = fields.List(Id(), load_default=list, validate=Length(max=MAX_TASKS))
    unspoken = fields.Integer(required=True, strict=True, validate=Range(min=0, max=1_000_000))


def month_id(site_id: str, month: str) -> str:
    """The id of a month of a site, so that it is closed only once."""
    return str(uuid5(UUID(site_id), f"month|{month}"))


def month_bounds(month: str) -> tuple[datetime, datetime]:
    """The beginning and the end of a month such as 2026-11, in UTC. Raises ValueError if it is
    none."""
    start = datetime.strptime(month, "%Y-%m").replace(tzinfo=SITE_ZONE)
    after = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    return start.astimezone(UTC), after.astimezone(UTC)


def close(_: None, op: Op) -> Accepted | Refused:
    """A16: a month can be closed once it is over, every phone has synced and no missed task or
    checkpoint is undecided."""
    payload = op.payload
    if op.occurred_at < month_bounds(payload["month"])[1]:
        return Refused("not-over")
    if payload["unspoken"]:
        return Refused("not-yet-known")
    outcomes = Counter(_task_outcome(op.related.get(id_)) for id_ in payload["tasks"])
    for id_ in payload["rounds"]:
        outcomes.update(_point_outcomes(op.related.get(id_)))
    if outcomes["waiting"]:
        return Refused("misses-wait")
    return Accepted(
        {
            "month": payload["month"],
            "closed_at": op.occurred_at,
            "closed_by_id": op.by,
            "counts": dict(sorted(outcomes.items())),
        }
    )


def _task_outcome(task: Any) -> str:
    """What became of a task that was not done in its time."""
    if task is None:
        return "waiting"
    if task.done_at:
        return "done"
    if task.cancelled_at:
        return "cancelled"
    if task.disposition:
        return str(task.disposition)
    if task.skipped_at:
        return "skipped"
    return "partial" if task.ticked else "planned_late" if task.planned_at else "waiting"


def _point_outcomes(round_: Any) -> list[str]:
    """What became of each checkpoint of a patrol that was not scanned."""
    if round_ is None:
        return ["waiting"]
    if round_.cancelled_at:
        return []
    decided = {id_: f"point_{entry['disposition']}" for id_, entry in round_.disposed.items()}
    undecided = "point_planned_late" if round_.planned_at else "waiting"
    missing = [decided.get(id_, undecided) for id_ in missing_checkpoints(round_)]
    skipped = [
        id_
        for id_, skip in round_.skips.items()
        if id_ not in round_.scans and is_timely_skip(round_, skip)
    ]
    return [*missing, *("point_skipped" for _ in skipped)]


def state(_: Any) -> str:
    """Only closed months have a record."""
    return "closed"


def visible_until(_: Any) -> str:
    """A month never leaves the feed; only the desk sees it."""
    return FOREVER


KINDS = {
    "month.close": Kind(
        payload=MonthClosePayload,
        rule=close,
        type="month",
        fact=False,
        creates=True,
        roles=MASTER_DATA_ROLES,
        from_desk_only=True,
        related_fields=("tasks", "rounds"),
        label=_l("Month closed"),
    ),
}


FEATURE = Feature(
    types={
        "month": RecordType(
            label=_l("Monthly close"),
            state=state,
            visible_until=visible_until,
            audience=lambda _, __: DESK_ONLY_AUDIENCE,
            states={"closed": _lp("month", "closed")},
        ),
    },
    kinds=KINDS,
    fields={
        "closed_at": _lp("month", "Month closed at"),
        "month": _l("Month"),
        "rounds": _l("Patrols"),
        "tasks": _l("Tasks"),
        "unspoken": _l("Phones not heard from"),
    },
    sentences={
        "month.close": (_l("%(who)s closed the month %(month)s"),),
    },
)
