"""Found things at the desk: what is kept, who was told, who got it back."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, render_template, request, url_for
from sqlalchemy import select

from server.auth.access import allow, here, mine
from server.db.engine import db
from server.desk.history import lines
from server.desk.post import ask
from server.models import Area, Find
from server.oplog.directory import names_of
from server.oplog.receive import history
from sync.protocol.digest import FRONT
from sync.service.found_items import state

bp = Blueprint("finds", __name__, url_prefix="/desk/finds")

PAGE = 200
FORMS = {
    "find.notify": ("told_whom", "note"),
    "find.keep": ("keeper", "place"),
    "find.return": ("to", "how_known"),
    "find.to_police": ("station", "officer", "receipt"),
}
"""What the desk may tell of a find, and the fields of each form."""


@bp.get("/")
@allow(*FRONT)
def index() -> str:
    site_id = here().site_id
    places = select(Area).where(Area.site_id == site_id).order_by(Area.ordinal, Area.id)
    return render_template(
        "desk/finds/index.html",
        finds=db.session.scalars(Find.newest(site_id).limit(PAGE)).all(),
        areas=db.session.scalars(places).all(),
        names=names_of(site_id),
        state=lambda find: state(vars(find)),
    )


@bp.post("/")
@allow(*FRONT)
def record() -> Any:
    return ask("find.record", None, _said("what", "condition", "area", "place", "finder"), _back())


@bp.get("/<id>")
@allow(*FRONT)
def show(id: str) -> str:
    find = mine(Find, id)
    return render_template(
        "desk/finds/show.html",
        find=find,
        state=state(vars(find)),
        names=names_of(here().site_id),
        lines=lines(history(here().site_id, find.id)),
    )


@bp.post("/<id>/<what>")
@allow(*FRONT)
def tell(id: str, what: str) -> Any:
    """Notified, kept elsewhere, returned, or to the police."""
    kind = f"find.{what}"
    payload = _said(*(FORMS.get(kind) or abort(404)))
    return ask(kind, mine(Find, id).id, payload, url_for("finds.show", id=id))


def _said(*names: str) -> dict[str, Any]:
    """What a form says; what was left empty is left out."""
    return {name: text for name in names if (text := request.form.get(name, "").strip())}


def _back() -> str:
    return url_for("finds.index")
