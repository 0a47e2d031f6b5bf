"""Plans the tasks and patrols of the next two weeks, as ops through the write path."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Select, select

from server.db.engine import db
from server.jobs import patrol_rounds, plan_history
from server.jobs.batches import receive_in_batches
from server.jobs.free_ids import ids_in_place
from server.jobs.holidays import days_off_for
from server.models.places import Area, Unit
from server.models.schedules import Schedule
from server.models.tasks import Task
from server.oplog.incoming import NewOp
from server.oplog.receive import make_op
from sync.protocol.clock import format_time
from sync.protocol.op import SERVER_AUTHOR_ID
from sync.work.plan_versions import PlanVersion, responsible_id
from sync.work.schedules import Occurrence, Place, expand_occurrences
from sync.work.task_rules import uncancelled_fields

LOOK_BEHIND, LOOK_AHEAD = timedelta(days=1), timedelta(days=14)
VACANT, REPLANNED = "vacant", "replanned"
"""Reasons with which the scheduler itself cancels a task."""


def plan(site_id: str, now: datetime) -> int:
    """Add the tasks and patrols that the schedules require, cancel those that no schedule requires.

    The ops are received at `now`; returns how many there are. Idempotent, also with two servers
    planning at once: the ids of a task and of the op that plans it are derived from schedule,
    place and time. No task is planned that starts more than LOOK_AHEAD from `now`, which limits
    what a phone stores.
    """
    schedule_ids = set(db.session.scalars(select(Schedule.id).where(Schedule.site_id == site_id)))
    versions, places = plan_history.schedule_versions(site_id, schedule_ids), list_places(site_id)
    required = {
        due.occurrence.id: due
        for id_ in schedule_ids
        for due in _due_tasks(id_, versions[id_], places, now)
    }
    planned = {task.id: task for task in db.session.scalars(_planned_tasks(site_id, now))}
    for id_, other in ids_in_place(site_id, "task", required.keys() - planned).items():
        required[other] = _with_id(required.pop(id_), other)
    new = {id_: due for id_, due in required.items() if id_ not in planned}
    again = {id_: due for id_, due in required.items() if _is_reinstated(planned.get(id_), now)}
    unasked = _unasked(site_id, [due.occurrence for due in (new | again).values()], now)
    ops = [
        *(_plan_op(due, now) for id_, due in new.items() if id_ not in unasked),
        *_cancel_ops(planned, required, schedule_ids, _vacant_units(site_id), now),
        *(op for id_, due in again.items() if id_ not in unasked for op in _reinstate(due, now)),
        *_replan_ops(planned, required, now),
    ]
    ops += patrol_rounds.round_ops(site_id, now, now - LOOK_BEHIND, now + LOOK_AHEAD)
    return receive_in_batches(site_id, ops, now)


@dataclass(frozen=True, slots=True)
class DueTask:
    """An occurrence that a schedule requires: by which version, and who answers for it now."""

    schedule_id: str
    occurrence: Occurrence
    fields: Mapping[str, Any]
    responsible_id: str | None


def _with_id(due: DueTask, id_: str) -> DueTask:
    return replace(due, occurrence=replace(due.occurrence, id=id_))


def _due_tasks(
    schedule_id: str, versions: Sequence[PlanVersion], places: list[Place], now: datetime
) -> Iterator[DueTask]:
    """R9, R10: the tasks of a schedule that start between LOOK_BEHIND and LOOK_AHEAD."""
    start, end = now - LOOK_BEHIND, now + LOOK_AHEAD
    for version in versions:
        duty = version.as_duty(schedule_id)
        holidays = days_off_for(duty, start, end)
        for occurrence in expand_occurrences(duty, places, start, end, holidays):
            if version.begins_in(occurrence.window_start):
                window = occurrence.window_start, occurrence.window_end
                answering = responsible_id(versions, window, now)
                yield DueTask(schedule_id, occurrence, version.fields, answering)


def _unasked(site_id: str, occurrences: Collection[Occurrence], now: datetime) -> set[str]:
    """R10: which of these had no place, or an unoccupied one, when their window began."""
    begun = [one for one in occurrences if one.window_start < now]
    places = {place for one in begun for place in (one.area_id, one.unit_id) if place}
    since = plan_history.due_since(site_id, places)
    return {
        one.id
        for one in begun
        for place in (one.area_id, one.unit_id)
        if place and since.get(place, one.window_start) > one.window_start
    }


def list_places(site_id: str) -> list[Place]:
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


def _plan_op(due: DueTask, now: datetime) -> NewOp:
    fields, occurrence = due.fields, due.occurrence
    payload = {
        "schedule_id": due.schedule_id,
        "code": fields["code"],
        "role": fields["role"],
        "standing": fields["standing"],
        "area_id": occurrence.area_id,
        "unit_id": occurrence.unit_id,
        "window_start": format_time(occurrence.window_start),
        **_changing_fields(due),
    }
    if occurrence.window_start < now:
        payload["planned_at"] = format_time(now)
    return make_op("task.plan", occurrence.id, payload, id=str(uuid5(UUID(occurrence.id), "plan")))


def _changing_fields(due: DueTask) -> dict[str, Any]:
    """The fields of a task that follow its schedule until it begins."""
    return {
        "label": due.fields["label"],
        "responsible_id": due.responsible_id,
        "window_end": due.occurrence.window_end,
        "needs_confirmation": due.fields["needs_confirmation"],
        "items": due.fields["items"],
        "grace": due.fields["grace"],
    }


def _planned_tasks(site_id: str, now: datetime) -> Select[Any]:
    """Tasks of the time that is planned; those that begin later are not required yet."""
    window = Task.window_end > now - LOOK_BEHIND, Task.window_start < now + LOOK_AHEAD
    return select(Task).where(Task.site_id == site_id, *window)


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


def _is_reinstated(task: Task | None, now: datetime) -> bool:
    """Whether a required task was cancelled by the scheduler and can still be done."""
    if task is None or task.done_at or task.window_end <= now:
        return False
    return _cancelled_by_scheduler(task)


def _reinstate(due: DueTask, now: datetime) -> Iterator[NewOp]:
    yield make_op("task.amend", due.occurrence.id, uncancelled_fields())
    if due.occurrence.window_start < now:
        yield make_op("task.replan", due.occurrence.id, {"planned_at": format_time(now)})


def _replan_ops(
    planned: Mapping[str, Task], required: Mapping[str, DueTask], now: datetime
) -> Iterator[NewOp]:
    """R8, T17: unfinished tasks follow their schedule; of one that has begun, only the responsible
    person changes. A task that the desk gave to somebody stays with them."""
    for id_, due in required.items():
        task = planned.get(id_)
        if task is None or task.window_end <= now or _is_finished(task):
            continue
        wanted = _changing_fields(due)
        if task.window_start <= now:
            wanted = {"responsible_id": wanted["responsible_id"]}
        if task.reassigned_by_id:
            wanted.pop("responsible_id")
        changed = {name: value for name, value in wanted.items() if value != getattr(task, name)}
        if changed:
            yield make_op("task.replan", id_, changed)


def _is_finished(task: Task) -> bool:
    return bool(task.done_at or task.skipped_at or task.cancelled_at)


def _cancelled_by_scheduler(task: Task) -> bool:
    """Whether the scheduler cancelled a task, and not the desk with the same reason."""
    by_server = task.cancelled_by_id == SERVER_AUTHOR_ID
    return by_server and task.cancel_reason in (VACANT, REPLANNED)
