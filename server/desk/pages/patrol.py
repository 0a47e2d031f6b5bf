"""Patrols: a day's rounds, one round played back, routes, and the labels of their points."""

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
from server.auth.access import allow, here, mine, public
from server.db.engine import db
from server.desk import schedule_form
from server.desk.post import ask
from server.i18n.filters import SITE_ZONE
from server.jobs import scheduler
from server.models import Checkpoint, Device, Person, Round, Route
from server.oplog.directory import names_of
from sync.estate.places import MASTERS
from sync.protocol.digest import DESK, FRONT
from sync.work.patrol import KINDS
from sync.work.patrol_report import steps

bp = Blueprint("patrol", __name__)

CHANGERS = KINDS["route.change"].roles


@bp.get("/desk/patrol/")
@allow(*FRONT)
def index() -> str:
    """The rounds of a day: which points were seen, when, and what asks for a look."""
    day = _day()
    start = datetime.combine(day, time(), SITE_ZONE).astimezone(UTC)
    rounds = db.session.scalars(Round.between(here().site_id, start, start + timedelta(days=1)))
    played = [(round_, _played(round_)) for round_ in rounds]
    return render_template("desk/patrol/index.html", day=day, played=played, **_common())


@bp.get("/desk/patrol/<id>")
@allow(*FRONT)
def show(id: str) -> str:
    """One round played back, point by point."""
    round_ = mine(Round, id)
    return render_template(
        "desk/patrol/show.html", round=round_, steps=_played(round_), **_common()
    )


@bp.get("/desk/patrol/routes")
@allow(*DESK)
def routes() -> str:
    site, now = here().site_id, datetime.now(UTC)
    found = db.session.scalars(Route.at(site)).all()
    return render_template(
        "desk/patrol/routes.html",
        routes=found,
        runs={route.id: schedule_form.next_runs(route, now) for route in found},
        often=schedule_form.in_words,
        rhythm_of=schedule_form.rhythm_of,
        points=db.session.scalars(_points()).all(),
        people=db.session.scalars(select(Person).where(Person.site_id == site)).all(),
        may_change=here().may(*CHANGERS),
        may_add=here().may(*MASTERS),
        **_common(),
    )


@bp.post("/desk/patrol/routes/<id>")
@allow(*CHANGERS)
def change(id: str) -> Any:
    """Order of the points, hours, who goes: only what the form changed goes into the op."""
    route, form, back = mine(Route, id), request.form, url_for("patrol.routes")
    try:
        rule = schedule_form.rule_of({"preset": "daily", "times": form.get("times", "")}, [])[
            "rrule"
        ]
    except schedule_form.NotUnderstood:
        return redirect(f"{back}?said=needs-times", 303)
    said = {
        "points": _ordered(form),
        "fastest": form.get("fastest", default=0, type=int),
        "rrule": rule,
        "window": form.get("window") or None,
        "responsible_id": form.get("responsible_id") or None,
        "active": "active" in form,
    }
    changed = {name: value for name, value in said.items() if value != getattr(route, name)}
    base = form.get("base", type=int) or abort(400)
    return (
        ask("route.change", route.id, changed, back, base=base) if changed else redirect(back, 303)
    )


@bp.post("/desk/patrol/routes")
@allow(*MASTERS)
def add_route() -> Any:
    """A route over every point there is; it rests until somebody answers for it."""
    label = {lang: request.form.get(lang, "").strip() for lang in ("zh", "en")}
    points = [point.id for point in db.session.scalars(_points())]
    start = datetime.now(SITE_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    payload = {"label": label, "points": points, "dtstart": start.isoformat()}
    return ask("route.add", None, payload, url_for("patrol.routes"))


@bp.get("/desk/patrol/labels")
@allow(*DESK)
def sheet() -> str:
    """Labels to print, eight on a page of A4: scanned by our own camera or by any other."""
    chosen = request.args.getlist("point")
    points = [p for p in db.session.scalars(_points()) if not chosen or p.id in chosen]
    printed = [(point, _picture(_address(point))) for point in points]
    return render_template("desk/patrol/labels.html", printed=printed, **_common())


@bp.post("/desk/patrol/points/<id>/relabel")
@allow(*CHANGERS)
def relabel(id: str) -> Any:
    """Rounds that are on learn of the new label at once."""
    point = mine(Checkpoint, id)
    back = url_for("patrol.sheet", point=point.id)
    answer = ask("checkpoint.relabel", point.id, {}, back, base=point.version)
    scheduler.plan(here().site_id, datetime.now(UTC))
    return answer


@bp.get("/p/<code>")
@public
def label(code: str) -> Any:
    """Where a label leads, whatever app has read it: to the phone's own page, if it has one."""
    return redirect(f"/field/scan?{urlencode({'c': code})}", 302)


def _ordered(form: Any) -> list[str]:
    """The points in the order of the numbers beside them; one without a number is left out."""
    numbered = [
        (form.get(f"place.{point.id}", type=int), point.id)
        for point in db.session.scalars(_points())
    ]
    return [id_ for place, id_ in sorted((n, id_) for n, id_ in numbered if n)]


def _played(round_: Round) -> Any:
    phones = db.session.scalars(Device.at(here().site_id)).all()
    return steps(round_, phones, datetime.now(UTC))


def _points() -> Any:
    mine_ = select(Checkpoint).where(Checkpoint.site_id == here().site_id)
    return mine_.order_by(Checkpoint.ordinal, Checkpoint.id)


def _address(point: Checkpoint) -> str:
    secret = qr_tokens.token(point.site_id, point.id, point.serial)
    return url_for("patrol.label", code=f"{point.id}.{secret}", _external=True)


def _picture(text: str) -> Markup:
    drawn, how = io.BytesIO(), {"xmldecl": False, "omitsize": True, "border": 4, "svgclass": "qr"}
    segno.make(text, error="m", micro=False).save(drawn, kind="svg", **how)
    return Markup(drawn.getvalue().decode())  # noqa: S704 - drawn by us, from our own address


def _day() -> date:
    try:
        return date.fromisoformat(request.args.get("day", ""))
    except ValueError:
        return datetime.now(SITE_ZONE).date()


def _common() -> dict[str, Any]:
    return {"names": names_of(here().site_id), "timedelta": timedelta}
