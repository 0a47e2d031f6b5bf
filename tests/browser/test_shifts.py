"""Shifts on the phone: begun without work clothes, handed over and signed without a network."""

from __future__ import annotations

import json
import sqlite3

import pytest

from server.maintenance.demo import demo_id
from tests.browser.test_unlocking import proofs
from tests.phone_page import (
    JS_HORIZONTAL_OVERFLOW,
    JS_SMALL_TARGETS,
    JS_UNLABELLED_CONTROLS,
    PINS_BY_USERNAME,
    logged_ops,
    rows,
)
from tests.wait_for import wait_for

ANA, BAO = demo_id("squirrel", "ana"), demo_id("squirrel", "bao")

JS_PIN_ANSWERED = """!!document.querySelector('[role=alert]')
  && !document.querySelector('.pin input[type=password]').value"""


def begin_shift(hand):
    hand.open("/field/shift")
    hand.tap("form[action='/field/ops/shift.open'] [value=true]")
    hand.wait_for_js("!!document.querySelector('a[href=\"/field/shift_handover\"]')")


def sign_with_pin(hand, pin):
    for digit in pin:
        hand.tap(f"[data-digit='{digit}']")


@pytest.mark.clause("D1")
def test_a_shift_begins_without_a_uniform_and_without_a_network(phone_page, live_server):
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    live_server.kill()
    assert phone_page.page.locator(".row[data-state=open] button.tick").count()
    phone_page.tap("a.duty")
    phone_page.wait_for_js("!!document.querySelector('summary')")
    phone_page.tap("summary")
    phone_page.fill("[name=note][required]", "鞋子也湿了")
    phone_page.tap("form:has([name=note][required]) button")
    phone_page.wait_for_js("!!document.querySelector('a[href=\"/field/shift_handover\"]')")
    assert "鞋子也湿了" in phone_page.page.locator("#main").inner_text()
    phone_page.open("/field/tasks")
    assert phone_page.page.locator("a.duty").count() == 0
    live_server.start()
    phone_page.sync_now()
    ((_, _, status, payload, by),) = logged_ops(live_server, "shift.open")
    assert (status, by) == ("applied", ANA)
    assert json.loads(payload) == {"uniform": False, "note": "鞋子也湿了"}
    assert json.loads(live_server.run("verify"))["differences"] == 0


def test_no_uniform_needs_a_word_in_the_form(phone_page):
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    phone_page.open("/field/shift")
    phone_page.tap("summary")
    phone_page.tap("form:has([name=note][required]) button")
    assert phone_page.page.evaluate(
        "document.querySelector('[name=note][required]').validity.valueMissing"
    )
    phone_page.tap(".chip")
    phone_page.wait_for_js("!!document.querySelector('a[href=\"/field/shift_handover\"]')")
    assert phone_page.taps == 3


def test_a_shift_is_handed_over_in_three_taps_and_signed_without_a_network(phone_page, live_server):
    phone_page.enrol("bao", "ana")
    phone_page.unlock_before("bao")
    phone_page.unlock("ana")
    begin_shift(phone_page)
    live_server.kill()
    phone_page.taps = 0
    phone_page.tap("a.tab[href='/field/me']")
    phone_page.open("/field/shift_handover")
    phone_page.taps += 1  # the link on that page
    assert "保洁员" in phone_page.page.locator(f"button[name=to][value='{BAO}']").inner_text()
    listed = phone_page.page.locator(".row[data-state=open], .row[data-state=late]").count()
    assert listed > 0
    phone_page.tap(f"button[name=to][value='{BAO}']")
    assert phone_page.taps == 3
    phone_page.wait_for_js("!!document.querySelector('.pad')")
    assert PINS_BY_USERNAME["bao"][0] in phone_page.page.locator("h2").first.inner_text()
    sign_with_pin(phone_page, "999999")
    phone_page.wait_for_js("!!document.querySelector('[role=alert]')")
    assert phone_page.page.locator("input[name=sign_pin]").input_value() == ""
    assert phone_page.page.locator(".pad").count() == 1
    sign_with_pin(phone_page, PINS_BY_USERNAME["bao"][1])
    phone_page.wait_for_js(
        "!document.querySelector('.pad') && !!document.querySelector('[role=status].said')"
    )
    phone_page.tap("form[action='/field/me/lock'] button")
    phone_page.wait_for_js("!!document.querySelector('.names')")
    phone_page.unlock("bao")
    live_server.start()
    phone_page.sync_now()
    ((_, shift, status, payload, by),) = logged_ops(live_server, "shift.hand_over")
    assert (status, by) == ("applied", ANA)
    said = json.loads(payload)
    assert said["to"] == BAO and len(said["items"]) == listed
    ((_, signed, status, payload, by),) = logged_ops(live_server, "shift.take_over")
    assert (signed, status, by) == (shift, "applied", BAO)
    assert json.loads(payload) == {}
    assert json.loads(live_server.run("verify"))["differences"] == 0


