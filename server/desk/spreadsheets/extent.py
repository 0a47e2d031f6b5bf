"""How far the cells of a workbook reach, found out before the sheet is read.

The reader holds a sheet as a full rectangle: one cell at XFD1048576 would ask for 549 GB. What a
sheet says of its own size is not trusted; its cells are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from zipfile import BadZipFile, ZipFile, ZipInfo

MAX_CELLS = 5_000_000
MAX_UNPACKED_BYTES = 64 * 1024 * 1024
CHUNK = 1024 * 1024
TAIL = 256

_XLSX_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
_XLSX_CELL = re.compile(rb'\br=["\']([A-Z]{1,4})([0-9]{1,9})["\']')
_XLSX_ROW = re.compile(rb'<(?:\w+:)?row\b[^>]*?\br=["\']([0-9]{1,9})["\']')
_MERGED = re.compile(
    rb'<(?:\w+:)?mergeCell\b[^>]*?\bref=["\'][A-Z]+[0-9]+:([A-Z]{1,4})([0-9]{1,9})'
)
_ODS_TABLE = re.compile(rb"<(?:\w+:)?table[ >]")
_ODS_ROW = re.compile(
    rb"<(?:\w+:)?table-row\b([^>]*?)(?:/>|>(.*?)</(?:\w+:)?table-row>)", re.DOTALL
)
_ODS_CELL = re.compile(rb"<(?:\w+:)?(?:covered-)?table-cell\b([^>]*)>")


class TooFarOut(Exception):
    """The sheet cannot be held in memory."""


def check_extent(content: bytes) -> None:
    """Raise TooFarOut if a sheet of an XLSX or ODS file is too large to be read, ValueError if the
    file is not what it says. What an XLS file says of its size is found out by `probe`."""
    if not content.startswith(b"PK"):
        return
    try:
        with ZipFile(BytesIO(content)) as archive:
            parts = archive.infolist()
            if sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES:
                raise TooFarOut
            for part in parts:
                if _XLSX_SHEET.fullmatch(part.filename):
                    _check_xlsx_sheet(archive, part)
                elif part.filename == "content.xml":
                    _check_ods(archive, part)
                elif part.filename.endswith("workbook.bin"):
                    raise ValueError("an XLSB file")
    except (BadZipFile, NotImplementedError, RuntimeError) as error:
        raise ValueError(str(error)) from error


def _check_xlsx_sheet(archive: ZipFile, part: ZipInfo) -> None:
    rows, columns = 1, 1
    for text in _chunks(archive, part):
        for match in (*_XLSX_CELL.finditer(text), *_MERGED.finditer(text)):
            columns = max(columns, _column_number(match[1]))
            rows = max(rows, int(match[2]))
        rows = max([rows, *(int(match[1]) for match in _XLSX_ROW.finditer(text))])
        if rows * columns > MAX_CELLS:
            raise TooFarOut


def _chunks(archive: ZipFile, part: ZipInfo) -> Iterator[bytes]:
    """The text of a part in pieces that overlap, so that no reference is cut in two."""
    tail = b""
    for block in _blocks(archive, part):
        yield tail + block
        tail = block[-TAIL:]


def _blocks(archive: ZipFile, part: ZipInfo) -> Iterator[bytes]:
    """The text of a part, whatever size the archive gives for it. Raises TooFarOut."""
    with archive.open(part) as stream:
        size = 0
        while block := stream.read(CHUNK):
            size += len(block)
            if size > MAX_UNPACKED_BYTES:
                raise TooFarOut
            yield block


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def _check_ods(archive: ZipFile, part: ZipInfo) -> None:
    """ODS repeats rows and cells by a count: add up those that hold something."""
    text = b"".join(_blocks(archive, part))
    for table in _ODS_TABLE.split(text)[1:]:
        row = last_row = last_column = 0
        for match in _ODS_ROW.finditer(table):
            row += _repeats(match[1], b"rows")
            filled = width = 0
            for cell in _ODS_CELL.finditer(match[2] or b""):
                width += _repeats(cell[1], b"columns")
                filled = width if not cell[1].endswith(b"/") or b"value" in cell[1] else filled
            if filled:
                last_row, last_column = row, max(last_column, filled)
        if last_row * last_column > MAX_CELLS:
            raise TooFarOut


def _repeats(attributes: bytes, what: bytes) -> int:
    match = re.search(rb"number-%s-repeated=[\"']([0-9]{1,9})" % what, attributes)
    return int(match[1]) if match else 1
