"""Places: areas, homes and checkpoints, and whether a home is occupied."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request, url_for
from sqlalchemy import func, select

from server.auth.access import allow, current_user, get_or_404
from server.db.engine import db
from server.desk.actions import Action
from server.desk.label_form import form_label
from server.desk.lists import register_list
from server.desk.navigation import NavEntry
from server.desk.options import list_areas
from server.desk.place_lists import AREAS, HOMES, OCCUPANCY_EDITORS
from server.desk.submit import submit_and_redirect
from server.i18n.locale import translations
from server.models.places import Area, Checkpoint, Unit
from sync.estate.places import AREA_KINDS, MASTER_DATA_ROLES
from sync.protocol.text import _l

bp = Blueprint("places", __name__, url_prefix="/desk/places")
register_list(bp, HOMES)
register_list(bp, AREAS, "/areas", "areas")
NAVIGATION = [
    NavEntry(
        "places.index",
        _l("Homes"),
        "reports",
        30,
        about=_l("Homes of the estate, where they lie, and whether somebody lives there."),
    ),
    NavEntry(
        "places.areas",
        _l("Areas"),
        "reports",
        31,
        about=_l("Buildings, grounds and rooms in which work is done."),
    ),
]

ACTIONS = [Action("places.new", _l("Add place"))]

ROUTE_LABEL = _l("Patrol")


@bp.get("/new")
@allow(*MASTER_DATA_ROLES)
def new() -> str:
    """The forms for a new home, area and checkpoint."""
    return render_template(
        "desk/places/new.html", areas=list_areas(current_user().site_id), kinds=AREA_KINDS
    )


@bp.post("/area")
@allow(*MASTER_DATA_ROLES)
def add_area() -> Any:
    form, back = request.form, url_for("places.areas")
    parent = form.get("parent_id") or None
    payload = {"label": _form_label(), "kind": form.get("kind"), "parent_id": parent}
    return submit_and_redirect("area.add", None, {**payload, "ordinal": _count(Area)}, back)


@bp.post("/unit")
@allow(*MASTER_DATA_ROLES)
def add_unit() -> Any:
    payload = {"label": _form_label(), "area_id": request.form.get("area_id")}
    return submit_and_redirect(
        "unit.add", None, {**payload, "occupied": "occupied" in request.form}, _index_url()
    )


@bp.post("/checkpoint")
@allow(*MASTER_DATA_ROLES)
def add_checkpoint() -> Any:
    """Add a checkpoint; its label is printed from the patrol page."""
    form = request.form
    fields = {
        "label": _form_label(),
        "area_id": form.get("area_id"),
        "code": form.get("code") or None,
    }
    route = translations(ROUTE_LABEL)
    payload = {**fields, "route": route, "ordinal": _count(Checkpoint)}
    return submit_and_redirect("checkpoint.add", None, payload, url_for("places.areas"))


@bp.post("/unit/<id>/occupied")
@allow(*OCCUPANCY_EDITORS)
def occupy(id: str) -> Any:
    """Set whether a home is occupied; future tasks of an empty home are cancelled."""
    unit = get_or_404(Unit, id)
    payload = {"occupied": not unit.occupied}
    is_on_own_page = request.form.get("page") == "home"
    back = url_for("homes.show", id=unit.id) if is_on_own_page else _index_url()
    return submit_and_redirect("unit.occupy", unit.id, payload, back, base=unit.version)


def _count(table: Any) -> int:
    rows = select(func.count()).select_from(table)
    return db.session.scalar(rows.where(table.site_id == current_user().site_id)) or 0


def _form_label() -> dict[str, str]:
    return form_label(request.form, "label")


def _index_url() -> str:
    return url_for("places.index")
