"""Planning ahead: the occurrences of two weeks, made through the one door."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import structlog
from flask import Flask
from sqlalchemy import Select, select

from server.db.engine import db
from server.jobs import compaction, frequent_visitors, patrol_rounds, retention
from server.jobs.holidays import days_off
from server.models.places import Area, Unit
from server.models.schedules import Schedule
from server.models.tasks import Task
from server.oplog import receive, replay
from server.photos import uploads
from sync.protocol.clock import format_time
from sync.protocol.op import SERVER_AUTHOR_ID
from sync.work.recurrence import MAX_INTERVAL
from sync.work.schedules import Occurrence, Place, expand_occurrences
from sync.work.tasks import uncancelled_fields

log = structlog.get_logger("lodge.planner")

LOOK_BEHIND, LOOK_AHEAD = timedelta(days=1), timedelta(days=14)
INTERVAL = timedelta(minutes=10)
VACANT, REPLANNED = "vacant", "replanned"
BATCH_SIZE = 500
"""As many ops go into one transaction."""


def plan(site_id: str, now: datetime) -> int:
    """Make the occurrences that are missing, take back those that follow from nothing any more.

    Says how many ops that took. Planning again, or on two servers at once, changes nothing: an
    occurrence and what plans it have ids that follow from schedule, place and time. None is made
    that begins beyond the horizon of 14 days, so a phone never holds more than that.
    """
    schedules, places = db.session.scalars(Schedule.for_site(site_id)).all(), _places(site_id)
    wanted = {
        occurrence.id: (schedule, occurrence)
        for schedule in schedules
        for occurrence in _due_occurrences(schedule, places, now)
    }
    known = {task.id: task for task in db.session.scalars(_planned_tasks(site_id, now))}
    ops = [
        *(_plan_op(*wanted[id_]) for id_ in wanted if id_ not in known),
        *_cancel_ops(known, wanted, {each.id for each in schedules}, _vacant_units(site_id), now),
        *_reinstate_ops(known, wanted, now),
    ]
    ops += patrol_rounds.round_ops(site_id, now, now - LOOK_BEHIND, now + LOOK_AHEAD)
    for start in range(0, len(ops), BATCH_SIZE):
        receive.submit_many(site_id, ops[start : start + BATCH_SIZE])
    return len(ops)


def _due_occurrences(
    schedule: Schedule, places: list[Place], now: datetime
) -> Iterator[Occurrence]:
    """R9: nothing that begins beyond the horizon is ever planned."""
    start, end = now - LOOK_BEHIND, now + LOOK_AHEAD
    resting = days_off(start.date() - MAX_INTERVAL, end.date() + MAX_INTERVAL)
    holidays = resting if _skips_holidays(schedule) else ()
    yield from expand_occurrences(schedule, places, start, end, holidays)


def _skips_holidays(schedule: Schedule) -> bool:
    return schedule.workdays_only or any(each["workdays_only"] for each in schedule.before)


def _places(site_id: str) -> list[Place]:
    """Every place of a site; a door whose area is not known yet waits for it."""
    areas = {a.id: a for a in db.session.scalars(select(Area).where(Area.site_id == site_id))}
    units = db.session.scalars(select(Unit).where(Unit.site_id == site_id))
    return [
        *(Place(area.id, area.kind) for area in areas.values()),
        *(
            Place(u.area_id, areas[u.area_id].kind, u.id, u.occupied)
            for u in units
            if u.area_id in areas
        ),
    ]


def _plan_op(schedule: Schedule, occurrence: Occurrence) -> dict[str, Any]:
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
    return receive.make_op(
        "task.plan", occurrence.id, payload, id=str(uuid5(UUID(occurrence.id), "plan"))
    )


def _planned_tasks(site_id: str, now: datetime) -> Select[Any]:
    return select(Task).where(Task.site_id == site_id, Task.window_end > now - LOOK_BEHIND)


def _vacant_units(site_id: str) -> set[str]:
    homes = select(Unit.id).where(Unit.site_id == site_id, Unit.occupied.is_(False))
    return set(db.session.scalars(homes))


def _cancel_ops(
    known: Mapping[str, Task],
    wanted: Collection[str],
    schedules: Collection[str],
    vacant: Collection[str],
    now: datetime,
) -> Iterator[dict[str, Any]]:
    """R8 and C7: what is to come and follows from no schedule any more; what was done stays."""
    for task in known.values():
        begun = task.window_start <= now or task.done_at or task.cancelled_at
        if begun or task.id in wanted or task.schedule_id not in schedules:
            continue
        reason = VACANT if task.unit_id in vacant else REPLANNED
        yield receive.make_op("task.cancel", task.id, {"reason": reason})


def _reinstate_ops(
    known: Mapping[str, Task], wanted: Collection[str], now: datetime
) -> Iterator[dict[str, Any]]:
    """What the planner took back, and is wanted again while it can still be done."""
    for id_ in wanted:
        task = known.get(id_)
        ours = (
            task
            and task.cancelled_by_id == SERVER_AUTHOR_ID
            and task.cancel_reason in (VACANT, REPLANNED)
        )
        if task and ours and task.window_end > now and not task.done_at:
            yield receive.make_op("task.amend", task.id, uncancelled_fields())


def run_loop(app: Flask, stop: threading.Event) -> None:
    """The one loop of the server: plan every site, again and again, until told to stop."""
    compacted: dict[str, date] = {}
    while True:
        with app.app_context():
            for site_id in replay.all_site_ids():
                try:
                    plan(site_id, datetime.now(UTC))
                    retention.purge_expired(site_id, datetime.now(UTC))
                    uploads.delete_stale_uploads(site_id, datetime.now(UTC))
                    frequent_visitors.update_frequent_visitors(site_id, datetime.now(UTC))
                    _compact_daily(site_id, datetime.now(UTC), compacted)
                except Exception:
                    db.session.rollback()
                    log.exception("planning failed", site=site_id)
        if stop.wait(INTERVAL.total_seconds()):
            return


def _compact_daily(site_id: str, now: datetime, compacted: dict[str, date]) -> None:
    """Once a day at most: it looks at the whole feed."""
    if compacted.get(site_id) != now.date():
        compaction.compact_feed(site_id, now)
        compacted[site_id] = now.date()


def start_thread(app: Flask) -> threading.Event:
    """Begin the loop beside the requests; set the event to end it."""
    stop = threading.Event()
    threading.Thread(target=run_loop, args=(app, stop), name="planner", daemon=True).start()
    return stop
