"""Deciding about conflicts in a browser: how many clicks it takes, and by keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from server.db.engine import db
from server.maintenance.demo import PASSWORD, demo_id
from server.oplog.receive import make_op, submit_many
from tests.conftest import create_test_app
from tests.live_server import LiveServer

ANA, BEN = demo_id("squirrel", "ana"), demo_id("squirrel", "ben")
DUTIES = {"stairs": 3, "bins": 1}
"""How many tasks of each duty Ben cancelled and Ana did."""


@pytest.fixture
def conflicts(live_server: LiveServer) -> None:
    """Two questions: one about three tasks, one about a single task."""
    data, now = live_server.folder / "var", datetime.now(UTC)
    app = create_test_app(f"sqlite:///{data / 'lodge.sqlite3'}", data)
    ops = []
    for duty, count in DUTIES.items():
        for n in range(count):
            task = demo_id("conflict", f"{duty}{n}")
            payload = {
                "schedule_id": None,
                "code": f"{duty}/{n}",
                "label": {"zh": duty, "en": duty},
                "area_id": demo_id("squirrel", "garden"),
                "responsible_id": ANA,
                "window_start": (now - timedelta(hours=1)).isoformat(),
                "window_end": (now + timedelta(hours=5)).isoformat(),
            }
            ops += [
                make_op("task.plan", task, payload),
                make_op("task.cancel", task, {"reason": "Rain"}, by=BEN),
                make_op("task.complete", task, {}, by=ANA),
            ]
    with app.app_context():
        assert {answer["status"] for answer in submit_many(demo_id("squirrel"), ops)} == {"applied"}
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def settle_page(browser: Browser, live_server: LiveServer, conflicts: None) -> Iterator[Page]:
    """The page of the open questions."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    context.set_default_timeout(15_000)
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{live_server.url}/sign-in")
    page.fill("[name=username]", "ben")
    page.fill("[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url("**/desk/**")
    page.goto(f"{live_server.url}/desk/settle/?type=task")
    yield page
    assert problems == []
    context.close()


def card(page: Page, duty: str):
    return page.locator("form.q", has_text=duty)


def test_one_click_settles_a_question_about_three_tasks(settle_page: Page) -> None:
    button = card(settle_page, "stairs").get_by_role("button", name="Use this")
    expect(button).to_contain_text("3")
    card(settle_page, "stairs").get_by_role("checkbox").last.uncheck()
    expect(button).to_contain_text("2")
    card(settle_page, "stairs").get_by_role("checkbox").last.check()
    button.click()
    expect(settle_page.locator(".done")).to_contain_text("and 2 more")
    expect(card(settle_page, "stairs")).to_have_count(0)
    settle_page.locator(".done").get_by_role("button", name="Undo").click()
    expect(card(settle_page, "stairs").get_by_role("checkbox")).to_have_count(2)


def test_questions_are_settled_by_keys_alone(settle_page: Page) -> None:
    total = settle_page.locator("form.q").count()
    current = settle_page.locator("form.q.cur")
    expect(current).to_have_count(1)
    for _ in range(total - 1):
        if "bins" not in (current.text_content() or ""):
            settle_page.keyboard.press("j")
    expect(current).to_contain_text("bins")
    settle_page.keyboard.press("n")
    settle_page.keyboard.type("12 bins were full, z")
    settle_page.keyboard.press("Escape")
    settle_page.keyboard.press("2")
    expect(settle_page.locator(".done")).to_contain_text(re.compile("Settled: done"))
    expect(settle_page.locator("form.q")).to_have_count(total - 1)
    expect(current).to_have_count(1)
    settle_page.keyboard.press("z")
    expect(settle_page.locator("form.q")).to_have_count(total)
