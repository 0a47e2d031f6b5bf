"""Places: areas, homes and checkpoints, and whether somebody lives behind a door."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request, url_for
from sqlalchemy import select

from server.auth.access import allow, here, mine
from server.db.engine import db
from server.desk.post import ask
from server.models import Area, Checkpoint, Unit
from sync.estate.places import AREA_KINDS, KINDS, MASTERS
from sync.protocol.digest import DESK

bp = Blueprint("places", __name__, url_prefix="/desk/places")

OCCUPIERS = KINDS["unit.occupy"].roles


@bp.get("/")
@allow(*DESK)
def index() -> str:
    return render_template(
        "desk/places/index.html",
        areas=_all(Area, Area.ordinal, Area.id),
        units=_all(Unit, Unit.id),
        points=_all(Checkpoint, Checkpoint.ordinal, Checkpoint.id),
        kinds=AREA_KINDS,
        may_add=here().may(*MASTERS),
        may_occupy=here().may(*OCCUPIERS),
    )


@bp.post("/area")
@allow(*MASTERS)
def add_area() -> Any:
    form = request.form
    parent = form.get("parent_id") or None
    said = {"label": _label(), "kind": form.get("kind"), "parent_id": parent}
    return ask("area.add", None, {**said, "ordinal": len(_all(Area, Area.id))}, _back())


@bp.post("/unit")
@allow(*MASTERS)
def add_unit() -> Any:
    said = {"label": _label(), "area_id": request.form.get("area_id")}
    return ask("unit.add", None, {**said, "occupied": "occupied" in request.form}, _back())


@bp.post("/checkpoint")
@allow(*MASTERS)
def add_checkpoint() -> Any:
    """A point of a round; its label is printed under Patrol."""
    form = request.form
    said = {"label": _label(), "area_id": form.get("area_id"), "code": form.get("code") or None}
    route = {"zh": "巡更", "en": "Patrol"}
    payload = {**said, "route": route, "ordinal": len(_all(Checkpoint, Checkpoint.id))}
    return ask("checkpoint.add", None, payload, _back())


@bp.post("/unit/<id>/occupied")
@allow(*OCCUPIERS)
def occupy(id: str) -> Any:
    """A home that was left loses what is to come; what was done stays."""
    unit = mine(Unit, id)
    said = {"occupied": not unit.occupied}
    return ask("unit.occupy", unit.id, said, _back(), base=unit.version)


def _all(table: Any, *order: Any) -> Any:
    found = select(table).where(table.site_id == here().site_id).order_by(*order)
    return db.session.scalars(found).all()


def _label() -> dict[str, str]:
    zh, en = (request.form.get(lang, "").strip() for lang in ("zh", "en"))
    return {"zh": zh or en, "en": en or zh}


def _back() -> str:
    return url_for("places.index")
