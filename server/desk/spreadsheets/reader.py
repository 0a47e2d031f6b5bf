"""Reads XLSX, XLS, ODS and text files. Runs in a process of its own, by `server.bounded`.

The answer is JSON: the tables of the file, or the code of why it has none. A cell that JSON does
not know is a list of the name of its type and its text.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from io import BytesIO, StringIO
from typing import Any
from zipfile import ZipFile, ZipInfo

import python_calamine
from python_calamine import SheetVisibleEnum

MAX_MEMORY = 768 * 1024 * 1024
MAX_SECONDS = 10.0
MAX_CELLS = 5_000_000
"""Of a sheet, from its first cell to its last: it is held as a full rectangle."""
MAX_UNPACKED_BYTES = 64 * 1024 * 1024
MAX_FILLED_CELLS, MAX_CHARACTERS = 500_000, 8_000_000
"""Of all tables of a file."""
CHUNK = 1024 * 1024
DELIMITERS = "\t,;，"
SAMPLE_LINES = 20

UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
WORKBOOK_MARKS = (b"PK", b"\xd0\xcf\x11\xe0")
"""How XLSX and ODS files (ZIP) and XLS files (OLE) begin."""

XLSX_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
XLSX_TAG = re.compile(rb"<(?:\w{1,40}:)?(c|row|mergeCell)(?=[\s/>])([^<]*)")
ODS_TAG = re.compile(
    rb"<(?:\w{1,40}:)?(table|table-row|table-cell|covered-table-cell)(?=[\s/>])([^<]*)"
)
"""The name of a tag, and what stands before the next one."""
XLSX_PLACE = re.compile(rb'\br=["\']([A-Z]{0,20})([0-9]{1,20})["\']')
XLSX_RANGE_END = re.compile(rb'\bref=["\'][A-Z]{1,20}[0-9]{1,20}:([A-Z]{1,20})([0-9]{1,20})')
REPEATED = re.compile(rb"number-(?:rows|columns)-repeated=[\"']([0-9]{1,9})")

Rows = dict[int, list[Any]]


class TooFarOut(Exception):
    """A sheet has a cell so far outside that it cannot be held in memory."""


class TooLong(Exception):
    """The tables have more cells or text than somebody looks through."""


def answer(content: bytes) -> bytes:
    """The tables of a file, or the code of why it has none, as JSON."""
    try:
        found: dict[str, Any] = {"tables": _tables(content)}
    except TooFarOut:
        found = {"error": "too-far-out"}
    except TooLong:
        found = {"error": "too-long"}
    except python_calamine.PasswordError:
        found = {"error": "protected"}
    except MemoryError:
        found = {"error": "too-much"}
    except Exception:
        found = {"error": "unreadable"}
    return json.dumps(found, ensure_ascii=False, default=_named).encode("utf-8", "replace")


def _named(cell: Any) -> list[Any]:
    """A date, time or duration for JSON."""
    if isinstance(cell, timedelta):
        return ["timedelta", cell.total_seconds()]
    return [type(cell).__name__, cell.isoformat()]


def _tables(content: bytes) -> list[dict[str, Any]]:
    """Every sheet that is neither empty nor hidden, or the one table of a text file."""
    if content.startswith(WORKBOOK_MARKS):
        _check_archive(content)
        book = python_calamine.load_workbook(BytesIO(content))
        shown = [sheet.visible == SheetVisibleEnum.Visible for sheet in book.sheets_metadata]
        places = [place for place, is_shown in enumerate(shown) if is_shown]
        tables = [_sheet_table(book.get_sheet_by_index(place)) for place in places]
        return _bounded([table for table in tables if table["rows"]])
    text = _decode(content)
    rows = list(csv.reader(StringIO(text, newline=""), delimiter=_delimiter(text), strict=True))
    if not any(len(row) > 1 for row in rows):
        raise ValueError("no table")
    filled = [(number, row) for number, row in enumerate(rows, start=1) if any(map(_said, row))]
    return _bounded([{"rows": filled, "merged": [], "is_text": True}])


def _bounded(tables: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Raises TooLong."""
    cells = characters = 0
    for table in tables:
        for _, row in table["rows"]:
            cells += len(row)
            characters += sum(len(cell) for cell in row if isinstance(cell, str))
            if cells > MAX_FILLED_CELLS or characters > MAX_CHARACTERS:
                raise TooLong
    return tables


