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
from server.jobs.holidays import free_days
from server.models import Area, Schedule, Task, Unit
from server.oplog import receive, replay
from server.photos import uploads
from sync.protocol.clock import iso
from sync.protocol.op import SERVER
from sync.work.recurrence import FARTHEST
from sync.work.schedules import Occurrence, Place, expand
from sync.work.tasks import reinstated

log = structlog.get_logger("lodge.planner")

BEHIND, AHEAD = timedelta(days=1), timedelta(days=14)
EVERY = timedelta(minutes=10)
VACANT, REPLANNED = "vacant", "replanned"
MOST = 500
"""As many ops go into one transaction."""


def plan(site_id: str, now: datetime) -> int:
    """Make the occurrences that are missing, take back those that follow from nothing any more.

    Says how many ops that took. Planning again, or on two servers at once, changes nothing: an
    occurrence and what plans it have ids that follow from schedule, place and time. None is made
    that begins beyond the horizon of 14 days, so a phone never holds more than that.
    """
    schedules, places = db.session.scalars(Schedule.at(site_id)).all(), _places(site_id)
    wanted = {
        occurrence.id: (schedule, occurrence)
        for schedule in schedules
        for occurrence in _due(schedule, places, now)
    }
    known = {task.id: task for task in db.session.scalars(_known(site_id, now))}
    ops = [
        *(_op(*wanted[id_]) for id_ in wanted if id_ not in known),
        *_taken_back(known, wanted, {each.id for each in schedules}, _vacant(site_id), now),
        *_brought_back(known, wanted, now),
    ]
    ops += patrol_rounds.ops(site_id, now, now - BEHIND, now + AHEAD)
    for start in range(0, len(ops), MOST):
        receive.post_many(site_id, ops[start : start + MOST])
    return len(ops)


def _due(schedule: Schedule, places: list[Place], now: datetime) -> Iterator[Occurrence]:
    """R9: nothing that begins beyond the horizon is ever planned."""
    start, end = now - BEHIND, now + AHEAD
    resting = free_days(start.date() - FARTHEST, end.date() + FARTHEST)
    holidays = resting if _minds_holidays(schedule) else ()
    yield from expand(schedule, places, start, end, holidays)


def _minds_holidays(schedule: Schedule) -> bool:
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


def _op(schedule: Schedule, occurrence: Occurrence) -> dict[str, Any]:
    payload = {
        "schedule_id": schedule.id,
        "code": schedule.code,
        "label": schedule.label,
        "area_id": occurrence.area_id,
        "unit_id": occurrence.unit_id,
        "responsible_id": schedule.responsible_id,
        "role": schedule.role,
        "window_start": iso(occurrence.window_start),
        "window_end": iso(occurrence.window_end),
        "needs_confirmation": schedule.needs_confirmation,
        "items": schedule.items,
        "standing": schedule.standing,
        "grace": schedule.grace,
    }
    return receive.own(
        "task.plan", occurrence.id, payload, id=str(uuid5(UUID(occurrence.id), "plan"))
    )


def _known(site_id: str, now: datetime) -> Select[Any]:
    return select(Task).where(Task.site_id == site_id, Task.window_end > now - BEHIND)


def _vacant(site_id: str) -> set[str]:
    homes = select(Unit.id).where(Unit.site_id == site_id, Unit.occupied.is_(False))
    return set(db.session.scalars(homes))


def _taken_back(
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
        yield receive.own("task.cancel", task.id, {"reason": reason})


def _brought_back(
    known: Mapping[str, Task], wanted: Collection[str], now: datetime
) -> Iterator[dict[str, Any]]:
    """What the planner took back, and is wanted again while it can still be done."""
    for id_ in wanted:
        task = known.get(id_)
        ours = task and task.cancelled_by_id == SERVER and task.cancel_reason in (VACANT, REPLANNED)
        if task and ours and task.window_end > now and not task.done_at:
            yield receive.own("task.amend", task.id, reinstated())


def work(app: Flask, stop: threading.Event) -> None:
    """The one loop of the server: plan every site, again and again, until told to stop."""
    compacted: dict[str, date] = {}
    while True:
        with app.app_context():
            for site_id in replay.sites():
                try:
                    plan(site_id, datetime.now(UTC))
                    retention.run(site_id, datetime.now(UTC))
                    uploads.sweep(site_id, datetime.now(UTC))
                    frequent_visitors.refresh(site_id, datetime.now(UTC))
                    _nightly(site_id, datetime.now(UTC), compacted)
                except Exception:
                    db.session.rollback()
                    log.exception("planning failed", site=site_id)
        if stop.wait(EVERY.total_seconds()):
            return


def _nightly(site_id: str, now: datetime, compacted: dict[str, date]) -> None:
    """Once a day at most: it looks at the whole feed."""
    if compacted.get(site_id) != now.date():
        compaction.compact(site_id, now)
        compacted[site_id] = now.date()


def start(app: Flask) -> threading.Event:
    """Begin the loop beside the requests; set the event to end it."""
    stop = threading.Event()
    threading.Thread(target=work, args=(app, stop), name="planner", daemon=True).start()
    return stop
