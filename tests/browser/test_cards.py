"""Cards on the phone: everything is there from a cold start without a network, and is found."""

from __future__ import annotations

import pytest

from server.maintenance.demo import demo_id
from sync.training.cards import card_id
from tests.conftest import CHROMIUM, CHROMIUM_ARGS
from tests.phone_page import (
    JS_HORIZONTAL_OVERFLOW,
    JS_SMALL_TARGETS,
    JS_UNLABELLED_CONTROLS,
    PhonePage,
)

SITE = demo_id("squirrel")


def search_cards(hand, words):
    """The names of the cards that are found, once the page for these words is drawn."""
    hand.page.evaluate("document.querySelector('#page').dataset.before = ''")
    hand.page.fill("[name=q]", words)
    hand.page.keyboard.press("Enter")
    hand.wait_for_js(f"new URLSearchParams(location.search).get('q') === {words!r}")
    hand.wait_for_js("!document.querySelector('#page[data-before]')")
    hand.wait_for_js("!!document.querySelector('.card h2')")
    return hand.page.locator(".row .name").all_inner_texts()


@pytest.mark.clause("A1")
@pytest.mark.clause("F18")
def test_without_a_network_and_after_a_cold_start_all_cards_open_and_are_found(
    browser, live_server, tmp_path
):
    folder, kind = tmp_path / "profile", browser.browser_type
    how = {"viewport": {"width": 360, "height": 740}, "locale": "zh-CN"}
    how |= {"executable_path": CHROMIUM, "args": list(CHROMIUM_ARGS)}
    first = kind.launch_persistent_context(folder, **how)
    hand = PhonePage(first.new_page(), live_server)
    hand.enrol("ana")
    hand.unlock("ana")
    first.close()
    live_server.kill()
    second = kind.launch_persistent_context(folder, **how)
    again = PhonePage(second.new_page(), live_server)
    again.open("/field/cards")
    again.tap("a.cell[href='/field/cards?group=etiquette']")
    again.wait_for_js("document.querySelectorAll('.row').length === 3")
    cards = [row.get_attribute("href") for row in again.page.locator(".row a").all()]
    for address in cards:
        again.open(address)
        assert len(again.page.locator(".reading p").all_inner_texts()) >= 3
    again.open("/field/cards")
    assert search_cards(again, "对不起") == ["抱歉 · 对不起"]
    again.open("/field/cards")
    assert "抱歉 · 对不起" in search_cards(again, "SORRY")
    again.open("/field/cards")
    assert "问候 · 你好" in search_cards(again, "pc-01")
    again.open("/field/cards")
    assert search_cards(again, "电话 催缴")[0].startswith("催缴")
    again.open("/field/cards")
    assert search_cards(again, "CL-07") == ["单元门和住户门"], "by the standard it explains"
    assert search_cards(again, "没有这种话") == []
    assert again.console_errors == []
    second.close()


def test_a_phrase_stands_first_and_large_and_an_empty_card_says_that_it_waits(phone_page):
    phone_page.enrol("chu")
    phone_page.unlock("chu")
    phone_page.open(f"/field/card/{card_id(SITE, 'PC-04')}")
    assert phone_page.page.locator(".reading > :first-child").inner_text() == "对不起"
    size = "parseFloat(getComputedStyle(document.querySelector('.phrase')).fontSize)"
    assert phone_page.page.evaluate(size) >= 48
    phone_page.open(f"/field/card/{card_id(SITE, 'CASE-02')}")
    assert "待补充" in phone_page.page.locator(".reading").inner_text()
    phone_page.open("/field/me")
    phone_page.tap("form[action='/field/me/language'] button")
    phone_page.wait_for_js("document.documentElement.lang === 'en'")
    phone_page.open(f"/field/card/{card_id(SITE, 'CASE-02')}")
    assert "No content yet" in phone_page.page.locator(".reading").inner_text()


@pytest.mark.parametrize("width", [320, 1280])
def test_the_pages_of_cards_fit_with_big_targets_in_both_languages(phone_page, width):
    phone_page.page.set_viewport_size({"width": width, "height": 740})
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    places = ["cards", "cards?group=standards", "cards?q=请"]
    for language in ("zh", "en"):
        for place in [*places, f"card/{card_id(SITE, 'FC-07')}", f"card/{card_id(SITE, 'PC-01')}"]:
            phone_page.open(f"/field/{place}")
            phone_page.wait_for_js(f"document.documentElement.lang.startsWith('{language}')")
            assert phone_page.page.evaluate(JS_HORIZONTAL_OVERFLOW) <= 0, (place, language)
            assert phone_page.page.evaluate(JS_SMALL_TARGETS) == [], (place, language)
            assert phone_page.page.evaluate(JS_UNLABELLED_CONTROLS) == [], (place, language)
        phone_page.open("/field/me")
        phone_page.tap("form[action='/field/me/language'] button")
        phone_page.wait_for_js(f"!document.documentElement.lang.startsWith('{language}')")
