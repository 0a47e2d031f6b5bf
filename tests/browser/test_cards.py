"""Cards on the phone: everything is there from a cold start without a network, and is found."""

from __future__ import annotations

import pytest

from server.maintenance.demo import demo_id
from sync.training.cards import card_id
from tests.conftest import ARGS, CHROMIUM
from tests.hand import NAMELESS, OVERFLOW, SMALL, Hand

SITE = demo_id("squirrel")


def finds(hand, words):
    hand.page.fill("[name=q]", words)
    hand.page.keyboard.press("Enter")
    hand.sees("location.search.startsWith('?q=') && !!document.querySelector('.card h2')")
    hand.sees(f"document.querySelector('[name=q]').value === {words!r}")
    return hand.page.locator(".row .name").all_inner_texts()


@pytest.mark.clause("A1")
@pytest.mark.clause("F18")
def test_without_a_network_and_after_a_cold_start_all_cards_open_and_are_found(
    browser, live, tmp_path
):
    folder, kind = tmp_path / "profile", browser.browser_type
    how = {"viewport": {"width": 360, "height": 740}, "locale": "zh-CN"}
    how |= {"executable_path": CHROMIUM, "args": list(ARGS)}
    first = kind.launch_persistent_context(folder, **how)
    hand = Hand(first.new_page(), live)
    hand.enrols()
    hand.unlocks("ana")
    first.close()
    live.kill()
    second = kind.launch_persistent_context(folder, **how)
    again = Hand(second.new_page(), live)
    again.opens("/field/cards")
    again.tap("a.cell[href='/field/cards?group=etiquette']")
    again.sees("document.querySelectorAll('.row').length === 3")
    cards = [row.get_attribute("href") for row in again.page.locator(".row a").all()]
    for address in cards:
        again.opens(address)
        assert len(again.page.locator(".reading p").all_inner_texts()) >= 3
    again.opens("/field/cards")
    assert finds(again, "对不起") == ["抱歉 · 对不起"]
    again.opens("/field/cards")
    assert "抱歉 · 对不起" in finds(again, "SORRY")
    again.opens("/field/cards")
    assert "问候 · 你好" in finds(again, "pc-01")
    again.opens("/field/cards")
    assert finds(again, "电话 催缴")[0].startswith("催缴")
    again.opens("/field/cards")
    assert finds(again, "没有这种话") == []
    assert again.noise == []
    second.close()


def test_a_phrase_stands_first_and_large_and_an_empty_card_says_that_it_waits(hand):
    hand.enrols()
    hand.unlocks("chu")
    hand.opens(f"/field/card/{card_id(SITE, 'PC-04')}")
    assert hand.page.locator(".reading > :first-child").inner_text() == "对不起"
    size = "parseFloat(getComputedStyle(document.querySelector('.phrase')).fontSize)"
    assert hand.page.evaluate(size) >= 48
    hand.opens(f"/field/card/{card_id(SITE, 'CASE-02')}")
    assert "等待填写" in hand.page.locator(".reading").inner_text()
    hand.opens("/field/me")
    hand.tap("form[action='/field/me/language'] button")
    hand.sees("document.documentElement.lang === 'en'")
    hand.opens(f"/field/card/{card_id(SITE, 'CASE-02')}")
    assert "Waits for content" in hand.page.locator(".reading").inner_text()


@pytest.mark.parametrize("width", [320, 1280])
def test_the_pages_of_cards_fit_with_big_targets_in_both_languages(hand, width):
    hand.page.set_viewport_size({"width": width, "height": 740})
    hand.enrols()
    hand.unlocks("ana")
    places = ["cards", "cards?group=standards", "cards?q=请"]
    for language in ("zh", "en"):
        for place in [*places, f"card/{card_id(SITE, 'FC-07')}", f"card/{card_id(SITE, 'PC-01')}"]:
            hand.opens(f"/field/{place}")
            hand.sees(f"document.documentElement.lang.startsWith('{language}')")
            assert hand.page.evaluate(OVERFLOW) <= 0, (place, language)
            assert hand.page.evaluate(SMALL) == [], (place, language)
            assert hand.page.evaluate(NAMELESS) == [], (place, language)
        hand.opens("/field/me")
        hand.tap("form[action='/field/me/language'] button")
        hand.sees(f"!document.documentElement.lang.startsWith('{language}')")
