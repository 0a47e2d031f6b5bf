"""Arrears: importing the ledger; calls, appointments, complaints, visits and payments."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask_babel import gettext

from server.auth.access import allow, current_user, get_or_404
from server.db.engine import db
from server.desk import spreadsheets
from server.desk.actions import Action
from server.desk.arrears_calls_list import CALLS
from server.desk.arrears_list import ARREARS, ASSIGN_FORM, HAND_UP_FORM, collectors
from server.desk.ledger_import import (
    LEDGER_ROW_ERRORS,
    WHOLE,
    accounts_by_unit,
    file_error,
    home_changes,
    import_ops,
    ledger_headings,
    parse_ledger,
    posted_accounts,
    posted_json,
    unlisted_accounts,
)
from server.desk.lists import register_list
from server.desk.navigation import NavEntry
from server.desk.options import person_options
from server.desk.payload_form import PayloadForm
from server.desk.posted_forms import large_form, say_nothing
from server.desk.related import tickets_of_home, without_empty
from server.desk.spreadsheet_answer import xlsx_response
from server.desk.story import story_about
from server.desk.submit import submit_and_redirect
from server.models.arrears import ArrearsAccount
from server.models.cards import Card
from server.models.tickets import Ticket
from server.oplog.directory import directory_of
from server.oplog.receive import submit_many
from server.oplog.security_log import log_access
from sync.protocol.normalise import parse_amount, parse_hours
from sync.protocol.roles import FRONT_DESK_ROLES
from sync.protocol.text import _l
from sync.service.arrears import may_be_called_at, owed_cents, state, stated_amounts
from sync.service.arrears.ledger_columns import InvalidLedger
from sync.service.arrears.rules import FORBIDDEN_ROLES

bp = Blueprint("arrears", __name__, url_prefix="/desk/arrears")
NAVIGATION = [
    NavEntry(
        "arrears.index",
        _l("Arrears"),
        "matters",
        50,
        about=_l("Overdue fees by home, and each contact about them."),
    ),
    NavEntry(
        "arrears.calls",
        _l("Calls about arrears"),
        "matters",
        55,
        about=_l("When each home in arrears was called, by whom, and with what result."),
    ),
]
ACTIONS = [Action("arrears.new", _l("Import ledger"))]
register_list(bp, ARREARS)
register_list(bp, CALLS, "/calls", "calls")

STEP_FORMS = {
    "call": PayloadForm(
        "arrears.call", "outcome", "itemised", "appointment_at", "override_reason", "note"
    ),
    "pay": PayloadForm("arrears.pay", "receipt"),
    "prefer": PayloadForm("arrears.prefer", "do_not_call"),
    "appoint": PayloadForm("arrears.appoint"),
    "dispute": PayloadForm("arrears.dispute"),
    "ask_visit": PayloadForm("arrears.ask_visit"),
    "approve_visit": PayloadForm("arrears.approve_visit"),
    "visit": PayloadForm(
        "arrears.visit", "outcome", "went_in", "in_at", "out_at", "apologised", "note"
    ),
    "hand_up": HAND_UP_FORM,
    "assign": ASSIGN_FORM,
}
"""The forms of what may happen to an account."""

CONDUCT_CARD = "FC-07"
"""The card on how to call and how to visit. [H7]"""

DECISIONS = {"approve_visit", "visit", "hand_up", "assign", "prefer"}


@bp.before_request
def forbid_guards() -> Any:
    """U8: guards see no page about arrears, whatever other roles they have."""
    return None if not current_user().has_role(*FORBIDDEN_ROLES) else Response(status=403)


@bp.get("/new")
@allow(*FRONT_DESK_ROLES)
def new() -> str:
    """The form that takes in a ledger."""
    return render_template("desk/arrears/new.html")


@bp.get("/<id>")
@allow(*FRONT_DESK_ROLES)
def show(id: str) -> str:
    account, site_id = get_or_404(ArrearsAccount, id), current_user().site_id
    answers = [("false", gettext("No, stayed at the door")), ("true", gettext("Yes, went in"))]
    options = {"collector_id": person_options(collectors(site_id)), "went_in": answers}
    labels = {"went_in": gettext("Did you go in?")}
    return render_template(
        "desk/arrears/show.html",
        account=account,
        state=state(vars(account)),
        owed=owed_cents(vars(account)),
        may_be_called=may_be_called_at(account, datetime.now(UTC)),
        forms={
            step: form.inputs(options=options, labels=labels) for step, form in STEP_FORMS.items()
        },
        conduct=db.session.scalar(Card.by_code(site_id, CONDUCT_CARD)),
        contacts=db.session.scalars(Ticket.about_record(site_id, account.id)).all(),
        prefer_inputs=STEP_FORMS["prefer"].inputs(vars(account)),
        assign_inputs=STEP_FORMS["assign"].inputs(vars(account), options),
        names=directory_of(site_id),
        step=_next_step(account),
        told=story_about(site_id, id),
        related=without_empty([tickets_of_home(account.unit, datetime.now(UTC))]),
    )


@bp.get("/template")
@allow(*FRONT_DESK_ROLES)
def ledger_template() -> Response:
    """An empty workbook with the columns that the import expects."""
    return xlsx_response([ledger_headings()], "lodge-arrears.xlsx")


@bp.post("/preview")
@allow(*FRONT_DESK_ROLES)
def preview() -> Any:
    """What importing this file would change; nothing is changed yet."""
    file = request.files.get("file") or abort(400)
    with file.stream as stream:
        name, content = file.filename or "", stream.read(spreadsheets.MAX_BYTES + 1)
    try:
        ledger = parse_ledger(content)
    except (InvalidLedger, spreadsheets.UnreadableSpreadsheet) as error:
        return render_template("desk/arrears/preview.html", fault=file_error(error)), 422
    known = accounts_by_unit()
    changes = home_changes(ledger.accounts, known)
    return render_template(
        "desk/arrears/preview.html",
        ledger=ledger,
        changes=changes,
        asks_scope=any(change.part != change.whole for change in changes),
        unlisted=unlisted_accounts(ledger, known),
        text=json.dumps(ledger.accounts, ensure_ascii=False),
        bad=json.dumps([[*row.cells, row.code] for row in ledger.bad_rows], ensure_ascii=False),
        batch=name[:120] or "ledger",
        why=LEDGER_ROW_ERRORS,
        names=directory_of(current_user().site_id),
        owed=lambda account: owed_cents(vars(account)),
    )


@bp.post("/bad-rows")
@allow(*FRONT_DESK_ROLES)
@large_form(2 * spreadsheets.MAX_BYTES)
def bad_rows() -> Response:
    """The rejected rows as a workbook, each with its reason."""
    rows = [
        list(map(str, row)) for row in posted_json("bad", list) if isinstance(row, list) and row
    ]
    explained = [[*row[:-1], str(LEDGER_ROW_ERRORS.get(row[-1], ""))] for row in rows]
    name, user = "lodge-arrears-to-mend.xlsx", current_user()
    log_access("export", site_id=user.site_id, by=user.person_id, details={"file": name})
    return xlsx_response([(*ledger_headings(), "!"), *explained], name)


@bp.post("/import")
@allow(*FRONT_DESK_ROLES)
@large_form(2 * spreadsheets.MAX_BYTES)
def import_ledger() -> Any:
    """Submit an op for each account that differs: the same ledger twice changes nothing."""
    form = request.form
    ops = import_ops(
        posted_accounts(),
        is_whole=form.get("scope") == WHOLE,
        paid_included=form.getlist("paid_included"),
        cleared=form.getlist("cleared") if "complete" in form else (),
    )
    answers = submit_many(current_user().site_id, ops) if ops else []
    imported = sum(answer["status"] in ("applied", "merged") for answer in answers)
    say_nothing()
    return redirect(
        url_for("arrears.index", taken=imported, aside=len(answers) - imported or None), 303
    )


@bp.post("/<id>/<step>")
@allow(*FRONT_DESK_ROLES)
def record_step(id: str, step: str) -> Any:
    """A call, an appointment, a complaint, a visit, a payment and the other steps."""
    account, form = get_or_404(ArrearsAccount, id), STEP_FORMS.get(step) or abort(404)
    payload = form.payload(request.form)
    if step == "call" and payload.get("outcome") == "reached" and payload.get("itemised"):
        payload["told"] = _stated_amounts(account)
    if step == "pay":
        payload["cents"] = parse_amount(request.form.get("amount", "")) or None
    if step == "prefer":
        spans = [
            parse_hours(span) or span for span in request.form.getlist("windows") if span.strip()
        ]
        payload = {"windows": spans, "do_not_call": "do_not_call" in request.form}
    back = url_for("arrears.show", id=id)
    base = account.version if step in DECISIONS else None
    return submit_and_redirect(
        f"arrears.{step}", account.id, payload, back, inputs={"cents": "amount"}, base=base
    )


def _next_step(account: ArrearsAccount) -> str:
    """The main step of an account: to approve or to make a visit, else to call."""
    if account.paused_by or not account.visit_reason or account.visited_at:
        return "call"
    return "visit" if account.visit_approved_at else "approve_visit"


def _stated_amounts(account: ArrearsAccount) -> dict[str, str]:
    """The amounts to be named in a call: cents by item, as currently owed."""
    return {item: str(cents) for item, cents in stated_amounts(account.lines).items()}
