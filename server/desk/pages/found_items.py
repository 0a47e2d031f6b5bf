"""Found items: where they are stored, who was notified, who got them back."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, render_template, request, url_for
from flask_babel import gettext

from server.auth.access import allow, current_user, get_or_404
from server.desk.actions import Action
from server.desk.found_item_list import FOUND_ITEMS, STEP_FORMS
from server.desk.lists import register_list
from server.desk.navigation import NavEntry
from server.desk.options import area_options
from server.desk.payload_form import PayloadForm
from server.desk.related import linked_records, without_empty
from server.desk.story import story_about
from server.desk.submit import submit_and_redirect
from server.models.found_items import FoundItem
from server.oplog.directory import directory_of
from sync.protocol.roles import FRONT_DESK_ROLES
from sync.protocol.text import _l
from sync.service.found_items import state

bp = Blueprint("found_items", __name__, url_prefix="/desk/finds")
NAVIGATION = [
    NavEntry(
        "found_items.index",
        _l("Found items"),
        "matters",
        30,
        about=_l("Things found on the estate, who keeps them, and when they go to the police."),
    )
]
ACTIONS = [Action("found_items.new", _l("Record a found item"))]
register_list(bp, FOUND_ITEMS)

RECORD_FORM = PayloadForm("find.record", "what", "area", "place", "condition", "finder")


@bp.get("/new")
@allow(*FRONT_DESK_ROLES)
def new() -> str:
    """The form that records a found item."""
    inputs = RECORD_FORM.inputs(
        options={"area": area_options(current_user().site_id)},
        labels={
            "what": gettext("What was found"),
            "area": gettext("Found at (place)"),
            "finder": gettext("Found by someone else (name)"),
        },
    )
    return render_template("desk/found_items/new.html", inputs=inputs)


@bp.post("/")
@allow(*FRONT_DESK_ROLES)
def record() -> Any:
    payload = RECORD_FORM.payload(request.form)
    return submit_and_redirect("find.record", None, payload, url_for("found_items.index"))


@bp.get("/<id>")
@allow(*FRONT_DESK_ROLES)
def show(id: str) -> str:
    item = get_or_404(FoundItem, id)
    return render_template(
        "desk/found_items/show.html",
        item=item,
        state=state(vars(item)),
        names=directory_of(current_user().site_id),
        forms={step: form.inputs() for step, form in STEP_FORMS.items()},
        told=story_about(current_user().site_id, item.id),
        related=without_empty([linked_records(item)]),
    )


@bp.post("/<id>/<step>")
@allow(*FRONT_DESK_ROLES)
def record_step(id: str, step: str) -> Any:
    """Somebody was notified; the item was moved, returned or handed to the police."""
    form, item = STEP_FORMS.get(step) or abort(404), get_or_404(FoundItem, id)
    back = url_for("found_items.show", id=id)
    return submit_and_redirect(f"find.{step}", item.id, form.payload(request.form), back)
