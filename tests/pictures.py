"""Takes the pictures of the documentation from the large demo: `make pictures`.

Each page in each language, light, as wide as a small desktop screen.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from server import create_app
from server.auth.sessions import start_session
from server.maintenance.demo.large import SITE_ID
from server.maintenance.demo.large.people import person_id
from tests.conftest import launch_browser
from tests.large_estate import copy_large_estate
from tests.live_server import LiveServer

FOLDER = Path(__file__).parents[1] / "docs" / "img"
SIZE = {"width": 1280, "height": 800}
PAGES = {
    "board": "/desk/",
    "tickets": "/desk/tickets/",
    "rounds": "/desk/patrol/",
}
"""Desk pages by the name of their picture."""
FIRST_RECORDS = {"ticket": "/desk/tickets/"}
"""Lists by the name of the picture of their first record."""
LANGUAGES = {"en": "", "zh-CN": ".zh-CN"}
"""The ending of a picture's name by language."""
COLOURS = 128
"""So many are enough for a page, and make its picture small."""


@contextmanager
def desk_page(browser: Browser, server: LiveServer, language: str) -> Iterator[Page]:
    """A page in which the manager of the large demo is signed in."""
    settings = {
        "DATA_DIR": str(server.folder / "var"),
        "SQLALCHEMY_DATABASE_URI": f"sqlite:///{server.folder / 'var' / 'lodge.sqlite3'}",
    }
    with create_app(settings).test_request_context():
        token = start_session(person_id("manager1"), SITE_ID)
    context = browser.new_context(viewport=SIZE, locale=language, color_scheme="light")
    context.add_cookies([{"name": "lodge", "value": token, "url": server.url}])
    yield context.new_page()
    context.close()


def take(page: Page, name: str) -> None:
    """Save the picture of what a page shows."""
    path = FOLDER / f"{name}.png"
    page.wait_for_load_state("networkidle")
    page.screenshot(path=path)
    Image.open(path).convert("P", palette=Image.Palette.ADAPTIVE, colors=COLOURS).save(
        path, optimize=True
    )


def take_all(server: LiveServer, browser: Browser) -> None:
    """Every picture in every language."""
    for language, ending in LANGUAGES.items():
        with desk_page(browser, server, language) as page:
            for name, path in PAGES.items():
                page.goto(server.url + path)
                take(page, name + ending)
            for name, path in FIRST_RECORDS.items():
                page.goto(server.url + path)
                page.locator("a[data-open]").first.click()
                page.wait_for_url(f"{server.url}{path}*")
                take(page, name + ending)


def main() -> None:
    folder = Path(tempfile.mkdtemp())
    copy_large_estate(folder)
    server = LiveServer(folder)
    server.run("init")
    server.start()
    try:
        with sync_playwright() as driver:
            take_all(server, launch_browser(driver))
    finally:
        server.kill()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
