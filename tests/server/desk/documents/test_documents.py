"""Documents: the same content as a page and as a PDF, the same bytes from the same state."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from pypdf import PdfReader
from sqlalchemy import update

from server.db.engine import db, write_transaction
from server.desk.documents.contents import document_types
from server.desk.documents.document_type import DocumentType
from server.models.access import LoginSession
from server.models.patrol import PatrolRound
from server.models.security_log import AccessEntry
from sync.protocol.clock import SITE_ZONE
from sync.protocol.roles import FRONT_DESK_ROLES
from tests.phone_client import PhoneClient
from tests.seed_data import CHU, EVE, HOME_SITE, fixed_id
from tests.server.conftest import DeskBrowser
from tests.server.desk.estate_activity import LOST, NORTH
from tests.server.desk.test_visible_text import DOCUMENTS_ABOUT, UUID
from tests.server.desk_ids import ids_by_type
from tests.server.jobs.test_retention import jpeg_and_hash

TYPES = {each.name: each for each in document_types()}
ZH, EN = {"Accept-Language": "zh"}, {"Accept-Language": "en"}


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
    now = datetime.now(SITE_ZONE)
    ids = ids_by_type(app)
    keys = {"day": f"{now:%Y-%m-%d}", "month": f"{now:%Y-%m}", "year": f"{now:%Y}"}
    if about := DOCUMENTS_ABOUT.get(type_.name):
        keys["id"] = ids[TABLES.get(about, about)][0]
    return re.sub(r"<(\w+)>", lambda found: keys[found[1]], type_.path)


ABOUT = {"day": "/desk/"}
"""The page with a document that is about no record and no month."""
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


def test_every_document_is_one_tap_from_the_page_that_it_is_about(
    app: Flask, eve: DeskBrowser, signed_in: Callable[..., DeskBrowser]
) -> None:
    """But not for people who may not take it."""
    months = eve.get(f"/desk/disclosure/?month={datetime.now(SITE_ZONE):%Y-%m}").text
    for type_ in TYPES.values():
        path = address(app, type_)
        about = path.removesuffix("/police") if type_.name in DOCUMENTS_ABOUT else ""
        about = about or ABOUT.get(type_.name, "")
        page = eve.get(about).text if about else months
        assert re.search(f'href="{path}/(print|pdf)"', page), path
    assert "/police/print" not in signed_in(CHU).get(address(app, TYPES["lost_property"])).text


@pytest.mark.parametrize("name", ["ticket", "disclosure"])
def test_the_same_state_gives_the_same_bytes(app: Flask, eve: DeskBrowser, name: str) -> None:
    """Also after somebody took it, which the security log notes."""
    path = address(app, TYPES[name])
    first, again = (eve.get(f"{path}/pdf").data for _ in range(2))
    assert first == again
    assert b"/CreationDate" not in first


def test_photos_stand_where_they_were_taken(
    app: Flask, eve: DeskBrowser, new_phone: Callable[..., PhoneClient]
) -> None:
    jpeg, here = jpeg_and_hash()
    absent = "0" * 64
    finding = {"where": "sofa", "photos": [here, absent]}
    finder = new_phone()
    finder.request_photo("PUT", here, jpeg)
    assert finder.send_op("lost.find", LOST, finding, by=CHU)["status"] == "applied"
    for name in ("lost_property", "police"):
        path = address(app, TYPES[name])
        reader = PdfReader(BytesIO(eve.get(f"{path}/pdf", headers=EN).data))
        shown = [image for page in reader.pages for image in page.images]
        assert len({image.data for image in shown}) == 1
        text = squeezed("".join(page.extract_text() for page in reader.pages))
        assert "Photonotreceivedyet" in text
        page = eve.get(f"{path}/print", headers=EN).text
        assert f"/desk/photo/{here}" in page
        assert f"/desk/photo/{absent}" not in page
    assert text.count(here) == 2, "the hash of the photo, and that of its file in the pack"


def test_a_patrol_is_told_with_the_photos_of_each_checkpoint(
    app: Flask, eve: DeskBrowser, new_phone: Callable[..., PhoneClient]
) -> None:
    jpeg, taken = jpeg_and_hash()
    walker, now = new_phone(), datetime.now(UTC)
    with app.app_context():
        under_way = PatrolRound.between(HOME_SITE, now, now + timedelta(seconds=1))
        round_ = db.session.scalars(under_way).one().id
    path = f"/desk/patrol/{round_}"
    walker.request_photo("PUT", taken, jpeg)
    scan = {"checkpoint": NORTH, "method": "manual", "note": "label torn", "photos": [taken]}
    assert walker.send_op("round.scan", round_, scan, by=CHU)["status"] == "applied"
    page = eve.get(f"{path}/print", headers=EN).text
    story = page[page.index("Checkpoints</h2>") : page.index('<div class="signatures">')]
    point = story[: story.index("</figure>")]
    assert "Point · " in point
    assert "label torn" in point
    assert f"/desk/photo/{taken}" in point
    reader = PdfReader(BytesIO(eve.get(f"{path}/pdf", headers=EN).data))
    assert [len(page.images) for page in reader.pages] == [1]


def test_only_the_roles_of_a_page_take_its_documents(
    app: Flask, eve: DeskBrowser, desk_op: Callable[..., Any], signed_in: Callable[..., DeskBrowser]
) -> None:
    """U8 forbids guards to see arrears, whatever other roles they have."""
    added = {"name": "Fay", "roles": ["service_desk", "guard"]}
    assert desk_op("person.add", fixed_id("fay"), added, by=EVE)["status"] == "applied"
    fay, chu = signed_in(fixed_id("fay")), signed_in(CHU)
    for type_ in TYPES.values():
        is_allowed = type_.roles == FRONT_DESK_ROLES and type_.name != "arrears"
        path = address(app, type_)
        assert fay.get(f"{path}/print").status_code == (200 if is_allowed else 403), path
        for how in ("print", "pdf"):
            assert chu.get(f"{path}/{how}").status_code == 403, path


def test_personal_data_is_noted_and_needs_a_recent_sign_in(app: Flask, eve: DeskBrowser) -> None:
    personal = [type_ for type_ in TYPES.values() if type_.logged_as]
    assert {type_.name for type_ in personal} > {"ticket", "police", "arrears", "case"}
    for type_ in personal:
        eve.get(f"{address(app, type_)}/{'pdf' if type_.name == 'case' else 'print'}")
        with app.app_context():
            entry = db.session.scalars(AccessEntry.newest(HOME_SITE)).first()
            assert entry is not None
            assert (entry.event, entry.by_id) == ("export", EVE)
            assert entry.details["about_type"] == type_.logged_as
    with app.app_context(), write_transaction():
        long_ago = datetime.now(UTC) - timedelta(hours=1)
        db.session.execute(update(LoginSession).values(proven_at=long_ago))
    for type_ in TYPES.values():
        path = address(app, type_)
        answer = eve.get(f"{path}/print")
        assert answer.status_code == (303 if type_.logged_as else 200), path
        if type_.logged_as:
            assert eve.get(f"{path}/pdf").status_code == 303, path


def test_without_typst_the_page_says_why(
    app: Flask, eve: DeskBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)  # as if it were not installed
    path = address(app, TYPES["inspection"])
    answer = eve.get(f"{path}/pdf", headers=EN, follow_redirects=True)
    assert answer.mimetype == "text/html"
    assert "need the package typst" in answer.text
    assert f'href="{path}/pdf"' not in answer.text


def test_a_month_in_another_spelling_is_the_same(eve: DeskBrowser) -> None:
    plain, typed = (eve.get(f"/desk/visits/months/{key}/pdf") for key in ("2026-10", "２０２６-10"))
    assert plain.mimetype == "application/pdf"
    assert typed.data == plain.data


@pytest.mark.parametrize(
    "path",
    ["disclosure/months/2026-13", "board/months/x", "disclosure/years/26", "tickets/x"],
)
def test_what_is_not_there_has_no_document(eve: DeskBrowser, path: str) -> None:
    assert eve.get(f"/desk/{path}/print").status_code == 404
