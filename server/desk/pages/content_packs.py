"""Content packs: cards out of one Lodge and into another, with a look before anything changes."""

from __future__ import annotations

from collections import Counter
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask_babel import gettext

from server.auth.access import allow, here
from server.db.engine import db
from server.desk.labels import PACK_FAULTS
from server.models import Card
from server.oplog.receive import own, post_many
from sync.protocol.op import LABEL_LENGTH
from sync.training.cards import KINDS, card_id
from sync.training.content_packs import (
    BYTES,
    MOST_CARDS,
    ONE_WORD,
    Difference,
    Pack,
    Wrong,
    compare,
    content,
    read,
    text_of,
)
from sync.training.handbook import handbook
from sync.training.pack_diff import differences

bp = Blueprint("packs", __name__, url_prefix="/desk/packs")

EDITORS = KINDS["card.add"].roles
NEVER_CHOSEN = ("unchanged", "withdrawn")


@bp.get("/")
@allow(*EDITORS)
def index() -> str:
    return render_template("desk/packs/index.html", fault="", where="")


@bp.get("/file")
@allow(*EDITORS)
def export() -> Any:
    """The cards of this site, withdrawn ones left out, as one file."""
    name, version, licence = (
        request.args.get(field, "").strip() for field in ("name", "version", "licence")
    )
    if not (ONE_WORD.match(name) and ONE_WORD.match(version)):
        return _refused(Wrong("name-version"))
    cards = tuple(content(vars(card)) for card in _cards() if not card.withdrawn_at)
    pack = Pack(name, version, licence[:LABEL_LENGTH] or "-", cards)
    answer = Response(text_of(pack), mimetype="application/json")
    named = f"{pack.name}-{pack.version}.json".encode("ascii", "replace").decode()
    answer.headers["Content-Disposition"] = f'attachment; filename="{named.replace("?", "_")}"'
    return answer


@bp.get("/handbook")
@allow(*EDITORS)
def own_handbook() -> str:
    """What taking in the handbook that comes with Lodge would change."""
    return _preview(handbook())


@bp.post("/")
@allow(*EDITORS)
def preview() -> Any:
    """What taking in this file would change; nothing is changed yet."""
    file = request.files.get("file")
    pack = read(file.stream.read(BYTES + 1)) if file else Wrong("not-json")
    return _refused(pack) if isinstance(pack, Wrong) else _preview(pack)


@bp.post("/apply")
@allow(*EDITORS)
def apply() -> Any:
    """Take in the cards that were chosen, as ops like any other; what is equal is left alone."""
    request.max_form_memory_size, request.max_form_parts = 2 * BYTES, 2 * MOST_CARDS
    pack = read(request.form.get("pack", "").replace("\r\n", "\n").encode("utf-8", "replace"))
    if isinstance(pack, Wrong):
        return _refused(pack)
    chosen = set(request.form.getlist("code"))
    wanted = [
        one
        for one in compare(pack, _cards())
        if one.card["code"] in chosen and one.state not in NEVER_CHOSEN
    ]
    answers = post_many(here().site_id, [_op(pack, one) for one in wanted])
    told = Counter(answer["status"] for answer in answers)
    aside = sum(told.values()) - told["applied"]
    return redirect(url_for("packs.index", taken=told["applied"], aside=aside or None), 303)


@bp.post("/differences")
@allow(*EDITORS)
def beside() -> Any:
    """Z11: two packs side by side, or one beside the cards of this site; nothing is changed."""
    packs = []
    for name in ("before", "after"):
        file = request.files.get(name)
        pack = read(file.stream.read(BYTES + 1)) if file and file.filename else _ours()
        if isinstance(pack, Wrong):
            return _refused(pack)
        packs.append(pack)
    before, after = packs
    return render_template(
        "desk/packs/differences.html",
        before=before,
        after=after,
        found=differences(before.cards, after.cards),
    )


def _ours() -> Pack:
    """The cards of this site as if they were exported now."""
    cards = tuple(content(vars(card)) for card in _cards() if not card.withdrawn_at)
    return Pack(gettext("This site"), "", "-", cards)


def _op(pack: Pack, one: Difference) -> dict[str, Any]:
    by, site_id = here().person_id, here().site_id
    if one.here is None:
        subject = card_id(site_id, one.card["code"])
        return own("card.add", subject, {**one.card, "pack": pack.label}, by=by)
    payload = {name: one.card[name] for name in one.fields}
    seen = request.form.get(f"base.{one.card['code']}", type=int) or one.here.version
    return own("card.revise", one.here.id, {**payload, "pack": pack.label}, by=by, base=seen)


def _preview(pack: Pack) -> str:
    found, ours = compare(pack, _cards()), _ours().cards
    return render_template(
        "desk/packs/preview.html",
        pack=pack,
        text=text_of(pack),
        found=[one for one in found if one.state != "unchanged"],
        missing=[card for card in ours if card["code"] not in {c["code"] for c in pack.cards}],
        unchanged=sum(one.state == "unchanged" for one in found),
    )


def _cards() -> list[Card]:
    return list(db.session.scalars(Card.at(here().site_id)))


def _refused(wrong: Wrong) -> tuple[str, int]:
    """The file is not taken; the page says why and what to do."""
    fault = PACK_FAULTS[wrong.code]
    return render_template("desk/packs/index.html", fault=fault, where=wrong.where), 422
