"""Reading XLSX and CSV files as tables of cells, and writing tables as XLSX."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from io import BytesIO, StringIO
from typing import Any

import python_calamine
import xlsxwriter

XLSX_MIMETYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAX_BYTES = 2 * 1024 * 1024


class UnreadableSpreadsheet(Exception):
    """The file is neither a workbook nor a CSV file."""


def read_table(name: str, content: bytes) -> list[Sequence[Any]]:
    """The first sheet of an XLSX workbook, or a CSV file in UTF-8 or GB 18030.

    Raises UnreadableSpreadsheet.
    """
    if content[:2] == b"PK":
        return _read_workbook(content)
    if name.lower().endswith((".xlsx", ".xls")):
        raise UnreadableSpreadsheet
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return list(csv.reader(StringIO(content.decode(encoding), newline="")))
        except (UnicodeDecodeError, csv.Error):
            continue
    raise UnreadableSpreadsheet


def write_workbook(rows: Iterable[Sequence[str]]) -> bytes:
    """Rows of text as an XLSX workbook. Every cell is text, so that no formula runs."""
    out = BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        sheet, plain = book.add_worksheet(), book.add_format({"num_format": "@"})
        sheet.set_column(0, 9, 18, plain)
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                sheet.write_string(number, column, cell, plain)
    return out.getvalue()


def _read_workbook(content: bytes) -> list[Sequence[Any]]:
    try:
        book = python_calamine.load_workbook(BytesIO(content))
        return list(book.get_sheet_by_index(0).to_python())
    except (python_calamine.CalamineError, OSError, ValueError, IndexError) as error:
        raise UnreadableSpreadsheet from error
