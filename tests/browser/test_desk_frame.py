"""The frame of the desk in a browser: turning pages, keys, the palette, narrow windows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from server.maintenance.demo import PASSWORD
from tests.live_server import LiveServer

FITS = "document.querySelector('.nav').scrollHeight <= innerHeight"
OVERFLOW = "document.documentElement.scrollWidth - innerWidth"
JS_LOADS = "performance.getEntriesByType('navigation')[0].name"
SAMPLED = ("", "tickets/", "tickets/new", "people/", "patrol/", "find/", "disclosure/")


@pytest.fixture
def new_desk(browser: Browser, live_server: LiveServer) -> Iterator[Callable[..., Page]]:
    """A page of the desk, signed in as the manager; no script of it may fail."""
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def open_desk(width: int = 1280, height: int = 800, **more: object) -> Page:
        size = {"width": width, "height": height}
        context = browser.new_context(viewport=size, locale="en-GB", **more)  # type: ignore[arg-type]
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"{live_server.url}/sign-in")
        page.fill("[name=username]", "mei")
        page.fill("[name=password]", PASSWORD)
        page.click("main button[type=submit]")
        page.wait_for_url("**/desk/")
        return page

    yield open_desk
    for context in contexts:
        context.close()
    assert problems == []


def heading(page: Page):
    return page.locator("main h1")


def test_turning_pages_keeps_titles_focus_and_what_was_typed(new_desk: Callable[..., Page]) -> None:
    page = new_desk()
    page.goto(f"{page.url}tickets/new")
    first, written = page.evaluate(JS_LOADS), page.locator("main [name=details]")
    expect(page).to_have_title("New ticket · Matters · Squirrel Lane (demo estate)")
    written.fill("Leaves on the path")
    page.get_by_role("link", name="People", exact=True).click()
    expect(heading(page)).to_have_text("People")
    expect(page).to_have_title("People · Squirrel Lane (demo estate)")
    expect(page.locator("main")).to_be_focused()
    page.get_by_role("link", name="Gate", exact=True).click()
    expect(page.locator(".nav .open")).to_contain_text("Gate")
    page.go_back()
    expect(heading(page)).to_have_text("People")
    page.go_back()
    expect(written).to_have_value("Leaves on the path")
    page.go_forward()
    expect(heading(page)).to_have_text("People")
    assert page.evaluate(JS_LOADS) == first  # scripts and styles were loaded once
    page.context.clear_cookies(name="lodge")
    page.get_by_role("link", name="Gate", exact=True).click()
    expect(page).to_have_url(re.compile(r"/sign-in\?next=/desk/visits/$"))


def test_the_keyboard_alone_reaches_pages(new_desk: Callable[..., Page]) -> None:
    page = new_desk()
    page.keyboard.press("Control+k")
    asked = page.get_by_role("combobox", name="Page or action")
    expect(asked).to_be_focused()
    expect(page.locator("#found [role=option]").first).to_be_visible()
    page.keyboard.type("rete")
    expect(page.locator("#found [role=option]")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(heading(page)).to_have_text("Retention")
    assert "rete" not in page.url.partition("/desk/")[2].replace("retention", "")
    expect(page.locator("#palette")).to_be_hidden()
    page.keyboard.press("g")
    page.keyboard.press("m")
    expect(page.locator(".nav .open")).to_contain_text("Matters")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    page.keyboard.press("Tab")
    page.keyboard.press("Control+k")
    page.keyboard.type("phones")
    expect(page.locator("#found [role=option]").first).to_contain_text("Phones")
    page.keyboard.press("ArrowDown")
    expect(page.locator("[aria-selected=true]")).to_have_count(1)


def test_the_frame_fits_every_window(new_desk: Callable[..., Page]) -> None:
    """1280 × 800 without scrolling the places, and no page is wider than its window."""
    page = new_desk()
    base = page.url
    for place in page.locator(".nav > ul > li > a").evaluate_all("links => links.map(a => a.href)"):
        page.goto(place)
        assert page.evaluate(FITS), place
    wide = []
    for width in (640, 320):
        page.set_viewport_size({"width": width, "height": 640})
        for path in SAMPLED:
            page.goto(base + path)
            if page.evaluate(OVERFLOW) > 0:
                wide.append((width, path))
    assert wide == []
    page.locator(".me summary").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_in_viewport()


def test_the_places_work_without_scripts(new_desk: Callable[..., Page]) -> None:
    page = new_desk(java_script_enabled=False)
    page.locator(".nav [data-key=q]").click()
    expect(page.locator(".nav .open")).to_contain_text("Missed work")
    page.locator(".nav .find").click()
    page.get_by_role("combobox").first.fill("security")
    page.get_by_role("button", name="Find").first.click()
    expect(page.locator("main [role=option]")).to_contain_text("Security log")
