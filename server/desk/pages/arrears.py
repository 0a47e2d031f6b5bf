"""Arrears: the ledger comes in row by row; the phone comes first; a visit needs leave."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from sqlalchemy import select

from server.auth.access import allow, here, mine
from server.db.engine import db
from server.desk import spreadsheets
from server.desk.history import lines
from server.desk.labels import LEDGER_FAULTS, LEDGER_ROWS
from server.desk.post import ask
from server.i18n.filters import typed
from server.i18n.locale import spoken
from server.models import Arrears, Person, Unit
from server.oplog.directory import names_of
from server.oplog.receive import history, own, post_many
from sync.protocol.clock import iso
from sync.protocol.digest import FRONT
from sync.service.arrears import CALLS, VISITS, owed, state, welcome
from sync.service.arrears.ledger import HEADINGS, Ledger, NotALedger, cents, read
from sync.service.arrears.rules import BARRED

bp = Blueprint("arrears", __name__, url_prefix="/desk/arrears")


@bp.before_request
def never_a_guard() -> Any:
    """U8: whoever guards the estate sees nothing of this, whatever else they are."""
    return None if not here().may(*BARRED) else Response(status=403)


@bp.get("/")
@allow(*FRONT)
def index() -> str:
    found = db.session.scalars(Arrears.at(here().site_id)).all()
    asked = request.args.get("state", "")
    states = [(account, state(vars(account))) for account in found]
    return render_template(
        "desk/arrears/index.html",
        accounts=[pair for pair in states if asked in ("", pair[1])],
        counts={word: sum(one == word for _, one in states) for _, word in states},
        asked=asked,
        owed=lambda account: owed(vars(account)),
        names=names_of(here().site_id),
    )


@bp.get("/<id>")
@allow(*FRONT)
def show(id: str) -> str:
    account, site_id = mine(Arrears, id), here().site_id
    people = [p for p in db.session.scalars(Person.at(site_id)) if p.active_to is None]
    return render_template(
        "desk/arrears/show.html",
        account=account,
        state=state(vars(account)),
        owed=owed(vars(account)),
        welcome=welcome(account, datetime.now(UTC)),
        collectors=[p for p in people if set(p.roles) & FRONT and not set(p.roles) & BARRED],
        outcomes=CALLS,
        visits=VISITS,
        names=names_of(site_id),
        lines=lines(history(site_id, id)),
    )


@bp.get("/template")
@allow(*FRONT)
def template() -> Response:
    """The columns that the import expects, as an empty workbook."""
    return _file([HEADINGS[spoken()]], "lodge-arrears.xlsx")


@bp.post("/preview")
@allow(*FRONT)
def preview() -> Any:
    """What taking in this file would change; nothing is changed yet."""
    file = request.files.get("file") or abort(400)
    with file.stream as stream:
        name, content = file.filename or "", stream.read(spreadsheets.MOST_BYTES + 1)
    try:
        ledger = _read(name, content)
    except (NotALedger, spreadsheets.Unreadable) as error:
        fault = LEDGER_FAULTS[str(error) or "unreadable"]
        return render_template("desk/arrears/preview.html", fault=fault), 422
    return render_template(
        "desk/arrears/preview.html",
        ledger=ledger,
        text=json.dumps(ledger.accounts, ensure_ascii=False),
        bad=json.dumps([[*row.cells, row.code] for row in ledger.bad], ensure_ascii=False),
        batch=name[:120] or "ledger",
        why=LEDGER_ROWS,
        missing=len(_others(ledger.accounts)),
        names=names_of(here().site_id),
    )


@bp.post("/bad-rows")
@allow(*FRONT)
def bad_rows() -> Response:
    """The rows that could not be read, in the same template, each with its reason."""
    request.max_form_memory_size = 2 * spreadsheets.MOST_BYTES
    rows = [list(map(str, row)) for row in _posted("bad", list) if isinstance(row, list) and row]
    told = [[*row[:-1], str(LEDGER_ROWS.get(row[-1], ""))] for row in rows]
    return _file([(*HEADINGS[spoken()], "!"), *told], "lodge-arrears-to-mend.xlsx")


@bp.post("/import")
@allow(*FRONT)
def take() -> Any:
    """Post what differs, as ops like any other: the same ledger twice changes nothing."""
    request.max_form_memory_size = 2 * spreadsheets.MOST_BYTES
    wanted = _posted("ledger", dict)
    if "complete" in request.form:
        wanted |= {unit: [] for unit in _others(wanted)}
    known = {one.unit: one for one in db.session.scalars(Arrears.at(here().site_id))}
    ops = [op for unit, owing in wanted.items() if (op := _op(unit, owing, known.get(unit)))]
    answers = post_many(here().site_id, ops) if ops else []
    taken = sum(answer["status"] in ("applied", "merged") for answer in answers)
    return redirect(url_for("arrears.index", taken=taken, aside=len(answers) - taken or None), 303)


@bp.post("/<id>/<kind>")
@allow(*FRONT)
def tell(id: str, kind: str) -> Any:
    """A call, an appointment, a complaint, a visit, a payment: whatever the form says."""
    account = mine(Arrears, id)
    form, names = request.form, FIELDS[kind] if kind in FIELDS else abort(404)
    payload: dict[str, Any] = {n: said for n in names if (said := form.get(n, "").strip())}
    if moment := typed(payload.get("appointment_at", "")):
        payload["appointment_at"] = iso(moment)
    if kind == "call" and payload.get("outcome") == "reached":
        payload |= {"told": _told(account), "itemised": "itemised" in form}
    if kind == "pay":
        payload["cents"] = cents(form.get("amount", "")) or 0
    if kind == "prefer":
        spans = [span.strip() for span in form.getlist("windows") if span.strip()]
        payload = {"windows": spans, "do_not_call": "do_not_call" in form}
    back = url_for("arrears.show", id=id)
    base = account.version if kind in DECIDED else None
    return ask(f"arrears.{kind}", account.id, payload, back, base=base)


FIELDS = {
    "call": ("outcome", "appointment_at", "override_reason", "note"),
    "appoint": ("appointment_at",),
    "dispute": ("details", "contact"),
    "ask_visit": ("reason",),
    "approve_visit": (),
    "visit": ("outcome", "note"),
    "pay": ("receipt",),
    "hand_up": ("reason",),
    "assign": ("collector_id",),
    "prefer": (),
}
DECIDED = {"approve_visit", "visit", "hand_up", "assign", "prefer"}


def account_of(site_id: str, unit: str) -> str:
    """One account a home: its id follows from the home, so that importing twice makes no other."""
    return str(uuid5(UUID(site_id), f"arrears|{unit}"))


def _op(unit: str, owing: Any, known: Arrears | None) -> dict[str, Any] | None:
    """What makes the account say what the ledger says; None where it does so already."""
    said = {"lines": owing, "batch": request.form.get("batch", "")[:120] or "ledger"}
    by, site_id = here().person_id, here().site_id
    if known is None:
        return own("arrears.list", account_of(site_id, unit), {"unit": unit, **said}, by=by)
    if known.lines == owing:
        return None
    return own("arrears.relist", known.id, said, by=by, base=known.version)


def _told(account: Arrears) -> dict[str, str]:
    """What is named on the phone: each item with its cents, as it stands now."""
    return {f"{one['what']} {one['period']}".strip(): str(one["cents"]) for one in account.lines}


def _posted(name: str, shape: type) -> Any:
    """What the preview handed on; whoever sends something else gets 400."""
    try:
        value = json.loads(request.form.get(name, ""))
    except (ValueError, RecursionError):
        abort(400)
    return value if isinstance(value, shape) else abort(400)


def _read(name: str, content: bytes) -> Ledger:
    if len(content) > spreadsheets.MOST_BYTES:
        raise NotALedger("too-long")
    units = db.session.scalars(select(Unit).where(Unit.site_id == here().site_id))
    labels = {label: unit.id for unit in units for label in unit.label.values()}
    return read(spreadsheets.table(name, content), labels)


def _others(listed: Any) -> list[str]:
    """Homes that owe something here and are not on this list."""
    found = db.session.scalars(Arrears.at(here().site_id))
    return [account.unit for account in found if account.unit not in listed and account.lines]


def _file(rows: Any, name: str) -> Response:
    answer = Response(spreadsheets.workbook(rows), mimetype=spreadsheets.XLSX)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
