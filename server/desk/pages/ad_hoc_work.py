"""Tasks outside the schedules: assigned by a supervisor, or made by a rain or snow report."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask_babel import gettext

from server.auth.access import allow, current_user
from server.db.engine import db
from server.desk.lists import register_list
from server.desk.navigation import NavEntry
from server.desk.options import active_people, area_options, list_areas, person_options
from server.desk.payload_form import PayloadForm
from server.desk.submit import submit_and_redirect
from server.desk.task_list import AD_HOC_WORK
from server.models.weather import WeatherReport
from server.oplog.directory import directory_of
from sync.protocol.clock import SITE_ZONE
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l

bp = Blueprint("ad_hoc_work", __name__, url_prefix="/desk/work")
register_list(bp, AD_HOC_WORK)
NAVIGATION = [
    NavEntry(
        "ad_hoc_work.index",
        _l("Assigned tasks"),
        "work",
        10,
        about=_l("Work outside the schedules: assigned by a supervisor, or for rain and snow."),
    )
]

ASSIGN_FORM = PayloadForm(
    "task.assign", "label", "area_id", "responsible_id", "window_end", "reason"
)


@bp.get("/new")
@allow(*DESK_ROLES)
def new() -> str:
    """The form for a task that somebody is given."""
    site_id = current_user().site_id
    now = datetime.now(SITE_ZONE)
    tonight = now.replace(hour=20, minute=0, second=0, microsecond=0)
    return render_template(
        "desk/ad_hoc_work/new.html",
        inputs=ASSIGN_FORM.inputs(
            {"window_end": tonight if tonight > now else None},
            {
                "area_id": area_options(site_id),
                "responsible_id": person_options(active_people(site_id)),
            },
            {"label": gettext("What to do"), "area_id": gettext("Where")},
        ),
    )


@bp.get("/weather")
@allow(*DESK_ROLES)
def weather() -> str:
    """The form for rain or snow, and the newest reports."""
    site_id = current_user().site_id
    return render_template(
        "desk/ad_hoc_work/weather.html",
        people=active_people(site_id),
        areas=list_areas(site_id),
        now=datetime.now(SITE_ZONE),
        reports=db.session.scalars(WeatherReport.newest(site_id).limit(5)).all(),
        names=directory_of(site_id),
    )


@bp.post("/give")
@allow(*DESK_ROLES)
def assign() -> Any:
    payload = ASSIGN_FORM.payload(request.form)
    return submit_and_redirect("task.assign", None, payload, url_for("ad_hoc_work.index"))


@bp.post("/weather")
@allow(*DESK_ROLES)
def report_weather() -> Any:
    """Rain or snow: one report makes the tasks of every chosen area, once for each event."""
    payload: dict[str, Any] = {
        "sort": request.form.get("sort", ""),
        "areas": request.form.getlist("areas"),
    }
    if event := request.form.get("event"):
        payload["event"] = event
    if responsible := request.form.get("responsible_id"):
        payload["responsible_id"] = responsible
    return submit_and_redirect("weather.report", None, payload, url_for("ad_hoc_work.index"))
