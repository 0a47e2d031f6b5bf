"""Somebody who sits at the desk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from server.auth.credentials import set_password, set_pin
from server.auth.sessions import start_session
from server.db.engine import write_transaction
from tests import cast
from tests.conftest import Lender

ORIGIN = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
PASSWORD = "seven blue herons at dusk"


class Desk:
    """A browser that sends what browsers send: where a form was filled in."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str, **more):
        return self.client.get(path, **more)

    def post(self, path: str, data=None, headers=None, **more):
        return self.client.post(
            path, data=data or {}, headers={**ORIGIN, **(headers or {})}, **more
        )

    def sign_in(self, username: str, password: str = PASSWORD, **more):
        return self.post("/sign-in", {"username": username, "password": password}, **more)


@pytest.fixture
def on_sqlite(sqlite_url: str, tmp_path: Path, lender: Lender) -> Iterator[Flask]:
    """The application on one database, where what is proven is not about databases."""
    with lender.lend(sqlite_url, tmp_path / "var") as app:
        yield app


@pytest.fixture
def browser_of(app: Flask) -> Callable[[], Desk]:
    """A browser that nobody has signed in with."""
    return lambda: Desk(app.test_client())


@pytest.fixture
def sat(app: Flask) -> Callable[..., Desk]:
    """Somebody signed in, without the cost of a password."""

    def at_desk(person: str = cast.BEN, site: str = cast.HOME) -> Desk:
        with app.test_request_context():
            token = start_session(person, site)
        client = app.test_client()
        client.set_cookie("lodge", token)
        return Desk(client)

    return at_desk


@pytest.fixture
def ben(sat: Callable[..., Desk]) -> Desk:
    return sat(cast.BEN, cast.HOME)


@pytest.fixture
def dao(sat: Callable[..., Desk]) -> Desk:
    return sat(cast.DAO, cast.AWAY)


@pytest.fixture
def bens_password(app: Flask) -> str:
    with app.app_context(), write_transaction():
        set_password(cast.BEN, "ben", PASSWORD)
    return PASSWORD


@pytest.fixture
def anas_password(app: Flask) -> str:
    with app.app_context(), write_transaction():
        set_password(cast.ANA, "ana", PASSWORD)
        set_pin(cast.ANA, "2468")
    return PASSWORD
