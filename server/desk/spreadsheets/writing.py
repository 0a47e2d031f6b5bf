"""Writing tables as XLSX."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from io import BytesIO

import xlsxwriter

XLSX_MIMETYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Besides the usual ones, their wide forms, which Chinese keyboards write and Excel reads too."""


def neutral(cell: str | int | Decimal) -> str | int | Decimal:
    """A cell that no spreadsheet program takes for a formula."""
    if isinstance(cell, str) and cell.startswith(FORMULA_STARTS):
        return f"'{cell}"
    return cell


def write_workbook(rows: Iterable[Sequence[str]], footer: str = "") -> bytes:
    """Rows of text as an XLSX workbook. Every cell is text, so that no formula runs. `footer` is
    printed below each page."""
    out = BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        sheet, plain = book.add_worksheet(), book.add_format({"num_format": "@"})
        if footer:
            sheet.set_footer(f"&L&8{footer}")
        sheet.set_column(0, 9, 18, plain)
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                sheet.write_string(number, column, cell, plain)
    return out.getvalue()
