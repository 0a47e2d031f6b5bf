"""Reading a ledger of arrears: exact amounts, and the rows to mend beside the good ones."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sync.protocol.normalise import Ambiguous, code_key, home_key, parse_amount, parse_period
from sync.protocol.op import MAX_LABEL_LENGTH
from sync.service.arrears.ledger_columns import (
    COLUMNS,
    Heading,
    InvalidLedger,
    cell_text,
    columns_of,
    find_heading,
)
from sync.service.arrears.payloads import MAX_CENTS, MAX_LINES

MAX_ROWS = 20_000
MAX_PERIOD_LENGTH = 40

Line = dict[str, Any]
"""One amount owed: `what`, `period`, `cents`."""

TOTALS = re.compile(
    r"(?:本[页户月]|全部|各项)?(?:合计|总计|小计|共计|总和)|(?:sub|grand)?total|sum"
)
ENDING_IN_TOTAL = re.compile(rf"(?:{TOTALS.pattern}):?$")
FIRST_DIGITS = re.compile(r"[-+(]?¥?[0-9]{1,3}")
LAST_DIGITS = re.compile(r"[0-9]{3}(?:\.[0-9]*)?\)?元?")
"""The two halves of an amount such as 1,234.50."""
SIGNATURES = re.compile(
    r"(?:制表|制单|填表|编制|审核|复核|审批|经办|负责|收费|打印|财务|签[字名]|盖章|日期|备注|说明|注[:1-9]"
    r"|preparedby|checkedby|approvedby|signature|date|note|printed)"
)


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that is not taken over: its number in the file, what stands in the four columns, and
    the code of the reason. `held`: the row itself is good, and waits for others of its home."""

    number: int
    cells: tuple[str, ...]
    code: str


@dataclass(slots=True)
class Ledger:
    """The content of a file: the lines of each home, by unit id, and what is not taken over."""

    accounts: dict[str, list[Line]] = field(default_factory=dict)
    bad_rows: list[BadRow] = field(default_factory=list)
    held: set[str] = field(default_factory=set)
    """Homes that are held back, because one of their rows is bad."""
    named: set[str] = field(default_factory=set)
    """Every home that stands in the file, be it in a row that is left out."""
    left_out: list[BadRow] = field(default_factory=list)
    """Totals and signatures."""
    twins: list[tuple[int, int]] = field(default_factory=list)
    """Rows that say the same as an earlier one: two meters, or an oversight. Both count."""
    unused_columns: tuple[str, ...] = ()

    @property
    def total_cents(self) -> int:
        """The sum of all accounts."""
        return sum(line["cents"] for lines in self.accounts.values() for line in lines)

    @property
    def has_unknown_homes(self) -> bool:
        """Whether the home of a row is not known, so that it may be any."""
        return any(row.code in UNKNOWN_HOME_CODES for row in self.bad_rows)


UNKNOWN_HOME_CODES = frozenset({"no-home", "no-such-home", "several-homes", "home-is-a-date"})


class Homes:
    """The homes of a site, found by any spelling of a label."""

    def __init__(self, labels: Iterable[tuple[str, str]]) -> None:
        """`labels` are pairs of a label and the id of its home."""
        self._exact: dict[str, set[str]] = {}
        self._loose: dict[str, set[str]] = {}
        for label, unit in labels:
            self._exact.setdefault(code_key(label), set()).add(unit)
            self._loose.setdefault(home_key(label), set()).add(unit)

    def find(self, cell: Any) -> tuple[str | None, str | None]:
        """The id of the home in a cell, or else the code of why there is none."""
        if isinstance(cell, date):
            return None, "home-is-a-date"
        text = cell_text(cell)
        if not text:
            return None, "no-home"
        units = self._exact.get(code_key(text)) or self._loose.get(home_key(text)) or set()
        if len(units) == 1:
            return next(iter(units)), None
        return None, "several-homes" if units else "no-such-home"


