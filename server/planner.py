"""Planning ahead: the occurrences of two weeks, made through the one door."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import structlog
from flask import Flask
from sqlalchemy import select

from server import oplog, purge, regulars, rounds, verify
from server.calendar import free_days
from server.db import db
from server.tables import Area, Schedule, Task, Unit
from sync.clock import iso
from sync.op import SERVER
from sync.recurrence import FARTHEST
from sync.schedules import WORDING, Occurrence, Place, expand
from sync.tasks import reinstated

log = structlog.get_logger("lodge.planner")

BEHIND, AHEAD = timedelta(days=1), timedelta(days=14)
EVERY = timedelta(minutes=10)
VACANT, REPLANNED = "vacant", "replanned"
MOST = 500
"""As many ops go into one transaction."""

READ = (
    *("id", "schedule_id", "unit_id", "window_start", "window_end", *WORDING),
    *("done_at", "ticked", "confirmed", "cancelled_at", "cancelled_by_id", "cancel_reason"),
)
"""What planning wants to know of a task: most of them are as they should be."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An occurrence with the schedule that it follows from."""

    schedule: Schedule
    occurrence: Occurrence

    def says(self) -> dict[str, Any]:
        """What the task says of its duty, as it held or will hold at that time."""
        now = {name: getattr(self.schedule, name) for name in WORDING}
        return {**now, **self.occurrence.then, "window_end": self.occurrence.window_end}


def plan(site_id: str, now: datetime) -> int:
    """Make the occurrences that are missing, take back those that follow from nothing any more.

    Says how many ops that took. Planning again, or on two servers at once, changes nothing: an
    occurrence and what plans it have ids that follow from schedule, place and time. None is made
    that begins beyond the horizon of 14 days, so a phone never holds more than that.
    """
    schedules, places = db.session.scalars(Schedule.at(site_id)).all(), _places(site_id)
    wanted = {
        occurrence.id: Wanted(schedule, occurrence)
        for schedule in schedules
        for occurrence in _due(schedule, places, now)
    }
    known = {task.id: task for task in _known(site_id, now)}
    ops = [
        *_missing(known, wanted, now),
        *_taken_back(known, wanted, {each.id for each in schedules}, _vacant(site_id), now),
        *_brought_back(known, wanted, now),
        *_replanned(known, wanted, now),
    ]
    ops += rounds.ops(site_id, now, now - BEHIND, now + AHEAD)
    for start in range(0, len(ops), MOST):
        oplog.post_many(site_id, ops[start : start + MOST])
    return len(ops)


def _due(schedule: Schedule, places: list[Place], now: datetime) -> Iterator[Occurrence]:
    """R9: nothing that begins beyond the horizon is ever planned."""
    start, end = now - BEHIND, now + AHEAD
    holidays: Collection[date] = ()
    if schedule.workdays_only or any(each["workdays_only"] for each in schedule.before):
        holidays = free_days(start.date() - FARTHEST, end.date() + FARTHEST)
    yield from expand(schedule, places, start, end, holidays)


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


def _known(site_id: str, now: datetime) -> Any:
    columns = (getattr(Task, name) for name in READ)
    return db.session.execute(
        select(*columns).where(Task.site_id == site_id, Task.window_end > now - BEHIND)
    )


def _vacant(site_id: str) -> set[str]:
    homes = select(Unit.id).where(Unit.site_id == site_id, Unit.occupied.is_(False))
    return set(db.session.scalars(homes))


def _missing(
    known: Collection[str], wanted: Mapping[str, Wanted], now: datetime
) -> Iterator[dict[str, Any]]:
    """R11: what is over is not planned: nobody could have done it, so nobody missed it."""
    for id_, each in wanted.items():
        if id_ not in known and each.occurrence.window_end > now:
            yield _op(each)


def _op(wanted: Wanted) -> dict[str, Any]:
    schedule, occurrence = wanted.schedule, wanted.occurrence
    payload = {
        "schedule_id": schedule.id,
        "code": schedule.code,
        "area_id": occurrence.area_id,
        "unit_id": occurrence.unit_id,
        "role": schedule.role,
        "standing": schedule.standing,
        "window_start": iso(occurrence.window_start),
        **wanted.says(),
        "window_end": iso(occurrence.window_end),
    }
    return oplog.own(
        "task.plan", occurrence.id, payload, id=str(uuid5(UUID(occurrence.id), "plan"))
    )


def _taken_back(
    known: Mapping[str, Any],
    wanted: Collection[str],
    schedules: Collection[str],
    vacant: Collection[str],
    now: datetime,
) -> Iterator[dict[str, Any]]:
    """R8 and C7: what is to come and follows from no schedule any more; what was done stays."""
    for task in known.values():
        stays = _begun(task, now) or task.cancelled_at or task.schedule_id not in schedules
        if stays or task.id in wanted:
            continue
        reason = VACANT if task.unit_id in vacant else REPLANNED
        yield oplog.own("task.cancel", task.id, {"reason": reason})


def _brought_back(
    known: Mapping[str, Any], wanted: Collection[str], now: datetime
) -> Iterator[dict[str, Any]]:
    """What the planner took back, and is wanted again while it can still be done."""
    for task in known.values():
        ours = task.cancelled_by_id == SERVER and task.cancel_reason in (VACANT, REPLANNED)
        if ours and task.id in wanted and task.window_end > now and not task.done_at:
            yield oplog.own("task.amend", task.id, reinstated())


def _replanned(
    known: Mapping[str, Any], wanted: Mapping[str, Wanted], now: datetime
) -> Iterator[dict[str, Any]]:
    """R10: what is planned already, and has not begun, says what its schedule says."""
    for task in known.values():
        if task.id not in wanted or _begun(task, now):
            continue
        says = wanted[task.id].says()
        news = {name: value for name, value in says.items() if value != getattr(task, name)}
        if news:
            end = {"window_end": iso(says["window_end"])} if "window_end" in news else {}
            yield oplog.own("task.replan", task.id, news | end)


def _begun(task: Any, now: datetime) -> bool:
    worked = task.done_at or task.ticked or task.confirmed
    return bool(worked) or task.window_start <= now


def work(app: Flask, stop: threading.Event) -> None:
    """The one loop of the server: plan every site, again and again, until told to stop."""
    while True:
        with app.app_context():
            for site_id in verify.sites():
                try:
                    plan(site_id, datetime.now(UTC))
                    purge.run(site_id, datetime.now(UTC))
                    regulars.refresh(site_id, datetime.now(UTC))
                except Exception:
                    db.session.rollback()
                    log.exception("planning failed", site=site_id)
        if stop.wait(EVERY.total_seconds()):
            return


def start(app: Flask) -> threading.Event:
    """Begin the loop beside the requests; set the event to end it."""
    stop = threading.Event()
    threading.Thread(target=work, args=(app, stop), name="planner", daemon=True).start()
    return stop
