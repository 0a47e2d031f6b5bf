"""The figures of a month of a site, for the disclosure and for the documents about it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date, datetime
from typing import cast

from dateutil.relativedelta import relativedelta
from flask_babel import lazy_gettext, lazy_pgettext
from sqlalchemy import select

from server.db.engine import db
from server.jobs import plan_history
from server.models.access import Device
from server.models.inspections import Inspection
from server.models.patrol import PatrolRound, PatrolRoute
from server.models.schedules import Schedule
from server.models.tasks import Task
from server.models.tickets import Ticket
from sync.accountability.disclosure import (
    MonthlyDisclosure,
    ScheduledTask,
    month_bounds,
    monthly_disclosure,
)
from sync.accountability.service_terms import ServiceTerms, service_terms
from sync.work.plan_versions import PlanVersion

OUTCOMES = {
    "done": lazy_gettext("done on time"),
    "done_late": lazy_gettext("done late"),
    "partial": lazy_gettext("partly done"),
    "skipped": lazy_pgettext("task", "skipped"),
    "missed": lazy_pgettext("task", "missed"),
    "unknown": lazy_gettext("not known yet"),
    "open": lazy_gettext("not due yet"),
    "planned_late": lazy_gettext("planned late"),
}
"""What became of planned work."""

STATUS_COLUMNS = (
    *(Task.schedule_id, Task.window_end, Task.grace, Task.planned_at, Task.ticked),
    *(Task.done_at, Task.done_received_at, Task.skipped_at, Task.cancelled_at),
)


def figures_of_month(site: str, month: date, now: datetime) -> MonthlyDisclosure:
    """G1: the figures of a month, as far as they are known at `now`."""
    start, end = month_bounds(month)
    tickets = select(Ticket.matter).where(Ticket.site_id == site)
    opened = tickets.where(Ticket.opened_at >= start, Ticket.opened_at < end)
    closed = tickets.where(Ticket.closed_at >= start, Ticket.closed_at < end)
    return monthly_disclosure(
        month,
        _terms(plan_history.schedule_versions, Schedule, site, end),
        _tasks_ending(site, start, end),
        db.session.scalars(Device.for_site(site)).all(),
        db.session.scalars(Inspection.since(site, start)).all(),
        {"opened": db.session.execute(opened).all(), "closed": db.session.execute(closed).all()},
        now,
        _terms(plan_history.route_versions, PatrolRoute, site, end),
        db.session.scalars(PatrolRound.ended_between(site, start, end)).all(),
    )


def _tasks_ending(site: str, start: datetime, end: datetime) -> list[ScheduledTask]:
    """The tasks whose window ended in a period: of a month of a large site there are ten thousand,
    so only the columns that tell their status are read."""
    ended = Task.site_id == site, Task.window_end > start, Task.window_end <= end
    return cast(
        list[ScheduledTask], db.session.execute(select(*STATUS_COLUMNS).where(*ended)).all()
    )


def _terms(
    versions_of: Callable[[str, Collection[str]], dict[str, list[PlanVersion]]],
    plans: type[Schedule] | type[PatrolRoute],
    site: str,
    end: datetime,
) -> list[ServiceTerms]:
    """The terms of schedules or routes in the month before `end`, as the log has them."""
    start = end - relativedelta(months=1)
    ids = [plan.id for plan in db.session.scalars(plans.for_site(site))]
    versions = versions_of(site, ids)
    return [service_terms(id_, versions[id_], start, end) for id_ in ids if versions[id_]]