def read_ledger(
    rows: Iterable[tuple[int, Sequence[Any]]],
    homes: Homes,
    templates: Collection[tuple[str, ...]],
    merged: Collection[tuple[int, int]] = (),
    *,
    is_text: bool = False,
) -> Ledger:
    """U10, U20: read a table of numbered rows.

    `templates` are the headings of COLUMNS in each language; `merged` are the cells, by row number
    and column, that repeat the value of a merged one. `is_text`: the cells of a text file, in which
    a comma within an amount may have moved them. A home with a bad row is held back whole.

    Raises InvalidLedger with the code `no-heading`, `two-columns`, `paid-column`, `not-yuan`,
    `second-table`, `empty` or `too-long`.
    """
    table = list(rows)
    heading = find_heading(table, templates)
    below = table[heading.row + 1 :]
    if len(below) > MAX_ROWS:
        raise InvalidLedger("too-long")
    width = len(table[heading.row][1]) if is_text else None
    reading = _Reading(homes, heading, frozenset(merged), width)
    for number, cells in below:
        texts = [cell_text(cell) for cell in cells]
        if _is_repeated(heading, texts):
            continue
        if len(another := columns_of(texts, templates)) > 1 and "home" in another:
            raise InvalidLedger("second-table", found=[text for text in texts if text][:12])
        reading.add(number, cells, texts)
    ledger = reading.finish()
    if not ledger.accounts and not ledger.bad_rows:
        raise InvalidLedger("empty")
    return ledger


def has_heading(
    rows: Sequence[tuple[int, Sequence[Any]]], templates: Collection[tuple[str, ...]]
) -> bool:
    """Whether a table seems to be a ledger, clear or not."""
    try:
        find_heading(rows, templates)
    except InvalidLedger as error:
        return error.code != "no-heading"
    return True


def _is_repeated(heading: Heading, texts: Sequence[str]) -> bool:
    """Whether a row is the heading again, at the top of the next page. The home of such a row may
    be that of a merged cell, which goes on below."""
    places = (heading.places[name] for name in COLUMNS)
    said = [texts[at] if at < len(texts) else "" for at in places]
    return tuple(map(code_key, said[1:])) == heading.keys[1:]


