"""Planning ahead: today's and tomorrow's occurrences, made through the one door."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import structlog
from flask import Flask
from sqlalchemy import select

from server import oplog, verify
from server.db import db
from server.tables import Area, Checkpoint, Schedule, Task, Unit
from sync.clock import iso
from sync.schedules import CHECKPOINT, Occurrence, Place, expand

log = structlog.get_logger("lodge.planner")

BEHIND, AHEAD = timedelta(days=1), timedelta(days=2)
EVERY = timedelta(minutes=10)
VACANT = "vacant"


def plan(site_id: str, now: datetime) -> int:
    """Make the occurrences that are missing, take back those of vacated homes; say how many."""
    wanted = [
        _op(schedule, occurrence)
        for schedule in db.session.scalars(Schedule.at(site_id)).all()
        for occurrence in expand(schedule, _places(site_id), now - BEHIND, now + AHEAD)
    ]
    known = set(_known(site_id, now - BEHIND))
    ops = [op for op in wanted if op["subject"] not in known] + list(_vacated(site_id, now))
    for start in range(0, len(ops), 500):
        oplog.post_many(site_id, ops[start : start + 500])
    return len(ops)


def _places(site_id: str) -> list[Place]:
    areas = {a.id: a for a in db.session.scalars(select(Area).where(Area.site_id == site_id))}
    units = db.session.scalars(select(Unit).where(Unit.site_id == site_id))
    points = db.session.scalars(select(Checkpoint).where(Checkpoint.site_id == site_id))
    return [
        *(Place(area.id, area.kind) for area in areas.values()),
        *(Place(u.area_id, areas[u.area_id].kind, u.id, u.occupied) for u in units),
        *(Place(point.area_id, CHECKPOINT) for point in points),
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
    }
    return oplog.own(
        "task.plan", occurrence.id, payload, id=str(uuid5(UUID(occurrence.id), "plan"))
    )


def _known(site_id: str, since: datetime) -> Iterator[str]:
    mine = select(Task.id).where(Task.site_id == site_id, Task.window_end > since)
    yield from db.session.scalars(mine)


def _vacated(site_id: str, now: datetime) -> Iterator[dict[str, Any]]:
    """C7: a home that was left needs no wiping from then on; what was done stays."""
    doors = (
        select(Task.id)
        .join(Unit, (Unit.site_id == Task.site_id) & (Unit.id == Task.unit_id))
        .where(
            Task.site_id == site_id,
            Unit.occupied.is_(False),
            Task.window_start > now,
            Task.done_at.is_(None),
            Task.cancelled_at.is_(None),
        )
    )
    for id_ in db.session.scalars(doors).all():
        yield oplog.own("task.cancel", id_, {"reason": VACANT})


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
