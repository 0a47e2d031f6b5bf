"""Checklists: criteria and weights. A change makes a new edition; used ones stay."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, abort, render_template, request, url_for

from server.auth.access import allow, current_user, get_or_404
from server.desk.checklist_list import CHECKLISTS
from server.desk.label_form import form_label
from server.desk.lists import register_list
from server.desk.navigation import NavEntry
from server.desk.payload_form import form_number
from server.desk.submit import submit_and_redirect
from server.models.checklists import Checklist
from sync.estate.places import AREA_KINDS, MASTER_DATA_ROLES
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l
from sync.quality.checklists_content import criterion_id

bp = Blueprint("checklists", __name__, url_prefix="/desk/checklists")


def may_add() -> dict[str, Any]:
    """Whether the current user may add a checklist."""
    return {"may_add": current_user().has_role(*MASTER_DATA_ROLES)}


register_list(bp, replace(CHECKLISTS, extra=may_add))
NAVIGATION = [
    NavEntry(
        "checklists.index",
        _l("Checklists"),
        "quality",
        50,
        about=_l("What an inspection looks at, and how much each point counts."),
    )
]


@bp.get("/new")
@allow(*MASTER_DATA_ROLES)
def new() -> str:
    """The form for a new checklist."""
    return render_template("desk/checklists/new.html", kinds=AREA_KINDS)


@bp.get("/<id>")
@allow(*DESK_ROLES)
def show(id: str) -> str:
    """The criteria of a checklist, and the form for its next edition."""
    return render_template(
        "desk/checklists/show.html",
        template=get_or_404(Checklist, id),
        may_change=current_user().has_role(*MASTER_DATA_ROLES),
    )


@bp.post("/")
@allow(*MASTER_DATA_ROLES)
def add() -> Any:
    form = request.form
    about = form.get("about", "")
    payload = {
        "code": form.get("code", "").strip(),
        "label": form_label(form, "label"),
        "about": about,
    }
    kinds = [kind for kind in form.getlist("area_kinds") if kind] if about == "area" else []
    return submit_and_redirect(
        "template.add", None, {**payload, "area_kinds": kinds, "items": []}, _index_url()
    )


@bp.post("/<id>")
@allow(*MASTER_DATA_ROLES)
def revise(id: str) -> Any:
    """A new edition: order, weight, `critical` and picture of each criterion, and a new one."""
    checklist, form = get_or_404(Checklist, id), request.form
    placed = []
    for place, item in enumerate(checklist.items):
        position = form_number(form, f"place.{item['id']}", place + 1)
        weight = form_number(form, f"weight.{item['id']}", item["weight"])
        criterion = {**item, "weight": weight, "critical": f"critical.{item['id']}" in form}
        criterion["picture"] = form.get(f"picture.{item['id']}", item["picture"]) or None
        if position:
            placed.append((position, place, criterion))
    items = [criterion for _, _, criterion in sorted(placed, key=lambda entry: entry[:2])]
    label = form_label(form, "new")
    if label:
        new = {
            "id": criterion_id(checklist.id, label),
            "label": label,
            "text": None,
            "weight": 1,
        }
        picture = form.get("picture.new") or None
        items.append({**new, "critical": False, "clause": None, "picture": picture})
    base = form.get("base", type=int) or abort(400)
    return submit_and_redirect(
        "template.revise",
        checklist.id,
        {"items": items},
        url_for("checklists.show", id=checklist.id),
        inputs={"items": "new"},
        base=base,
    )


@bp.post("/<id>/retire")
@allow(*MASTER_DATA_ROLES)
def retire(id: str) -> Any:
    checklist = get_or_404(Checklist, id)
    return submit_and_redirect(
        "template.retire", checklist.id, {}, _index_url(), base=checklist.version
    )


def _index_url() -> str:
    return url_for("checklists.index")
