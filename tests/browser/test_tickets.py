"""First contact on phones: it comes back to whoever was asked, until the resident is satisfied."""

from __future__ import annotations

import json

import pytest

from server.maintenance.demo import demo_id
from tests.hand import NAMELESS, OVERFLOW, SMALL, log

ANA, BAO = demo_id("squirrel", "ana"), demo_id("squirrel", "bao")


def saved(hand, words):
    hand.sees(f"document.querySelector('#main').innerText.includes('{words}')")


def opens_a_matter(hand):
    """Somebody tells the cleaner something: whoever is asked first answers for it."""
    hand.opens("/field/report")
    hand.tap("summary:has-text('有人来说的')")
    hand.tap("label:has(input[name=channel][value=in_person])")
    hand.type("[name=contact]", "3-2-501")
    hand.type("textarea[name=details]", "楼道的灯不亮")
    hand.tap("form[action='/field/ops/ticket.open'] button.primary")
    hand.sees("!!document.querySelector('.said')")
    return hand.page.evaluate("new URL(location.href).searchParams.get('saved')")


@pytest.mark.rule("K9", "K10", "K20")
@pytest.mark.clause("F6")
def test_a_matter_comes_back_to_the_cleaner_until_the_resident_is_satisfied(
    hand, another_hand, live
):
    other = another_hand
    for one, who in ((hand, "ana"), (other, "bao")):
        one.enrols()
        one.unlocks(who)
    live.kill()
    matter = opens_a_matter(hand)
    hand.opens(f"/field/ticket/{matter}")
    hand.taps = 0
    hand.tap(f"a[href='/field/pass/{matter}']")
    hand.tap(f"button[name=handler_id][value='{BAO}']")
    saved(hand, "还没接")
    assert hand.taps == 2
    live.start()
    hand.sends()
    other.sends()
    live.kill()
    other.opens("/field/report")
    other.tap(f".card[data-state=check] a[href='/field/ticket/{matter}']")
    other.tap("summary:has-text('退回')")
    other.tap("button[name=reason] >> nth=0")
    live.start()
    other.sends()
    hand.sends()
    live.kill()
    hand.opens("/field/report")
    hand.tap(f"#ticket-{matter} a")
    hand.tap("button:has-text('做完了')")
    saved(hand, "告诉业主")
    hand.tap("button[value=unsatisfied]")
    hand.sees("!!document.querySelector('form[action*=\"ticket.resolve\"]')")
    hand.opens("/field/report")
    assert hand.page.locator(f"#ticket-{matter}").count() == 1
    live.start()
    hand.sends()
    live.kill()
    hand.opens(f"/field/ticket/{matter}")
    hand.tap("button:has-text('做完了')")
    hand.tap("button[name=text] >> nth=1")
    hand.tap("button[value=satisfied]")
    live.start()
    hand.sends()
    hand.opens("/field/report")
    hand.sees(f"!document.getElementById('ticket-{matter}')")
    assert [by for *_, by in log(live, "ticket.give_back")] == [BAO]
    assert [status for _, _, status, *_ in log(live, "ticket.feed_back")] == ["applied"] * 2
    assert json.loads(live.run("verify"))["differences"] == 0


@pytest.mark.rule("K14")
def test_a_question_is_answered_from_the_story_without_a_signal(hand, live):
    hand.enrols()
    hand.unlocks("qin")
    matter = opens_a_matter(hand)
    live.kill()
    number = hand.page.evaluate(
        "/T-[A-Z2-7]{8}/.exec(document.querySelector('.said').innerText)[0]"
    )
    hand.type("[name=q]", number.lower())
    hand.tap("form[role=search] button")
    hand.sees(f"document.querySelectorAll('#ticket-{matter}').length == 2")
    for page in (f"ticket/{matter}", f"pass/{matter}", f"pass/{matter}?how=up", "report"):
        hand.opens(f"/field/{page}")
        assert hand.page.evaluate(OVERFLOW) <= 0
        assert hand.page.evaluate(SMALL) == []
        assert hand.page.evaluate(NAMELESS) == []
    hand.opens(f"/field/ticket/{matter}")
    hand.tap("summary:has-text('有人来问')")
    hand.type("textarea[name=answered]", "电工明天来")
    hand.tap("form[action*='ticket.enquire'] button")
    saved(hand, "电工明天来")
