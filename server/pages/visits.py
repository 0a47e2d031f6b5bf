"""Visitors inside now."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, url_for

from server.access import allow, here, mine
from server.db import db
from server.names import names_of
from server.pages.telling import ask
from server.tables import Visit
from sync.feed import FRONT

bp = Blueprint("visits", __name__, url_prefix="/desk/visits")


@bp.get("/")
@allow(*FRONT)
def index() -> str:
    visits = db.session.scalars(Visit.inside(here().site_id)).all()
    return render_template("desk/visits/index.html", visits=visits, names=names_of(here().site_id))


@bp.post("/<id>/depart")
@allow(*FRONT)
def depart(id: str) -> Any:
    return ask("visit.depart", mine(Visit, id).id, {}, url_for("visits.index"))
