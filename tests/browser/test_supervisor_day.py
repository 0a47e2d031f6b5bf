"""A supervisor's day at the large estate, in Chinese: by mouse with its clicks counted, and by
keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from server.desk.lists.asked import ROWS
from tests.large_estate import copy_large_estate
from tests.live_server import LiveServer
from tests.pictures import desk_page

CLICKS_TO_PRINT_THE_DAY, CLICKS_TO_REASSIGN = 2, 4


@pytest.fixture(scope="module")
def desk(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The desk of the large estate, with its manager signed in; no script of it may fail."""
    folder: Path = tmp_path_factory.mktemp("large")
    copy_large_estate(folder)
    server, problems = LiveServer(folder).start(), list[str]()
    with desk_page(browser, server, "zh-CN") as page:
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"{server.url}/desk/")
        yield page
    server.kill()
    assert problems == []


class Clicks:
    """Counts what somebody clicks or chooses."""

    def __init__(self) -> None:
        self.count = 0

    def click(self, place: Locator) -> None:
        self.count += 1
        place.click()

    def choose(self, choice: Locator, value: str) -> None:
        self.count += 1
        choice.select_option(value)


def main_heading(page: Page) -> Locator:
    return page.locator("main h1")


@pytest.mark.timeout(1_200)
def test_ten_tickets_are_handed_over_in_four_clicks(desk: Page) -> None:
    desk.goto(f"{desk.url.partition('/desk/')[0]}/desk/tickets/?state=breached")
    receivers = desk.locator("select[name='hand_over.to'] option[value^='person:']")
    person = receivers.first.get_attribute("value") or ""
    name = receivers.first.text_content() or ""
    total = int((desk.locator("#views [aria-current] .n").text_content() or "0").strip())
    assert total >= 10
    clicks = Clicks()
    clicks.click(desk.locator("[data-tick-all]"))
    expect(desk.locator(".bulk [data-count]")).to_have_text(f"选了 {min(total, ROWS[0])} 条")
    clicks.click(desk.locator(".bulk summary", has_text="转办"))
    clicks.choose(desk.locator("select[name='hand_over.to']"), person)
    clicks.click(desk.locator(".bulk button", has_text="转办"))
    expect(desk.locator("main [role=status]").first).to_be_visible()
    assert clicks.count <= CLICKS_TO_REASSIGN
    expect(desk.locator("table[data-list] tbody tr", has_text=name).first).to_be_visible()


def test_the_day_is_printed_in_two_clicks(desk: Page) -> None:
    desk.goto(f"{desk.url.partition('/desk/')[0]}/desk/")
    clicks = Clicks()
    clicks.click(desk.get_by_role("link", name="前一天"))
    expect(desk).to_have_url(re.compile("day="))
    printed = desk.get_by_role("link", name="打印", exact=True)
    address = printed.get_attribute("href") or ""
    with desk.context.expect_event("request", lambda asked: asked.url.endswith(address)):
        clicks.click(printed)
    assert clicks.count <= CLICKS_TO_PRINT_THE_DAY
    answer = desk.request.get(f"{desk.url.partition('/desk/')[0]}{address}")
    assert answer.headers["content-type"] == "application/pdf"


def test_the_keyboard_alone_finds_opens_and_leaves_a_record(desk: Page) -> None:
    desk.goto(f"{desk.url.partition('/desk/')[0]}/desk/")
    desk.keyboard.press("g")
    desk.keyboard.press("m")
    expect(main_heading(desk)).to_have_text("受理单")
    for key in ("j", "j", "x"):
        desk.keyboard.press(key)
    expect(desk.locator("tr.cur.sel")).to_have_count(1)
    number = desk.locator("tr.cur a[data-open]").text_content() or ""
    desk.keyboard.press("Escape")
    expect(desk.locator("tr.sel")).to_have_count(0)
    desk.keyboard.press("Enter")
    expect(desk.locator("main")).to_contain_text(number.strip())
    expect(desk).to_have_url(re.compile("/desk/tickets/[0-9a-f-]{36}"))
    desk.go_back()
    expect(main_heading(desk)).to_have_text("受理单")
    desk.keyboard.press("Control+k")
    desk.keyboard.type("安全")
    expect(desk.locator("#found [role=option]").first).to_be_visible()
    desk.keyboard.press("Enter")
    expect(main_heading(desk)).to_have_text("安全日志")
