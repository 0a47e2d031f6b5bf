"""Accountability end to end: read, asked, answered without a network, decided, read again."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from server.maintenance.demo import PASSWORD, demo_id
from sync.accountability.categories import category_id
from sync.protocol.clock import SITE_ZONE
from tests.phone_page import (
    JS_HORIZONTAL_OVERFLOW,
    JS_SMALL_TARGETS,
    JS_UNLABELLED_CONTROLS,
    logged_ops,
)
from tests.wait_for import wait_for

ANA, BEN = demo_id("squirrel", "ana"), demo_id("squirrel", "ben")
CATEGORY_ID = category_id(demo_id("squirrel"), "AC-1")


@pytest.fixture
def desk_page(browser, live_server):
    """Somebody at the desk, in a browser of their own."""
    contexts = []

    def sit(username):
        context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="zh-CN")
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{live_server.url}/sign-in")
        page.fill("[name=username]", username)
        page.fill("[name=password]", PASSWORD)
        page.click("#main button[type=submit]")
        page.wait_for_url("**/desk/**")
        return page

    yield sit
    for context in contexts:
        context.close()


def start_page_after_sync(hand, words):
    """The start page after the next exchange."""
    hand.sync_now()
    hand.open("/field/tasks")
    hand.wait_for_js(f"document.body.innerText.includes({words!r})")


def acknowledge_category(hand):
    start_page_after_sync(hand, "有问责类别要看")
    hand.taps = 0
    hand.tap("[data-asks=rules]")
    hand.wait_for_js("!!document.querySelector('.reading')")
    assert_fits_screen(hand)
    hand.tap("text=都看过了")
    hand.wait_for_js("document.body.innerText.includes('已看')")
    assert hand.taps == 2
    hand.sync_now()


def assert_fits_screen(hand):
    assert hand.page.evaluate(JS_HORIZONTAL_OVERFLOW) <= 0
    assert hand.page.evaluate(JS_SMALL_TARGETS) == []
    assert hand.page.evaluate(JS_UNLABELLED_CONTROLS) == []


def raise_case(page, live):
    page.goto(f"{live.url}/desk/raise/case")
    page.select_option("[name=category]", f"{CATEGORY_ID}|1b")
    page.check("[value=person]")
    page.select_option("[name=answers_id]", ANA)
    page.fill("[name=text]", "东垃圾点没清")
    page.fill("[name=at]", f"{datetime.now(SITE_ZONE):%Y-%m-%dT%H:%M:%S}")
    page.click("button.main")
    page.wait_for_url("**/desk/cases/*")
    page.locator("details:has(form[action$='/ask']) > summary").click()
    page.locator("form[action$='/ask'] button").click()
    page.wait_for_selector("text=待本人说明")
    return page.url


@pytest.mark.clause("G2", "G7", "G10")
def test_a_statement_without_a_network_arrives_is_decided_on_and_read(
    phone_page, live_server, desk_page
):
    admin = desk_page("adi")
    admin.goto(f"{live_server.url}/desk/rules/{CATEGORY_ID}")
    admin.locator(f"form[action*='{CATEGORY_ID}'] button").click()
    admin.wait_for_selector("text=停用")
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    acknowledge_category(phone_page)
    file = raise_case(desk_page("ben"), live_server)
    start_page_after_sync(phone_page, "有事请你说明")

    live_server.kill()
    phone_page.taps = 0
    phone_page.tap("[data-asks=asked]")
    phone_page.wait_for_js("!!document.querySelector('textarea')")
    assert "东垃圾点没清" in phone_page.page.locator("#main").inner_text()
    assert_fits_screen(phone_page)
    phone_page.fill("textarea", "清运车坏了")
    phone_page.tap("form:has(textarea) button")
    phone_page.wait_for_js("document.body.innerText.includes('我说的')")
    assert "清运车坏了" in phone_page.page.locator("#main").inner_text()
    assert phone_page.taps == 3
    live_server.start()
    phone_page.sync_now()
    ((_, _, status, payload, by),) = logged_ops(live_server, "case.state")
    assert (status, by) == ("applied", ANA)
    assert json.loads(payload) == {"answer": "stated", "text": "清运车坏了"}

    manager = desk_page("mei")
    manager.goto(file)
    assert "清运车坏了" in manager.inner_text("#main")
    assert manager.locator("[name=finding]:checked").count() == 0
    manager.locator("details:has(form[action$='/decide']) > summary").click()
    manager.check("[value=not_responsible]")
    manager.fill("[name=measures]", "修车，向安小净说明")
    manager.locator("form[action$='/decide'] button").click()
    manager.wait_for_selector("text=已决定，本人未看")

    start_page_after_sync(phone_page, "有决定待阅")
    phone_page.taps = 0
    phone_page.tap("[data-asks=decided]")
    phone_page.wait_for_js("document.body.innerText.includes('修车')")
    assert_fits_screen(phone_page)
    phone_page.tap("text=我看过了")
    phone_page.wait_for_js("document.body.innerText.includes('已阅决定')")
    assert phone_page.taps == 2
    phone_page.sync_now()
    wait_for(lambda: [row[4] for row in logged_ops(live_server, "case.acknowledge")] == [ANA])
    manager.goto(file)
    manager.wait_for_selector("text=已决定，本人已看")
    assert json.loads(live_server.run("verify"))["differences"] == 0
