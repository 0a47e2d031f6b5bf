"""Places: areas, homes and checkpoints, and whether a home is occupied."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request, url_for
from sqlalchemy import select

from server.auth.access import allow, current_user, get_or_404
from server.db.engine import db
from server.desk.label_form import form_label
from server.desk.navigation import NavEntry
from server.desk.submit import submit_and_redirect
from server.i18n.locale import translations
from server.models.places import Area, Checkpoint, Unit
from sync.estate.places import AREA_KINDS, KINDS, MASTER_DATA_ROLES
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l

bp = Blueprint("places", __name__, url_prefix="/desk/places")
NAVIGATION = [NavEntry("places.index", _l("Places"), 200)]

ROUTE_LABEL = _l("Patrol")
OCCUPANCY_EDITORS = KINDS["unit.occupy"].roles


@bp.get("/")
@allow(*DESK_ROLES)
def index() -> str:
    return render_template(
        "desk/places/index.html",
        areas=_select_ordered(Area, Area.ordinal, Area.id),
        units=_select_ordered(Unit, Unit.id),
        points=_select_ordered(Checkpoint, Checkpoint.ordinal, Checkpoint.id),
        kinds=AREA_KINDS,
        may_add=current_user().has_role(*MASTER_DATA_ROLES),
        may_occupy=current_user().has_role(*OCCUPANCY_EDITORS),
    )


@bp.post("/area")
@allow(*MASTER_DATA_ROLES)
def add_area() -> Any:
    form = request.form
    parent = form.get("parent_id") or None
    payload = {"label": _form_label(), "kind": form.get("kind"), "parent_id": parent}
    return submit_and_redirect(
        "area.add", None, {**payload, "ordinal": len(_select_ordered(Area, Area.id))}, _index_url()
    )


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
    payload = {**fields, "route": route, "ordinal": len(_select_ordered(Checkpoint, Checkpoint.id))}
    return submit_and_redirect("checkpoint.add", None, payload, _index_url())


@bp.post("/unit/<id>/occupied")
@allow(*OCCUPANCY_EDITORS)
def occupy(id: str) -> Any:
    """Set whether a home is occupied; future tasks of an empty home are cancelled."""
    unit = get_or_404(Unit, id)
    payload = {"occupied": not unit.occupied}
    return submit_and_redirect("unit.occupy", unit.id, payload, _index_url(), base=unit.version)


def _select_ordered(table: Any, *order: Any) -> Any:
    rows = select(table).where(table.site_id == current_user().site_id).order_by(*order)
    return db.session.scalars(rows).all()


def _form_label() -> dict[str, str]:
    return form_label(request.form, "label")


def _index_url() -> str:
    return url_for("places.index")
