"""Importing a ledger of arrears: what a file would change, and the ops that do it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import UUID, uuid5

from flask import abort, request
from flask_babel import lazy_gettext
from marshmallow import ValidationError
from sqlalchemy import select

from server.auth.access import current_user
from server.db.engine import db
from server.desk import spreadsheets
from server.i18n.languages import language_codes
from server.i18n.locale import in_language, localize, translate
from server.models.arrears import ArrearsAccount
from server.models.places import Unit
from server.oplog.incoming import NewOp
from server.oplog.receive import make_op
from sync.protocol.normalise import natural_key
from sync.protocol.op import MAX_LABEL_LENGTH
from sync.service.arrears import owed_cents
from sync.service.arrears.ledger import (
    Homes,
    Ledger,
    Line,
    has_heading,
    merged_lines,
    read_ledger,
    whole_lines,
)
from sync.service.arrears.ledger_columns import COLUMNS, InvalidLedger
from sync.service.arrears.payloads import ArrearsLineSchema

LEDGER_FILE_ERRORS = {
    "unreadable": lazy_gettext(
        "This file is not a spreadsheet or CSV file, whatever its name says."
        " Open it in your spreadsheet program and save it as .xlsx."
    ),
    "protected": lazy_gettext(
        "This file has a password. Save it without the password and choose it again."
    ),
    "several-tables": lazy_gettext(
        "Several sheets hold a ledger. Copy their rows into one sheet, so that none is left out."
    ),
    "second-table": lazy_gettext(
        "A second table begins below the first one. Put each table in a file of its own."
    ),
    "paid-column": lazy_gettext(
        "There is a column of payments, but none that says what is still owed. Add such a column."
    ),
    "not-yuan": lazy_gettext("The amounts are not in yuan. Convert them to yuan."),
    "no-heading": lazy_gettext("The heading does not match the template."),
    "two-columns": lazy_gettext("Two columns have the same meaning. Rename the one that is wrong."),
    "empty": lazy_gettext("There are no rows below the heading."),
    "too-long": lazy_gettext("The file is too big. Import at most 20,000 rows at a time."),
    "too-far-out": lazy_gettext(
        "A cell stands far outside of the table. Copy the table into a new sheet and save that."
    ),
    "too-much": lazy_gettext(
        "Reading this file took too much memory or time. Copy the table into a new file and save"
        " that."
    ),
    "busy": lazy_gettext("Other files are being read. Choose this one again in a moment."),
}
"""Why a ledger file is rejected, and what to do about it."""

LEDGER_ROW_ERRORS = {
    "no-home": lazy_gettext("the home is missing"),
    "no-such-home": lazy_gettext("no such home: write it as on the Places page"),
    "several-homes": lazy_gettext("several homes have this number: rename one on the Places page"),
    "home-is-a-date": lazy_gettext("the home became a date: format the column as text"),
    "no-item": lazy_gettext("the fee item is missing or too long"),
    "moved": lazy_gettext(
        "there are more cells than headings: write amounts like 1234.50, without a comma"
    ),
    "which-period": lazy_gettext("the period could be two months: write it like 2026-10"),
    "merged-amount": lazy_gettext("the amount stands in a merged cell: give each row its own"),
    "no-amount": lazy_gettext(
        "not a clear amount: write it like 1234.50, with two decimals at most"
    ),
    "zero": lazy_gettext("the amount is zero: enter it, or delete the row"),
    "too-many": lazy_gettext("this home has more than 200 lines"),
    "held": lazy_gettext("correct, but another row of this home is not: import them together"),
}
"""What is wrong with a row of a ledger."""

PART, WHOLE = "part", "whole"
"""What a file speaks of: some of what its homes owe, or everything."""


@dataclass(frozen=True, slots=True)
class HomeChange:
    """What a file changes for one home: its lines now, and by whether the file is the whole."""

    unit: str
    known: list[Line]
    part: list[Line]
    whole: list[Line]
    paid_cents: int

    @property
    def owed_now(self) -> int:
        return self._owed(self.known)

    @property
    def owed_by_part(self) -> int:
        return self._owed(self.part)

    @property
    def owed_by_whole(self) -> int:
        return self._owed(self.whole)

    @property
    def is_changed(self) -> bool:
        return self.known not in (self.part, self.whole) or self.part != self.whole

    @property
    def falls(self) -> bool:
        """Whether less is owed afterwards, if the file is taken in one of the two ways."""
        return min(self.owed_by_part, self.owed_by_whole) < self.owed_now

    @property
    def gone(self) -> list[Line]:
        """Known lines that the file does not have."""
        return [line for line in self.known if line not in self.whole]

    def _owed(self, lines: list[Line]) -> int:
        return owed_cents({"lines": lines, "paid_cents": self.paid_cents})


def parse_ledger(content: bytes) -> Ledger:
    """The accounts and rejected rows of a file.

    Raises InvalidLedger or UnreadableSpreadsheet.
    """
    if len(content) > spreadsheets.MAX_BYTES:
        raise InvalidLedger("too-long")
    units = db.session.scalars(select(Unit).where(Unit.site_id == current_user().site_id))
    homes = Homes((label, unit.id) for unit in units for label in unit.label.values())
    headings = [in_language(code, ledger_headings) for code in language_codes()]
    table = spreadsheets.read_table(content, lambda rows: has_heading(rows, headings))
    return read_ledger(table.rows, homes, headings, table.merged, is_text=table.is_text)


def ledger_headings() -> tuple[str, ...]:
    """The first row of a ledger in the language of the page."""
    return tuple(translate(column) for column in COLUMNS.values())


def file_error(error: InvalidLedger | spreadsheets.UnreadableSpreadsheet) -> str:
    """What is wrong with a file as a whole, and what stands there instead."""
    if isinstance(error, spreadsheets.UnreadableSpreadsheet):
        return str(LEDGER_FILE_ERRORS[error.code])
    missing = [translate(COLUMNS[name]) for name in error.missing]
    parts = [str(LEDGER_FILE_ERRORS[error.code])]
    if error.code == "no-heading" and missing:
        parts.append(str(lazy_gettext("Not found: %(columns)s.", columns=", ".join(missing))))
    if error.found:
        parts.append(str(lazy_gettext("Found: %(columns)s.", columns=", ".join(error.found))))
    return " ".join(parts)


def accounts_by_unit() -> dict[str, ArrearsAccount]:
    """Every account of the site, by the id of its home."""
    accounts = db.session.scalars(ArrearsAccount.for_site(current_user().site_id))
    return {account.unit: account for account in accounts}


def home_changes(
    accounts: Mapping[str, list[Line]], known: Mapping[str, ArrearsAccount]
) -> list[HomeChange]:
    """What a file changes for each of its homes, in the natural order of their labels."""
    changes = []
    for unit in sorted(accounts, key=home_order()):
        account = known.get(unit)
        lines = account.lines if account else []
        changes.append(
            HomeChange(
                unit=unit,
                known=lines,
                part=merged_lines(lines, accounts[unit]),
                whole=whole_lines(lines, accounts[unit]),
                paid_cents=account.paid_cents if account else 0,
            )
        )
    return changes


def unlisted_accounts(ledger: Ledger, known: Mapping[str, ArrearsAccount]) -> list[ArrearsAccount]:
    """The accounts that a complete list would clear: homes that do not stand in the file.

    None if the home of a row is not known: it may be any of them.
    """
    if ledger.has_unknown_homes:
        return []
    standing = ledger.named | ledger.held
    unlisted = [unit for unit, account in known.items() if unit not in standing and account.lines]
    return [known[unit] for unit in sorted(unlisted, key=home_order())]


def posted_accounts() -> dict[str, list[Line]]:
    """The lines of each home that the preview sends on. Aborts with 400 for anything else."""
    accounts: dict[str, list[Line]] = posted_json("ledger", dict)
    schema = ArrearsLineSchema(many=True)
    for unit, lines in accounts.items():
        if not isinstance(lines, list):
            abort(400)
        try:
            schema.load(lines)
            accounts[unit] = [
                {"what": line["what"], "period": line["period"], "cents": line["cents"]}
                for line in lines
            ]
        except (ValidationError, KeyError, TypeError):
            abort(400)
    return accounts


def posted_json(name: str, shape: type) -> Any:
    """The JSON of a hidden input of the preview. Aborts with 400 for anything else."""
    try:
        value = json.loads(request.form.get(name, ""))
    except (ValueError, RecursionError):
        abort(400)
    return value if isinstance(value, shape) else abort(400)


def import_ops(
    accounts: Mapping[str, list[Line]],
    *,
    is_whole: bool,
    paid_included: Collection[str],
    cleared: Collection[str],
) -> list[NewOp]:
    """The ops that bring accounts in line with a file.

    `paid_included` are the homes whose payments the ledger has taken account of; the payments of
    all others stay. `cleared` are homes that owe nothing any more.
    """
    known = accounts_by_unit()
    lines = {
        change.unit: change.whole if is_whole else change.part
        for change in home_changes(accounts, known)
    }
    lines |= {unit: [] for unit in cleared if unit in known and unit not in accounts}
    included = {*paid_included, *cleared}
    ops = [
        _account_op(unit, owed, known.get(unit), is_included=unit in included)
        for unit, owed in lines.items()
    ]
    return [op for op in ops if op]


def arrears_account_id(site_id: str, unit: str, erased: int = 0) -> str:
    """The id of a home's account, derived from the home, so that there is one a home. `erased` are
    the earlier accounts of the home whose days of retention were over."""
    return str(uuid5(UUID(site_id), "|".join(("arrears", unit, *(["*"] * erased)))))


def _new_account_id(site_id: str, unit: str) -> str:
    """The first id that no erased account of the home has."""
    ids = (arrears_account_id(site_id, unit, erased) for erased in count())
    return next(id_ for id_ in ids if not db.session.get(ArrearsAccount, (site_id, id_)))


def _account_op(
    unit: str, lines: list[Line], account: ArrearsAccount | None, *, is_included: bool
) -> NewOp | None:
    """The op that brings an account in line with the ledger; None if it is so already."""
    payload: dict[str, Any] = {
        "lines": lines,
        "batch": request.form.get("batch", "")[:MAX_LABEL_LENGTH] or "ledger",
    }
    by, site_id = current_user().person_id, current_user().site_id
    if account is None:
        listing = {"unit": unit, **payload}
        id_ = _new_account_id(site_id, unit)
        return make_op("arrears.list", id_, listing, by=by) if lines else None
    if account.lines == lines and not (is_included and account.paid_cents):
        return None
    payload["payments_included"] = is_included
    return make_op("arrears.relist", account.id, payload, by=by, base=account.version)


def home_order() -> Any:
    """A key that sorts ids of homes by their labels."""
    units = select(Unit.id, Unit.label).where(Unit.site_id == current_user().site_id)
    labels = {row.id: natural_key(localize(row.label)) for row in db.session.execute(units)}
    return lambda unit: (labels.get(unit, ""), unit)
