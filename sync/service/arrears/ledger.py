"""Reading a ledger of what is owed: exact amounts, row by row, bad rows beside the good ones."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from sync.protocol.op import MAX_LABEL_LENGTH
from sync.protocol.text import _lp
from sync.service.arrears.payloads import MAX_CENTS, MAX_LINES

COLUMNS = (
    _lp("ledger column", "Home"),
    _lp("ledger column", "Item"),
    _lp("ledger column", "Period"),
    _lp("ledger column", "Amount"),
)
"""The headings of a ledger; a file has them in one language."""
MAX_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be read: its number in the file, its cells, and a code that says why."""

    number: int
    cells: tuple[str, ...]
    code: str


@dataclass(slots=True)
class Ledger:
    """What a file says: lines by unit id, and the rows that need a hand."""

    accounts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    bad_rows: list[BadRow] = field(default_factory=list)

    @property
    def total_cents(self) -> int:
        """Everything owed."""
        return sum(line["cents"] for lines in self.accounts.values() for line in lines)


class InvalidLedger(Exception):
    """The file as a whole cannot be read; its argument is a code."""


def read_ledger(
    rows: Iterable[Sequence[Any]],
    units: Mapping[str, str],
    headings: Collection[tuple[str, ...]],
) -> Ledger:
    """U10: a table with its heading becomes a ledger. `units`: id by label, labels as written.

    `headings` are those that the first row may have: COLUMNS in each language.

    Raises NotALedger with `no-heading`, `empty` or `too-long`.
    """
    table = [tuple(cell_text(cell) for cell in row) for row in rows]
    if not table or table[0][: len(COLUMNS)] not in headings:
        raise InvalidLedger("no-heading")
    if len(table) > MAX_ROWS:
        raise InvalidLedger("too-long")
    ledger, seen = Ledger(), set()
    for number, cells in enumerate(table[1:], start=2):
        if not any(cells):
            continue
        known = _parse_row(cells, units)
        if isinstance(known, str):
            ledger.bad_rows.append(BadRow(number, cells[:4], known))
            continue
        unit, line = known
        key = (unit, line["what"], line["period"])
        lines = ledger.accounts.setdefault(unit, [])
        if key in seen or len(lines) >= MAX_LINES:
            ledger.bad_rows.append(BadRow(number, cells[:4], "twice"))
            continue
        seen.add(key)
        lines.append(line)
    if not ledger.accounts and not ledger.bad_rows:
        raise InvalidLedger("empty")
    return ledger


def parse_cents(said: str) -> int | None:
    """U9: an amount as exact whole cents; None where it is none, or has parts of a cent."""
    plain = said.replace(",", "").replace("，", "").removeprefix("¥").removeprefix("￥").strip()
    try:
        amount = Decimal(plain) * 100
    except InvalidOperation:
        return None
    if not amount.is_finite() or amount != amount.to_integral_value():
        return None
    return int(amount) if 0 < amount <= MAX_CENTS else None


def cell_text(cell: Any) -> str:
    """A cell as somebody wrote it: a number of a sheet without what binary fractions add."""
    if isinstance(cell, float):
        return f"{Decimal(repr(cell)).normalize():f}"
    return "" if cell is None else str(cell).strip()


def _parse_row(
    cells: tuple[str, ...], units: Mapping[str, str]
) -> tuple[str, dict[str, Any]] | str:
    if len(cells) < len(COLUMNS):
        return "short"
    home, what, period, amount = cells[: len(COLUMNS)]
    if home not in units:
        return "no-such-home"
    if not what or len(what) > MAX_LABEL_LENGTH or len(period) > 40:
        return "no-item"
    worth = parse_cents(amount)
    if worth is None:
        return "no-amount"
    return units[home], {"what": what, "period": period, "cents": worth}
