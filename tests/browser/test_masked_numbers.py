"""A visitor's number on the guard's phone: masked until a tap, which dials and is written down."""

from __future__ import annotations

import json

import pytest

from tests.phone_page import (
    JS_HORIZONTAL_OVERFLOW,
    JS_SMALL_TARGETS,
    JS_UNLABELLED_CONTROLS,
    logged_ops,
    rows,
)
from tests.wait_for import wait_for

NUMBER = "13800000021"
SHOWN = f"#main a[href='tel:{NUMBER}']"
JS_NOTE_DIALLED = """globalThis.dialled = [];
addEventListener("click", (event) => {
  const link = event.target.closest("a[href^=tel]");
  if (link) { event.preventDefault(); dialled.push(link.href); }
});"""


def looks(hand):
    return [row for row in rows(hand, "ops") if row["op"]["kind"] == "access.number"]


def tap_number(hand):
    hand.page.evaluate(JS_NOTE_DIALLED)
    hand.taps = 0
    hand.tap("[data-reveal]")
    hand.wait_for_js(f'!!document.querySelector("{SHOWN}")')
    assert hand.taps == 1
    assert hand.page.evaluate("dialled") == [f"tel:{NUMBER}"]


@pytest.mark.rule("A28")
def test_one_tap_shows_and_dials_and_is_written_down_once(phone_page, live_server):
    phone_page.enrol("chu")
    phone_page.unlock("chu")
    phone_page.open("/field/visit_arrival")
    phone_page.fill("[name=visitor]", "王先生")
    phone_page.tap("summary:has-text('更多（需要时填）')")
    phone_page.fill("[name=phone]", NUMBER)
    phone_page.tap("button[name=purpose][value=family]")
    phone_page.wait_for_js("!!document.querySelector('.row[data-state=inside]')")
    live_server.kill()
    phone_page.tap(".row[data-state=inside] a.tick")
    phone_page.wait_for_js("!!document.querySelector('[data-reveal]')")
    assert "138****0021" in phone_page.page.inner_text("#main")
    assert NUMBER not in phone_page.page.content()
    for script in (JS_HORIZONTAL_OVERFLOW, JS_SMALL_TARGETS, JS_UNLABELLED_CONTROLS):
        assert not phone_page.page.evaluate(script), script
    tap_number(phone_page)
    (look,) = looks(phone_page)
    visit = phone_page.page.url.split("/")[-1]
    assert look["op"]["payload"] == {"about_type": "visit", "record": visit}
    phone_page.open(f"/field/visit/{visit}")  # it is masked again
    assert NUMBER not in phone_page.page.content()
    tap_number(phone_page)
    assert len(looks(phone_page)) == 1, "within ten minutes it is one look"
    live_server.start()
    phone_page.sync_now()
    wait_for(lambda: len(logged_ops(live_server, "access.number")) == 1)
    ((_, _, status, payload, by),) = logged_ops(live_server, "access.number")
    assert (status, by) == ("applied", look["op"]["by"])
    assert json.loads(payload)["record"] == visit
