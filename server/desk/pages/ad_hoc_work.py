"""Work that no schedule brings: given by a leader, or by rain and snow."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import select

from server.auth.access import allow, current_user
from server.db.engine import db
from server.desk.navigation import NavEntry
from server.desk.submit import submit_and_redirect
from server.i18n.local_time import parse_local_time
from server.models.people import Person
from server.models.places import Area
from server.models.weather import WeatherReport
from server.oplog.directory import directory_of
from sync.protocol.clock import SITE_ZONE
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l

bp = Blueprint("ad_hoc_work", __name__, url_prefix="/desk/work")
NAVIGATION = [NavEntry("ad_hoc_work.index", _l("Assign a task"), 170)]


@bp.get("/")
@allow(*DESK_ROLES)
def index() -> str:
    site = current_user().site_id
    there = select(Person).where(Person.site_id == site, Person.active_to.is_(None))
    return render_template(
        "desk/ad_hoc_work/index.html",
        people=db.session.scalars(there.order_by(Person.name)).all(),
        areas=db.session.scalars(
            select(Area).where(Area.site_id == site).order_by(Area.ordinal, Area.id)
        ).all(),
        told=db.session.scalars(WeatherReport.newest(site).limit(5)).all(),
        names=directory_of(site),
        tonight=f"{datetime.now(SITE_ZONE):%Y-%m-%d}T20:00",
    )


@bp.post("/give")
@allow(*DESK_ROLES)
def give() -> Any:
    form, back = request.form, url_for("ad_hoc_work.index")
    due = parse_local_time(form.get("window_end"))
    if due is None:
        return redirect(f"{back}?said=malformed", 303)
    said = {name: form.get(name, "").strip() for name in ("label", "reason", "area_id")}
    payload = {**said, "responsible_id": form.get("responsible_id"), "window_end": due}
    return submit_and_redirect("task.assign", None, payload, back)


@bp.post("/weather")
@allow(*DESK_ROLES)
def weather() -> Any:
    """One click makes the work of every chosen area, once a day and sort."""
    form = request.form
    said = {"sort": form.get("sort", ""), "areas": form.getlist("areas")}
    payload = {**said, "event": f"{datetime.now(SITE_ZONE):%Y-%m-%d}"}
    who = form.get("responsible_id")
    payload |= {"responsible_id": who} if who else {}
    return submit_and_redirect("weather.report", None, payload, url_for("ad_hoc_work.index"))
