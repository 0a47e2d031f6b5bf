"""A list as a file: XLSX, CSV, PDF of exactly what is filtered, with what it states at its foot."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import xlsxwriter
from flask_babel import gettext
from sqlalchemy import Select

from server.db.engine import db
from server.desk.homes import possibly_unsynced_phones
from server.desk.lists.asked import Asked
from server.desk.lists.columns import file_text, file_value
from server.desk.lists.filters import Filter, PeriodFilter
from server.desk.spreadsheets import XLSX_MIMETYPE, neutral
from server.i18n.locale import localize, translate
from server.oplog.hash_chain import log_head
from sync.protocol.clock import SITE_ZONE

CHUNK = 500
"""How many rows are read at a time: a file of a large list does not lie in memory."""
COLUMN_WIDTH = 18

FileRow = list[str | int | Decimal]


class Format(NamedTuple):
    """A kind of file: its ending and its media type."""

    ending: str
    mimetype: str


FORMATS = {
    "xlsx": Format("xlsx", XLSX_MIMETYPE),
    "csv": Format("csv", "text/csv"),
    "pdf": Format("pdf", "application/pdf"),
}


def file_rows(asked: Asked) -> Iterator[FileRow]:
    """Every row that is asked, on all pages, in order: one cell a shown column."""
    columns = asked.shown_columns()
    for rows in _chunks(asked.list_.query(asked.values, asked.sort, asked.context)):
        asked.list_.prepare(rows, asked.context)
        for row in rows:
            yield [file_value(column.value(row, asked.context)) for column in columns]


def _chunks(query: Select[Any]) -> Iterator[Sequence[Any]]:
    """The rows of a query, from one statement: nothing is left out or comes twice when the list
    changes meanwhile."""
    result = db.session.execute(query.execution_options(yield_per=CHUNK))
    yield from result.partitions(CHUNK)


def headings(asked: Asked) -> list[str]:
    """The names of the columns."""
    return [translate(column.label) for column in asked.shown_columns()]


def statements(asked: Asked, person: str, site: Any) -> list[tuple[str, str]]:
    """What a file says of itself: what it lists, who made it, when, and what is not yet known."""
    context, now = asked.context, asked.context.now.astimezone(SITE_ZONE)
    filters = [
        f"{translate(each.label)}: {shown}"
        for each in asked.list_.filters
        if (shown := _shown_value(each, asked))
    ]
    silent = [phone.label for phone in possibly_unsynced_phones(context.site_id, _end(asked))]
    head = log_head(context.site_id)
    said = [
        (gettext("List"), f"{translate(asked.list_.title)}, {localize(site)}"),
        (gettext("Filter"), "; ".join(filters) or gettext("All")),
        (gettext("Rows"), str(asked.total)),
        (gettext("Made at"), f"{now:%Y-%m-%d %H:%M} (UTC{_offset(now)})"),
        (gettext("Made by"), person),
        (gettext("Rules"), ", ".join(asked.list_.formulas)),
        (gettext("Phones not heard from"), ", ".join(silent) or gettext("none")),
        (gettext("Newest link of the log"), f"{head.judged} {head.link}"),
    ]
    return [(label, text) for label, text in said if text]


def _shown_value(filter_: Filter, asked: Asked) -> str:
    """What is asked of a filter; of a period that moves with the days, also its days."""
    shown = filter_.shown_value(asked.values, asked.context)
    if isinstance(filter_, PeriodFilter) and filter_.named(asked.values):
        return f"{shown} ({' – '.join(str(day) for day in filter_.days(asked.values) if day)})"
    return shown


def _end(asked: Asked) -> datetime:
    """The end of the period that is asked, at most now: until then phones may lack records."""
    periods = [each for each in asked.list_.filters if isinstance(each, PeriodFilter)]
    ends = [end for each in periods if (end := each.span(asked.values)[1])]
    return min(max(ends), asked.context.now) if ends else asked.context.now


def _offset(time: datetime) -> str:
    text = time.strftime("%z")
    return f"{text[:3]}:{text[3:]}"


def write_xlsx(
    path: Path, names: Sequence[str], rows: Iterable[FileRow], foot: Sequence[tuple[str, str]]
) -> None:
    """Write an XLSX file row by row. A text is never a formula, a number is one."""
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
        sheet, bold = book.add_worksheet(), book.add_format({"bold": True})
        sheet.set_column(0, max(len(names) - 1, 0), COLUMN_WIDTH)
        sheet.freeze_panes(1, 0)
        for column, name in enumerate(names):
            sheet.write_string(0, column, name, bold)
        number = 0
        for number, row in enumerate(rows, start=1):
            _write_row(sheet, number, row)
        for place, line in enumerate(foot, start=number + 2):
            _write_row(sheet, place, list(line))


def _write_row(sheet: Any, number: int, row: FileRow) -> None:
    for column, cell in enumerate(row):
        if isinstance(cell, str):
            sheet.write_string(number, column, str(neutral(cell)))
        else:
            sheet.write_number(number, column, cell)


def csv_lines(
    names: Sequence[str], rows: Iterable[FileRow], foot: Sequence[tuple[str, str]]
) -> Iterator[str]:
    """The lines of a CSV file, as Excel reads it: with a byte order mark, what a file says of
    itself after an empty line."""
    yield "\ufeff" + _csv_line(names)
    for row in rows:
        yield _csv_line(map(neutral, row))
    yield "\r\n"
    for line in foot:
        yield _csv_line(map(neutral, line))


def _csv_line(cells: Iterable[object]) -> str:
    out = StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()


def text_rows(rows: Iterable[FileRow]) -> Iterator[list[str]]:
    """Rows for a PDF file, which knows texts only."""
    for row in rows:
        yield [cell if isinstance(cell, str) else file_text(cell) for cell in row]
