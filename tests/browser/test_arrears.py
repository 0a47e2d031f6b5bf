"""Fees that are overdue: a reason at a wrong hour, a complaint pauses, no guard sees them."""

from __future__ import annotations

import json

import pytest

from server.desk.ledger_import import arrears_account_id
from server.maintenance.demo import demo_id
from server.oplog.receive import submit
from tests.conftest import create_test_app
from tests.phone_page import (
    JS_HORIZONTAL_OVERFLOW,
    JS_SMALL_TARGETS,
    JS_UNLABELLED_CONTROLS,
    logged_ops,
)

SITE, UNIT = demo_id("squirrel"), demo_id("squirrel", "unit", "1-1-101")
ACCOUNT = arrears_account_id(SITE, UNIT)
LINES = [{"what": "物业费", "period": "2026-10", "cents": 12345}]


def listed_account(live):
    """A home that owes a fee and does not want to be called."""
    folder = live.folder / "var"
    app = create_test_app(f"sqlite:///{folder / 'lodge.sqlite3'}", folder)
    with app.app_context():
        said = {"unit": UNIT, "lines": LINES, "batch": "demo"}
        submit(SITE, "arrears.list", ACCOUNT, said, by=demo_id("squirrel", "qin"))
        quiet = {"do_not_call": True}
        submit(SITE, "arrears.prefer", ACCOUNT, quiet, by=demo_id("squirrel", "qin"), base=1)


@pytest.mark.rule("U2", "U5", "U7")
@pytest.mark.clause("H2")
@pytest.mark.clause("H4")
def test_a_call_at_a_wrong_hour_needs_a_reason_and_a_complaint_pauses(phone_page, live_server):
    listed_account(live_server)
    phone_page.enrol("qin")
    phone_page.unlock("qin")
    live_server.kill()
    phone_page.open("/field/arrears")
    phone_page.tap(f"a[href='/field/arrears_account/{ACCOUNT}']")
    phone_page.wait_for_js("!!document.querySelector('[name=override_reason]')")
    for check in (JS_HORIZONTAL_OVERFLOW, JS_SMALL_TARGETS, JS_UNLABELLED_CONTROLS):
        assert phone_page.page.evaluate(check) in (0, [])
    assert phone_page.page.locator("[name=override_reason][required]").count() == 1
    phone_page.fill("[name=override_reason]", "业主让这时打")
    phone_page.tap("[name=itemised]")
    phone_page.tap("button[value=reached]")
    phone_page.wait_for_js("!!document.querySelector('form[action*=\"arrears.ask_visit\"]')")
    assert "物业费 2026-10" in phone_page.page.inner_text("#main")
    phone_page.tap("summary:has(use[href$='#report'])")
    phone_page.fill("textarea[name=details]", "电梯老坏")
    phone_page.tap("form[action*='arrears.dispute'] button")
    phone_page.wait_for_js("!document.querySelector('form[action*=\"arrears.call\"]')")
    live_server.start()
    phone_page.sync_now()
    ((*_, said, _),) = logged_ops(live_server, "arrears.call")
    told = json.loads(said)
    assert (told["told"], told["itemised"]) == ({"物业费 2026-10": "12345"}, True)
    assert [status for _, _, status, *_ in logged_ops(live_server, "arrears.dispute")] == [
        "applied"
    ]
    assert json.loads(live_server.run("verify"))["differences"] == 0


@pytest.mark.rule("U8")
def test_a_guard_sees_nothing_of_it(phone_page, live_server):
    listed_account(live_server)
    phone_page.enrol("chu")
    phone_page.unlock("chu")
    phone_page.open(f"/field/arrears_account/{ACCOUNT}")
    assert "123.45" not in phone_page.page.locator("#main").inner_text()
    phone_page.open("/field/arrears")
    assert phone_page.page.locator(".row").count() == 0
