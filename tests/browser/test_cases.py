"""Accountability end to end: read, asked, answered without a network, decided, read again."""

from __future__ import annotations

import json

import pytest

from server.maintenance.demo import PASSWORD, demo_id
from sync.accountability.categories import category_id
from tests.hand import NAMELESS, OVERFLOW, SMALL, log
from tests.until import until

ANA, BEN = demo_id("squirrel", "ana"), demo_id("squirrel", "ben")
RULE = category_id(demo_id("squirrel"), "AC-1")


@pytest.fixture
def desk_of(browser, live):
    """Somebody at the desk, in a browser of their own."""
    contexts = []

    def sit(username):
        context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="zh-CN")
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{live.url}/sign-in")
        page.fill("[name=username]", username)
        page.fill("[name=password]", PASSWORD)
        page.click("#main button[type=submit]")
        page.wait_for_url("**/desk/**")
        return page

    yield sit
    for context in contexts:
        context.close()


def hears(hand, words):
    """The start page after the next exchange."""
    hand.sends()
    hand.opens("/field/tasks")
    hand.sees(f"document.body.innerText.includes({words!r})")


def reads_the_rules(hand):
    hears(hand, "有规定要看")
    hand.taps = 0
    hand.tap("[data-asks=rules]")
    hand.sees("!!document.querySelector('.reading')")
    fits(hand)
    hand.tap("text=都看过了")
    hand.sees("document.body.innerText.includes('已看')")
    assert hand.taps == 2
    hand.sends()


def fits(hand):
    assert hand.page.evaluate(OVERFLOW) <= 0
    assert hand.page.evaluate(SMALL) == []
    assert hand.page.evaluate(NAMELESS) == []


def raises_a_case(page, live):
    page.goto(f"{live.url}/desk/raise/case")
    page.select_option("[name=category]", f"{RULE}|1b")
    page.check("[value=person]")
    page.select_option("[name=answers_id]", ANA)
    page.fill("[name=text]", "东垃圾点没清")
    page.click("button.main")
    page.wait_for_url("**/desk/cases/*")
    page.locator("form[action$='/ask'] button").click()
    page.wait_for_selector("text=等本人说明")
    return page.url


@pytest.mark.clause("G2", "G7", "G10")
def test_a_statement_without_a_network_arrives_is_decided_on_and_read(hand, live, desk_of):
    admin = desk_of("adi")
    admin.goto(f"{live.url}/desk/rules/")
    admin.locator(f"form[action*='{RULE}'] button").click()
    admin.wait_for_selector("text=停用")
    hand.enrols()
    hand.unlocks("ana")
    reads_the_rules(hand)
    file = raises_a_case(desk_of("ben"), live)
    hears(hand, "请你说明一件事")

    live.kill()
    hand.taps = 0
    hand.tap("[data-asks=asked]")
    hand.sees("!!document.querySelector('textarea')")
    assert "东垃圾点没清" in hand.page.locator("#main").inner_text()
    fits(hand)
    hand.type("textarea", "清运车坏了")
    hand.tap("form:has(textarea) button")
    hand.sees("document.body.innerText.includes('我说的')")
    assert "清运车坏了" in hand.page.locator("#main").inner_text()
    assert hand.taps == 3
    live.start()
    hand.sends()
    ((_, _, status, payload, by),) = log(live, "case.state")
    assert (status, by) == ("applied", ANA)
    assert json.loads(payload) == {"answer": "stated", "text": "清运车坏了"}

    manager = desk_of("mei")
    manager.goto(file)
    assert "清运车坏了" in manager.inner_text("#main")
    assert manager.locator("[name=finding]:checked").count() == 0
    manager.check("[value=not_responsible]")
    manager.fill("[name=measures]", "修车，向安小净说明")
    manager.locator("form[action$='/decide'] button").click()
    manager.wait_for_selector("text=已决定，没看")

    hears(hand, "有决定要看")
    hand.taps = 0
    hand.tap("[data-asks=decided]")
    hand.sees("document.body.innerText.includes('修车')")
    fits(hand)
    hand.tap("text=我看过了")
    hand.sees("document.body.innerText.includes('决定已看')")
    assert hand.taps == 2
    hand.sends()
    until(lambda: [row[4] for row in log(live, "case.acknowledge")] == [ANA])
    manager.goto(file)
    manager.wait_for_selector("text=已决定，已看")
    assert json.loads(live.run("verify"))["differences"] == 0
