"""Months: what still waits for a word in each, and the closing of those where nothing does."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, abort, render_template, request, url_for
from sqlalchemy import func, select

from server.auth.access import allow, here
from server.db.engine import db
from server.desk.post import ask
from server.i18n.filters import SITE_ZONE
from server.models import Device, Month, Task
from server.oplog.directory import names_of
from sync.accountability.months import bounds, month_id
from sync.estate.places import MASTERS
from sync.protocol.digest import DESK
from sync.work.board import carrying, verdict

bp = Blueprint("months", __name__, url_prefix="/desk/months")

SHOWN = 6


@dataclass(slots=True)
class Standing:
    """How a month stands: what was not done, what waits for a word, what a phone may know."""

    month: str
    over: bool
    tasks: list[str] = field(default_factory=list)
    waiting: list[Task] = field(default_factory=list)
    unspoken: int = 0


@bp.get("/")
@allow(*DESK)
def index() -> str:
    site_id, now = here().site_id, datetime.now(UTC)
    closed = {one.month: one for one in db.session.scalars(Month.at(site_id))}
    return render_template(
        "desk/cases/months.html",
        months=[_standing(month, now) for month in _latest(now) if month not in closed],
        closed=closed.values(),
        may_close=here().may(*MASTERS),
        names=names_of(site_id),
    )


@bp.post("/close")
@allow(*MASTERS)
def close() -> Any:
    """A16: whatever was not done in the month is named, so that the rule judges each of them."""
    month, now = request.form.get("month", ""), datetime.now(UTC)
    if month not in _latest(now):
        abort(404)
    found = _standing(month, now)
    said = {"month": month, "tasks": found.tasks, "unspoken": found.unspoken}
    subject = month_id(here().site_id, month)
    return ask("month.close", subject, said, url_for("months.index"))


def _latest(now: datetime) -> list[str]:
    """The last months in which there was anything to do."""
    first = select(func.min(Task.window_end)).where(Task.site_id == here().site_id)
    since = db.session.scalar(first) or now
    day, months = now.astimezone(SITE_ZONE).replace(day=1), []
    for _ in range(SHOWN):
        months.append(f"{day:%Y-%m}")
        day = (day - timedelta(days=1)).replace(day=1)
    return [month for month in months if bounds(month)[1] > since]


def _standing(month: str, now: datetime) -> Standing:
    start, end = bounds(month)
    site_id, found = here().site_id, Standing(month, now >= end)
    able = carrying(db.session.scalars(Device.at(site_id)).all())
    for task in db.session.scalars(Task.unticked(site_id, start, min(end, now))):
        word = verdict(task, able, now)
        found.tasks.append(task.id)
        found.unspoken += word in ("unknown", "open")
        if word == "missed" and task.disposition is None:
            found.waiting.append(task)
    return found
