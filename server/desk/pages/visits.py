"""Visitors at the desk: who is inside, who is expected, who was here; how long it is remembered."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, render_template, request, url_for
from sqlalchemy import select

from server.auth.access import allow, here, mine
from server.db.engine import db
from server.desk.history import lines
from server.desk.homes import page_asked
from server.desk.post import ask
from server.i18n.filters import SITE_ZONE
from server.models import Purge, Release, Site, Unit, Visit
from server.oplog.directory import names_of
from server.oplog.receive import history
from sync.estate.places import MASTERS
from sync.gate import visits as rules
from sync.protocol.digest import DESK, FRONT

bp = Blueprint("visits", __name__, url_prefix="/desk/visits")

PAGE = 50
LOCAL = "%Y-%m-%dT%H:%M"


@bp.get("/")
@allow(*FRONT)
def index() -> str:
    site_id, now = here().site_id, datetime.now(UTC)
    start = now.astimezone(SITE_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    today = db.session.scalars(Visit.kept(site_id).where(Visit.arrived_at >= start)).all()
    lacks = [rules.unattended(visit.steps, visit.departed_at is not None) for visit in today]
    return render_template(
        "desk/visits/index.html",
        visits=db.session.scalars(Visit.inside(site_id)).all(),
        expected=db.session.scalars(Visit.expected(site_id).limit(PAGE)).all(),
        no_farewell=lacks.count("no-farewell"),
        not_seen_out=lacks.count("not-seen-out"),
        names=names_of(site_id),
        units=_units(),
        purposes=rules.PURPOSES,
        now=now,
    )


@bp.get("/search")
@allow(*FRONT)
def search() -> str:
    """By plate, person, home and time, in whatever combination; page by page."""
    asked = {name: request.args.get(name, "").strip() for name in ("plate", "who", "unit")}
    asked["plate"] = asked["plate"].upper()
    page = page_asked()
    since, before = _time(request.args.get("since")), _time(request.args.get("before"))
    query = Visit.found(here().site_id, **asked, since=since, before=before)
    found = db.session.scalars(query.offset((page - 1) * PAGE).limit(PAGE + 1)).all()
    return render_template(
        "desk/visits/search.html",
        visits=found[:PAGE],
        more=len(found) > PAGE,
        page=page,
        asked={**asked, **{n: request.args.get(n, "") for n in ("since", "before")}},
        names=names_of(here().site_id),
        units=_units(),
    )


@bp.get("/notice")
@allow(*FRONT)
def notice() -> str:
    """What hangs at the gate: who asks, what for, how long it is kept, which rights there are."""
    site = db.session.get_one(Site, (here().site_id, here().site_id))
    return render_template("desk/visits/notice.html", site=site)


@bp.get("/keeping")
@allow(*DESK)
def keeping() -> str:
    site_id = here().site_id
    return render_template(
        "desk/visits/keeping.html",
        site=db.session.get_one(Site, (site_id, site_id)),
        purges=db.session.scalars(Purge.newest(site_id).limit(PAGE)).all(),
        may_set=here().may(*MASTERS),
    )


@bp.post("/keeping")
@allow(*MASTERS)
def retain() -> Any:
    asked = {n: request.form.get(n, type=int) for n in ("retention_days", "visit_minutes")}
    payload = {name: value for name, value in asked.items() if value is not None}
    return ask("site.retain", here().site_id, payload, url_for("visits.keeping"))


@bp.get("/releases")
@allow(*FRONT)
def releases() -> str:
    notes = db.session.scalars(Release.newest(here().site_id).limit(PAGE)).all()
    names = names_of(here().site_id)
    return render_template("desk/visits/releases.html", notes=notes, names=names)


@bp.post("/expect")
@allow(*FRONT)
def expect() -> Any:
    texts = ("visitor", "purpose", "host_unit", "host_person", "firm", "plate")
    payload: dict[str, Any] = {n: t for n in texts if (t := request.form.get(n, "").strip())}
    times = {n: _time(request.form.get(n)) for n in ("expected_from", "expected_until")}
    payload |= {name: time for name, time in times.items() if time}
    size = request.form.get("party_size", type=int)
    payload |= {"party_size": size} if size else {}
    return ask("visit.expect", None, payload, url_for("visits.index"))


@bp.get("/<id>")
@allow(*FRONT)
def show(id: str) -> str:
    visit, site_id = mine(Visit, id), here().site_id
    return render_template(
        "desk/visits/show.html",
        visit=visit,
        state=rules.state(vars(visit)),
        releases=db.session.scalars(Release.of_visit(site_id, visit.id)).all(),
        names=names_of(site_id),
        lines=lines(history(site_id, visit.id)),
        may_hold=here().may(*DESK),
    )


@bp.post("/<id>/depart")
@allow(*FRONT)
def depart(id: str) -> Any:
    return ask("visit.depart", mine(Visit, id).id, {}, url_for("visits.index"))


@bp.post("/<id>/admit")
@allow(*FRONT)
def admit(id: str) -> Any:
    return ask("visit.admit", mine(Visit, id).id, {}, url_for("visits.index"))


@bp.post("/<id>/hold")
@allow(*DESK)
def hold(id: str) -> Any:
    payload = {"reason": request.form.get("reason", "").strip()}
    return ask("visit.hold", mine(Visit, id).id, payload, url_for("visits.show", id=id))


@bp.post("/<id>/release-hold")
@allow(*DESK)
def release_hold(id: str) -> Any:
    return ask("visit.release_hold", mine(Visit, id).id, {}, url_for("visits.show", id=id))


def _units() -> Any:
    homes = select(Unit.id, Unit.label).where(Unit.site_id == here().site_id)
    return sorted(db.session.execute(homes).all(), key=lambda unit: unit.label["zh"])


def _time(said: str | None) -> datetime | None:
    """A time as a form says it, at the site; what is none is left out. A day begins at midnight."""
    for shape in (LOCAL, "%Y-%m-%d"):
        try:
            moment = datetime.strptime(said or "", shape).replace(tzinfo=SITE_ZONE)
        except ValueError:
            continue
        return moment.astimezone(UTC) if moment.year > 1970 else None
    return None
