"""Fees that are overdue: a reason at a wrong hour, a complaint pauses, no guard sees them."""

from __future__ import annotations

import json

import pytest

from server.desk.pages.arrears import arrears_account_id
from server.maintenance.demo import demo_id
from server.oplog.receive import submit
from tests.conftest import made
from tests.hand import NAMELESS, OVERFLOW, SMALL, log

HOME, UNIT = demo_id("squirrel"), demo_id("squirrel", "unit", "1-1-101")
ACCOUNT = arrears_account_id(HOME, UNIT)
LINES = [{"what": "物业费", "period": "2026-10", "cents": 12345}]


def owes(live):
    """A home that owes a fee and does not want to be called."""
    folder = live.folder / "var"
    app = made(f"sqlite:///{folder / 'lodge.sqlite3'}", folder)
    with app.app_context():
        said = {"unit": UNIT, "lines": LINES, "batch": "demo"}
        submit(HOME, "arrears.list", ACCOUNT, said, by=demo_id("squirrel", "qin"))
        quiet = {"do_not_call": True}
        submit(HOME, "arrears.prefer", ACCOUNT, quiet, by=demo_id("squirrel", "qin"), base=1)


@pytest.mark.rule("U2", "U5", "U7")
@pytest.mark.clause("H2")
@pytest.mark.clause("H4")
def test_a_call_at_a_wrong_hour_needs_a_reason_and_a_complaint_pauses(hand, live):
    owes(live)
    hand.enrols()
    hand.unlocks("qin")
    live.kill()
    hand.opens("/field/arrears")
    hand.tap(f"a[href='/field/owed/{ACCOUNT}']")
    hand.sees("!!document.querySelector('[name=override_reason]')")
    for check in (OVERFLOW, SMALL, NAMELESS):
        assert hand.page.evaluate(check) in (0, [])
    assert hand.page.locator("[name=override_reason][required]").count() == 1
    hand.type("[name=override_reason]", "业主让这时打")
    hand.tap("[name=itemised]")
    hand.tap("button[value=reached]")
    hand.sees("!!document.querySelector('form[action*=\"arrears.ask_visit\"]')")
    assert "物业费 2026-10" in hand.page.inner_text("#main")
    hand.tap("summary:has(use[href$='#report'])")
    hand.type("textarea[name=details]", "电梯老坏")
    hand.tap("form[action*='arrears.dispute'] button")
    hand.sees("!document.querySelector('form[action*=\"arrears.call\"]')")
    live.start()
    hand.sends()
    ((*_, said, _),) = log(live, "arrears.call")
    told = json.loads(said)
    assert (told["told"], told["itemised"]) == ({"物业费 2026-10": "12345"}, True)
    assert [status for _, _, status, *_ in log(live, "arrears.dispute")] == ["applied"]
    assert json.loads(live.run("verify"))["differences"] == 0


@pytest.mark.rule("U8")
def test_a_guard_sees_nothing_of_it(hand, live):
    owes(live)
    hand.enrols()
    hand.unlocks("chu")
    hand.opens(f"/field/owed/{ACCOUNT}")
    assert "123.45" not in hand.page.locator("#main").inner_text()
    hand.opens("/field/arrears")
    assert hand.page.locator(".row").count() == 0
