"""Training on one phone in a meeting room, without a network: answered and signed by two."""

from __future__ import annotations

import json

import pytest

from server.maintenance.demo import demo_id
from tests.hand import NAMELESS, OVERFLOW, PINS, SMALL, log

ANA, CHU = demo_id("squirrel", "ana"), demo_id("squirrel", "chu")


def begins(hand):
    """Ben begins a session on the lost-property case with Ana and Chu."""
    hand.opens("/field/training")
    hand.tap("a[href^='/field/lead?case=']")
    hand.sees("!!document.querySelector('[name=attendees]')")
    for person in (ANA, CHU):
        hand.tap(f"label:has([name=attendees][value='{person}'])")
    hand.tap("button[type=submit].primary")
    hand.sees("location.pathname.startsWith('/field/session/')")


def answers(hand, person, prompt, text, approach=None):
    """Whose turn it is stands on the form."""
    turn = f"form:has([name=person][value='{person}']):has([name=prompt][value='{prompt}'])"
    hand.sees(f'!!document.querySelector("{turn}")')
    if approach:
        hand.tap(f"{turn} .chip:has([value={approach}])")
    hand.type(f"{turn} [name=text]", text)
    hand.tap(f"{turn} button[type=submit]")
    hand.sees(f'!document.querySelector("{turn}")')


def signs(hand, person, pin):
    hand.tap(f"button[name=sign][value='{person}']")
    hand.sees("!!document.querySelector('.pad')")
    for digit in pin:
        hand.tap(f"[data-digit='{digit}']")


@pytest.mark.clause("E7", "E10", "E11")
def test_two_people_answer_and_sign_on_one_phone_without_a_network(hand, live):
    hand.enrols()
    hand.unlocks("ben")
    live.kill()
    begins(hand)
    hand.page.reload()
    for prompt in (0, 1):
        queue = hand.page.locator("[name=person]").first.input_value()
        order = [ANA, CHU] if queue == ANA else [CHU, ANA]
        for person in order:
            way = None if prompt else "C" if person == ANA else "A"
            answers(hand, person, prompt, "记下来", way)
    page = hand.page.locator("#main").inner_text()
    assert "不对" in page and "责任包不出去" in page
    hand.type("[name=summary]", "住户的事跟到底")
    hand.tap("form:has([name=summary]) button")
    hand.sees("document.querySelector('#main').innerText.includes('住户的事跟到底')")
    signs(hand, ANA, "9999")
    hand.sees("!!document.querySelector('[role=alert]')")
    for digit in PINS["ana"][1]:
        hand.tap(f"[data-digit='{digit}']")
    hand.sees("!document.querySelector('.pad')")
    signs(hand, CHU, PINS["chu"][1])
    hand.sees("!document.querySelector('.pad') && !document.querySelector('[name=sign]')")
    live.start()
    hand.sends()
    assert len(log(live, "session.answer")) == 4
    assert {(row[2], row[4]) for row in log(live, "session.acknowledge")} == {
        ("applied", ANA),
        ("applied", CHU),
    }
    assert json.loads(live.run("verify"))["differences"] == 0
    hand.tap("form[action='/field/me/lock'] button")
    hand.sees("!!document.querySelector('.names')")
    hand.unlocks("ana")
    hand.opens("/field/training")
    hand.sees("document.querySelectorAll('.row[data-state=answered]').length === 1")


@pytest.mark.parametrize("width", [320, 1280])
def test_the_pages_of_training_fit_with_big_targets_in_both_languages(hand, width):
    hand.page.set_viewport_size({"width": width, "height": 740})
    hand.enrols()
    hand.unlocks("ben")
    begins(hand)
    session = hand.page.evaluate("location.pathname")
    for language in ("zh", "en"):
        for place in ("/field/training", "/field/lead", session, f"{session}?sign={ANA}"):
            hand.opens(place)
            hand.sees(f"document.documentElement.lang.startsWith('{language}')")
            assert hand.page.evaluate(OVERFLOW) <= 0, (place, language)
            assert hand.page.evaluate(SMALL) == [], (place, language)
            assert hand.page.evaluate(NAMELESS) == [], (place, language)
        hand.opens("/field/me")
        hand.tap("form[action='/field/me/language'] button")
        hand.sees(f"!document.documentElement.lang.startsWith('{language}')")
