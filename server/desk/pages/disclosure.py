"""The monthly disclosure for printing: services, who is responsible, what was done on time."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, date, datetime

from dateutil.relativedelta import relativedelta
from flask import Blueprint, render_template, request
from flask_babel import lazy_gettext, lazy_pgettext
from sqlalchemy import select

from server.auth.access import allow, current_user
from server.db.engine import db
from server.desk.navigation import NavEntry
from server.desk.schedule_form import describe_recurrence
from server.i18n.local_time import parse_local_day
from server.jobs import plan_history
from server.models.access import Device
from server.models.inspections import Inspection
from server.models.patrol import PatrolRound, PatrolRoute
from server.models.places import Site
from server.models.schedules import Schedule
from server.models.tasks import Task
from server.models.tickets import Ticket
from server.oplog.directory import directory_of
from server.oplog.hash_chain import log_head
from sync.accountability.disclosure import (
    OUTCOME_COLUMNS,
    MonthlyDisclosure,
    month_bounds,
    monthly_disclosure,
)
from sync.accountability.service_terms import ServiceTerms, service_terms
from sync.protocol.clock import SITE_ZONE
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l
from sync.work.plan_versions import PlanVersion
from sync.work.task_rules import PEST_CONTROL_CODE

bp = Blueprint("disclosure", __name__, url_prefix="/desk/disclosure")
NAVIGATION = [NavEntry("disclosure.index", _l("Disclosure"), "reports", 10)]

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


@bp.get("/")
@allow(*DESK_ROLES)
def index() -> str:
    """G1: the disclosure of a month, by default the previous one."""
    site, now = current_user().site_id, datetime.now(UTC)
    month = _requested_month() or _previous_month(now.astimezone(SITE_ZONE).date())
    return render_template(
        "desk/disclosure/index.html",
        month=month,
        site=db.session.get(Site, (site, site)),
        disclosure=_build_disclosure(site, month, now),
        over=month_bounds(month)[1] <= now,
        pest_control=db.session.scalars(
            Task.done_between(site, PEST_CONTROL_CODE, *month_bounds(month))
        ).all(),
        columns=OUTCOME_COLUMNS,
        outcomes=OUTCOMES,
        in_words=describe_recurrence,
        names=directory_of(site),
        log=log_head(site),
        made_on=now.astimezone(SITE_ZONE).date().isoformat(),
    )


def _build_disclosure(site: str, month: date, now: datetime) -> MonthlyDisclosure:
    start, end = month_bounds(month)
    tickets = select(Ticket).where(Ticket.site_id == site)
    opened = tickets.where(Ticket.opened_at >= start, Ticket.opened_at < end)
    closed = tickets.where(Ticket.closed_at >= start, Ticket.closed_at < end)
    return monthly_disclosure(
        month,
        _terms(plan_history.schedule_versions, Schedule, site, end),
        db.session.scalars(Task.between(site, start, end)).all(),
        db.session.scalars(Device.for_site(site)).all(),
        db.session.scalars(Inspection.since(site, start)).all(),
        {"opened": db.session.scalars(opened).all(), "closed": db.session.scalars(closed).all()},
        now,
        _terms(plan_history.route_versions, PatrolRoute, site, end),
        db.session.scalars(PatrolRound.ended_between(site, start, end)).all(),
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


def _requested_month() -> date | None:
    """The first day of the month in the request (2026-11); None if it is not valid."""
    return parse_local_day(f"{request.args.get('month', '')}-01")


def _previous_month(day: date) -> date:
    return date(day.year - (day.month == 1), (day.month - 2) % 12 + 1, 1)
