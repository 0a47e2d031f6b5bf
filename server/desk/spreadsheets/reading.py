"""Spreadsheets and text files as tables of cells."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from server.bounded.process import BoundedProcess, Busy
from server.desk.spreadsheets import reader

MAX_BYTES = 2 * 1024 * 1024
MAX_WAITING = 1

NumberedRow = tuple[int, Sequence[Any]]
"""The number of a row in the file, and its cells."""

CELL_TYPES: dict[str, Callable[[Any], Any]] = {
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
    "time": time.fromisoformat,
    "timedelta": lambda seconds: timedelta(seconds=seconds),
}


class UnreadableSpreadsheet(Exception):
    """The file cannot be taken over. `code` is the reason: `unreadable` for what is no table,
    `protected` for a password, `too-far-out` for a cell far outside of the table, `too-long`,
    `too-much` for what takes too much memory or time, `several-tables` if more than one sheet is
    what was looked for, `busy` while other files are read."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Table:
    """The cells of a sheet that are not empty rows. `rows` has the number of each row in the file
    and its cells.

    A merged cell has its value in each of its cells; `merged` are those, but for the first of each,
    by row number and column. `is_text`: these are the cells of a text file.
    """

    rows: tuple[NumberedRow, ...]
    merged: frozenset[tuple[int, int]] = frozenset()
    is_text: bool = False


def read_table(
    content: bytes, is_wanted: Callable[[Sequence[NumberedRow]], bool] = lambda _: False
) -> Table:
    """The sheet of a workbook that is wanted, else the first that is not empty and not hidden; or a
    text file: UTF-8, UTF-16 or GB 18030, separated by tabs, commas, semicolons or full-width
    commas.

    What a file is called does not matter. Raises UnreadableSpreadsheet.
    """
    try:
        answer = _process.ask(content)
    except Busy:
        raise UnreadableSpreadsheet("busy") from None
    found: dict[str, Any] = json.loads(answer) if answer else {"error": "too-much"}
    if code := found.get("error"):
        raise UnreadableSpreadsheet(code)
    tables = [_table(**each) for each in found["tables"]]
    wanted = [table for table in tables if is_wanted(table.rows)]
    if len(wanted) > 1:
        raise UnreadableSpreadsheet("several-tables")
    return next(iter(wanted or tables), Table(()))


def _table(rows: list[Any], merged: list[Any], is_text: bool) -> Table:
    numbered = tuple((number, [_cell(cell) for cell in row]) for number, row in rows)
    return Table(numbered, frozenset((row, column) for row, column in merged), is_text)


def _cell(value: Any) -> Any:
    return CELL_TYPES[value[0]](value[1]) if isinstance(value, list) else value


_process = BoundedProcess(reader, MAX_WAITING)
