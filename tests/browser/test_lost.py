"""Who was in a home, and what was lost there: two guards, two phones, no network."""

from __future__ import annotations

import json

import pytest

from server.maintenance.demo import demo_id
from tests.hand import NAMELESS, OVERFLOW, SMALL, log

HOME, FIRM = demo_id("squirrel", "unit", "1-1-101"), demo_id("squirrel", "contractor")
MISSING = "document.querySelectorAll('#main > .card:first-child .lacking li').length"
LISTED = (
    "[...document.querySelectorAll('.event')].filter((e) => e.innerText.includes('进过门')).length"
)
CLOSE = "form[action^='/field/ops/lost.close'] button[value=informed]"


def takes(hand, username):
    """The phone goes to somebody else."""
    hand.opens("/field/me")
    hand.tap("form[action='/field/me/lock'] button")
    hand.sees("!!document.querySelector('.names')")
    hand.unlocks(username)


def a_firm_goes_in(hand):
    """Two taps and two fields: the home, the firm, the name, in."""
    hand.opens(f"/field/entry?unit={HOME}&firm=1")
    hand.page.select_option("[name=contractor]", FIRM)
    hand.type("[name=worker]", "陆师傅")
    hand.tap("details[open] button[type=submit]")
    hand.sees("!!document.querySelector('.row[data-state=inside]')")


def still_missing(hand, count):
    hand.sees(f"{MISSING} === {count}")


@pytest.mark.rule("Q1", "Q7")
@pytest.mark.clause("E1", "E6", "E8")
def test_a_guard_opens_a_file_while_the_other_phone_holds_the_firms_exit(hand, another_hand, live):
    other = another_hand
    other.enrols()
    other.unlocks("chu")
    a_firm_goes_in(other)
    other.all_sent()
    hand.enrols()
    hand.unlocks("chu")
    hand.opens("/field/entries")
    hand.sees("!!document.querySelector('.row[data-state=inside]')")
    live.kill()
    other.taps = 0
    other.tap(".row[data-state=inside] button")
    other.sees("!document.querySelector('.row[data-state=inside]')")
    assert other.taps == 1

    hand.opens("/field/loss")
    hand.type("[name=item]", "商务手机")
    hand.page.select_option("[name=unit]", HOME)
    hand.tap("[name=holds_personal_data]")
    hand.type("[name=contact]", "1-1-101")
    hand.tap("#main .primary")
    still_missing(hand, 3)
    assert "手机卡马上停机" in hand.page.inner_text("#main")
    hand.tap("form[action*='lost.compile'] button")
    hand.sees("document.body.innerText.includes('陆师傅')")
    still_missing(hand, 3)
    hand.tap("form[action*='lost.ask'] button")
    still_missing(hand, 2)
    hand.tap("[name=answer][value=no]")
    still_missing(hand, 1)
    assert not hand.page.locator(CLOSE).count(), "a guard does not close a file"

    live.start()
    hand.sends()
    other.sends()
    takes(hand, "ben")
    hand.opens("/field/entries")
    hand.sees("!document.querySelector('.row[data-state=inside]')")
    live.kill()
    hand.opens("/field/lost")
    hand.tap(".row a[href^='/field/lost/']")
    hand.sees("!!document.querySelector('form[action*=\"lost.tell\"]')")
    hand.tap("details:has(form[action*='lost.close']) > summary")
    assert hand.page.locator(CLOSE).is_disabled()
    hand.tap("form[action*='lost.compile'] button")
    hand.sees(f"{LISTED} === 2")
    assert not hand.page.locator("form[action*='lost.ask']").count(), "asked already"
    hand.type("form[action*='lost.tell'] textarea", "知道的都说了")
    hand.tap("form[action*='lost.tell'] button")
    still_missing(hand, 0)
    hand.tap("details:has(form[action*='lost.close']) > summary")
    hand.tap(CLOSE)
    hand.sees("!document.querySelector('form[action*=\"lost.tell\"]')")
    live.start()
    hand.sends()
    for kind in ("lost.open", "lost.ask", "lost.offer_police", "lost.tell", "lost.close"):
        assert [status for _, _, status, _, _ in log(live, kind)] == ["applied"], kind
    first, newer = (json.loads(row[3])["entries"] for row in log(live, "lost.compile"))
    assert [text.split(" · ")[0].endswith("…") for text in first.values()] == [True]
    assert [text.split(" · ")[0].endswith("…") for text in newer.values()] == [False]
    assert json.loads(live.run("verify"))["differences"] == 0


def test_a_cleaner_goes_in_and_comes_out_in_few_taps_without_a_network(hand, live):
    hand.enrols()
    hand.unlocks("ana")
    live.kill()
    hand.opens("/field/entries")
    hand.taps = 0
    hand.tap("#main .primary")
    hand.sees("!!document.querySelector('[name=unit][required]')")
    hand.page.select_option("[name=unit]", HOME)
    hand.tap("#main .primary")
    hand.sees("!!document.querySelector('.row[data-state=inside]')")
    hand.tap(".row[data-state=inside] button")
    hand.sees("!!document.querySelector('.toast')")
    assert hand.taps + 1 <= 4
    hand.tap(".toast button")
    hand.sees("!!document.querySelector('.row[data-state=inside]')")
    live.start()
    hand.sends()
    assert [len(log(live, f"entry.{kind}")) for kind in ("begin", "end", "undo")] == [1, 1, 1]


def test_the_pages_of_homes_and_losses_fit_and_have_big_targets_in_both_languages(hand, live):
    hand.enrols()
    hand.unlocks("chu")
    a_firm_goes_in(hand)
    hand.opens("/field/loss")
    hand.type("[name=item]", "商务手机")
    hand.page.select_option("[name=unit]", HOME)
    hand.tap("[name=holds_personal_data]")
    hand.tap("#main .primary")
    hand.sees("!!document.querySelector('form[action*=\"lost.compile\"]')")
    hand.tap("form[action*='lost.compile'] button")
    hand.sees("!!document.querySelector('form[action*=\"lost.ask\"]')")
    file = hand.page.evaluate("location.pathname")
    hand.opens("/field/find")
    hand.type("[name=what]", "钥匙")
    hand.tap("#main .primary")
    hand.sees("!!document.querySelector('.row[data-state=open]')")
    hand.tap(".row[data-state=open] a")
    hand.sees("!!document.querySelector('form[action*=\"find.notify\"]')")
    found = hand.page.evaluate("location.pathname")
    places = ("entries", "entry", "entry?earlier=1", "lost", "loss", "find")
    for language in ("zh", "en"):
        for place in (*(f"/field/{name}" for name in places), file, found):
            hand.opens(place)
            for summary in hand.page.locator("summary").all():
                if summary.is_visible():
                    summary.click()
            assert hand.page.evaluate(OVERFLOW) <= 0, (place, language)
            assert hand.page.evaluate(SMALL) == [], (place, language)
            assert hand.page.evaluate(NAMELESS) == [], (place, language)
        hand.opens("/field/me")
        hand.tap("form[action='/field/me/language'] button")
        hand.sees(f"!document.documentElement.lang.startsWith('{language}')")
