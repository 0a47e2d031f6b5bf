"""Documents: the same content as a page and as a PDF, the same bytes from the same state."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from pypdf import PdfReader

from server.desk.documents.contents import document_types
from server.desk.documents.document_type import DocumentType
from tests.seed_data import EVE, HOME_SITE
from tests.server.conftest import DeskBrowser
from tests.server.desk.test_visible_text import DOCUMENTS_ABOUT, UUID
from tests.server.desk_ids import ids_by_type

TYPES = {each.name: each for each in document_types()}
ZH = {"Accept-Language": "zh"}


class Texts(HTMLParser):
    """Collects the texts of a document's page, without its tools."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._is_paper = False

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self._is_paper = self._is_paper or tag == "main"

    def handle_data(self, data: str) -> None:
        if self._is_paper and data.strip():
            self.texts.append(data)


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def page_texts(page: str) -> list[str]:
    reader = Texts()
    reader.feed(page)
    return [squeezed(text) for text in reader.texts]


def pdf_text(content: bytes) -> str:
    return squeezed("".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages))


def address(app: Flask, type_: DocumentType) -> str:
    """The address of what a document of the estate is about."""
    now = datetime.now(UTC) + timedelta(hours=8)
    ids = ids_by_type(app)
    keys = {"month": f"{now:%Y-%m}", "year": f"{now:%Y}"}
    if about := DOCUMENTS_ABOUT.get(type_.name):
        keys["id"] = ids[TABLES.get(about, about)][0]
    return re.sub(r"<(\w+)>", lambda found: keys[found[1]], type_.path)


TABLES = {"session": "training"}
"""The table of a record type where it has another name."""


@pytest.fixture
def app(sqlite_app: Flask) -> Flask:
    return sqlite_app


@pytest.fixture
def eve(estate: Flask, signed_in: Callable[..., DeskBrowser]) -> DeskBrowser:
    return signed_in(EVE, HOME_SITE)


def test_every_document_says_the_same_as_page_and_as_pdf(app: Flask, eve: DeskBrowser) -> None:
    for type_ in TYPES.values():
        path = address(app, type_)
        page = eve.get(f"{path}/print", headers=ZH)
        printed = eve.get(f"{path}/pdf", headers=ZH)
        assert page.status_code == 200, path
        assert printed.mimetype == "application/pdf", path
        text = pdf_text(printed.data)
        assert [said for said in page_texts(page.text) if said not in text] == [], path
        assert not UUID.search(page.text.partition("<main")[2].partition("<footer")[0]), path
        assert eve.get(f"{path}/pdf", headers=ZH).data == printed.data, path
