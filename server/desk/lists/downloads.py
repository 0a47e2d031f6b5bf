"""The answer with a list as a file, written row by row."""

from __future__ import annotations

import tempfile
from pathlib import Path

from flask import Response, render_template

from server.auth.access import current_user
from server.desk.documents.pdf import NoPdf
from server.desk.documents.tables import table_pdf
from server.desk.lists.asked import Asked
from server.desk.lists.files import (
    FORMATS,
    csv_lines,
    file_rows,
    headings,
    statements,
    text_rows,
    write_xlsx,
)
from server.i18n.locale import translate
from sync.protocol.clock import SITE_ZONE


def list_file(asked: Asked, format_: str) -> Response:
    """Exactly what is asked, as a file of one of FORMATS. Where no PDF can be made, the same as a
    page to be printed."""
    user = current_user()
    try:
        content = write_list(asked, format_, user.name, user.site_label)
    except NoPdf:
        return _page_to_print(asked, user.name, user.site_label)
    response = Response(content, mimetype=FORMATS[format_].mimetype)
    response.headers.set("Content-Disposition", "attachment", filename=file_name(asked, format_))
    response.headers["Cache-Control"] = "private, no-store"
    return response


def file_name(asked: Asked, format_: str) -> str:
    """The name of the list and the day at the site."""
    day = asked.context.now.astimezone(SITE_ZONE)
    return f"{asked.list_.name.replace('_', '-')}-{day:%Y%m%d}.{FORMATS[format_].ending}"


def write_list(asked: Asked, format_: str, person: str, site: dict[str, str]) -> bytes:
    """A list as a file: its bytes. Raises NoPdf if it cannot be a PDF."""
    names, rows, foot = headings(asked), file_rows(asked), statements(asked, person, site)
    if format_ == "csv":
        return "".join(csv_lines(names, rows, foot)).encode()
    if format_ == "pdf":
        title, link = translate(asked.list_.title), foot[-1][1]
        return table_pdf(title, foot, names, text_rows(rows), link)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "list.xlsx"
        write_xlsx(path, names, rows, foot)
        return path.read_bytes()


def _page_to_print(asked: Asked, person: str, site: dict[str, str]) -> Response:
    page = render_template(
        "desk/lists/print.html",
        title=translate(asked.list_.title),
        headings=headings(asked),
        rows=text_rows(file_rows(asked)),
        statements=statements(asked, person, site),
    )
    response = Response(page)
    response.headers["Cache-Control"] = "private, no-store"
    return response
