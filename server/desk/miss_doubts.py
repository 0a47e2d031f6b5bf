"""What speaks against the misses of a list: who was not on duty, the weather, silent phones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from flask_babel import gettext
from sqlalchemy import func, select

from server.db.engine import db
from server.desk.lists import Cell, ListContext
from server.desk.misses import LISTED_FOR, certain_until, is_not_known, phones
from server.models.people import Person
from server.models.shifts import Shift
from server.models.tasks import Task
from server.models.weather import WeatherReport
from sync.work.board import active_phones, may_hold_unsent, planned_late
from sync.work.shifts import MAX_SHIFT

AROUND = timedelta(days=7)
"""Whoever was on duty at no time within so many days does not record shifts: nothing is known."""

MAX_LISTED = 20


class Duty(NamedTuple):
    """What is known about the time of some misses: shifts by person, who left when, the weather."""

    shifts: dict[str, list[tuple[datetime, datetime]]]
    left_at: dict[str, datetime]
    weather: list[WeatherReport]


def read_duty(rows: Sequence[Any], context: ListContext) -> None:
    """Read for these rows what `doubts_about` says."""
    context.memory["duty"] = _duty(rows, context.site_id) if rows else Duty({}, {}, [])


def doubts_about(row: Any, context: ListContext) -> Cell | str:
    """What speaks against a miss: the responsible person was not on duty or has left, or the
    weather."""
    duty: Duty = context.memory["duty"]
    start, end, person = row.window_start, row.window_end, row.responsible_id
    found = []
    if person and (left := duty.left_at.get(person)) and left < end:
        found.append(gettext("had left"))
    elif person in duty.shifts and not _overlaps(duty.shifts[person], start, end):
        found.append(gettext("was not on duty"))
    found += [
        context.value("weather", "sort", report.sort)
        for report in duty.weather
        if start <= report.reported_at <= end and row.area_id in report.areas
    ]
    return Cell(", ".join(dict.fromkeys(found)), tone="warn", icon="alert") if found else ""


def not_known_yet() -> dict[str, Any]:
    """What else stands on the page: how many tasks may be missed as well, which phones may say so,
    and what was planned too late for anybody."""
    context = ListContext.of_request()
    unknown = select(func.count(Task.id)).where(
        Task.site_id == context.site_id, is_not_known(context)
    )
    late = _planned_late(context)
    return {
        "unknown": db.session.scalar(unknown) or 0,
        "holding": [p for p in active_phones(phones(context)) if may_hold_unsent(p, context.now)],
        "certain_until": certain_until(context),
        "late_count": len(late),
        "planned_late": late[:MAX_LISTED],
        "names": context.names,
    }


def _planned_late(context: ListContext) -> list[Any]:
    """R10: recent unfinished tasks for which nobody answers."""
    since = context.now - LISTED_FOR
    unfinished = Task.unfinished_between(context.site_id, since, context.now)
    tasks = db.session.scalars(unfinished.where(Task.planned_at.is_not(None))).all()
    return list(planned_late(tasks, phones(context), context.now))


def _duty(rows: Sequence[Any], site_id: str) -> Duty:
    first, last = min(row.window_start for row in rows), max(row.window_end for row in rows)
    people = {row.responsible_id for row in rows if row.responsible_id}
    shifts: dict[str, list[tuple[datetime, datetime]]] = {}
    around = Shift.opened_at.between(first - AROUND, last + AROUND), Shift.person_id.in_(people)
    for shift in db.session.scalars(select(Shift).where(Shift.site_id == site_id, *around)):
        ended = shift.closed_at or shift.handed_over_at or shift.opened_at + MAX_SHIFT
        shifts.setdefault(shift.person_id, []).append((shift.opened_at, ended))
    gone = select(Person.id, Person.active_to).where(
        Person.site_id == site_id, Person.id.in_(people), Person.active_to.is_not(None)
    )
    weather = WeatherReport.newest(site_id).where(WeatherReport.reported_at.between(first, last))
    return Duty(
        shifts,
        {row.id: row.active_to for row in db.session.execute(gone)},
        list(db.session.scalars(weather)),
    )


def _overlaps(shifts: list[tuple[datetime, datetime]], start: datetime, end: datetime) -> bool:
    return any(opened < end and closed > start for opened, closed in shifts)
