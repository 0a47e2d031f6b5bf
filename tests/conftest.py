"""What tests stand on: two databases, the cast, phones, a real server, a browser."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import settings
from PIL import Image
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    Playwright,
    expect,
    sync_playwright,
)

from server import create_app
from server.auth.devices import issue_code
from server.auth.phone_credentials import register_credential
from server.db.engine import db, write_transaction
from server.oplog.incoming import Source
from server.oplog.receive import make_op, receive_ops
from sync import KINDS
from tests import seed_data
from tests.live_server import LiveServer
from tests.phone_canaries import check_canaries
from tests.phone_client import FlaskTransport, HttpTransport, KeyPair, PhoneClient
from tests.phone_page import PhonePage
from tests.postgres import PostgresCluster
from tests.prefork import PREFORK_SOCKET, prefork_server
from tests.template_memory import remember_compiled_templates

remember_compiled_templates()
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else each command that is run compiles Lodge
settings.register_profile("lodge", deadline=None)  # how long an example takes is not a test
settings.load_profile("lodge")
expect.set_options(timeout=60_000)  # ms: like every wait of the tests; five seconds are a guess

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
SECRET_KEY = "a key for tests alone, long enough to be one"

CHROMIUM_ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def installed(*programs: str) -> str | None:
    """The first that is here, or None: then it is the one that Playwright brought."""
    configured = os.environ.get("LODGE_CHROMIUM")
    return next((p for p in [configured, *programs] if p and Path(p).exists()), None)


CHROMIUM = installed("/usr/bin/chromium-headless-shell", "/usr/bin/chromium")
"""Debian's; without a window around the pages, where it is here: that takes a third of the time."""
WHOLE_CHROMIUM = installed("/usr/bin/chromium")
"""With what lies outside the engine, as background sync."""


def create_test_app(url: str, folder: Path) -> Flask:
    settings = {"SQLALCHEMY_DATABASE_URI": url, "DATA_DIR": str(folder), "SECRET_KEY": SECRET_KEY}
    return create_app({**settings, "TESTING": True, "DIGEST_SECONDS": 0})


def create_seeded_database(url: str, folder: Path) -> None:
    """Tables and the cast, in a database that others are copied from."""
    app = create_test_app(url, folder)
    with app.app_context():
        db.create_all()
        seed_data.seed_sites()
        db.session.remove()
        db.engine.dispose()


def pytest_configure(config: pytest.Config) -> None:
    """Where workers run the tests, they share the process that forks `lodge` for them."""
    if getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput"):
        os.environ[PREFORK_SOCKET] = prefork_server().socket_path


def make_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder of this name, which the first worker that asks for it has made for all."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (base / name).exists():
            making = Path(tempfile.mkdtemp(prefix=name, dir=base))
            make(making)
            making.rename(base / name)
    return base / name


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresCluster]:
    cluster = PostgresCluster()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    create_seeded_database(f"sqlite:///{folder / 'model.sqlite3'}", folder)
    return folder / "model.sqlite3"


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresCluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    name = postgres.create_database()
    create_seeded_database(postgres.url(name), tmp_path_factory.mktemp("model"))
    postgres.save_snapshot(name)
    return name


@pytest.fixture
def sqlite_url(sqlite_template: Path) -> str:
    """The database of this process, as it was when the cast moved in."""
    file = sqlite_template.with_name("lodge.sqlite3")
    for left in file.parent.glob(f"{file.name}-*"):
        left.unlink()
    shutil.copy(sqlite_template, file)
    return f"sqlite:///{file}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A database as if new for each test, with the cast in it."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_url"))
    cluster, model = (request.getfixturevalue(name) for name in ("postgres", "postgres_template"))
    return str(cluster.restore_snapshot(model))


class AppPool:
    """Lends one application after the other; a database's own is made once and lent as if new.

    To lay out its routes and templates takes longer than most tests.
    """

    def __init__(self) -> None:
        self.apps: dict[str, tuple[Flask, dict[str, Any], dict[str, Any]]] = {}

    @contextmanager
    def checkout(self, url: str, folder: Path) -> Iterator[Flask]:
        if url not in self.apps:
            app = create_test_app(url, folder)
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
def app_pool() -> AppPool:
    return AppPool()


@pytest.fixture
def app(database_url: str, tmp_path: Path, app_pool: AppPool) -> Iterator[Flask]:
    """The application. No context is held open, so each request has its own, as in life."""
    with app_pool.checkout(database_url, tmp_path / "var") as app:
        yield app


