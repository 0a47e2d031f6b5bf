"""Cards of the handbook: list, add, revise, withdraw."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, render_template, request, url_for

from server.auth.access import allow, current_user, get_or_404
from server.desk.actions import Action
from server.desk.card_list import CARDS, EDITORS
from server.desk.label_form import form_label
from server.desk.lists import register_list
from server.desk.navigation import NavEntry
from server.desk.payload_form import form_number
from server.desk.story import story_about
from server.desk.submit import submit_and_redirect
from server.models.cards import Card
from sync.protocol.roles import FRONT_DESK_ROLES
from sync.protocol.text import _l
from sync.training.cards import MAX_PROMPTS, card_id
from sync.training.training_sessions import APPROACHES

bp = Blueprint("cards", __name__, url_prefix="/desk/cards")
NAVIGATION = [
    NavEntry(
        "cards.index",
        _l("Cards"),
        "people",
        70,
        about=_l("The texts that staff read on their phones."),
    )
]
ACTIONS = [Action("cards.new", _l("Add card"))]

register_list(bp, CARDS)

CASE_FIELDS: dict[str, Any] = {"max_prompts": MAX_PROMPTS, "approach_keys": APPROACHES}
EMPTY_CARD: dict[str, Any] = {"group": "", "title": {}, "body": {}, "order": 0}


@bp.get("/new")
@allow(*EDITORS)
def new() -> str:
    return render_template("desk/cards/new.html", card=EMPTY_CARD, **CASE_FIELDS)


@bp.post("/")
@allow(*EDITORS)
def add() -> Any:
    """The id is derived from the code, so a code that exists is refused."""
    payload = {"code": request.form.get("code", "").strip().upper(), **_form_fields()}
    subject = card_id(current_user().site_id, payload["code"])
    return submit_and_redirect("card.add", subject, payload, url_for("cards.index"))


@bp.get("/<id>")
@allow(*FRONT_DESK_ROLES)
def show(id: str) -> str:
    card = get_or_404(Card, id)
    return render_template(
        "desk/cards/show.html",
        card=card,
        told=story_about(card.site_id, card.id),
        may_change=current_user().has_role(*EDITORS),
        **CASE_FIELDS,
    )


@bp.post("/<id>/revise")
@allow(*EDITORS)
def revise(id: str) -> Any:
    """The op has only the fields that the form changed; `base` is the version it was drawn from."""
    card, written, shown = get_or_404(Card, id), _form_fields(), _form_fields("was.")
    payload = {name: value for name, value in written.items() if value != shown[name]}
    back = url_for("cards.show", id=card.id)
    return submit_and_redirect("card.revise", card.id, payload, back, base=_base_version())


@bp.post("/<id>/withdraw")
@allow(*EDITORS)
def withdraw(id: str) -> Any:
    back = url_for("cards.index")
    return submit_and_redirect(
        "card.withdraw", get_or_404(Card, id).id, {}, back, base=_base_version()
    )


def _form_fields(before: str = "") -> dict[str, Any]:
    """The fields of the form; with the prefix `was.` the values it was drawn from."""

    def text(name: str) -> str:
        value: str = request.form.get(before + name, "")
        return value.replace("\r\n", "\n").strip()

    return {
        "group": text("group"),
        "title": form_label(request.form, before + "title"),
        "body": form_label(request.form, before + "body"),
        "phrase": text("phrase") or None,
        "order": form_number(request.form, before + "order", 0),
        "clause": text("clause") or None,
        "prompts": _form_prompts(before),
        "approaches": _form_approaches(before),
    }


def _form_prompts(before: str) -> list[dict[str, str]]:
    """The questions of a case study, in their order; an empty one is left out."""
    labels = (form_label(request.form, f"{before}prompts.{place}") for place in range(MAX_PROMPTS))
    return [label for label in labels if label]


def _form_approaches(before: str) -> list[dict[str, Any]]:
    """The approaches of a case study that have a name. Whether one is recommended is never
    assumed: without the choice the payload is refused."""
    approaches = []
    for key in APPROACHES:
        prefix = f"{before}approaches.{key}."
        label, chosen = (
            form_label(request.form, f"{prefix}label"),
            request.form.get(f"{prefix}endorsed"),
        )
        if label:
            endorsed = {"endorsed": chosen == "true"} if chosen else {}
            why = form_label(request.form, f"{prefix}why")
            approaches.append({"key": key, "label": label, **endorsed, "why": why})
    return approaches


def _base_version() -> int:
    """The version that the form was drawn from. Aborts with 400 if it is missing."""
    return request.form.get("base", type=int) or abort(400)
