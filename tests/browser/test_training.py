"""Training on one phone in a meeting room, without a network: answered and signed by two."""

from __future__ import annotations

import json

import pytest

from server.maintenance.demo import demo_id
from tests.phone_page import (
    JS_HORIZONTAL_OVERFLOW,
    JS_SMALL_TARGETS,
    JS_UNLABELLED_CONTROLS,
    PINS_BY_USERNAME,
    logged_ops,
)

ANA, CHU = demo_id("squirrel", "ana"), demo_id("squirrel", "chu")


def begin_session(hand):
    """Ben begins a session on the lost-property case with Ana and Chu."""
    hand.open("/field/training")
    hand.tap("a[href^='/field/training_start?case=']")
    hand.wait_for_js("!!document.querySelector('[name=attendees]')")
    for person in (ANA, CHU):
        hand.tap(f"label:has([name=attendees][value='{person}'])")
    hand.tap("button[type=submit].primary")
    hand.wait_for_js("location.pathname.startsWith('/field/training_session/')")


def record_answer(hand, person, prompt, text, approach=None):
    """Whose turn it is stands on the form."""
    turn = f"form:has([name=person][value='{person}']):has([name=prompt][value='{prompt}'])"
    hand.wait_for_js(f'!!document.querySelector("{turn}")')
    if approach:
        hand.tap(f"{turn} .chip:has([value={approach}])")
    hand.fill(f"{turn} [name=text]", text)
    hand.tap(f"{turn} button[type=submit]")
    hand.wait_for_js(f'!document.querySelector("{turn}")')


def sign_with_pin(hand, person, pin):
    hand.tap(f"button[name=sign][value='{person}']")
    hand.wait_for_js("!!document.querySelector('.pad')")
    for digit in pin:
        hand.tap(f"[data-digit='{digit}']")


@pytest.mark.clause("E7", "E10", "E11")
def test_two_people_answer_and_sign_on_one_phone_without_a_network(phone_page, live_server):
    phone_page.enrol("ana", "chu", "ben")
    phone_page.unlock_before("ana", "chu")
    phone_page.unlock("ben")
    live_server.kill()
    begin_session(phone_page)
    phone_page.page.reload()
    for prompt in (0, 1):
        queue = phone_page.page.locator("[name=person]").first.input_value()
        order = [ANA, CHU] if queue == ANA else [CHU, ANA]
        for person in order:
            way = None if prompt else "C" if person == ANA else "A"
            record_answer(phone_page, person, prompt, "记下来", way)
    page = phone_page.page.locator("#main").inner_text()
    assert "不对" in page and "责任包不出去" in page
    phone_page.fill("[name=summary]", "住户的事跟到底")
    phone_page.tap("form:has([name=summary]) button")
    phone_page.wait_for_js("document.querySelector('#main').innerText.includes('住户的事跟到底')")
    sign_with_pin(phone_page, ANA, "999999")
    phone_page.wait_for_js("!!document.querySelector('[role=alert]')")
    for digit in PINS_BY_USERNAME["ana"][1]:
        phone_page.tap(f"[data-digit='{digit}']")
    phone_page.wait_for_js("!document.querySelector('.pad')")
    sign_with_pin(phone_page, CHU, PINS_BY_USERNAME["chu"][1])
    phone_page.wait_for_js(
        "!document.querySelector('.pad') && !document.querySelector('[name=sign]')"
    )
    latecomer = phone_page.page.locator("select[name=person] option").nth(1)
    phone_page.page.select_option("select[name=person]", latecomer.get_attribute("value"))
    phone_page.tap("form:has(select[name=person]) button")
    phone_page.wait_for_js("!!document.querySelector('[name=sign]')")
    page = phone_page.page.locator("#main").inner_text()
    assert "迟到" in page and "2/3" in page, "late, and signs for themselves"
    assert phone_page.page.locator("[name=prompt]").count() == 1, "and answers for themselves"
    live_server.start()
    phone_page.sync_now()
    assert len(logged_ops(live_server, "session.answer")) == 4
    assert {(row[2], row[4]) for row in logged_ops(live_server, "session.acknowledge")} == {
        ("applied", ANA),
        ("applied", CHU),
    }
    assert json.loads(live_server.run("verify"))["differences"] == 0
    phone_page.tap("form[action='/field/me/lock'] button")
    phone_page.wait_for_js("!!document.querySelector('.names')")
    phone_page.unlock("ana")
    phone_page.open("/field/training")
    phone_page.wait_for_js("document.querySelectorAll('.row[data-state=answered]').length === 1")


@pytest.mark.parametrize("width", [320, 1280])
def test_the_pages_of_training_fit_with_big_targets_in_both_languages(phone_page, width):
    phone_page.page.set_viewport_size({"width": width, "height": 740})
    phone_page.enrol("ben")
    phone_page.unlock("ben")
    begin_session(phone_page)
    session = phone_page.page.evaluate("location.pathname")
    for language in ("zh", "en"):
        for place in ("/field/training", "/field/training_start", session, f"{session}?sign={ANA}"):
            phone_page.open(place)
            phone_page.wait_for_js(f"document.documentElement.lang.startsWith('{language}')")
            assert phone_page.page.evaluate(JS_HORIZONTAL_OVERFLOW) <= 0, (place, language)
            assert phone_page.page.evaluate(JS_SMALL_TARGETS) == [], (place, language)
            assert phone_page.page.evaluate(JS_UNLABELLED_CONTROLS) == [], (place, language)
        phone_page.open("/field/me")
        phone_page.tap("form[action='/field/me/language'] button")
        phone_page.wait_for_js(f"!document.documentElement.lang.startsWith('{language}')")
