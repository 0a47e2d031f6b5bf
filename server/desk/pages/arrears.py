"""Arrears: the ledger comes in row by row; the phone comes first; a visit needs leave."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask_babel import lazy_gettext
from sqlalchemy import select

from server.auth.access import allow, current_user, get_or_404
from server.db.engine import db
from server.desk import spreadsheets
from server.desk.history import op_lines
from server.desk.navigation import NavEntry
from server.desk.options import active_people, person_options
from server.desk.payload_form import PayloadForm
from server.desk.submit import submit_and_redirect
from server.i18n.languages import language_codes
from server.i18n.locale import in_language, translate
from server.models.arrears import ArrearsAccount
from server.models.places import Unit
from server.oplog.directory import directory_of
from server.oplog.incoming import NewOp
from server.oplog.receive import make_op, ops_about, submit_many
from sync.protocol.roles import FRONT_DESK_ROLES
from sync.protocol.text import _l
from sync.service.arrears import may_be_called_at, owed_cents, state
from sync.service.arrears.ledger import (
    COLUMNS,
    InvalidLedger,
    Ledger,
    parse_cents,
    read_ledger,
)
from sync.service.arrears.rules import FORBIDDEN_ROLES

bp = Blueprint("arrears", __name__, url_prefix="/desk/arrears")
NAVIGATION = [NavEntry("arrears.index", _l("Arrears"), 90)]

LEDGER_FILE_ERRORS = {
    "unreadable": lazy_gettext(
        "This file is not a spreadsheet or CSV file. Download the template and fill it in."
    ),
    "no-heading": lazy_gettext(
        "The first row does not match the template. Download the template again."
    ),
    "empty": lazy_gettext("There are no rows below the heading."),
    "too-long": lazy_gettext("The file is too big. Import at most 20,000 rows at a time."),
}
"""Why a ledger file is rejected, and what to do about it."""

LEDGER_ROW_ERRORS = {
    "short": lazy_gettext("a column is missing"),
    "no-such-home": lazy_gettext("no such home: write it as on the Places page"),
    "no-item": lazy_gettext("the fee item is missing or too long"),
    "no-amount": lazy_gettext("the amount must be above zero, with at most two decimals"),
    "twice": lazy_gettext("this item is listed twice"),
}
"""What is wrong with a row of a ledger."""


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
    "visit": PayloadForm("arrears.visit", "outcome", "note"),
    "hand_up": PayloadForm("arrears.hand_up"),
    "assign": PayloadForm("arrears.assign"),
}
"""The forms of what may happen to an account."""

DECISIONS = {"approve_visit", "visit", "hand_up", "assign", "prefer"}


@bp.before_request
def forbid_guards() -> Any:
    """U8: whoever guards the estate sees nothing of this, whatever else they are."""
    return None if not current_user().has_role(*FORBIDDEN_ROLES) else Response(status=403)


@bp.get("/")
@allow(*FRONT_DESK_ROLES)
def index() -> str:
    found = db.session.scalars(ArrearsAccount.for_site(current_user().site_id)).all()
    asked = request.args.get("state", "")
    states = [(account, state(vars(account))) for account in found]
    return render_template(
        "desk/arrears/index.html",
        accounts=[pair for pair in states if asked in ("", pair[1])],
        counts={word: sum(one == word for _, one in states) for _, word in states},
        asked=asked,
        owed=lambda account: owed_cents(vars(account)),
        names=directory_of(current_user().site_id),
    )


@bp.get("/<id>")
@allow(*FRONT_DESK_ROLES)
def show(id: str) -> str:
    account, site_id = get_or_404(ArrearsAccount, id), current_user().site_id
    collectors = [
        person
        for person in active_people(site_id)
        if set(person.roles) & FRONT_DESK_ROLES and not set(person.roles) & FORBIDDEN_ROLES
    ]
    options = {"collector_id": person_options(collectors)}
    return render_template(
        "desk/arrears/show.html",
        account=account,
        state=state(vars(account)),
        owed=owed_cents(vars(account)),
        may_be_called=may_be_called_at(account, datetime.now(UTC)),
        forms={step: form.inputs(options=options) for step, form in STEP_FORMS.items()},
        prefer_inputs=STEP_FORMS["prefer"].inputs(vars(account)),
        assign_inputs=STEP_FORMS["assign"].inputs(vars(account), options),
        names=directory_of(site_id),
        lines=op_lines(ops_about(site_id, id)),
    )


@bp.get("/template")
@allow(*FRONT_DESK_ROLES)
def ledger_template() -> Response:
    """The columns that the import expects, as an empty workbook."""
    return _xlsx_response([_headings()], "lodge-arrears.xlsx")


@bp.post("/preview")
@allow(*FRONT_DESK_ROLES)
def preview() -> Any:
    """What taking in this file would change; nothing is changed yet."""
    file = request.files.get("file") or abort(400)
    with file.stream as stream:
        name, content = file.filename or "", stream.read(spreadsheets.MAX_BYTES + 1)
    try:
        ledger = _parse_ledger(name, content)
    except (InvalidLedger, spreadsheets.UnreadableSpreadsheet) as error:
        fault = LEDGER_FILE_ERRORS[str(error) or "unreadable"]
        return render_template("desk/arrears/preview.html", fault=fault), 422
    return render_template(
        "desk/arrears/preview.html",
        ledger=ledger,
        text=json.dumps(ledger.accounts, ensure_ascii=False),
        bad=json.dumps([[*row.cells, row.code] for row in ledger.bad_rows], ensure_ascii=False),
        batch=name[:120] or "ledger",
        why=LEDGER_ROW_ERRORS,
        missing=len(_unlisted_units(ledger.accounts)),
        names=directory_of(current_user().site_id),
    )


@bp.post("/bad-rows")
@allow(*FRONT_DESK_ROLES)
def bad_rows() -> Response:
    """The rows that could not be read, in the same template, each with its reason."""
    request.max_form_memory_size = 2 * spreadsheets.MAX_BYTES
    rows = [
        list(map(str, row)) for row in _posted_json("bad", list) if isinstance(row, list) and row
    ]
    told = [[*row[:-1], str(LEDGER_ROW_ERRORS.get(row[-1], ""))] for row in rows]
    return _xlsx_response([(*_headings(), "!"), *told], "lodge-arrears-to-mend.xlsx")


@bp.post("/import")
@allow(*FRONT_DESK_ROLES)
def import_ledger() -> Any:
    """Post what differs, as ops like any other: the same ledger twice changes nothing."""
    request.max_form_memory_size = 2 * spreadsheets.MAX_BYTES
    wanted = _posted_json("ledger", dict)
    if "complete" in request.form:
        wanted |= {unit: [] for unit in _unlisted_units(wanted)}
    known = {
        one.unit: one for one in db.session.scalars(ArrearsAccount.for_site(current_user().site_id))
    }
    ops = [op for unit, owing in wanted.items() if (op := _ledger_op(unit, owing, known.get(unit)))]
    answers = submit_many(current_user().site_id, ops) if ops else []
    taken = sum(answer["status"] in ("applied", "merged") for answer in answers)
    return redirect(url_for("arrears.index", taken=taken, aside=len(answers) - taken or None), 303)


@bp.post("/<id>/<step>")
@allow(*FRONT_DESK_ROLES)
def record_step(id: str, step: str) -> Any:
    """A call, an appointment, a complaint, a visit, a payment and the other steps."""
    account, form = get_or_404(ArrearsAccount, id), STEP_FORMS.get(step) or abort(404)
    payload = form.payload(request.form)
    if step == "call" and payload.get("outcome") == "reached":
        payload |= {"told": _stated_amounts(account), "itemised": "itemised" in request.form}
    if step == "pay":
        payload["cents"] = parse_cents(request.form.get("amount", "")) or 0
    if step == "prefer":
        spans = [span.strip() for span in request.form.getlist("windows") if span.strip()]
        payload = {"windows": spans, "do_not_call": "do_not_call" in request.form}
    back = url_for("arrears.show", id=id)
    base = account.version if step in DECISIONS else None
    return submit_and_redirect(f"arrears.{step}", account.id, payload, back, base=base)


def arrears_account_id(site_id: str, unit: str) -> str:
    """One account a home: its id follows from the home, so that importing twice makes no other."""
    return str(uuid5(UUID(site_id), f"arrears|{unit}"))


def _ledger_op(unit: str, owing: Any, known: ArrearsAccount | None) -> NewOp | None:
    """What makes the account say what the ledger says; None where it does so already."""
    said = {"lines": owing, "batch": request.form.get("batch", "")[:120] or "ledger"}
    by, site_id = current_user().person_id, current_user().site_id
    if known is None:
        return make_op(
            "arrears.list", arrears_account_id(site_id, unit), {"unit": unit, **said}, by=by
        )
    if known.lines == owing:
        return None
    return make_op("arrears.relist", known.id, said, by=by, base=known.version)


def _stated_amounts(account: ArrearsAccount) -> dict[str, str]:
    """What is named on the phone: each item with its cents, as it stands now."""
    return {f"{one['what']} {one['period']}".strip(): str(one["cents"]) for one in account.lines}


def _posted_json(name: str, shape: type) -> Any:
    """What the preview handed on; whoever sends something else gets 400."""
    try:
        value = json.loads(request.form.get(name, ""))
    except (ValueError, RecursionError):
        abort(400)
    return value if isinstance(value, shape) else abort(400)


def _parse_ledger(name: str, content: bytes) -> Ledger:
    if len(content) > spreadsheets.MAX_BYTES:
        raise InvalidLedger("too-long")
    units = db.session.scalars(select(Unit).where(Unit.site_id == current_user().site_id))
    labels = {label: unit.id for unit in units for label in unit.label.values()}
    headings = [in_language(code, _headings) for code in language_codes()]
    return read_ledger(spreadsheets.read_table(name, content), labels, headings)


def _headings() -> tuple[str, ...]:
    return tuple(translate(column) for column in COLUMNS)


def _unlisted_units(listed: Any) -> list[str]:
    """Homes that owe something here and are not on this list."""
    found = db.session.scalars(ArrearsAccount.for_site(current_user().site_id))
    return [account.unit for account in found if account.unit not in listed and account.lines]


def _xlsx_response(rows: Any, name: str) -> Response:
    answer = Response(spreadsheets.write_workbook(rows), mimetype=spreadsheets.XLSX_MIMETYPE)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
