"""Reading a ledger of arrears: exact amounts, and invalid rows listed beside the valid ones."""

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
    """A row that cannot be read: its number in the file, its first cells, and the code of the
    reason."""

    number: int
    cells: tuple[str, ...]
    code: str


@dataclass(slots=True)
class Ledger:
    """The content of a file: what each home owes, by unit id, and the rows that cannot be read."""

    accounts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    bad_rows: list[BadRow] = field(default_factory=list)

    @property
    def total_cents(self) -> int:
        """The sum of all accounts."""
        return sum(line["cents"] for lines in self.accounts.values() for line in lines)


class InvalidLedger(Exception):
    """The file as a whole cannot be read. The argument is the code of the reason."""


def read_ledger(
    rows: Iterable[Sequence[Any]],
    units: Mapping[str, str],
    headings: Collection[tuple[str, ...]],
) -> Ledger:
    """U10: read a table with a heading. `units` are the unit ids by label.

    `headings` are those that the first row may have: COLUMNS in each language.

    Raises InvalidLedger with the code `no-heading`, `empty` or `too-long`.
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
        result = _parse_row(cells, units)
        if isinstance(result, str):
            ledger.bad_rows.append(BadRow(number, cells[:4], result))
            continue
        unit, line = result
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


def parse_cents(text: str) -> int | None:
    """U9: an amount in whole cents, or None if the text is no amount or has a fraction of a
    cent."""
    digits = text.replace(",", "").replace("，", "").removeprefix("¥").removeprefix("￥").strip()
    try:
        amount = Decimal(digits) * 100
    except InvalidOperation:
        return None
    if not amount.is_finite() or amount != amount.to_integral_value():
        return None
    return int(amount) if 0 < amount <= MAX_CENTS else None


def cell_text(cell: Any) -> str:
    """A cell as text. A float is written without the digits that binary fractions add."""
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
    cents = parse_cents(amount)
    if cents is None:
        return "no-amount"
    return units[home], {"what": what, "period": period, "cents": cents}