@pytest.fixture
def fresh_app(database_url: str, tmp_path: Path) -> Iterator[Flask]:
    """The application for one test alone, which may add routes to it."""
    app = create_test_app(database_url, tmp_path / "var")
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def enrolment_code(app: Flask) -> Callable[..., str]:
    """A fresh code to enrol a phone with."""

    def issue_code_for(site: str = seed_data.HOME_SITE) -> str:
        with app.app_context():
            return issue_code(site, by=seed_data.BEN)

    return issue_code_for


@pytest.fixture
def new_phone(app: Flask, enrolment_code: Callable[..., str]) -> Callable[..., PhoneClient]:
    """A phone that is enrolled at a site."""

    def unlock_for(phone: PhoneClient, kind: str, person: str) -> None:
        """Register a key without the cost of checking a PIN, for what needs one."""
        known = KINDS.get(kind)
        if known and known.needs_proof:
            key = phone.keys[person] = KeyPair()
            owner = phone.site, phone.device, person, key.public_key
            with app.app_context(), write_transaction():
                register_credential(*owner, LONG_AGO, usable=True)

    def enrolled(site: str = seed_data.HOME_SITE, **more: Any) -> PhoneClient:
        more.setdefault("unlocks_for", unlock_for)
        return PhoneClient(FlaskTransport(app.test_client()), **more).enrol(enrolment_code(site))

    return enrolled


@pytest.fixture
def phone(new_phone: Callable[..., PhoneClient]) -> PhoneClient:
    return new_phone()


@pytest.fixture
def desk_op(app: Flask) -> Callable[..., dict[str, Any]]:
    """What somebody does at the desk: desk(kind, subject, payload, by=…), now or `at` some time."""

    def act(
        kind: str,
        subject: str | None = None,
        payload: dict[str, Any] | None = None,
        *,
        by: str = seed_data.BEN,
        base: int | None = None,
        site: str = seed_data.HOME_SITE,
        at: datetime | None = None,
    ) -> dict[str, Any]:
        op = make_op(kind, subject, payload or {}, by=by, base=base)
        with app.app_context():
            return receive_ops(site, [op], Source.for_desk(at or datetime.now(UTC))).answers[0]

    return act


@pytest.fixture(scope="session")
def demo_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder that `lodge init --demo --size small` makes."""
    made = make_once(
        tmp_path_factory,
        "demo",
        lambda folder: LiveServer(folder).run("init", "--demo", "--size", "small"),
    )
    return made / "var"


@pytest.fixture
def live_server(tmp_path: Path, demo_template: Path) -> Iterator[LiveServer]:
    """A real server with the demo estate."""
    shutil.copytree(demo_template, tmp_path / "var")
    server = LiveServer(tmp_path).start()
    yield server
    server.kill()


@pytest.fixture
def live_client(live_server: LiveServer) -> PhoneClient:
    """A phone of the demo estate, over TCP."""
    return PhoneClient(HttpTransport(live_server.url)).enrol(live_server.new_enrolment_code())


@pytest.fixture(scope="session")
def driver() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


def launch_browser(driver: Playwright, args: Sequence[str] = CHROMIUM_ARGS, **more: Any) -> Browser:
    return driver.chromium.launch(**{"executable_path": CHROMIUM, "args": list(args), **more})


@pytest.fixture(scope="session")
def browser(driver: Playwright) -> Iterator[Browser]:
    browser = launch_browser(driver)
    yield browser
    browser.close()


def new_browser_context(browser: Browser) -> BrowserContext:
    """A fresh one: the size of a cheap phone, with a touch screen."""
    context = browser.new_context(
        viewport={"width": 360, "height": 740}, has_touch=True, locale="zh-CN"
    )
    context.set_default_timeout(60_000)
    return context


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = new_browser_context(browser)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def phone_page(page: Page, live_server: LiveServer) -> Iterator[PhonePage]:
    """A hand on a phone; nothing may go wrong on the console meanwhile, and nothing may lie on it
    that its people may not have."""
    hand = PhonePage(page, live_server)
    yield hand
    check_canaries(hand)
    assert hand.console_errors == []


@pytest.fixture
def second_phone_page(browser: Browser, live_server: LiveServer) -> Iterator[PhonePage]:
    """A hand on another phone, with its own profile."""
    context = new_browser_context(browser)
    hand = PhonePage(context.new_page(), live_server)
    yield hand
    check_canaries(hand)
    assert hand.console_errors == []
    context.close()


@pytest.fixture
def photo_file(tmp_path: Path) -> Path:
    """A photo as a camera takes it: large."""
    path = tmp_path / "leak.png"
    Image.effect_noise((900, 1200), 60).convert("RGB").save(path)
    return path
