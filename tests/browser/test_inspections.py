"""A stairwell is inspected without a network; what failed reaches the cleaner and is put right."""

from __future__ import annotations

import json
import sqlite3

import pytest

from server.maintenance.demo import demo_id
from sync.quality.checklists_content import checklist_id
from tests.hand import NAMELESS, OVERFLOW, SMALL, log
from tests.until import until

STAIRWELL = checklist_id(demo_id("squirrel"), "IT-01")
PLACE = demo_id("squirrel", "stairwell", 1, 1)


def rectification(live):
    """What the server has of the one rectification: its id and how far it is."""
    base = sqlite3.connect(live.folder / "var" / "lodge.sqlite3")
    rows = base.execute("SELECT id, done_at, verified_at, item FROM rectification").fetchall()
    base.close()
    assert len(rows) <= 1
    return rows[0] if rows else None


@pytest.mark.clause("C9")
@pytest.mark.rule("I7")
def test_a_failed_criterion_goes_from_the_supervisor_to_the_cleaner_and_back(
    hand, another_hand, live, picture
):
    hand.enrols()
    hand.unlocks("ben")
    another_hand.enrols()
    another_hand.unlocks("ana")
    hand.opens("/field/inspect")
    live.kill()
    hand.taps = 0
    hand.tap(f"a.cell[href='/field/inspection/{STAIRWELL}']")
    hand.sees("document.querySelectorAll('.criterion').length === 4")
    assert hand.page.locator("input[type=radio]:checked").count() == 0
    hand.taps += 1
    hand.page.select_option("[name=area]", PLACE)
    assert not hand.page.locator("[name='notes.piled']").is_visible()
    hand.tap(".chip:has([name='results.piled'][value=fail])")
    hand.type("[name='notes.piled']", "旧沙发")
    hand.taps += 1
    hand.page.set_input_files("[name='shots.piled']", picture)
    hand.tap("button[name=rest]")
    hand.sees("!!document.querySelector('.said')")
    assert hand.taps <= 6
    assert hand.pill() != "all_sent"
    live.start()
    hand.sends()
    _, _, status, said, by = log(live, "inspection.record")[0]
    assert (status, by) == ("applied", demo_id("squirrel", "ben"))
    payload = json.loads(said)
    assert (payload["results"], payload["rest"]) == ({"piled": "fail"}, "pass")
    hand.opens("/field/inspect")
    hand.sees("document.querySelector('#main').innerText.includes('75')")
    (sha256,) = payload["shots"]["piled"]
    shots = live.folder / "var" / "photos" / demo_id("squirrel")
    until(lambda: (shots / sha256).exists())
    assert rectification(live)[1:] == (None, None, "piled")

    another_hand.sends()
    another_hand.opens("/field/inspect")
    another_hand.sees("!!document.querySelector('.row a[href^=\"/field/rectification/\"]')")
    another_hand.taps = 0
    another_hand.tap(".row a[href^='/field/rectification/']")
    another_hand.sees("!!document.querySelector('.camera')")
    assert "旧沙发" in another_hand.page.locator("#main").inner_text()
    another_hand.sees("document.querySelector('img.photo').naturalWidth > 0")
    another_hand.taps += 1
    another_hand.page.set_input_files("[name=photos]", picture)
    another_hand.tap("#main .primary")
    another_hand.sees("!document.querySelector('.camera')")
    assert another_hand.taps <= 3
    another_hand.sends()
    until(lambda: rectification(live)[1])

    hand.sends()
    hand.opens("/field/inspect")
    hand.tap(".row a[href^='/field/rectification/']")
    hand.sees("!!document.querySelector('button[name=result]')")
    hand.tap("button[name=result][value=pass]")
    hand.sees("!document.querySelector('button[name=result]')")
    hand.sends()
    until(lambda: rectification(live)[2])
    assert json.loads(live.run("verify"))["differences"] == 0


@pytest.mark.rule("I7")
def test_what_is_put_right_on_the_spot_fails_and_raises_nothing(hand, live):
    hand.enrols()
    hand.unlocks("ben")
    hand.opens(f"/field/inspection/{STAIRWELL}")
    hand.page.select_option("[name=area]", PLACE)
    hand.tap(".chip:has([name='results.posted'][value=fail])")
    hand.tap(".criterion:has([name='results.posted']) .check")
    hand.tap("main button.primary")
    hand.sees("!!document.querySelector('.said')")
    until(lambda: len(log(live, "inspection.record")) == 1)
    said = json.loads(log(live, "inspection.record")[0][3])
    assert (said["results"], said["waive"]) == ({"posted": "fail"}, ["posted"])
    assert "rest" not in said
    assert rectification(live) is None


def test_what_is_chosen_stays_when_the_page_is_drawn_again(hand, live):
    hand.enrols()
    hand.unlocks("ben")
    hand.opens(f"/field/inspection/{STAIRWELL}")
    hand.page.select_option("[name=area]", PLACE)
    for item, result in (("corners", "pass"), ("piled", "fail"), ("posted", "na")):
        hand.tap(f".chip:has([name='results.{item}'][value={result}])")
    hand.page.evaluate("document.querySelector('#main').dataset.before = 'drawn again'")
    hand.page.evaluate("new BroadcastChannel('lodge').postMessage('changed')")
    hand.sees("!document.querySelector('#main').dataset.before")
    chosen = hand.page.evaluate(
        "[...document.querySelectorAll('input[type=radio]:checked')].map((one) => one.value)"
    )
    assert chosen == ["pass", "fail", "na"]
    assert hand.page.locator("[name=area]").input_value() == PLACE


@pytest.mark.parametrize("width", [320, 1280])
def test_the_pages_of_an_inspection_fit_in_both_languages(hand, width):
    hand.page.set_viewport_size({"width": width, "height": 740})
    hand.enrols()
    hand.unlocks("ben")
    for language in ("zh", "en"):
        for place in ("inspect", f"inspection/{STAIRWELL}"):
            hand.opens(f"/field/{place}")
            hand.sees(f"document.documentElement.lang.startsWith('{language}')")
            assert hand.page.evaluate(OVERFLOW) <= 0, (place, language)
            assert hand.page.evaluate(SMALL) == [], (place, language)
            assert hand.page.evaluate(NAMELESS) == [], (place, language)
        hand.opens("/field/me")
        hand.tap("form[action='/field/me/language'] button")
        hand.sees(f"!document.documentElement.lang.startsWith('{language}')")
