"""Shifts on the phone: begun without work clothes, handed over and signed without a network."""

from __future__ import annotations

import json

import pytest

from server.maintenance.demo import demo_id
from tests.hand import NAMELESS, OVERFLOW, PINS, SMALL, log

ANA, BAO = demo_id("squirrel", "ana"), demo_id("squirrel", "bao")

ANSWERED = """!!document.querySelector('[role=alert]')
  && !document.querySelector('.pin input[type=password]').value"""


def begins(hand):
    hand.opens("/field/shift")
    hand.tap("form[action='/field/ops/shift.open'] [value=true]")
    hand.sees("!!document.querySelector('a[href=\"/field/handover\"]')")


def signs(hand, pin):
    for digit in pin:
        hand.tap(f"[data-digit='{digit}']")


@pytest.mark.clause("D1")
def test_a_shift_begins_without_a_uniform_and_without_a_network(hand, live):
    hand.enrols()
    hand.unlocks("ana")
    live.kill()
    assert hand.page.locator(".row[data-state=open] button.tick").count()
    hand.tap("a.duty")
    hand.sees("!!document.querySelector('summary')")
    hand.tap("summary")
    hand.type("[name=note][required]", "鞋子也湿了")
    hand.tap("form:has([name=note][required]) button")
    hand.sees("!!document.querySelector('a[href=\"/field/handover\"]')")
    assert "鞋子也湿了" in hand.page.locator("#main").inner_text()
    hand.opens("/field/tasks")
    assert hand.page.locator("a.duty").count() == 0
    live.start()
    hand.sends()
    ((_, _, status, payload, by),) = log(live, "shift.open")
    assert (status, by) == ("applied", ANA)
    assert json.loads(payload) == {"uniform": False, "note": "鞋子也湿了"}
    assert json.loads(live.run("verify"))["differences"] == 0


def test_no_uniform_needs_a_word_in_the_form(hand):
    hand.enrols()
    hand.unlocks("ana")
    hand.opens("/field/shift")
    hand.tap("summary")
    hand.tap("form:has([name=note][required]) button")
    assert hand.page.evaluate(
        "document.querySelector('[name=note][required]').validity.valueMissing"
    )
    hand.tap(".chip")
    hand.sees("!!document.querySelector('a[href=\"/field/handover\"]')")
    assert hand.taps == 3


def test_a_shift_is_handed_over_in_three_taps_and_signed_without_a_network(hand, live):
    hand.enrols()
    hand.unlocks("ana")
    begins(hand)
    live.kill()
    hand.taps = 0
    hand.tap("a.tab[href='/field/me']")
    hand.opens("/field/handover")
    hand.taps += 1  # the link on that page
    assert "保洁员" in hand.page.locator(f"button[name=to][value='{BAO}']").inner_text()
    listed = hand.page.locator(".row[data-state=open], .row[data-state=late]").count()
    assert listed > 0
    hand.tap(f"button[name=to][value='{BAO}']")
    assert hand.taps == 3
    hand.sees("!!document.querySelector('.pad')")
    assert PINS["bao"][0] in hand.page.locator("h2").first.inner_text()
    signs(hand, "9999")
    hand.sees("!!document.querySelector('[role=alert]')")
    assert hand.page.locator("input[name=sign_pin]").input_value() == ""
    assert hand.page.locator(".pad").count() == 1
    signs(hand, PINS["bao"][1])
    hand.sees("!document.querySelector('.pad') && !!document.querySelector('[role=status].said')")
    hand.tap("form[action='/field/me/lock'] button")
    hand.sees("!!document.querySelector('.names')")
    hand.unlocks("bao")
    live.start()
    hand.sends()
    ((_, shift, status, payload, by),) = log(live, "shift.hand_over")
    assert (status, by) == ("applied", ANA)
    said = json.loads(payload)
    assert said["to"] == BAO and len(said["items"]) == listed
    ((_, signed, status, payload, by),) = log(live, "shift.take_over")
    assert (signed, status, by) == (shift, "applied", BAO)
    assert json.loads(payload) == {}
    assert json.loads(live.run("verify"))["differences"] == 0


def test_too_many_wrong_pins_have_to_wait_and_never_sign(hand, live):
    hand.enrols()
    hand.unlocks("ana")
    begins(hand)
    hand.opens("/field/handover")
    hand.tap(f"button[name=to][value='{BAO}']")
    hand.sees("!!document.querySelector('.pad')")
    for _ in range(5):
        signs(hand, "9999")
        hand.sees(ANSWERED)
    signs(hand, PINS["bao"][1])
    hand.sees("document.querySelector('[role=alert] use').getAttribute('href').endsWith('#clock')")
    hand.sends()
    assert log(live, "shift.take_over") == []
    assert len(log(live, "shift.hand_over")) == 1
    hand.opens("/field/tasks")
    hand.sees("!!document.querySelector('.tabs')")


def test_a_redraw_takes_away_neither_half_a_pin_nor_why_the_last_did_not_fit(hand):
    hand.enrols()
    hand.unlocks("ana")
    begins(hand)
    hand.opens("/field/handover")
    hand.tap(f"button[name=to][value='{BAO}']")
    hand.sees("!!document.querySelector('.pad')")
    signs(hand, "9999")
    hand.sees(ANSWERED)
    signs(hand, "22")
    hand.page.evaluate("document.querySelector('#pill').dataset.was = 'old'")
    hand.page.evaluate("new BroadcastChannel('lodge').postMessage('changed')")
    hand.sees("document.querySelector('#pill').dataset.was !== 'old'")
    assert hand.page.locator("[role=alert]").count() == 1
    assert hand.page.locator("input[name=sign_pin]").input_value() == "22"
    signs(hand, "22")
    hand.sees("!document.querySelector('.pad') && !!document.querySelector('[role=status].said')")


def test_what_was_open_and_unsent_is_told_when_a_shift_is_closed(hand, live):
    hand.enrols()
    hand.unlocks("ana")
    live.kill()
    begins(hand)
    hand.sees("!document.querySelector('[name=unsent][value=\"0\"]')")
    hand.tap("form[action^='/field/ops/shift.close'] button")
    hand.sees("!!document.querySelector('.foot')")
    live.start()
    hand.sends()
    ((_, _, status, payload, by),) = log(live, "shift.close")
    said = json.loads(payload)
    assert (status, by, said["unsent"]) == ("applied", ANA, 1)
    assert all(key.startswith("task:") for key in said["open_items"])


@pytest.mark.parametrize("width", [320, 1280])
def test_the_pages_of_a_shift_fit_with_big_targets_in_both_languages(hand, width):
    hand.page.set_viewport_size({"width": width, "height": 740})
    hand.enrols()
    hand.unlocks("ana")
    for language in ("zh", "en"):
        for place in ("tasks", "shift", "handover"):
            hand.opens(f"/field/{place}")
            hand.sees(f"document.documentElement.lang.startsWith('{language}')")
            assert hand.page.evaluate(OVERFLOW) <= 0, (place, language)
            assert hand.page.evaluate(SMALL) == [], (place, language)
            assert hand.page.evaluate(NAMELESS) == [], (place, language)
        hand.opens("/field/me")
        hand.tap("form[action='/field/me/language'] button")
        hand.sees(f"!document.documentElement.lang.startsWith('{language}')")
        if language == "zh":
            begins(hand)
    hand.opens("/field/handover")
    hand.tap(f"button[name=to][value='{BAO}']")
    hand.sees("!!document.querySelector('.pad')")
    assert hand.page.evaluate(OVERFLOW) <= 0
    assert hand.page.evaluate(SMALL) == []
