"""Found things at the desk: what is kept, who was told, who got it back."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, render_template, request, url_for
from sqlalchemy import select

from server.auth.access import allow, current_user, get_or_404
from server.db.engine import db
from server.desk.history import op_lines
from server.desk.navigation import NavEntry
from server.desk.submit import submit_and_redirect
from server.models.found_items import FoundItem
from server.models.places import Area
from server.oplog.directory import directory_of
from server.oplog.receive import ops_about
from sync.protocol.roles import FRONT_DESK_ROLES
from sync.protocol.text import _l
from sync.service.found_items import state

bp = Blueprint("found_items", __name__, url_prefix="/desk/finds")
NAVIGATION = [NavEntry("found_items.index", _l("Found items"), 80)]

PAGE_SIZE = 200
FORM_FIELDS = {
    "find.notify": ("told_whom", "note"),
    "find.keep": ("keeper", "place"),
    "find.return": ("to", "how_known"),
    "find.to_police": ("station", "officer", "receipt"),
}
"""What the desk may tell of a find, and the fields of each form."""


@bp.get("/")
@allow(*FRONT_DESK_ROLES)
def index() -> str:
    site_id = current_user().site_id
    places = select(Area).where(Area.site_id == site_id).order_by(Area.ordinal, Area.id)
    return render_template(
        "desk/found_items/index.html",
        finds=db.session.scalars(FoundItem.newest(site_id).limit(PAGE_SIZE)).all(),
        areas=db.session.scalars(places).all(),
        names=directory_of(site_id),
        state=lambda find: state(vars(find)),
    )


@bp.post("/")
@allow(*FRONT_DESK_ROLES)
def record() -> Any:
    return submit_and_redirect(
        "find.record",
        None,
        _form_fields("what", "condition", "area", "place", "finder"),
        _index_url(),
    )


@bp.get("/<id>")
@allow(*FRONT_DESK_ROLES)
def show(id: str) -> str:
    find = get_or_404(FoundItem, id)
    return render_template(
        "desk/found_items/show.html",
        find=find,
        state=state(vars(find)),
        names=directory_of(current_user().site_id),
        lines=op_lines(ops_about(current_user().site_id, find.id)),
    )


@bp.post("/<id>/<what>")
@allow(*FRONT_DESK_ROLES)
def tell(id: str, what: str) -> Any:
    """Notified, kept elsewhere, returned, or to the police."""
    kind = f"find.{what}"
    payload = _form_fields(*(FORM_FIELDS.get(kind) or abort(404)))
    return submit_and_redirect(
        kind, get_or_404(FoundItem, id).id, payload, url_for("found_items.show", id=id)
    )


def _form_fields(*names: str) -> dict[str, Any]:
    """What a form says; what was left empty is left out."""
    return {name: text for name in names if (text := request.form.get(name, "").strip())}


def _index_url() -> str:
    return url_for("found_items.index")
