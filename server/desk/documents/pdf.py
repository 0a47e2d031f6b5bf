"""Documents as PDF. typst is an optional dependency (`pip install lodge[pdf]`)."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import asdict
from importlib.util import find_spec
from typing import Any

from flask_babel import gettext

from server.bounded.process import BoundedProcess, Busy
from server.desk.documents import typesetter
from server.desk.documents.model import Document, Table
from server.i18n.locale import current_language, translate
from sync.protocol.text import Text, _l

MAX_WAITING = 2
MAX_CELLS = 40_000
"""Of one PDF: about as much as is typeset within the limits of memory and time."""
LINE, LINE_IN_LANDSCAPE = 90, 160
"""How many Latin characters a line of a table has, about."""

REASONS: Mapping[str, Text] = {
    "missing": _l("PDF files need the package typst on the server. Print the page instead."),
    "no-font": _l("The server has no Chinese font for PDF files. Print the page instead."),
    "too-long": _l("This is too long for a PDF file. Choose less of it, or take it as XLSX."),
    "busy": _l("Other PDF files are being made. Try again in a moment."),
    "failed": _l("The PDF file could not be made. Print the page instead."),
}


class NoPdf(Exception):
    """There is no PDF. `code` is one of REASONS."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    @property
    def message(self) -> str:
        """Why, and what to do, in the language of the request."""
        return translate(REASONS[self.code])


def can_make_pdf() -> bool:
    """Whether the package that makes PDF files is there."""
    return find_spec("typst") is not None


def document_pdf(document: Document, photos: Mapping[str, bytes]) -> bytes:
    """The PDF of a document; the same document gives the same bytes.

    `photos` are JPEG files by their hash; one that is not there has its place, and says so.
    Raises NoPdf.
    """
    if not can_make_pdf():
        raise NoPdf("missing")
    data = _data(document) | {
        "language": current_language().partition("-")[0],
        "page_words": gettext("Page {n} of {total}"),
        "no_picture": gettext("Photo not received yet"),
        "pictures": sorted(photos),
    }
    pictures = {name: b64encode(jpeg).decode() for name, jpeg in photos.items()}
    request = json.dumps({"document": data, "photos": pictures}, ensure_ascii=False)
    try:
        answer = _process.ask(request.encode("utf-8", "replace"))
    except Busy:
        raise NoPdf("busy") from None
    if not answer.startswith(b"%PDF"):
        raise NoPdf(answer.decode() or "too-long")
    return answer


def _data(document: Document) -> dict[str, Any]:
    """A document as the template reads it."""
    data, room = asdict(document), LINE_IN_LANDSCAPE if document.is_landscape else LINE
    for section, written in zip(document.sections, data["sections"], strict=True):
        for block, part in zip(section.blocks, written["blocks"], strict=True):
            if isinstance(block, Table):
                part["shares"] = block.shares(room)
    return data


_process = BoundedProcess(typesetter, MAX_WAITING)
