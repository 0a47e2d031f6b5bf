"""Patrols: the patrols of a day, one in detail, routes, and checkpoint labels."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

import segno
from flask import Blueprint, abort, redirect, render_template, request, url_for
from markupsafe import Markup
from sqlalchemy import select

from server.auth import qr_tokens
from server.auth.access import allow, current_user, get_or_404, public
from server.db.engine import db
from server.desk import schedule_form
from server.desk.field_errors import FieldError, FormRefused
from server.desk.label_form import form_label
from server.desk.navigation import NavEntry
from server.desk.submit import submit_and_redirect
from server.jobs import scheduler
from server.models.access import Device
from server.models.patrol import PatrolRound, PatrolRoute
from server.models.people import Person
from server.models.places import Checkpoint
from server.oplog.directory import directory_of
from sync.estate.places import MASTER_DATA_ROLES
from sync.protocol.clock import SITE_ZONE
from sync.protocol.roles import DESK_ROLES, FRONT_DESK_ROLES
from sync.protocol.text import _l
from sync.work.patrol import KINDS
from sync.work.patrol_report import point_reports

bp = Blueprint("patrol", __name__)
NAVIGATION = [NavEntry("patrol.index", _l("Patrol"), 100)]

EDITORS = KINDS["route.change"].roles


@bp.get("/desk/patrol/")
@allow(*FRONT_DESK_ROLES)
def index() -> str:
    """The patrols of a day: checkpoints scanned, missed, or flagged."""
    day = _requested_day()
    start = datetime.combine(day, time(), SITE_ZONE).astimezone(UTC)
    rounds = db.session.scalars(
        PatrolRound.between(current_user().site_id, start, start + timedelta(days=1))
    )
    played = [(round_, _round_steps(round_)) for round_ in rounds]
    return render_template("desk/patrol/index.html", day=day, played=played, **_shared_context())


@bp.get("/desk/patrol/<id>")
@allow(*FRONT_DESK_ROLES)
def show(id: str) -> str:
    """One patrol, checkpoint by checkpoint."""
    round_ = get_or_404(PatrolRound, id)
    return render_template(
        "desk/patrol/show.html", round=round_, steps=_round_steps(round_), **_shared_context()
    )


@bp.get("/desk/patrol/routes")
@allow(*DESK_ROLES)
def routes() -> str:
    site, now = current_user().site_id, datetime.now(UTC)
    all_routes = db.session.scalars(PatrolRoute.for_site(site)).all()
    return render_template(
        "desk/patrol/routes.html",
        routes=all_routes,
        runs={route.id: schedule_form.next_windows(route, now) for route in all_routes},
        often=schedule_form.describe_recurrence,
        windows=schedule_form.DURATIONS,
        rhythm_of=schedule_form.recurrence_from_schedule,
        points=db.session.scalars(_select_points()).all(),
        people=db.session.scalars(select(Person).where(Person.site_id == site)).all(),
        may_change=current_user().has_role(*EDITORS),
        may_add=current_user().has_role(*MASTER_DATA_ROLES),
        **_shared_context(),
    )


@bp.post("/desk/patrol/routes/<id>")
@allow(*EDITORS)
def change_route(id: str) -> Any:
    """Checkpoints, times and person of a route; the op has only the fields that changed."""
    route, form, back = get_or_404(PatrolRoute, id), request.form, url_for("patrol.routes")
    try:
        rule = schedule_form.parse_recurrence(
            {"preset": "daily", "times": form.get("times", "")}, []
        )["rrule"]
    except schedule_form.InvalidRecurrence as error:
        raise FormRefused(str(error), [FieldError(("times",), str(error))], page=back) from error
    fields = {
        "points": _point_order(form),
        "fastest": form.get("fastest", default=0, type=int),
        "rrule": rule,
        "window": form.get("window") or None,
        "responsible_id": form.get("responsible_id") or None,
        "active": "active" in form,
    }
    changed = {name: value for name, value in fields.items() if value != getattr(route, name)}
    base = form.get("base", type=int) or abort(400)
    return submit_and_redirect(
        "route.change", route.id, changed, back, inputs={"rrule": "times"}, base=base
    )


@bp.post("/desk/patrol/routes")
@allow(*MASTER_DATA_ROLES)
def add_route() -> Any:
    """A new route over all checkpoints, not in use until somebody is responsible."""
    points = [point.id for point in db.session.scalars(_select_points())]
    start = datetime.now(SITE_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    payload = {
        "label": form_label(request.form, "label"),
        "points": points,
        "dtstart": start.isoformat(),
    }
    return submit_and_redirect("route.add", None, payload, url_for("patrol.routes"))


@bp.get("/desk/patrol/labels")
@allow(*DESK_ROLES)
def print_labels() -> str:
    """Checkpoint labels for printing, eight on a page of A4."""
    chosen = request.args.getlist("point")
    points = [p for p in db.session.scalars(_select_points()) if not chosen or p.id in chosen]
    printed = [(point, _qr_svg(_label_url(point))) for point in points]
    return render_template("desk/patrol/labels.html", printed=printed, **_shared_context())


@bp.post("/desk/patrol/points/<id>/relabel")
@allow(*EDITORS)
def relabel(id: str) -> Any:
    """Replace a label; patrols that are under way accept the new one at once."""
    point = get_or_404(Checkpoint, id)
    back = url_for("patrol.print_labels", point=point.id)
    answer = submit_and_redirect("checkpoint.relabel", point.id, {}, back, base=point.version)
    scheduler.plan(current_user().site_id, datetime.now(UTC))
    return answer


@bp.get("/p/<code>")
@public
def open_label(code: str) -> Any:
    """The address in a label's QR code: redirects to the scan page of the phone app."""
    return redirect(f"/field/scan?{urlencode({'c': code})}", 302)


def _point_order(form: Any) -> list[str]:
    """The checkpoints in the order of the numbers typed beside them; none without a number."""
    numbered = [
        (form.get(f"place.{point.id}", type=int), point.id)
        for point in db.session.scalars(_select_points())
    ]
    return [id_ for place, id_ in sorted((n, id_) for n, id_ in numbered if n)]


def _round_steps(round_: PatrolRound) -> Any:
    phones = db.session.scalars(Device.for_site(current_user().site_id)).all()
    return point_reports(round_, phones, datetime.now(UTC))


def _select_points() -> Any:
    checkpoints = select(Checkpoint).where(Checkpoint.site_id == current_user().site_id)
    return checkpoints.order_by(Checkpoint.ordinal, Checkpoint.id)


def _label_url(point: Checkpoint) -> str:
    secret = qr_tokens.label_token(point.site_id, point.id, point.serial)
    return url_for("patrol.open_label", code=f"{point.id}.{secret}", _external=True)


def _qr_svg(text: str) -> Markup:
    drawn, how = io.BytesIO(), {"xmldecl": False, "omitsize": True, "border": 4, "svgclass": "qr"}
    segno.make(text, error="m", micro=False).save(drawn, kind="svg", **how)
    return Markup(drawn.getvalue().decode())  # noqa: S704 - drawn by us, from our own address


def _requested_day() -> date:
    try:
        return date.fromisoformat(request.args.get("day", ""))
    except ValueError:
        return datetime.now(SITE_ZONE).date()


def _shared_context() -> dict[str, Any]:
    return {"names": directory_of(current_user().site_id), "timedelta": timedelta}
