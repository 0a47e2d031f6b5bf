"""What tests stand on: two databases, the cast, phones, a real server, a browser."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from server import create_app
from server.auth.devices import issue_code
from server.db.engine import db
from server.oplog.receive import submit
from tests import cast
from tests.hand import Hand
from tests.live import Live
from tests.phone import FlaskWire, HttpWire, Phone
from tests.postgres import Cluster

KEY = "a key for tests alone, long enough to be one"

ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


_wish = Path(os.environ.get("LODGE_CHROMIUM", "/usr/bin/chromium"))
CHROMIUM = str(_wish) if _wish.exists() else None
"""Debian's, or None: the one that Playwright brought."""


def made(url: str, folder: Path) -> Flask:
    settings = {"SQLALCHEMY_DATABASE_URI": url, "DATA_DIR": str(folder), "SECRET_KEY": KEY}
    return create_app({**settings, "TESTING": True})


def furnish(url: str, folder: Path) -> None:
    """Tables and the cast, in a database that others are copied from."""
    app = made(url, folder)
    with app.app_context():
        db.create_all()
        cast.assemble()
        db.session.remove()
        db.engine.dispose()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    cluster = Cluster()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def sqlite_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    furnish(f"sqlite:///{folder / 'model.sqlite3'}", folder)
    return folder / "model.sqlite3"


@pytest.fixture(scope="session")
def postgres_model(postgres: Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    name = postgres.new()
    furnish(postgres.url(name), tmp_path_factory.mktemp("model"))
    postgres.remember(name)
    return name


@pytest.fixture
def sqlite_url(sqlite_model: Path) -> str:
    """The database of this process, as it was when the cast moved in."""
    file = sqlite_model.with_name("lodge.sqlite3")
    for left in file.parent.glob(f"{file.name}-*"):
        left.unlink()
    shutil.copy(sqlite_model, file)
    return f"sqlite:///{file}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A database as if new for each test, with the cast in it."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_url"))
    cluster, model = (request.getfixturevalue(name) for name in ("postgres", "postgres_model"))
    return str(cluster.reset(model))


class Lender:
    """Lends one application after the other; a database's own is made once and lent as if new.

    To lay out its routes and templates takes longer than most tests.
    """

    def __init__(self) -> None:
        self.apps: dict[str, tuple[Flask, dict[str, Any], dict[str, Any]]] = {}

    @contextmanager
    def lend(self, url: str, folder: Path) -> Iterator[Flask]:
        if url not in self.apps:
            app = made(url, folder)
            self.apps[url] = app, dict(app.config), dict(app.extensions)
        app, config, extensions = self.apps[url]
        for kept, new in ((app.config, config), (app.extensions, extensions)):
            kept.clear()
            kept.update(new)
        app.config["DATA_DIR"] = str(folder)
        folder.mkdir(exist_ok=True)
        app.wsgi_app.responses.clear()  # type: ignore[attr-defined]
        structlog.configure(logger_factory=structlog.WriteLoggerFactory(file=sys.stderr))
        yield app
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


@pytest.fixture(scope="session")
def lender() -> Lender:
    return Lender()


@pytest.fixture
def app(database_url: str, tmp_path: Path, lender: Lender) -> Iterator[Flask]:
    """The application. No context is held open, so each request has its own, as in life."""
    with lender.lend(database_url, tmp_path / "var") as app:
        yield app


@pytest.fixture
def own_app(database_url: str, tmp_path: Path) -> Iterator[Flask]:
    """The application for one test alone, which may add routes to it."""
    app = made(database_url, tmp_path / "var")
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def code(app: Flask) -> Callable[..., str]:
    """A fresh code to enrol a phone with."""

    def issue(site: str = cast.HOME) -> str:
        with app.app_context():
            return issue_code(site, by=cast.BEN)

    return issue


@pytest.fixture
def new_phone(app: Flask, code: Callable[..., str]) -> Callable[..., Phone]:
    """A phone that is enrolled at a site."""

    def enrolled(site: str = cast.HOME, **more: Any) -> Phone:
        return Phone(FlaskWire(app.test_client()), **more).enrol(code(site))

    return enrolled


@pytest.fixture
def phone(new_phone: Callable[..., Phone]) -> Phone:
    return new_phone()


@pytest.fixture
def desk(app: Flask) -> Callable[..., dict[str, Any]]:
    """What somebody does at the desk: desk(kind, subject, payload, by=…)."""

    def act(
        kind: str,
        subject: str | None = None,
        payload: dict[str, Any] | None = None,
        *,
        by: str = cast.BEN,
        base: int | None = None,
        site: str = cast.HOME,
    ) -> dict[str, Any]:
        with app.app_context():
            return submit(site, kind, subject, payload or {}, by=by, base=base)

    return act


@pytest.fixture(scope="session")
def demo_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder that `lodge init --demo` makes."""
    folder = tmp_path_factory.mktemp("demo")
    Live(folder).run("init", "--demo")
    return folder / "var"


@pytest.fixture
def live(tmp_path: Path, demo_model: Path) -> Iterator[Live]:
    """A real server with the demo estate."""
    shutil.copytree(demo_model, tmp_path / "var")
    server = Live(tmp_path).start()
    yield server
    server.kill()


@pytest.fixture
def live_phone(live: Live) -> Phone:
    """A phone of the demo estate, over TCP."""
    return Phone(HttpWire(live.url)).enrol(live.enrol_code())


@pytest.fixture(scope="session")
def driver() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


def launched(driver: Playwright, args: Sequence[str] = ARGS, **more: Any) -> Browser:
    return driver.chromium.launch(executable_path=CHROMIUM, args=list(args), **more)


@pytest.fixture(scope="session")
def browser(driver: Playwright) -> Iterator[Browser]:
    browser = launched(driver)
    yield browser
    browser.close()


def profile(browser: Browser) -> BrowserContext:
    """A fresh one: the size of a cheap phone, with a touch screen."""
    context = browser.new_context(
        viewport={"width": 360, "height": 740}, has_touch=True, locale="zh-CN"
    )
    context.set_default_timeout(30_000)
    return context


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = profile(browser)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def hand(page: Page, live: Live) -> Iterator[Hand]:
    """A hand on a phone; nothing may go wrong on the console meanwhile."""
    hand = Hand(page, live)
    yield hand
    assert hand.noise == []


@pytest.fixture
def another_hand(browser: Browser, live: Live) -> Iterator[Hand]:
    """A hand on another phone, with its own profile."""
    context = profile(browser)
    hand = Hand(context.new_page(), live)
    yield hand
    assert hand.noise == []
    context.close()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A photo as a camera takes it: large."""
    path = tmp_path / "leak.png"
    Image.effect_noise((900, 1200), 60).convert("RGB").save(path)
    return path
