"""A list as PDF: a table in landscape whose head is repeated on each page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from server.desk.documents.model import Document, Section, Table
from server.desk.documents.pdf import MAX_CELLS, NoPdf, document_pdf


def table_pdf(
    title: str,
    facts: Sequence[tuple[str, str]],
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    footer: str,
) -> bytes:
    """The PDF of a table, with facts above it and `footer` at the foot of each page.

    Raises NoPdf: without typst, without a Chinese font, for more than MAX_CELLS cells, or while
    other PDF files are being made.
    """
    listed = [list(row) for row in rows]
    if len(listed) * len(columns) > MAX_CELLS:
        raise NoPdf("too-long")
    section = Section("", [Table(columns, listed)])
    return document_pdf(
        Document(title, facts=facts, sections=[section], footer=footer, is_landscape=True), {}
    )
