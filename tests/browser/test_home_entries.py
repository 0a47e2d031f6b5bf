"""Home entries on the phone: an exit proposes its entry, and a ticket leads to its entries."""

from __future__ import annotations

import json

import pytest

from server.maintenance.demo import demo_id
from tests.browser.test_tickets import open_ticket
from tests.phone_page import (
    JS_HORIZONTAL_OVERFLOW,
    JS_SMALL_TARGETS,
    JS_UNLABELLED_CONTROLS,
    logged_ops,
)

UNIT, FIRM = demo_id("squirrel", "unit", "1-1-101"), demo_id("squirrel", "contractor")
SUBMIT = "form[action*='entry.'] .primary"


@pytest.mark.rule("J7", "J8")
@pytest.mark.clause("E1")
def test_an_exit_proposes_the_entry_and_is_recorded_without_one(phone_page, live_server):
    phone_page.enrol("chu")
    phone_page.unlock("chu")
    ticket = open_ticket(phone_page)
    live_server.kill()
    phone_page.open(f"/field/home_entry?firm=1&ticket={ticket}&unit={UNIT}")
    assert phone_page.page.locator("input:checked").count() == 0
    phone_page.page.select_option("[name=contractor]", FIRM)
    phone_page.tap(".chip:has([value=repair])")
    phone_page.tap(SUBMIT)
    phone_page.wait_for_js("!!document.querySelector('.row[data-state=inside]')")
    assert "1-1-101" in phone_page.page.locator(".row[data-state=inside]").inner_text()
    phone_page.open(f"/field/ticket/{ticket}")
    assert phone_page.page.locator(".row[data-state=inside]").count() == 1
    phone_page.open(f"/field/home_entry?exit=1&firm=1&unit={UNIT}")
    assert phone_page.page.locator(".row[data-state=inside] button").count() == 1, "it is proposed"
    for check in (JS_HORIZONTAL_OVERFLOW, JS_SMALL_TARGETS, JS_UNLABELLED_CONTROLS):
        assert phone_page.page.evaluate(check) in (0, [])
    phone_page.page.select_option("[name=contractor]", FIRM)
    phone_page.tap(SUBMIT)
    phone_page.wait_for_js("!!document.querySelector('.row[data-state=done]')")
    assert "?–" in phone_page.page.locator(".row[data-state=done]").inner_text()
    live_server.start()
    phone_page.sync_now()
    [(*_, begun, _)] = logged_ops(live_server, "entry.begin")
    assert json.loads(begun)["ticket"] == ticket
    [(*_, seen, _)] = logged_ops(live_server, "entry.exit")
    assert json.loads(seen) == {"unit": UNIT, "contractor": FIRM}
    assert json.loads(live_server.run("verify"))["differences"] == 0
