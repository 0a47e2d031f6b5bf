"""Fixtures for tests of the server: browsers that use the desk."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from babel.support import Translations
from flask import Flask
from flask.testing import FlaskClient

from server.auth.credentials import set_password
from server.auth.pins import set_pin
from server.auth.sessions import start_session
from server.db.engine import write_transaction
from server.i18n.languages import TRANSLATIONS, folder_name
from sync.protocol.refusals import REFUSALS
from tests import seed_data
from tests.conftest import AppPool

SAME_ORIGIN_HEADERS = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
PASSWORD = "seven blue herons at dusk"


def is_refused(response, code: str) -> bool:
    """Whether a form came back because a rule refused it, with the sentence of the code. For
    "malformed" each field has a sentence of its own."""
    page = html.unescape(response.text)
    language = re.search(r'<html lang="([\w-]+)"', page)[1]
    folder = folder_name(language)
    sentence = Translations.load(TRANSLATIONS, [folder]).gettext(REFUSALS[code].message)
    said = 'role="alert"' if code == "malformed" else sentence
    return response.status_code == 422 and said in page


class DeskBrowser:
    """A test client that sends the headers by which browsers state where a form comes from."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str, **options):
        return self.client.get(path, **options)

    def post(self, path: str, data=None, headers=None, **options):
        return self.client.post(
            path, data=data or {}, headers={**SAME_ORIGIN_HEADERS, **(headers or {})}, **options
        )

    def sign_in(self, username: str, password: str = PASSWORD, **options):
        return self.post("/sign-in", {"username": username, "password": password}, **options)


@pytest.fixture
def sqlite_app(sqlite_url: str, tmp_path: Path, app_pool: AppPool) -> Iterator[Flask]:
    """The application on SQLite only, for tests that do not depend on the database."""
    with app_pool.checkout(sqlite_url, tmp_path / "var") as app:
        yield app


@pytest.fixture
def new_browser(app: Flask) -> Callable[[], DeskBrowser]:
    """Makes browsers without a session."""
    return lambda: DeskBrowser(app.test_client())


@pytest.fixture
def signed_in(app: Flask) -> Callable[..., DeskBrowser]:
    """Makes browsers with a session, without the cost of hashing a password."""

    def sign_in_as(person: str = seed_data.BEN, site: str = seed_data.HOME_SITE) -> DeskBrowser:
        with app.test_request_context():
            token = start_session(person, site)
        client = app.test_client()
        client.set_cookie("lodge", token)
        return DeskBrowser(client)

    return sign_in_as


@pytest.fixture
def ben(signed_in: Callable[..., DeskBrowser]) -> DeskBrowser:
    return signed_in(seed_data.BEN, seed_data.HOME_SITE)


@pytest.fixture
def dao(signed_in: Callable[..., DeskBrowser]) -> DeskBrowser:
    return signed_in(seed_data.DAO, seed_data.OTHER_SITE)


@pytest.fixture
def bens_password(app: Flask) -> str:
    with app.app_context(), write_transaction():
        set_password(seed_data.BEN, "ben", PASSWORD)
    return PASSWORD


@pytest.fixture
def anas_password(app: Flask) -> str:
    with app.app_context(), write_transaction():
        set_password(seed_data.ANA, "ana", PASSWORD)
        set_pin(seed_data.ANA, "2468")
    return PASSWORD