class _Reading:
    """The rows read so far, by home. `width` is the number of cells of a row of a text file."""

    def __init__(
        self,
        homes: Homes,
        heading: Heading,
        merged: frozenset[tuple[int, int]],
        width: int | None,
    ) -> None:
        self.homes, self.heading, self.merged, self.width = homes, heading, merged, width
        self.ledger = Ledger(unused_columns=heading.unused)
        self.good: dict[str, list[tuple[BadRow, Line]]] = {}
        self.last_unit: str | None = None

    def add(self, number: int, cells: Sequence[Any], texts: Sequence[str]) -> None:
        places = self.heading.places
        row = {name: cells[at] if at < len(cells) else None for name, at in places.items()}
        said = tuple(cell_text(row[name]) for name in COLUMNS)
        unit, code = self.homes.find(row["home"])
        self.ledger.named |= {unit} if unit else set()
        if self._is_left_out(unit, said, texts):
            self.ledger.left_out.append(BadRow(number, said, ""))
            return
        code = code or ("moved" if self._is_moved(texts) else None)
        line: Line | str = code or self._line(number, row)
        if isinstance(line, str):
            self.ledger.bad_rows.append(BadRow(number, said, line))
            held = unit or (self.last_unit if code == "no-home" else None)
            self.ledger.held |= {held} if held else set()
        elif unit:
            self.good.setdefault(unit, []).append((BadRow(number, said, "held"), line))
        self.last_unit = unit or self.last_unit

    def finish(self) -> Ledger:
        ledger = self.ledger
        for unit, rows in self.good.items():
            if len(rows) > MAX_LINES:
                ledger.held.add(unit)
                ledger.bad_rows += [BadRow(r.number, r.cells, "too-many") for r, _ in rows]
            elif unit in ledger.held:
                ledger.bad_rows += [row for row, _ in rows]
            else:
                ledger.accounts[unit] = [line for _, line in rows]
                ledger.twins += _twins(rows)
        ledger.bad_rows.sort(key=lambda row: row.number)
        return ledger

    def _is_left_out(self, unit: str | None, said: Sequence[str], texts: Sequence[str]) -> bool:
        """Whether a row is a total, a signature or a note instead of an amount owed."""
        home, item, _, amount = map(code_key, said)
        keys = [code_key(text) for text in texts if text]
        if TOTALS.fullmatch(item.rstrip(":")):
            return True
        if unit is not None:
            return False
        if TOTALS.match(home) or (not item and ENDING_IN_TOTAL.search(home)):
            return True
        if any(TOTALS.fullmatch(key.rstrip(":")) for key in keys):
            return True
        is_signed = any(map(SIGNATURES.match, keys))
        return len(keys) < 2 or (is_signed and parse_amount(amount) is None)

    def _is_moved(self, texts: Sequence[str]) -> bool:
        """Whether a comma within a cell of a text file has made two cells of it."""
        if self.width is None:
            return False
        at = self.heading.places["amount"]
        amount, next_ = code_key(texts[at]) if at < len(texts) else "", texts[at + 1 : at + 2]
        is_split = FIRST_DIGITS.fullmatch(amount) and any(map(LAST_DIGITS.fullmatch, next_))
        return len(texts) > self.width or bool(is_split)

    def _line(self, number: int, row: Mapping[str, Any]) -> Line | str:
        """The line of a row, or the code of why it has none."""
        what = cell_text(row["item"])
        try:
            period = parse_period(_unmarked(row["period"]))
        except Ambiguous:
            return "which-period"
        if not what or len(what) > MAX_LABEL_LENGTH or len(period) > MAX_PERIOD_LENGTH:
            return "no-item"
        if (number, self.heading.places["amount"]) in self.merged:
            return "merged-amount"
        cents = parse_amount(_unmarked(row["amount"]))
        if cents is None or abs(cents) > MAX_CENTS:
            return "no-amount"
        if cents == 0:
            return "zero"  # perhaps a formula that its program never calculated
        return {"what": what, "period": period, "cents": cents}


def _unmarked(cell: Any) -> Any:
    return cell_text(cell) if isinstance(cell, str) else cell


def _twins(rows: Sequence[tuple[BadRow, Line]]) -> list[tuple[int, int]]:
    """The pairs of rows of one home that say the same."""
    first: dict[tuple[Any, ...], int] = {}
    twins = []
    for row, line in rows:
        key = (line_key(line), line["cents"])
        if key in first:
            twins.append((first[key], row.number))
        first.setdefault(key, row.number)
    return twins


def line_key(line: Mapping[str, Any]) -> tuple[str, str]:
    """What a line is about, however it was written: its item and its period."""
    try:
        period = parse_period(line["period"])
    except Ambiguous:
        period = line["period"]
    return code_key(line["what"]), code_key(period)


def same_lines(some: Sequence[Line], others: Sequence[Line]) -> bool:
    """Whether two lists of lines say the same, in any order and spelling."""
    return _count(some) == _count(others)


def merged_lines(known: Sequence[Line], listed: Sequence[Line]) -> list[Line]:
    """U21: what a home owes if a file speaks of a part: items that the file does not name stay.

    Of an item that it names, the lines of the file replace the known ones, unless all of them are
    known already.
    """
    left = _count(known)
    named = {line_key(line) for line in listed}
    counted = _count(listed)
    changed = {
        key
        for key in named
        if not all(left[each] >= n for each, n in counted.items() if each[0] == key)
    }
    kept = [line for line in known if line_key(line) not in changed]
    return kept + [line for line in listed if line_key(line) in changed]


def whole_lines(known: Sequence[Line], listed: Sequence[Line]) -> list[Line]:
    """U21: what a home owes if a file has everything that it owes."""
    return list(known if same_lines(known, listed) else listed)


def _count(lines: Iterable[Line]) -> Counter[tuple[tuple[str, str], int]]:
    return Counter((line_key(line), line["cents"]) for line in lines)