def hand_over_to_bao(hand):
    begin_shift(hand)
    hand.open("/field/shift_handover")
    hand.tap(f"button[name=to][value='{BAO}']")
    hand.wait_for_js("!!document.querySelector('.pad')")


def verdicts(hand, kind):
    found = [row for row in rows(hand, "ops") if row["op"]["kind"] == kind]
    return [(row["state"], row.get("verdict", {}).get("status")) for row in found]


@pytest.mark.rule("L4")
def test_whoever_took_over_without_a_key_confirms_the_same_op_once_they_have_one(
    phone_page, live_server
):
    phone_page.enrol("bao", "ana")
    phone_page.unlock("ana")
    live_server.kill()
    hand_over_to_bao(phone_page)
    sign_with_pin(phone_page, PINS_BY_USERNAME["bao"][1])
    phone_page.wait_for_js("!!document.querySelector('button[name=sign_later]')")
    phone_page.tap("button[name=sign_later]")
    phone_page.wait_for_js("!document.querySelector('.pad')")
    live_server.start()
    phone_page.sync_now()
    ((id_, _, status, _, by),) = logged_ops(live_server, "shift.take_over")
    assert (status, by) == ("held", BAO)
    assert not phone_page.page.locator("form[action='/field/me/confirm']").count(), "not Ana's"
    phone_page.lock()
    phone_page.unlock("bao")
    phone_page.wait_for_js("location.pathname == '/field/me'")
    assert logged_ops(live_server, "shift.take_over")[0][2] == "held", "a PIN alone says nothing"
    assert "是您做的，就请确认" in phone_page.page.inner_text("section[data-state=check]")
    for check in (JS_SMALL_TARGETS, JS_UNLABELLED_CONTROLS):
        assert phone_page.page.evaluate(check) == []
    phone_page.tap("form[action='/field/me/confirm'] button")
    wait_for(lambda: logged_ops(live_server, "shift.take_over")[0][2] == "applied")
    ((same, *_),) = logged_ops(live_server, "shift.take_over")
    assert same == id_ and proofs(live_server, "shift.take_over") == [("person", 1)]
    wait_for(lambda: verdicts(phone_page, "shift.take_over") == [("answered", "applied")])
    phone_page.wait_for_js("!document.querySelector('section[data-state=check]')")
    assert json.loads(live_server.run("verify"))["differences"] == 0


@pytest.mark.rule("L4")
def test_what_a_server_without_the_key_held_is_offered_again_by_itself(phone_page, live_server):
    phone_page.enrol("bao", "ana")
    phone_page.unlock_before("bao")
    phone_page.unlock("ana")
    live_server.kill()
    hand_over_to_bao(phone_page)
    sign_with_pin(phone_page, PINS_BY_USERNAME["bao"][1])
    phone_page.wait_for_js("!document.querySelector('.pad')")
    base = sqlite3.connect(live_server.folder / "var" / "lodge.sqlite3")
    with base:  # as a restored server is without it
        base.execute("DELETE FROM credential WHERE person_id = ?", (BAO,))
    base.close()
    live_server.start()
    phone_page.sync_now()
    assert verdicts(phone_page, "shift.take_over") == [("answered", "held")]
    phone_page.lock()
    phone_page.unlock("bao")
    wait_for(lambda: verdicts(phone_page, "shift.take_over") == [("answered", "applied")])
    assert proofs(live_server, "shift.take_over") == [("person", 1)]
    assert not phone_page.page.locator("section[data-state=check]").count()


