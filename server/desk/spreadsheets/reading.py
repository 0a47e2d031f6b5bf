"""Reading XLSX, XLS, ODS and text files as tables of cells."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO, StringIO
from typing import Any

import python_calamine
from python_calamine import SheetVisibleEnum

from server.desk.spreadsheets import probe
from server.desk.spreadsheets.extent import MAX_CELLS, TooFarOut, check_extent

MAX_BYTES = 2 * 1024 * 1024
DELIMITERS = "\t,;，"
SAMPLE_LINES = 20
PROBE_SECONDS = 20

UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
WORKBOOK_MARKS = (b"PK", b"\xd0\xcf\x11\xe0")
"""How XLSX and ODS files (ZIP) and XLS files (OLE) begin."""


NumberedRow = tuple[int, Sequence[Any]]
"""The number of a row in the file, and its cells."""


class UnreadableSpreadsheet(Exception):
    """The file is neither a workbook nor a text file with a table."""

    code = "unreadable"


class OversizedSpreadsheet(UnreadableSpreadsheet):
    """A cell stands far outside of the table, so that the sheet cannot be read as a whole."""

    code = "too-far-out"


class ProtectedSpreadsheet(UnreadableSpreadsheet):
    """The file has a password."""

    code = "protected"


class SeveralTables(UnreadableSpreadsheet):
    """More than one sheet is what was looked for, so that one would be left out."""

    code = "several-tables"


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

    What a file is called does not matter. Raises an UnreadableSpreadsheet of some kind.
    """
    if content.startswith(WORKBOOK_MARKS):
        return _wanted_table(_read_workbook(content), is_wanted)
    text = _decode(content)
    reader = csv.reader(StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        rows = list(reader)
    except csv.Error as error:
        raise UnreadableSpreadsheet from error
    if not any(len(row) > 1 for row in rows):
        raise UnreadableSpreadsheet
    return Table(_filled_rows(rows), is_text=True)


def _wanted_table(
    tables: Sequence[Table], is_wanted: Callable[[Sequence[NumberedRow]], bool]
) -> Table:
    """The only table that is wanted, else the first. Raises SeveralTables."""
    wanted = [table for table in tables if is_wanted(table.rows)]
    if len(wanted) > 1:
        raise SeveralTables
    return next(iter(wanted or tables), Table(()))


def _decode(content: bytes) -> str:
    for encoding in _encodings(content):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UnreadableSpreadsheet


def _encodings(content: bytes) -> Iterator[str]:
    if content.startswith(UTF16_MARKS):
        yield "utf-16"
    elif b"\x00" in content[:200]:  # UTF-16 without its mark: delimiters and digits have a zero
        even, odd = content[:200:2].count(0), content[1:200:2].count(0)
        yield "utf-16-le" if odd > even else "utf-16-be"
    else:
        yield from ("utf-8-sig", "gb18030")


def _delimiter(text: str) -> str:
    """The delimiter that the first lines have most often, outside of quotes."""
    lines = [line for line in text.splitlines()[: SAMPLE_LINES * 2] if line.strip()]
    unquoted = "\n".join("".join(line.split('"')[::2]) for line in lines[:SAMPLE_LINES])
    return max(DELIMITERS, key=unquoted.count)


def _read_workbook(content: bytes) -> list[Table]:
    """Every sheet that is neither empty nor hidden."""
    try:
        check_extent(content)
        _probe(content)
        book = python_calamine.load_workbook(BytesIO(content))
        shown = [sheet.visible == SheetVisibleEnum.Visible for sheet in book.sheets_metadata]
        sheets = [
            book.get_sheet_by_index(place) for place, is_shown in enumerate(shown) if is_shown
        ]
        tables = [_sheet_table(sheet) for sheet in sheets]
    except TooFarOut as error:
        raise OversizedSpreadsheet from error
    except python_calamine.PasswordError as error:
        raise ProtectedSpreadsheet from error
    except (python_calamine.CalamineError, OSError, ValueError, IndexError) as error:
        raise UnreadableSpreadsheet from error
    return [table for table in tables if table.rows]


def _probe(content: bytes) -> None:
    """Have a process of its own read the workbook first. Raises TooFarOut, ValueError."""
    program = [sys.executable, "-P", probe.__file__, str(MAX_CELLS)]
    try:
        ended = subprocess.run(  # noqa: S603 - our own program
            program, input=content, capture_output=True, timeout=PROBE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise TooFarOut from error
    if ended.returncode == probe.TOO_FAR_OUT:
        raise TooFarOut
    if ended.returncode:
        raise ValueError(f"the process that read the workbook ended with {ended.returncode}")


def _sheet_table(sheet: Any) -> Table:
    """Raises TooFarOut."""
    rows, ranges = _sheet_rows(sheet), sheet.merged_cell_ranges or ()
    offset = sheet.start[1] if sheet.start else 0
    merged = [cell for first, last in ranges for cell in _carry(rows, offset, first, last)]
    return Table(tuple(rows.items()), frozenset(merged))


def _sheet_rows(sheet: Any) -> dict[int, list[Any]]:
    """The rows of a sheet that are not empty, by their number. Raises TooFarOut."""
    if sheet.height * sheet.width > MAX_CELLS:
        raise TooFarOut
    blank = [""] * sheet.width
    numbered = enumerate(sheet.iter_rows(), start=1)
    return {number: row for number, row in numbered if row != blank and any(map(_said, row))}


def _carry(
    rows: dict[int, list[Any]], offset: int, first: tuple[int, int], last: tuple[int, int]
) -> Iterator[tuple[int, int]]:
    """Write the value of a merged cell into each of its cells, and return those, but the first."""
    top, left = first[0] + 1, first[1] - offset
    if top not in rows:
        return
    for number in range(top, min(last[0] + 1, max(rows)) + 1):
        for column in range(max(left, 0), min(last[1] + 1 - offset, len(rows[top]))):
            if (number, column) != (top, left) and number in rows:
                rows[number][column] = rows[top][left]
                yield number, column


def _filled_rows(rows: Sequence[Sequence[Any]]) -> tuple[tuple[int, Sequence[Any]], ...]:
    return tuple((number, row) for number, row in enumerate(rows, start=1) if any(map(_said, row)))


def _said(cell: Any) -> bool:
    return bool(cell.strip()) if isinstance(cell, str) else cell is not None