def _decode(content: bytes) -> str:
    for encoding in _encodings(content):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ValueError("no encoding that people use")


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


def _check_archive(content: bytes) -> None:
    """Raise TooFarOut if a sheet of an XLSX or ODS file reaches too far, found out before it is
    read: one cell at XFD1048576 would ask for 549 GB. What a sheet says of its own size is not
    trusted; its cells are. Raises ValueError for what no spreadsheet program writes."""
    if not content.startswith(b"PK"):
        return
    with ZipFile(BytesIO(content)) as archive:
        parts = archive.infolist()
        if sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES:
            raise TooFarOut
        for part in parts:
            if part.filename.endswith("workbook.bin"):
                raise ValueError("an XLSB file")
            if part.filename.endswith((".xml", ".rels")):
                _check_part(part.filename, _unpacked(archive, part))


def _check_part(name: str, text: bytes) -> None:
    if b"<!ENTITY" in text:
        raise ValueError("text that stands for other text")
    if XLSX_SHEET.fullmatch(name):
        _check_xlsx_sheet(text)
    elif name == "content.xml":
        _check_ods(text)


def _unpacked(archive: ZipFile, part: ZipInfo) -> bytes:
    """The text of a part, whatever size the archive gives for it. Raises TooFarOut."""
    with archive.open(part) as stream:
        text = stream.read(MAX_UNPACKED_BYTES + 1)
    if len(text) > MAX_UNPACKED_BYTES:
        raise TooFarOut
    return text


def _check_xlsx_sheet(text: bytes) -> None:
    """Cells and rows without a place follow each other: there may not be too many of them."""
    rows, columns, unplaced = 1, 1, 0
    for tag in XLSX_TAG.finditer(text):
        pattern = XLSX_RANGE_END if tag[1] == b"mergeCell" else XLSX_PLACE
        if place := pattern.search(tag[2]):
            columns, rows = max(columns, _column_number(place[1])), max(rows, int(place[2]))
        elif tag[1] == b"c":
            unplaced += 1
        if unplaced > MAX_FILLED_CELLS:
            raise TooLong
        if rows * columns > MAX_CELLS:
            raise TooFarOut


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def _check_ods(text: bytes) -> None:
    """ODS repeats rows and cells by a count: add up those that hold something."""
    row = last_row = last_column = width = 0
    for tag in ODS_TAG.finditer(text):
        name, attributes = tag[1], tag[2].partition(b">")[0]
        if name == b"table":
            row = last_row = last_column = 0
        elif name == b"table-row":
            row, width = row + _repeats(attributes), 0
        else:
            width += _repeats(attributes)
            if not attributes.endswith(b"/") or b"value" in attributes:
                last_row, last_column = row, max(last_column, width)
        if last_row * last_column > MAX_CELLS:
            raise TooFarOut


def _repeats(attributes: bytes) -> int:
    match = REPEATED.search(attributes)
    return int(match[1]) if match else 1


def _sheet_table(sheet: Any) -> dict[str, Any]:
    """Raises TooFarOut."""
    rows, ranges = _sheet_rows(sheet), sheet.merged_cell_ranges or ()
    offset = sheet.start[1] if sheet.start else 0
    merged = [cell for first, last in ranges for cell in _carry(rows, offset, first, last)]
    shortened = [(number, _without_tail(row)) for number, row in rows.items()]
    return {"rows": shortened, "merged": merged, "is_text": False}


def _sheet_rows(sheet: Any) -> Rows:
    """The rows of a sheet that are not empty, by their number. Raises TooFarOut."""
    if sheet.height * sheet.width > MAX_CELLS:
        raise TooFarOut
    blank = [""] * sheet.width
    numbered = enumerate(sheet.iter_rows(), start=1)
    return {number: row for number, row in numbered if row != blank and any(map(_said, row))}


def _carry(
    rows: Rows, offset: int, first: tuple[int, int], last: tuple[int, int]
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


def _without_tail(row: Sequence[Any]) -> Sequence[Any]:
    """A row without the empty cells behind its last one."""
    length = len(row)
    while length and row[length - 1] == "":
        length -= 1
    return row[:length]


def _said(cell: Any) -> bool:
    return bool(cell.strip()) if isinstance(cell, str) else cell is not None
