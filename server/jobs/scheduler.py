"""Plans the tasks and patrols of the next two weeks, as ops through the write path."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Select, select

from server.db.engine import db
from server.jobs import patrol_rounds
from server.jobs.holidays import days_off
from server.models.places import Area, Unit
from server.models.schedules import Schedule
from server.models.tasks import Task
from server.oplog.incoming import NewOp, Source
from server.oplog.receive import make_op, receive_ops
from sync.protocol.clock import format_time
from sync.protocol.op import SERVER_AUTHOR_ID
from sync.work.recurrence import MAX_INTERVAL
from sync.work.schedules import Occurrence, Place, expand_occurrences
from sync.work.task_rules import uncancelled_fields

LOOK_BEHIND, LOOK_AHEAD = timedelta(days=1), timedelta(days=14)
VACANT, REPLANNED = "vacant", "replanned"
"""Reasons with which the scheduler itself cancels a task."""
BATCH_SIZE = 500
"""Ops in one transaction."""


def plan(site_id: str, now: datetime) -> int:
    """Add the tasks and patrols that the schedules require, cancel those that no schedule requires.

    The ops are received at `now`; returns how many there are. Idempotent, also with two servers
    planning at once: the ids of a task and of the op that plans it are derived from schedule,
    place and time. No task is planned that starts more than LOOK_AHEAD from `now`, which limits
    what a phone stores.
    """
    schedules, places = db.session.scalars(Schedule.for_site(site_id)).all(), _places(site_id)
    required = {
        occurrence.id: (schedule, occurrence)
        for schedule in schedules
        for occurrence in _due_occurrences(schedule, places, now)
    }
    planned = {task.id: task for task in db.session.scalars(_planned_tasks(site_id, now))}
    schedule_ids = {schedule.id for schedule in schedules}
    ops = [
        *(_plan_op(*required[id_]) for id_ in required if id_ not in planned),
        *_cancel_ops(planned, required, schedule_ids, _vacant_units(site_id), now),
        *_reinstate_ops(planned, required, now),
    ]
    ops += patrol_rounds.round_ops(site_id, now, now - LOOK_BEHIND, now + LOOK_AHEAD)
    for start in range(0, len(ops), BATCH_SIZE):
        receive_ops(site_id, ops[start : start + BATCH_SIZE], Source.for_desk(now))
    return len(ops)


def _due_occurrences(
    schedule: Schedule, places: list[Place], now: datetime
) -> Iterator[Occurrence]:
    """R9: the occurrences of a schedule that start between LOOK_BEHIND and LOOK_AHEAD."""
    start, end = now - LOOK_BEHIND, now + LOOK_AHEAD
    rest_days = days_off(start.date() - MAX_INTERVAL, end.date() + MAX_INTERVAL)
    holidays = rest_days if _skips_holidays(schedule) else ()
    yield from expand_occurrences(schedule, places, start, end, holidays)


def _skips_holidays(schedule: Schedule) -> bool:
    return schedule.workdays_only or any(version["workdays_only"] for version in schedule.before)


def _places(site_id: str) -> list[Place]:
    """Every area and home of a site, but for homes whose area has not been added yet."""
    areas = {
        area.id: area for area in db.session.scalars(select(Area).where(Area.site_id == site_id))
    }
    units = db.session.scalars(select(Unit).where(Unit.site_id == site_id))
    return [
        *(Place(area.id, area.kind) for area in areas.values()),
        *(
            Place(unit.area_id, areas[unit.area_id].kind, unit.id, unit.occupied)
            for unit in units
            if unit.area_id in areas
        ),
    ]


def _plan_op(schedule: Schedule, occurrence: Occurrence) -> NewOp:
    payload = {
        "schedule_id": schedule.id,
        "code": schedule.code,
        "label": schedule.label,
        "area_id": occurrence.area_id,
        "unit_id": occurrence.unit_id,
        "responsible_id": schedule.responsible_id,
        "role": schedule.role,
        "window_start": format_time(occurrence.window_start),
        "window_end": format_time(occurrence.window_end),
        "needs_confirmation": schedule.needs_confirmation,
        "items": schedule.items,
        "standing": schedule.standing,
        "grace": schedule.grace,
    }
    return make_op("task.plan", occurrence.id, payload, id=str(uuid5(UUID(occurrence.id), "plan")))


def _planned_tasks(site_id: str, now: datetime) -> Select[Any]:
    return select(Task).where(Task.site_id == site_id, Task.window_end > now - LOOK_BEHIND)


def _vacant_units(site_id: str) -> set[str]:
    homes = select(Unit.id).where(Unit.site_id == site_id, Unit.occupied.is_(False))
    return set(db.session.scalars(homes))


def _cancel_ops(
    planned: Mapping[str, Task],
    required: Collection[str],
    schedule_ids: Collection[str],
    vacant_units: Collection[str],
    now: datetime,
) -> Iterator[NewOp]:
    """R8, C7: cancel future tasks that no schedule requires any more; done ones stay."""
    for task in planned.values():
        started = task.window_start <= now or task.done_at or task.cancelled_at
        if started or task.id in required or task.schedule_id not in schedule_ids:
            continue
        reason = VACANT if task.unit_id in vacant_units else REPLANNED
        yield make_op("task.cancel", task.id, {"reason": reason})


def _reinstate_ops(
    planned: Mapping[str, Task], required: Collection[str], now: datetime
) -> Iterator[NewOp]:
    """Reinstate tasks that the scheduler cancelled and that are required again in time."""
    for id_ in required:
        task = planned.get(id_)
        if task and _cancelled_by_scheduler(task) and task.window_end > now and not task.done_at:
            yield make_op("task.amend", task.id, uncancelled_fields())


def _cancelled_by_scheduler(task: Task) -> bool:
    """Whether the scheduler cancelled a task, and not the desk with the same reason."""
    by_server = task.cancelled_by_id == SERVER_AUTHOR_ID
    return by_server and task.cancel_reason in (VACANT, REPLANNED)
