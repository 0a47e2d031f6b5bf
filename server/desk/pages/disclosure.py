"""The monthly disclosure, to be printed and put up: services, who answers, what was kept."""

from __future__ import annotations

from datetime import UTC, date, datetime

from flask import Blueprint, render_template, request
from sqlalchemy import select

from server.auth.access import allow, here
from server.db.engine import db
from server.desk.schedule_form import in_words
from server.models import Device, Inspection, Schedule, Site, Task, Template, Ticket
from server.oplog.directory import names_of
from sync.accountability.disclosure import COLUMNS, Disclosure, disclosure, span
from sync.protocol.digest import DESK
from sync.training.curriculum import ZONE

bp = Blueprint("disclosure", __name__, url_prefix="/desk/disclosure")


@bp.get("/")
@allow(*DESK)
def index() -> str:
    """G1: one month; the one before this one, unless another is asked for."""
    site, now = here().site_id, datetime.now(UTC)
    month = _asked() or _before(now.astimezone(ZONE).date())
    labels = select(Template.code, Template.label).where(Template.site_id == site)
    return render_template(
        "desk/disclosure/index.html",
        month=month,
        site=db.session.get(Site, (site, site)),
        told=_told(site, month, now),
        over=span(month)[1] <= now,
        columns=COLUMNS,
        checklists={row.code: row.label for row in db.session.execute(labels)},
        in_words=in_words,
        names=names_of(site),
        made_on=now.astimezone(ZONE).date().isoformat(),
    )


def _told(site: str, month: date, now: datetime) -> Disclosure:
    start, end = span(month)
    tickets = select(Ticket).where(Ticket.site_id == site)
    opened = tickets.where(Ticket.opened_at >= start, Ticket.opened_at < end)
    closed = tickets.where(Ticket.closed_at >= start, Ticket.closed_at < end)
    return disclosure(
        month,
        db.session.scalars(Schedule.at(site)).all(),
        db.session.scalars(Task.between(site, start, end)).all(),
        db.session.scalars(Device.at(site)).all(),
        db.session.scalars(Inspection.since(site, start)).all(),
        {"opened": db.session.scalars(opened).all(), "closed": db.session.scalars(closed).all()},
        now,
    )


def _asked() -> date | None:
    """A month as the browser's picker sends it: 2026-11."""
    try:
        return date.fromisoformat(f"{request.args.get('month', '')}-01")
    except ValueError:
        return None


def _before(day: date) -> date:
    return date(day.year - (day.month == 1), (day.month - 2) % 12 + 1, 1)
