"""Inspections: reports, which one is official, scores and how they move, what is put right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, render_template, request, url_for
from markupsafe import Markup
from sqlalchemy import select

from server.auth.access import allow, here, mine
from server.db.engine import db
from server.desk.post import ask
from server.i18n.filters import SITE_ZONE
from server.models import Inspection, Person, Rectification
from server.oplog.directory import names_of
from sync.protocol.clock import iso
from sync.protocol.digest import DESK
from sync.quality.inspections import official
from sync.quality.scores import Line, lines, undecided

bp = Blueprint("inspections", __name__, url_prefix="/desk/inspections")

BACK = timedelta(days=90)
BY = ("area", "person", "code")


@bp.get("/")
@allow(*DESK)
def index() -> str:
    """What was inspected lately, what two people saw differently, what is still to be put right."""
    site, names, now = here().site_id, names_of(here().site_id), datetime.now(UTC)
    found = db.session.scalars(Inspection.since(site, now - BACK)).all()
    asked = request.args.get("by", "")
    by = asked if asked in BY else BY[0]
    scored = lines(found, lambda one: getattr(one, by))
    return render_template(
        "desk/inspections/index.html",
        inspections=found[:50],
        pairs=undecided(found),
        by=by,
        scored=[(_called(by, line, names), line) for line in scored],
        open=db.session.scalars(Rectification.unverified(site)).all(),
        people=db.session.scalars(
            select(Person).where(Person.site_id == site, Person.active_to.is_(None))
        ).all(),
        names=names,
        moment_now=now,
        spark=spark,
    )


@bp.get("/<id>")
@allow(*DESK)
def show(id: str) -> str:
    """One inspection as a report, with those of the same thing and day beside it."""
    found = mine(Inspection, id)
    rivals = db.session.scalars(Inspection.beside(found.site_id, found.slot)).all()
    return render_template(
        "desk/inspections/show.html",
        inspection=found,
        rivals=rivals,
        counts=official(rivals),
        raised=db.session.scalars(Rectification.of(found.site_id, found.id)).all(),
        names=names_of(found.site_id),
    )


@bp.post("/<id>/official")
@allow(*DESK)
def choose(id: str) -> Any:
    """I8: this one counts; the one that counted before steps back."""
    found = mine(Inspection, id)
    rivals = db.session.scalars(Inspection.beside(found.site_id, found.slot))
    before = next((one.id for one in rivals if one.official_at), None)
    back = url_for("inspections.show", id=found.id)
    said = {"instead_of": before}
    return ask("inspection.make_official", found.id, said, back, base=found.version)


@bp.post("/<id>/unofficial")
@allow(*DESK)
def unchoose(id: str) -> Any:
    found = mine(Inspection, id)
    back = url_for("inspections.show", id=found.id)
    return ask("inspection.unmake_official", found.id, {}, back, base=found.version)


@bp.post("/rectifications/<id>")
@allow(*DESK)
def assign(id: str) -> Any:
    """Who puts it right, and by which day."""
    found, form = mine(Rectification, id), request.form
    said: dict[str, Any] = {"responsible_id": form.get("responsible_id") or None}
    try:
        due = datetime.fromisoformat(form.get("due_at", "")).replace(hour=20, tzinfo=SITE_ZONE)
        said["due_at"] = iso(due.astimezone(UTC))
    except ValueError:
        pass  # without a day, the day stays
    back = url_for("inspections.index")
    return ask("rectification.assign", found.id, said, back, base=found.version)


def _called(by: str, line: Line, names: Any) -> Any:
    if by == "area":
        return names.area(line.key)
    return names.person(line.key) if by == "person" else line.scored[-1].label


def spark(line: Line) -> Markup:
    """The scores of a line as a small drawing; the same figures stand beside it."""
    scores = [one.score for one in line.scored][-12:]
    step = 96 // max(len(scores) - 1, 1)
    at = [(2 + place * step, 26 - score * 24 // 1000) for place, score in enumerate(scores)]
    points = " ".join(f"{x},{y}" for x, y in at)
    drawn = Markup(
        '<svg class="spark" viewBox="0 0 100 28" aria-hidden="true">'
        '<polyline points="{}" fill="none" stroke="currentColor" stroke-width="2"/></svg>'
    )
    return drawn.format(points)
