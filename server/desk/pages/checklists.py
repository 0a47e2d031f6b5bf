"""Checklists: criteria, weights, editions; the ones that were used stay as they were."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, render_template, request, url_for

from server.auth.access import allow, here, mine
from server.db.engine import db
from server.desk.post import ask
from server.models import Template
from sync.estate.places import AREA_KINDS, MASTERS
from sync.protocol.digest import DESK
from sync.quality.checklists_content import item_id

bp = Blueprint("templates", __name__, url_prefix="/desk/checklists")

ABOUT = ("area", "person")


@bp.get("/")
@allow(*DESK)
def index() -> str:
    return render_template(
        "desk/checklists/index.html",
        templates=db.session.scalars(Template.at(here().site_id)).all(),
        kinds=AREA_KINDS,
        may_change=here().may(*MASTERS),
    )


@bp.post("/")
@allow(*MASTERS)
def add() -> Any:
    form = request.form
    about = form.get("about") if form.get("about") in ABOUT else ABOUT[0]
    said = {"code": form.get("code", "").strip(), "label": _label(form, ""), "about": about}
    kinds = form.getlist("area_kinds") if about == "area" else []
    return ask("template.add", None, {**said, "area_kinds": kinds, "items": []}, _back())


@bp.post("/<id>")
@allow(*MASTERS)
def revise(id: str) -> Any:
    """Order, weights and what matters most of each criterion, and one more; a new edition."""
    template, form = mine(Template, id), request.form
    placed = []
    for place, item in enumerate(template.items):
        wanted = form.get(f"place.{item['id']}", default=place + 1, type=int)
        weight = form.get(f"weight.{item['id']}", default=item["weight"], type=int)
        said = {**item, "weight": weight, "critical": f"critical.{item['id']}" in form}
        if wanted:
            placed.append((wanted, place, said))
    items = [said for _, _, said in sorted(placed, key=lambda one: one[:2])]
    label = _label(form, "new.")
    if all(label.values()):
        fresh = {"id": item_id(template.id, **label), "label": label, "text": None, "weight": 1}
        items.append({**fresh, "critical": False, "clause": None, "picture": None})
    base = form.get("base", type=int) or abort(400)
    return ask("template.revise", template.id, {"items": items}, _back(), base=base)


@bp.post("/<id>/retire")
@allow(*MASTERS)
def retire(id: str) -> Any:
    template = mine(Template, id)
    return ask("template.retire", template.id, {}, _back(), base=template.version)


def _label(form: Any, prefix: str) -> dict[str, str]:
    return {lang: form.get(prefix + lang, "").strip() for lang in ("zh", "en")}


def _back() -> str:
    return url_for("templates.index")
