"""A table as a file for the browser."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flask import Response

from server.auth.access import current_user
from server.desk.spreadsheets import XLSX_MIMETYPE, write_workbook
from server.oplog.hash_chain import log_head


def xlsx_response(rows: Iterable[Sequence[str]], name: str) -> Response:
    """Rows of text as an XLSX file; the newest link of the log is printed below each page."""
    head = log_head(current_user().site_id)
    book = write_workbook(rows, footer=f"{head.judged} {head.link}")
    answer = Response(book, mimetype=XLSX_MIMETYPE)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Cache-Control"] = "private, no-store"
    return answer
