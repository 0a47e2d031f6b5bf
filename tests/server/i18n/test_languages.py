"""A language is one folder of the catalogues: the switches and the pages of both faces follow."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import write_po
from flask import Flask
from playwright.sync_api import BrowserContext

from server import create_app
from server.field.shell import get_bundle
from server.i18n.languages import TRANSLATIONS, Language, find_languages, languages
from sync.estate.places import AreaAddPayload
from tests.live_server import LiveServer

GERMAN = {
    "Sign in": "Anmelden",
    "Change language": "Sprache wechseln",
    "Language": "Sprache",
    "This browser is too old": "Dieser Browser ist zu alt",
}


@pytest.fixture(scope="module")
def german(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one language more, `de`, and a few of its translations."""
    folder = tmp_path_factory.mktemp("translations")
    catalogue = Catalog(locale="de")
    for message, text in GERMAN.items():
        catalogue.add(message, text)
    words = folder / "de" / "LC_MESSAGES"
    words.mkdir(parents=True)
    with (words / "messages.po").open("wb") as po, (words / "messages.mo").open("wb") as mo:
        write_po(po, catalogue)
        write_mo(mo, catalogue)
    return folder


@pytest.fixture(scope="module")
def app(german: Path, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The application with that language."""
    folder = tmp_path_factory.mktemp("languages")
    return create_app(
        {
            "SQLALCHEMY_DATABASE_URI": f"sqlite:///{folder / 'lodge.sqlite3'}",
            "DATA_DIR": str(folder),
            "TESTING": True,
            "TRANSLATIONS": str(german),
        }
    )


def test_the_languages_are_english_and_one_for_each_catalogue(app: Flask) -> None:
    assert find_languages([TRANSLATIONS]) == (Language("zh", "中文"), Language("en", "English"))
    assert languages(app) == (
        Language("zh", "中文"),
        Language("de", "Deutsch"),
        Language("en", "English"),
    )


def test_a_catalogue_of_a_country_has_a_code_as_html_writes_it(tmp_path: Path) -> None:
    (tmp_path / "pt_BR" / "LC_MESSAGES").mkdir(parents=True)
    (tmp_path / "pt_BR" / "LC_MESSAGES" / "messages.po").touch()
    assert find_languages([tmp_path])[-1] == Language("pt-BR", "português (Brasil)")


def test_the_desk_offers_the_new_language_and_draws_pages_in_it(app: Flask) -> None:
    client = app.test_client()
    page = client.get("/sign-in").text
    assert '<html lang="zh">' in page and '<option value="de" lang="de"' in page
    assert "Deutsch" in page and "Anmelden" not in page
    origin = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    client.post("/language", data={"lang": "de"}, headers=origin)
    page = client.get("/sign-in").text
    assert '<html lang="de">' in page and "Anmelden" in page and "Sprache wechseln" in page


@pytest.mark.parametrize(
    ("header", "code"), [("de-AT,en;q=0.5", "de"), ("fr, en;q=0.5", "en"), ("fr", "zh")]
)
def test_a_browser_gets_the_language_that_it_prefers(app: Flask, header: str, code: str) -> None:
    page = app.test_client().get("/sign-in", headers={"Accept-Language": header}).text
    assert f'<html lang="{code}">' in page


def test_the_phone_gets_the_language_and_its_texts(app: Flask) -> None:
    generated = get_bundle(app).generated
    listed, catalogue = (
        json.loads(generated[name].removeprefix("export default ").removesuffix(";\n"))
        for name in ("languages.js", "catalogue.js")
    )
    assert [each["code"] for each in listed] == ["zh", "de", "en"]
    assert catalogue["de"]["Change language"] == "Sprache wechseln"
    assert "Dieser Browser ist zu alt" in app.test_client().get("/field/").text


def test_a_phone_is_switched_to_the_new_language(
    german: Path, demo_template: Path, tmp_path: Path, context: BrowserContext
) -> None:
    shutil.copytree(demo_template, tmp_path / "var")
    server = LiveServer(tmp_path)
    server.env["LODGE_TRANSLATIONS"] = str(german)
    server.start()
    page = context.new_page()
    page.goto(f"{server.url}/field/enrol")
    page.locator("form.language select").select_option(label="Deutsch")
    page.locator("form.language button").click()
    page.locator("html[lang=de]").wait_for()
    assert "Sprache wechseln" in page.locator("form.language").inner_text()
    server.kill()


@pytest.mark.parametrize(
    ("label", "valid"),
    [
        ({"zh": "大门", "en": "Gate"}, True),
        ({"de": "Tor"}, True),
        ({"pt-BR": "Portão"}, True),
        ({}, False),
        ({"zh": ""}, False),
        ({"Chinese": "大门"}, False),
        ({"zh": "x" * 121}, False),
        ({"zh": 1}, False),
        ("Gate", False),
    ],
)
def test_a_label_has_a_text_in_at_least_one_language(label: object, valid: bool) -> None:
    errors = AreaAddPayload().validate({"label": label, "kind": "gate"})
    assert ("label" not in errors) == valid
