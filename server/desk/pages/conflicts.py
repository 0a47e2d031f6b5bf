"""Conflicts: two versions of a record differ; the desk chooses one, the history has both."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import Select, func, select

from server.auth.access import allow, current_user, get_or_404
from server.db.engine import db
from server.desk.bulk import bulk_report, submit_each
from server.desk.conflict_cards import MAX_SAME, Card, count_by_type, open_cards, with_records
from server.desk.conflict_list import CONFLICTS
from server.desk.conflict_views import EDITABLE_FIELDS, card_views, record_name
from server.desk.field_errors import check_payload
from server.desk.homes import requested_page
from server.desk.lists import register_list
from server.desk.navigation import NavEntry
from server.desk.payload_form import form_text
from server.desk.posted_forms import say_nothing
from server.desk.submit import form_op
from server.models.conflicts import Conflict
from server.oplog.directory import directory_of
from sync import KINDS
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l
from sync.review.conflicts import AUTO_MERGED, MOOT

bp = Blueprint("conflicts", __name__, url_prefix="/desk/settle")
NAVIGATION = [
    NavEntry(
        "conflicts.index",
        _l("Conflicts"),
        "quality",
        30,
        "conflicts",
        about=_l("Two people said different things: decide which one counts."),
    )
]

register_list(bp, CONFLICTS, "/list", "register")

PAGE_SIZE = 8
BY_THEMSELVES_FOR = timedelta(days=7)
MAX_BY_THEMSELVES = 20


@bp.get("/")
@allow(*DESK_ROLES)
def index() -> str:
    """A page of the open questions, of one type of record or of all; what settled itself lately."""
    site, chosen = current_user().site_id, request.args.get("type", "")
    cards = open_cards(site)
    listed = [card for card in cards if chosen in ("", card.lead.conflict.subject_type)]
    pages = max(1, -(-len(listed) // PAGE_SIZE))
    page = min(requested_page(), pages)
    return render_template(
        "desk/conflicts/index.html",
        cards=card_views(listed[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]),
        total=len(cards),
        record_count=sum(card.count for card in cards),
        types=count_by_type(cards),
        chosen=chosen,
        page=page,
        pages=pages,
        just=_just_settled(),
        by_themselves=_settled_by_themselves(),
    )


@bp.get("/history")
@allow(*DESK_ROLES)
def history() -> str:
    """A page of what was settled, the newest first."""
    site = current_user().site_id
    total = db.session.scalar(_settled().with_only_columns(func.count())) or 0
    pages = max(1, -(-total // PAGE_SIZE))
    page = min(requested_page(), pages)
    newest = _settled().order_by(Conflict.settled_at.desc(), Conflict.id)
    shown = newest.offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE)
    questions = with_records(site, db.session.scalars(shown).all())
    return render_template(
        "desk/conflicts/history.html",
        cards=card_views([Card(question) for question in questions]),
        names=directory_of(site),
        total=total,
        page=page,
        pages=pages,
    )


@bp.post("/<id>")
@allow(*DESK_ROLES)
def settle(id: str) -> Any:
    """Resolve with the current version, the new one, both, or a value entered here: this conflict,
    and those that were ticked with it."""
    take = request.form.get("take", "")
    entered = {name: form_text(request.form, name) for name in EDITABLE_FIELDS}
    value = {name: text for name, text in entered.items() if name in request.form}
    payload = {"take": take, **({"value": value} if take == "value" else {})}
    if note := form_text(request.form, "settlement_note"):
        payload["note"] = note
    ticked = dict.fromkeys([id, *request.form.getlist("also")[:MAX_SAME]])
    conflicts = [get_or_404(Conflict, each) for each in ticked]
    amendment = f"{conflicts[0].subject_type}.amend"
    if take == "value" and amendment in KINDS:
        check_payload(amendment, value, page=_page_url())
    sent = _submit_about(conflicts, "merge.settle", payload)
    say_nothing()  # the page says that it is resolved, and offers to undo it
    return redirect(_page_url(settled=sent), 303)


@bp.post("/<id>/reopen")
@allow(*DESK_ROLES)
def reopen(id: str) -> Any:
    """Undo a decision, and those that were ticked with it."""
    ticked = dict.fromkeys([id, *request.form.getlist("also")[:MAX_SAME]])
    _submit_about([get_or_404(Conflict, each) for each in ticked], "merge.reopen", {})
    return redirect(_page_url(), 303)


def _submit_about(conflicts: Iterable[Conflict], kind: str, payload: dict[str, Any]) -> str:
    entered = next((name for name in EDITABLE_FIELDS if name in request.form), "details")
    inputs, page = {"note": "settlement_note", "value": entered}, _page_url()
    ops = [form_op(kind, each.id, payload, inputs=inputs, page=page) for each in conflicts]
    return submit_each(ops, inputs, page)


def _settled() -> Select[Any]:
    of_site = Conflict.site_id == current_user().site_id
    return select(Conflict).where(of_site, Conflict.settled_at.is_not(None))


def _just_settled() -> dict[str, Any] | None:
    """What became of the form that was sent just before: the first decision with its texts, all
    that were taken, and what the others are called and why they were not."""
    report = bulk_report(request.args.get("settled", ""))
    if report is None or not report.taken:
        return None
    site, names = current_user().site_id, directory_of(current_user().site_id)
    ids = [*report.taken[:1], *(id_ for id_, _ in report.refused)]
    found = db.session.scalars(_settled().where(Conflict.id.in_(ids))).all()
    questions = {each.conflict.id: each for each in with_records(site, found)}
    if report.taken[0] not in questions:
        return None  # undone meanwhile
    (view,) = card_views([Card(questions[report.taken[0]])])
    refused = [
        (record_name(questions[id_], names), code)
        for id_, code in report.refused
        if id_ in questions
    ]
    return {"view": view, "ids": report.taken, "refused": refused}


def _settled_by_themselves() -> dict[str, Any]:
    """What needed no decision lately: how much, and the newest of it, by why."""
    names, site = directory_of(current_user().site_id), current_user().site_id
    lately = Conflict.settled_at > datetime.now(UTC) - BY_THEMSELVES_FOR
    found = {}
    for why in (MOOT, AUTO_MERGED):
        query = _settled().where(lately, Conflict.taken == why)
        newest = query.order_by(Conflict.settled_at.desc(), Conflict.id).limit(MAX_BY_THEMSELVES)
        questions = with_records(site, db.session.scalars(newest).all())
        count = db.session.scalar(query.with_only_columns(func.count())) or 0
        found[why] = (count, [(record_name(each, names), each.conflict) for each in questions])
    return found


def _page_url(**more: str) -> str:
    """The page on which the form stood."""
    kept: dict[str, Any] = {name: request.form.get(name) or None for name in ("type", "page")}
    return url_for("conflicts.index", **kept | more)
