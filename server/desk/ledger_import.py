"""Importing a ledger of arrears: parsing the file, and the ops that bring accounts in line."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from flask import request
from flask_babel import lazy_gettext
from sqlalchemy import select

from server.auth.access import current_user
from server.db.engine import db
from server.desk import spreadsheets
from server.i18n.languages import language_codes
from server.i18n.locale import in_language, translate
from server.models.arrears import ArrearsAccount
from server.models.places import Unit
from server.oplog.incoming import NewOp
from server.oplog.receive import make_op
from sync.service.arrears.ledger import COLUMNS, InvalidLedger, Ledger, read_ledger

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


def parse_ledger(name: str, content: bytes) -> Ledger:
    """The accounts and rejected rows of a file. Raises InvalidLedger, UnreadableSpreadsheet."""
    if len(content) > spreadsheets.MAX_BYTES:
        raise InvalidLedger("too-long")
    units = db.session.scalars(select(Unit).where(Unit.site_id == current_user().site_id))
    labels = {label: unit.id for unit in units for label in unit.label.values()}
    headings = [in_language(code, ledger_headings) for code in language_codes()]
    return read_ledger(spreadsheets.read_table(name, content), labels, headings)


def ledger_headings() -> tuple[str, ...]:
    """The headings of a ledger in the language of the page."""
    return tuple(translate(column) for column in COLUMNS)


def arrears_account_id(site_id: str, unit: str) -> str:
    """The id of a home's account, derived from the home, so that there is one a home."""
    return str(uuid5(UUID(site_id), f"arrears|{unit}"))


def ledger_op(unit: str, lines: Any, account: ArrearsAccount | None) -> NewOp | None:
    """The op that brings an account in line with the ledger; None if it is so already."""
    payload = {"lines": lines, "batch": request.form.get("batch", "")[:120] or "ledger"}
    by, site_id = current_user().person_id, current_user().site_id
    if account is None:
        return make_op(
            "arrears.list", arrears_account_id(site_id, unit), {"unit": unit, **payload}, by=by
        )
    if account.lines == lines:
        return None
    return make_op("arrears.relist", account.id, payload, by=by, base=account.version)


def unlisted_units(listed: Any) -> list[str]:
    """The homes that have arrears and are not on this list."""
    accounts = db.session.scalars(ArrearsAccount.for_site(current_user().site_id))
    return [account.unit for account in accounts if account.unit not in listed and account.lines]
