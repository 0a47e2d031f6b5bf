"""Content packs: exporting cards, and importing them with a preview."""

from __future__ import annotations

from collections import Counter
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext

from server.auth.access import allow, current_user
from server.db.engine import db
from server.desk.posted_forms import large_form, say_nothing
from server.models.cards import Card
from server.oplog.incoming import NewOp
from server.oplog.receive import make_op, submit_many
from sync.protocol.op import MAX_LABEL_LENGTH
from sync.training.cards import KINDS, card_id
from sync.training.content_packs import (
    MAX_CARDS,
    MAX_PACK_BYTES,
    ONE_WORD_PATTERN,
    CardComparison,
    InvalidPack,
    Pack,
    card_content,
    compare_with_site,
    read_pack,
    serialize_pack,
)
from sync.training.handbook import load_handbook
from sync.training.pack_diff import diff_packs

bp = Blueprint("content_packs", __name__, url_prefix="/desk/packs")
PLACE = "people"

CONTENT_PACK_ERRORS = {
    "too-big": lazy_gettext("The file is too big for a content pack. Export fewer cards."),
    "not-json": lazy_gettext("This file is not a content pack. Choose the exported .json file."),
    "not-a-pack": lazy_gettext("This file is not a content pack. Choose the exported .json file."),
    "newer-pack": lazy_gettext(
        "This pack was made with a newer version of Lodge. Update this server first."
    ),
    "altered": lazy_gettext(
        "This file was changed after it was exported. Export it again, or use the original."
    ),
    "malformed-pack": lazy_gettext(
        "One card in this file cannot be read. Correct it where the file was made:"
    ),
    "code-twice": lazy_gettext(
        "Two cards in this file have the same code. Correct it where the file was made:"
    ),
    "name-version": lazy_gettext("Name and version must each be one word without spaces."),
}
"""Why a content pack is rejected, and what to do about it."""

EDITORS = KINDS["card.add"].roles
UNSELECTABLE_STATES = ("unchanged", "withdrawn")


@bp.get("/")
@allow(*EDITORS)
def index() -> str:
    return render_template("desk/content_packs/index.html", fault="", where="")


@bp.get("/file")
@allow(*EDITORS)
def export() -> Any:
    """The cards of this site as a pack file, without withdrawn ones."""
    name, version, licence = (
        request.args.get(field, "").strip() for field in ("name", "version", "licence")
    )
    if not (ONE_WORD_PATTERN.match(name) and ONE_WORD_PATTERN.match(version)):
        return _render_error(InvalidPack("name-version"))
    cards = tuple(card_content(vars(card)) for card in _site_cards() if not card.withdrawn_at)
    pack = Pack(name, version, licence[:MAX_LABEL_LENGTH] or "-", cards)
    answer = Response(serialize_pack(pack), mimetype="application/json")
    named = f"{pack.name}-{pack.version}.json".encode("ascii", "replace").decode()
    answer.headers["Content-Disposition"] = f'attachment; filename="{named.replace("?", "_")}"'
    return answer


@bp.get("/handbook")
@allow(*EDITORS)
def preview_handbook() -> str:
    """What importing the built-in handbook would change."""
    return _render_preview(load_handbook())


@bp.post("/")
@allow(*EDITORS)
def preview() -> Any:
    """What importing this file would change; nothing is changed yet."""
    upload = request.files.get("file")
    pack = read_pack(upload.stream.read(MAX_PACK_BYTES + 1)) if upload else InvalidPack("not-json")
    return _render_error(pack) if isinstance(pack, InvalidPack) else _render_preview(pack)


@bp.post("/apply")
@allow(*EDITORS)
@large_form(2 * MAX_PACK_BYTES, 2 * MAX_CARDS)
def import_cards() -> Any:
    """Import the chosen cards as ops; unchanged cards are skipped."""
    pack = read_pack(request.form.get("pack", "").replace("\r\n", "\n").encode("utf-8", "replace"))
    if isinstance(pack, InvalidPack):
        return _render_error(pack)
    chosen = set(request.form.getlist("code"))
    selected = [
        comparison
        for comparison in compare_with_site(pack, _site_cards())
        if comparison.card["code"] in chosen and comparison.state not in UNSELECTABLE_STATES
    ]
    answers = submit_many(
        current_user().site_id, [_card_op(pack, comparison) for comparison in selected]
    )
    statuses = Counter(answer["status"] for answer in answers)
    aside = sum(statuses.values()) - statuses["applied"]
    say_nothing()
    return redirect(
        url_for("content_packs.index", taken=statuses["applied"], aside=aside or None), 303
    )


@bp.post("/differences")
@allow(*EDITORS)
def compare() -> Any:
    """Z11: compare two packs, or a pack with the cards of this site; nothing is changed."""
    packs = []
    for name in ("before", "after"):
        file = request.files.get(name)
        pack = (
            read_pack(file.stream.read(MAX_PACK_BYTES + 1))
            if file and file.filename
            else _site_pack()
        )
        if isinstance(pack, InvalidPack):
            return _render_error(pack)
        packs.append(pack)
    before, after = packs
    return render_template(
        "desk/content_packs/differences.html",
        before=before,
        after=after,
        difference=diff_packs(before.cards, after.cards),
    )


def _site_pack() -> Pack:
    """The cards of this site as a pack."""
    cards = tuple(card_content(vars(card)) for card in _site_cards() if not card.withdrawn_at)
    return Pack(gettext("This site"), "", "-", cards)


def _card_op(pack: Pack, comparison: CardComparison) -> NewOp:
    by, site_id = current_user().person_id, current_user().site_id
    if comparison.installed is None:
        subject = card_id(site_id, comparison.card["code"])
        return make_op("card.add", subject, {**comparison.card, "pack": pack.label}, by=by)
    payload = {name: comparison.card[name] for name in comparison.fields}
    installed, base_input = comparison.installed, f"base.{comparison.card['code']}"
    base = request.form.get(base_input, type=int) or installed.version
    return make_op("card.revise", installed.id, {**payload, "pack": pack.label}, by=by, base=base)


def _render_preview(pack: Pack) -> str:
    comparisons, own_cards = compare_with_site(pack, _site_cards()), _site_pack().cards
    return render_template(
        "desk/content_packs/preview.html",
        pack=pack,
        text=serialize_pack(pack),
        comparisons=[each for each in comparisons if each.state != "unchanged"],
        missing=[card for card in own_cards if card["code"] not in {c["code"] for c in pack.cards}],
        unchanged=sum(each.state == "unchanged" for each in comparisons),
    )


def _site_cards() -> list[Card]:
    return list(db.session.scalars(Card.for_site(current_user().site_id)))


def _render_error(error: InvalidPack) -> tuple[str, int]:
    """The page with why the file is rejected and what to do, and status 422."""
    fault = CONTENT_PACK_ERRORS[error.code]
    return render_template("desk/content_packs/index.html", fault=fault, where=error.where), 422