def test_too_many_wrong_pins_have_to_wait_and_never_sign(phone_page, live_server):
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    begin_shift(phone_page)
    phone_page.open("/field/shift_handover")
    phone_page.tap(f"button[name=to][value='{BAO}']")
    phone_page.wait_for_js("!!document.querySelector('.pad')")
    for _ in range(3):
        sign_with_pin(phone_page, "999999")
        phone_page.wait_for_js(JS_PIN_ANSWERED)
    sign_with_pin(phone_page, PINS_BY_USERNAME["bao"][1])
    phone_page.wait_for_js(
        "document.querySelector('[role=alert] use').getAttribute('href').endsWith('#clock')"
    )
    phone_page.sync_now()
    assert logged_ops(live_server, "shift.take_over") == []
    assert len(logged_ops(live_server, "shift.hand_over")) == 1
    phone_page.open("/field/tasks")
    phone_page.wait_for_js("!!document.querySelector('.tabs')")


def test_a_redraw_takes_away_neither_half_a_pin_nor_why_the_last_did_not_fit(phone_page):
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    begin_shift(phone_page)
    phone_page.open("/field/shift_handover")
    phone_page.tap(f"button[name=to][value='{BAO}']")
    phone_page.wait_for_js("!!document.querySelector('.pad')")
    sign_with_pin(phone_page, "999999")
    phone_page.wait_for_js(JS_PIN_ANSWERED)
    sign_with_pin(phone_page, "2580")
    phone_page.page.evaluate("document.querySelector('#pill').dataset.was = 'old'")
    phone_page.page.evaluate("new BroadcastChannel('lodge').postMessage('changed')")
    phone_page.wait_for_js("document.querySelector('#pill').dataset.was !== 'old'")
    assert phone_page.page.locator("[role=alert]").count() == 1
    assert phone_page.page.locator("input[name=sign_pin]").input_value() == "2580"
    sign_with_pin(phone_page, "02")
    phone_page.wait_for_js(
        "!document.querySelector('.pad') && !!document.querySelector('[role=status].said')"
    )


def test_what_was_open_and_unsent_is_told_when_a_shift_is_closed(phone_page, live_server):
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    live_server.kill()
    begin_shift(phone_page)
    phone_page.wait_for_js("!document.querySelector('[name=unsent][value=\"0\"]')")
    phone_page.tap("form[action^='/field/ops/shift.close'] button")
    phone_page.wait_for_js("!!document.querySelector('.foot')")
    live_server.start()
    phone_page.sync_now()
    ((_, _, status, payload, by),) = logged_ops(live_server, "shift.close")
    said = json.loads(payload)
    assert (status, by, said["unsent"]) == ("applied", ANA, 1)
    assert all(key.startswith("task:") for key in said["open_items"])


@pytest.mark.parametrize("width", [320, 1280])
def test_the_pages_of_a_shift_fit_with_big_targets_in_both_languages(phone_page, width):
    phone_page.page.set_viewport_size({"width": width, "height": 740})
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    for language in ("zh", "en"):
        for place in ("tasks", "shift", "shift_handover"):
            phone_page.open(f"/field/{place}")
            phone_page.wait_for_js(f"document.documentElement.lang.startsWith('{language}')")
            assert phone_page.page.evaluate(JS_HORIZONTAL_OVERFLOW) <= 0, (place, language)
            assert phone_page.page.evaluate(JS_SMALL_TARGETS) == [], (place, language)
            assert phone_page.page.evaluate(JS_UNLABELLED_CONTROLS) == [], (place, language)
        phone_page.open("/field/me")
        phone_page.tap("form[action='/field/me/language'] button")
        phone_page.wait_for_js(f"!document.documentElement.lang.startsWith('{language}')")
        if language == "zh":
            begin_shift(phone_page)
    phone_page.open("/field/shift_handover")
    phone_page.tap(f"button[name=to][value='{BAO}']")
    phone_page.wait_for_js("!!document.querySelector('.pad')")
    assert phone_page.page.evaluate(JS_HORIZONTAL_OVERFLOW) <= 0
    assert phone_page.page.evaluate(JS_SMALL_TARGETS) == []
