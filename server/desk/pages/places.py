"""Places: areas, homes and checkpoints, and whether a home is occupied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, render_template, request, url_for
from sqlalchemy import func, select

from server.auth.access import allow, current_user, get_or_404
from server.db.engine import db
from server.desk.label_form import form_label
from server.desk.navigation import NavEntry
from server.desk.options import list_areas
from server.desk.submit import submit_and_redirect
from server.i18n.locale import localize, translations
from server.models.places import Area, Checkpoint, Unit
from sync import RECORD_TYPES
from sync.estate.places import AREA_KINDS, KINDS, MASTER_DATA_ROLES
from sync.protocol.normalise import natural_key
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l

bp = Blueprint("places", __name__, url_prefix="/desk/places")
NAVIGATION = [NavEntry("places.index", _l("Places"), "reports", 30)]

ROUTE_LABEL = _l("Patrol")
OCCUPANCY_EDITORS = KINDS["unit.occupy"].roles


@bp.get("/")
@allow(*DESK_ROLES)
def index() -> str:
    return render_template(
        "desk/places/index.html",
        areas=(areas := list_areas(current_user().site_id)),
        units=(units := _in_natural_order(Unit)),
        points=(points := _in_natural_order(Checkpoint)),
        duplicates=[
            *_duplicates("area", areas),
            *_duplicates("unit", units),
            *_duplicates("checkpoint", points),
        ],
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
    return submit_and_redirect("area.add", None, {**payload, "ordinal": _count(Area)}, _index_url())


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
    return submit_and_redirect("checkpoint.add", None, payload, _index_url())


@bp.post("/unit/<id>/occupied")
@allow(*OCCUPANCY_EDITORS)
def occupy(id: str) -> Any:
    """Set whether a home is occupied; future tasks of an empty home are cancelled."""
    unit = get_or_404(Unit, id)
    payload = {"occupied": not unit.occupied}
    is_on_own_page = request.form.get("page") == "home"
    back = url_for("homes.show", id=unit.id) if is_on_own_page else _index_url()
    return submit_and_redirect("unit.occupy", unit.id, payload, back, base=unit.version)


def _in_natural_order(table: Any) -> list[Any]:
    """The places of a table by their labels; checkpoints in the order of their round."""
    rows = db.session.scalars(select(table).where(table.site_id == current_user().site_id))
    return sorted(rows, key=lambda row: (getattr(row, "ordinal", 0), natural_key(_label(row))))


def _duplicates(type_: str, places: Sequence[Any]) -> list[str]:
    """E20: the labels of places that share a name or a number: older ones, which are kept."""
    unique_keys = RECORD_TYPES[type_].unique_keys or (lambda _: ())
    by_key: dict[str, dict[str, str]] = {}
    for place in places:
        for key in unique_keys(vars(place)):
            by_key.setdefault(key, {})[place.id] = _label(place)
    shared: dict[str, str] = {}
    for found in by_key.values():
        shared |= found if len(found) > 1 else {}
    return list(shared.values())


def _label(place: Any) -> str:
    return localize(place.label)


def _count(table: Any) -> int:
    rows = select(func.count()).select_from(table)
    return db.session.scalar(rows.where(table.site_id == current_user().site_id)) or 0


def _form_label() -> dict[str, str]:
    return form_label(request.form, "label")


def _index_url() -> str:
    return url_for("places.index")
