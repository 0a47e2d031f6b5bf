"""Planning ahead: today's and tomorrow's occurrences, made through the one door."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import structlog
from flask import Flask
from sqlalchemy import ColumnElement, select

from server import oplog, verify
from server.db import db
from server.tables import Area, Checkpoint, Schedule, Task, Unit
from sync.clock import iso
from sync.op import SERVER
from sync.schedules import CHECKPOINT, Occurrence, Place, expand
from sync.tasks import reinstated

log = structlog.get_logger("lodge.planner")

BEHIND, AHEAD = timedelta(days=1), timedelta(days=2)
EVERY = timedelta(minutes=10)
VACANT = "vacant"


def plan(site_id: str, now: datetime) -> int:
    """Make the occurrences that are missing, take back those of vacated homes; say how many."""
    places = _places(site_id)
    wanted = [
        _op(schedule, occurrence)
        for schedule in db.session.scalars(Schedule.at(site_id)).all()
        for occurrence in expand(schedule, places, now - BEHIND, now + AHEAD)
    ]
    known = set(_known(site_id, now - BEHIND))
    ops = [op for op in wanted if op["subject"] not in known]
    ops += [*_vacated(site_id, now), *_moved_in(site_id, now)]
    for start in range(0, len(ops), 500):
        oplog.post_many(site_id, ops[start : start + 500])
    return len(ops)


def _places(site_id: str) -> list[Place]:
    """Every place of a site; a door or a point whose area is not known yet waits for it."""
    areas = {a.id: a for a in db.session.scalars(select(Area).where(Area.site_id == site_id))}
    units = db.session.scalars(select(Unit).where(Unit.site_id == site_id))
    points = db.session.scalars(select(Checkpoint).where(Checkpoint.site_id == site_id))
    return [
        *(Place(area.id, area.kind) for area in areas.values()),
        *(
            Place(u.area_id, areas[u.area_id].kind, u.id, u.occupied)
            for u in units
            if u.area_id in areas
        ),
        *(Place(point.area_id, CHECKPOINT) for point in points if point.area_id in areas),
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
    }
    return oplog.own(
        "task.plan", occurrence.id, payload, id=str(uuid5(UUID(occurrence.id), "plan"))
    )


def _known(site_id: str, since: datetime) -> Iterator[str]:
    mine = select(Task.id).where(Task.site_id == site_id, Task.window_end > since)
    yield from db.session.scalars(mine)


def _vacated(site_id: str, now: datetime) -> Iterator[dict[str, Any]]:
    """C7: a home that was left needs no wiping from then on; what was done stays."""
    to_come = Task.window_start > now, Task.cancelled_at.is_(None)
    for id_ in _undone_doors(site_id, Unit.occupied.is_(False), *to_come):
        yield oplog.own("task.cancel", id_, {"reason": VACANT})


def _moved_in(site_id: str, now: datetime) -> Iterator[dict[str, Any]]:
    """C7: what the planner took back comes back with the people, while it can still be done."""
    ours = Task.cancel_reason == VACANT, Task.cancelled_by_id == SERVER
    for id_ in _undone_doors(site_id, Unit.occupied.is_(True), Task.window_end > now, *ours):
        yield oplog.own("task.amend", id_, reinstated())


def _undone_doors(site_id: str, *conditions: ColumnElement[bool]) -> Sequence[str]:
    here = (Unit.site_id == Task.site_id) & (Unit.id == Task.unit_id)
    undone = Task.site_id == site_id, Task.done_at.is_(None)
    return db.session.scalars(select(Task.id).join(Unit, here).where(*undone, *conditions)).all()


def work(app: Flask, stop: threading.Event) -> None:
    """The one loop of the server: plan every site, again and again, until told to stop."""
    while True:
        with app.app_context():
            for site_id in verify.sites():
                try:
                    plan(site_id, datetime.now(UTC))
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
