"""Inspections: reports, which one is official, scores and how they move, what is put right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, render_template, request, url_for
from markupsafe import Markup
from sqlalchemy import select

from server.auth.access import allow, current_user, get_or_404
from server.db.engine import db
from server.desk.navigation import NavEntry
from server.desk.submit import submit_and_redirect
from server.models.inspections import Inspection
from server.models.people import Person
from server.models.rectifications import Rectification
from server.oplog.directory import directory_of
from sync.protocol.clock import SITE_ZONE, format_time
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l
from sync.quality.inspections import official_inspection
from sync.quality.scores import ScoreSeries, score_series, undecided_slots

bp = Blueprint("inspections", __name__, url_prefix="/desk/inspections")
NAVIGATION = [NavEntry("inspections.index", _l("Inspections"), 180)]

LOOKBACK = timedelta(days=90)
GROUPINGS = ("area", "person", "code")


@bp.get("/")
@allow(*DESK_ROLES)
def index() -> str:
    """What was inspected lately, what two people saw differently, what is still to be put right."""
    site, names, now = (
        current_user().site_id,
        directory_of(current_user().site_id),
        datetime.now(UTC),
    )
    found = db.session.scalars(Inspection.since(site, now - LOOKBACK)).all()
    asked = request.args.get("by", "")
    by = asked if asked in GROUPINGS else GROUPINGS[0]
    scored = score_series(found, lambda one: getattr(one, by))
    return render_template(
        "desk/inspections/index.html",
        inspections=found[:50],
        pairs=undecided_slots(found),
        by=by,
        scored=[(_group_label(by, line, names), line) for line in scored],
        open=db.session.scalars(Rectification.unverified(site)).all(),
        people=db.session.scalars(
            select(Person).where(Person.site_id == site, Person.active_to.is_(None))
        ).all(),
        names=names,
        moment_now=now,
        spark=sparkline_svg,
    )


@bp.get("/<id>")
@allow(*DESK_ROLES)
def show(id: str) -> str:
    """One inspection as a report, with those of the same thing and day beside it."""
    found = get_or_404(Inspection, id)
    rivals = db.session.scalars(Inspection.same_slot(found.site_id, found.slot)).all()
    return render_template(
        "desk/inspections/show.html",
        inspection=found,
        rivals=rivals,
        counts=official_inspection(rivals),
        raised=db.session.scalars(Rectification.for_inspection(found.site_id, found.id)).all(),
        names=directory_of(found.site_id),
    )


@bp.post("/<id>/official")
@allow(*DESK_ROLES)
def make_official(id: str) -> Any:
    """I8: this one counts; the one that counted before steps back."""
    found = get_or_404(Inspection, id)
    rivals = db.session.scalars(Inspection.same_slot(found.site_id, found.slot))
    before = next((one.id for one in rivals if one.official_at), None)
    back = url_for("inspections.show", id=found.id)
    said = {"instead_of": before}
    return submit_and_redirect("inspection.make_official", found.id, said, back, base=found.version)


@bp.post("/<id>/unofficial")
@allow(*DESK_ROLES)
def unmake_official(id: str) -> Any:
    found = get_or_404(Inspection, id)
    back = url_for("inspections.show", id=found.id)
    return submit_and_redirect("inspection.unmake_official", found.id, {}, back, base=found.version)


@bp.post("/rectifications/<id>")
@allow(*DESK_ROLES)
def assign_corrective_action(id: str) -> Any:
    """Who puts it right, and by which day."""
    found, form = get_or_404(Rectification, id), request.form
    said: dict[str, Any] = {"responsible_id": form.get("responsible_id") or None}
    try:
        due = datetime.fromisoformat(form.get("due_at", "")).replace(hour=20, tzinfo=SITE_ZONE)
        said["due_at"] = format_time(due.astimezone(UTC))
    except ValueError:
        pass  # without a day, the day stays
    back = url_for("inspections.index")
    return submit_and_redirect("rectification.assign", found.id, said, back, base=found.version)


def _group_label(by: str, line: ScoreSeries, names: Any) -> Any:
    if by == "area":
        return names.area_label(line.key)
    return names.person_name(line.key) if by == "person" else line.inspections[-1].label


def sparkline_svg(line: ScoreSeries) -> Markup:
    """The scores of a line as a small drawing; the same figures stand beside it."""
    scores = [one.score for one in line.inspections][-12:]
    step = 96 // max(len(scores) - 1, 1)
    at = [(2 + place * step, 26 - score * 24 // 1000) for place, score in enumerate(scores)]
    points = " ".join(f"{x},{y}" for x, y in at)
    drawn = Markup(
        '<svg class="spark" viewBox="0 0 100 28" aria-hidden="true">'
        '<polyline points="{}" fill="none" stroke="currentColor" stroke-width="2"/></svg>'
    )
    return drawn.format(points)
