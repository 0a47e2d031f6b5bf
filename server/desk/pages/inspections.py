"""Inspections: reports, which one is official, scores over time, corrective actions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, render_template, request, url_for
from markupsafe import Markup

from server.auth.access import allow, current_user, get_or_404
from server.db.engine import db
from server.desk.inspection_list import INSPECTIONS
from server.desk.lists import register_list
from server.desk.navigation import NavEntry
from server.desk.options import active_people
from server.desk.rectification_list import RECTIFICATIONS, due_time
from server.desk.related import linked_records, without_empty
from server.desk.story import story_about
from server.desk.submit import submit_and_redirect
from server.models.inspections import Inspection
from server.models.rectifications import Rectification
from server.oplog.directory import directory_of
from sync.protocol.clock import format_time
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l
from sync.quality.inspection_rules import official_inspection
from sync.quality.scores import ScoreSeries, score_series

bp = Blueprint("inspections", __name__, url_prefix="/desk/inspections")
register_list(bp, INSPECTIONS)
register_list(bp, RECTIFICATIONS, "/rectifications", "rectifications")
NAVIGATION = [
    NavEntry(
        "inspections.index",
        _l("Inspections"),
        "quality",
        10,
        about=_l("Inspections with their scores."),
    ),
    NavEntry(
        "inspections.rectifications",
        _l("Corrective actions"),
        "quality",
        15,
        about=_l("What inspections found to be put right, who fixes it and by when."),
    ),
]

LOOKBACK = timedelta(days=90)
GROUPINGS = ("area", "person", "code")


@bp.get("/scores")
@allow(*DESK_ROLES)
def scores() -> str:
    """The scores of the last LOOKBACK by area, person or checklist, lowest first."""
    site, names = current_user().site_id, directory_of(current_user().site_id)
    inspections = db.session.scalars(Inspection.since(site, datetime.now(UTC) - LOOKBACK)).all()
    selected = request.args.get("by", "")
    by = selected if selected in GROUPINGS else GROUPINGS[0]
    scored = score_series(inspections, lambda inspection: getattr(inspection, by))
    return render_template(
        "desk/inspections/scores.html",
        by=by,
        scored=[(_group_label(by, line, names), line) for line in scored],
        spark=sparkline_svg,
    )


@bp.get("/<id>")
@allow(*DESK_ROLES)
def show(id: str) -> str:
    """One inspection, with the others of the same subject and day."""
    inspection = get_or_404(Inspection, id)
    rivals = db.session.scalars(Inspection.same_slot(inspection.site_id, inspection.slot)).all()
    raised = db.session.scalars(
        Rectification.for_inspection(inspection.site_id, inspection.id)
    ).all()
    return render_template(
        "desk/inspections/show.html",
        inspection=inspection,
        rivals=rivals,
        counts=official_inspection(rivals),
        raised=raised,
        asked={action.item for action in raised},
        fails=[item for item, result in inspection.results.items() if result == "fail"],
        told=story_about(inspection.site_id, inspection.id),
        related=without_empty([linked_records(inspection)]),
        assessed=sum(item["id"] in inspection.results for item in inspection.criteria),
        people=active_people(current_user().site_id),
        names=directory_of(inspection.site_id),
    )


@bp.post("/<id>/official")
@allow(*DESK_ROLES)
def make_official(id: str) -> Any:
    """I8: make this inspection the official one, instead of the one before."""
    inspection = get_or_404(Inspection, id)
    rivals = db.session.scalars(Inspection.same_slot(inspection.site_id, inspection.slot))
    before = next((rival.id for rival in rivals if rival.official_at), None)
    back = url_for("inspections.show", id=inspection.id)
    payload = {"instead_of": before}
    return submit_and_redirect(
        "inspection.make_official", inspection.id, payload, back, base=inspection.version
    )


@bp.post("/<id>/unofficial")
@allow(*DESK_ROLES)
def unmake_official(id: str) -> Any:
    inspection = get_or_404(Inspection, id)
    back = url_for("inspections.show", id=inspection.id)
    return submit_and_redirect(
        "inspection.unmake_official", inspection.id, {}, back, base=inspection.version
    )


@bp.post("/<id>/rectify")
@allow(*DESK_ROLES)
def rectify(id: str) -> Any:
    """I7: ask for a fix of a criterion that failed, with who fixes it and by when."""
    inspection, form = get_or_404(Inspection, id), request.form
    payload: dict[str, Any] = {"item": form.get("item", "")}
    if form.get("responsible_id"):
        payload["responsible_id"] = form["responsible_id"]
    due = due_time(form)
    if due:
        payload["due_at"] = format_time(due)
    back = url_for("inspections.show", id=inspection.id)
    return submit_and_redirect(
        "inspection.rectify", inspection.id, payload, back, base=form.get("base", type=int)
    )


def _group_label(by: str, line: ScoreSeries, names: Any) -> Any:
    if by == "area":
        return names.area_label(line.key)
    return names.person_name(line.key) if by == "person" else line.inspections[-1].label


def sparkline_svg(line: ScoreSeries) -> Markup:
    """The last 12 scores of a series as an SVG line; the template writes the figures beside it."""
    scores = [inspection.score for inspection in line.inspections][-12:]
    step = 96 // max(len(scores) - 1, 1)
    points = [(2 + index * step, 26 - score * 24 // 1000) for index, score in enumerate(scores)]
    coordinates = " ".join(f"{x},{y}" for x, y in points)
    svg = Markup(
        '<svg class="spark" viewBox="0 0 100 28" aria-hidden="true">'
        '<polyline points="{}" fill="none" stroke="currentColor" stroke-width="2"/></svg>'
    )
    return svg.format(coordinates)
