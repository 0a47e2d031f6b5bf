"""The monthly disclosure for printing: services, who is responsible, what was done on time."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from flask import Blueprint, abort, render_template, request, url_for

from server.auth.access import allow, current_user
from server.db.engine import db
from server.desk.monthly_figures import OUTCOMES, figures_of_month
from server.desk.navigation import NavEntry
from server.desk.payload_form import PayloadForm
from server.desk.schedule_form import describe_recurrence
from server.desk.submit import submit_and_redirect
from server.i18n.local_time import parse_local_day
from server.i18n.locale import translate
from server.models.places import Site
from server.models.tasks import Task
from server.oplog.directory import directory_of
from server.oplog.hash_chain import log_head
from sync.accountability.disclosure import OUTCOME_COLUMNS, month_bounds
from sync.estate.disclosure_details import DETAILS_LABELS
from sync.estate.places import MASTER_DATA_ROLES
from sync.protocol.clock import SITE_ZONE
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l
from sync.work.task_rules import PEST_CONTROL_CODE

bp = Blueprint("disclosure", __name__, url_prefix="/desk/disclosure")
NAVIGATION = [
    NavEntry(
        "disclosure.index",
        _l("Disclosure"),
        "reports",
        10,
        about=_l("What residents are told each month about services and their fulfilment."),
    )
]

DETAILS_FORM = PayloadForm("site.disclose")


@bp.get("/")
@allow(*DESK_ROLES)
def index() -> str:
    """G1: the disclosure of a month, by default the previous one."""
    site, now = current_user().site_id, datetime.now(UTC)
    month = _requested_month() or _previous_month(now.astimezone(SITE_ZONE).date())
    return render_template(
        "desk/disclosure/index.html",
        month=month,
        site=_site(),
        empty=[translate(text) for name, text in DETAILS_LABELS.items() if not vars(_site())[name]],
        disclosure=figures_of_month(site, month, now),
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


@bp.get("/details")
@allow(*DESK_ROLES)
def details() -> str:
    """G2: what the site discloses beside the figures: who answers, fees, what became of money."""
    return render_template(
        "desk/disclosure/details.html",
        site=_site(),
        inputs=DETAILS_FORM.inputs(vars(_site())),
        labels=DETAILS_LABELS,
        say=translate,
        may_set=current_user().has_role(*MASTER_DATA_ROLES),
    )


@bp.post("/details")
@allow(*MASTER_DATA_ROLES)
def change_details() -> Any:
    """The op has only the fields that the form changed."""
    changes, site = DETAILS_FORM.changes(request.form), _site()
    back = url_for("disclosure.details")
    return submit_and_redirect("site.disclose", site.id, changes, back, base=_base())


def _base() -> int:
    """The version that the form was drawn from. Aborts with 400 if it is missing."""
    return request.form.get("base", type=int) or abort(400)


def _site() -> Site:
    site_id = current_user().site_id
    return db.session.get_one(Site, (site_id, site_id))


def _requested_month() -> date | None:
    """The first day of the month in the request (2026-11); None if it is not valid."""
    return parse_local_day(f"{request.args.get('month', '')}-01")


def _previous_month(day: date) -> date:
    return date(day.year - (day.month == 1), (day.month - 2) % 12 + 1, 1)
