"""The report form: nothing is said that nobody said, and what is guessed can be changed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.phone_page import JS_HORIZONTAL_OVERFLOW, JS_SMALL_TARGETS, logged_ops

JS_PLACE = "document.querySelector('select[name=area]').value"
JS_SHOWN = "document.querySelector('#main').innerText"


def submit(hand):
    hand.tap("form[action='/field/ops/ticket.open'] button.primary")
    hand.wait_for_js("!!document.querySelector('.said[role=status]')")


def picture(hand, name):
    """Keeps a picture of the page if a folder for it is named, for people to look at."""
    if folder := os.environ.get("LODGE_PICTURES"):
        hand.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.mark.rule("K2", "K15", "K17")
@pytest.mark.clause("F12", "F13", "F16")
def test_a_report_says_what_was_said_and_no_more(phone_page, live_server):
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    phone_page.wait_for_js("document.querySelectorAll('.row').length > 3")
    live_server.kill()
    phone_page.open("/field/tickets")
    assert phone_page.page.evaluate(JS_PLACE) == "", "nothing is known, so nothing is claimed"
    checked = "[...document.querySelectorAll('form[action$=\"ticket.open\"] input:checked')]"
    names = phone_page.page.evaluate(f"{checked}.map((input) => input.name)")
    assert names == ["channel"], "its guess stands above the button"
    phone_page.tap("form[action='/field/ops/ticket.open'] button.primary")
    phone_page.wait_for_js("!!document.querySelector('#toast [role=alert]')")
    assert phone_page.page.is_enabled("form[action='/field/ops/ticket.open'] button.primary")
    for language in ("zh", "en"):
        assert phone_page.page.evaluate(JS_HORIZONTAL_OVERFLOW) <= 0
        assert phone_page.page.evaluate(JS_SMALL_TARGETS) == []
        picture(phone_page, f"report-{language}")
        phone_page.open("/field/me")
        phone_page.tap("form[action='/field/me/language'] button")
        phone_page.wait_for_js(f"!document.documentElement.lang.startsWith('{language}')")
        phone_page.open("/field/tickets")

    phone_page.tap("label:has(input[name=category][value=leaking])")
    phone_page.tap("label:has(input[name=channel][value=phone])")
    phone_page.tap("summary:has-text('有人来反映')")
    phone_page.fill("textarea[name=details]", "301 漏水")
    phone_page.tap("summary:has-text('有东西一起交来')")
    phone_page.fill("[name=item]", "钥匙 2.0")
    phone_page.fill("[name=quantity]", "2")
    phone_page.fill("[name=holder]", "前台")
    submit(phone_page)
    first = phone_page.page.evaluate("new URL(location.href).searchParams.get('saved')")
    phone_page.open(f"/field/ticket/{first}")
    phone_page.wait_for_js(f"{JS_SHOWN}.includes('钥匙 2.0 × 2')")
    shown = phone_page.page.evaluate(JS_SHOWN)
    assert "前台" in shown and "漏水 · 301 漏水" in shown and "还没问" in shown
    picture(phone_page, "ticket")

    phone_page.open("/field/tickets")
    phone_page.tap("summary:has-text('有人来反映')")
    phone_page.page.locator("textarea[name=details]").press_sequentially("301室漏水了")
    phone_page.wait_for_js(f"!!document.querySelector('#alike a[href=\"/field/ticket/{first}\"]')")
    assert phone_page.page.input_value("textarea[name=details]") == "301室漏水了"
    picture(phone_page, "alike")
    live_server.start()
    phone_page.sync_now()
    (_, _, status, said, _), *rest = logged_ops(live_server, "ticket.open")
    assert (status, rest) == ("applied", [])
    said = json.loads(said)
    assert said.pop("number") and said.pop("slip")
    assert said == {
        "category": "leaking",
        "channel": "phone",
        "details": "301 漏水",
        "item": "钥匙 2.0",
        "quantity": 2,
        "holder": "前台",
    }


@pytest.mark.clause("C12")
def test_the_place_is_that_of_the_last_tick_even_of_an_item(phone_page, live_server):
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    phone_page.wait_for_js("document.querySelectorAll('.row').length > 3")
    live_server.kill()
    link = "[...document.querySelectorAll('a[href^=\"/field/task/\"]')].map((a) => a.href)"
    item = "form[action^='/field/ops/task.tick'] button, button[formaction*='task.tick']"
    for href in phone_page.page.evaluate(link)[:12]:
        phone_page.open(href[href.index("/field/") :])
        phone_page.wait_for_js("!!document.querySelector('#main h1, #main .card')")
        if phone_page.page.locator(item).count():
            phone_page.tap(f"{item.split(', ')[0]} >> nth=0")
            break
    else:
        pytest.fail("no task of the demo has items")
    phone_page.open("/field/tickets")
    phone_page.wait_for_js(f"{JS_PLACE} !== ''")
    assert "最近打勾" in phone_page.page.evaluate(JS_SHOWN)
    picture(phone_page, "place")
    phone_page.page.select_option("select[name=area]", "")
    phone_page.tap("label:has(input[name=category][value=dirty])")
    submit(phone_page)
    live_server.start()
    phone_page.sync_now()
    (_, _, status, said, _), *_ = logged_ops(live_server, "ticket.open")
    payload = json.loads(said)
    assert payload.pop("number") and payload.pop("slip")
    assert (status, payload) == ("applied", {"category": "dirty", "channel": "on_round"})
