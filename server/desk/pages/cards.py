"""Cards: what everybody should know; added, revised and withdrawn at the desk."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, render_template, request, url_for

from server.auth.access import allow, here, mine
from server.db.engine import db
from server.desk.history import lines
from server.desk.labels import GROUPS
from server.desk.post import ask
from server.models import Card
from server.oplog.receive import history
from sync.protocol.digest import FRONT
from sync.training.cards import KINDS, card_id

bp = Blueprint("cards", __name__, url_prefix="/desk/cards")

EDITORS = KINDS["card.add"].roles
BLANK = {"group": "etiquette", "title": {}, "body": {}, "order": 0}


@bp.get("/")
@allow(*FRONT)
def index() -> str:
    cards = db.session.scalars(Card.at(here().site_id)).all()
    groups = {
        group: [card for card in cards if card.group == group and not card.withdrawn_at]
        for group in GROUPS
    }
    return render_template(
        "desk/cards/index.html",
        groups=groups,
        withdrawn=[card for card in cards if card.withdrawn_at],
        may_change=here().may(*EDITORS),
    )


@bp.get("/new")
@allow(*EDITORS)
def new() -> str:
    return render_template("desk/cards/new.html", card={**BLANK, **request.args})


@bp.post("/")
@allow(*EDITORS)
def add() -> Any:
    """The code makes the id, so a code that is there already is refused."""
    payload = {"code": request.form.get("code", "").strip().upper(), **_written()}
    subject = card_id(here().site_id, payload["code"])
    return ask("card.add", subject, payload, url_for("cards.index"))


@bp.get("/<id>")
@allow(*FRONT)
def show(id: str) -> str:
    card = mine(Card, id)
    told = lines(history(here().site_id, card.id))
    return render_template(
        "desk/cards/show.html", card=card, lines=told, may_change=here().may(*EDITORS)
    )


@bp.post("/<id>/revise")
@allow(*EDITORS)
def revise(id: str) -> Any:
    """Only what the form changed goes into the op; `base` is what its author saw."""
    card, written, seen = mine(Card, id), _written(), _written("was.")
    payload = {name: value for name, value in written.items() if value != seen[name]}
    back = url_for("cards.show", id=card.id)
    return ask("card.revise", card.id, payload, back, base=_base())


@bp.post("/<id>/withdraw")
@allow(*EDITORS)
def withdraw(id: str) -> Any:
    back = url_for("cards.index")
    return ask("card.withdraw", mine(Card, id).id, {}, back, base=_base())


def _written(before: str = "") -> dict[str, Any]:
    """The fields of the form, or those that it was made from."""

    def text(name: str) -> str:
        said: str = request.form.get(before + name, "")
        return said.replace("\r\n", "\n").strip()

    return {
        "group": text("group"),
        "title": {"zh": text("title.zh"), "en": text("title.en")},
        "body": {"zh": text("body.zh"), "en": text("body.en")},
        "phrase": text("phrase") or None,
        "order": int(text("order")) if text("order").isdecimal() else 0,
        "clause": text("clause") or None,
    }


def _base() -> int:
    """The version that the form was made from."""
    return request.form.get("base", type=int) or abort(400)
