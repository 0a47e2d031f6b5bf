"""A guard's day at the gate, counted tap by tap, with a network and without one."""

from __future__ import annotations

import json
import sqlite3

import pytest

from server.maintenance.demo import demo_id
from tests.hand import NAMELESS, OVERFLOW, SMALL, log
from tests.until import until

INSIDE = ".row[data-state=inside]"


def guard(hand):
    hand.enrols()
    hand.unlocks("chu")
    hand.opens("/field/visits")


@pytest.mark.clause("B3")
def test_a_guard_receives_an_expected_visitor_in_one_tap_and_guides_them(hand, live):
    guard(hand)
    hand.tap("a[href='/field/expect']")
    hand.sees("!!document.querySelector('[name=expected_until]')")
    hand.type("[name=visitor]", "李师傅")
    hand.tap("#main .primary")
    hand.sees("!!document.querySelector('.row[data-state=expected]')")
    live.kill()
    hand.taps = 0
    hand.tap(".row[data-state=expected] button")
    hand.sees(f"!!document.querySelector('{INSIDE}')")
    assert hand.taps == 1
    hand.tap(f"{INSIDE} a.tick")
    hand.sees("!!document.querySelector('.phrase')")
    hand.tap(".phrase:has-text('别着急')")
    hand.sees("!!document.querySelector('.phrase[aria-current]')")
    hand.sees("!!document.querySelector('a[href*=\"about_type=visit\"]')")
    hand.opens("/field/visits")
    hand.sees(f"!!document.querySelector('{INSIDE}')")
    live.start()
    hand.sends()
    for kind in ("visit.expect", "visit.admit", "visit.attend"):
        assert [status for _, _, status, _, _ in log(live, kind)] == ["applied"]


def test_out_is_one_tap_and_taken_back_with_one(hand, live):
    guard(hand)
    hand.tap("a[href='/field/arrival']")
    hand.sees("!!document.querySelector('[name=visitor]')")
    hand.type("[name=visitor]", "王先生")
    hand.tap("#main .primary")
    hand.sees(f"!!document.querySelector('{INSIDE}')")
    assert hand.taps <= 3
    hand.taps = 0
    hand.tap(f"{INSIDE} button")
    hand.sees("!!document.querySelector('.toast')")
    assert hand.taps == 1
    hand.tap(".toast button")
    hand.sees(f"!!document.querySelector('{INSIDE}')")
    assert hand.taps == 2
    hand.tap(f"{INSIDE} button")
    hand.sees("!!document.querySelector('.row[data-state=departed]')")
    hand.tap(".row[data-state=departed] button")
    hand.sees(f"!!document.querySelector('{INSIDE}')")
    until(lambda: len(log(live, "visit.return")) == 2)


def test_a_plate_is_tapped_not_typed(hand, live):
    guard(hand)
    hand.tap("a[href='/field/arrival']")
    hand.sees("!!document.querySelector('[name=visitor]')")
    hand.type("[name=visitor]", "周")
    hand.tap("form.purposes > details > summary")
    hand.tap(".keys summary")
    for sign in ("沪", "A", "D", "1", "2", "3", "4", "5", "6"):
        hand.tap(f"[data-key='{sign}']")
    hand.sees("document.querySelector('[name=plate]').value == '沪AD12345'")
    hand.tap("[data-key=back]")
    hand.tap("[data-step='1']")
    hand.tap("[data-step='1']")
    hand.tap("#main .primary")
    hand.sees(f"!!document.querySelector('{INSIDE}')")
    until(lambda: log(live, "visit.arrive"))
    payload = json.loads(log(live, "visit.arrive")[0][3])
    assert (payload["plate"], payload["party_size"]) == ("沪AD1234", 3)


def test_at_the_end_of_a_shift_all_are_presumed_gone_without_a_network(hand, live):
    guard(hand)
    live.kill()
    for name in ("甲", "乙", "丙"):
        hand.opens("/field/arrival")
        hand.sees("!!document.querySelector('[name=visitor]')")
        hand.type("[name=visitor]", name)
        hand.tap("#main .primary")
        hand.sees(f"document.body.innerText.includes('{name}')")
    hand.taps = 0
    hand.tap("a[href='/field/sweep']")
    hand.sees("document.querySelectorAll('[name=subject]').length == 3")
    hand.tap(".check input")
    hand.tap("#main .primary")
    hand.sees("document.querySelectorAll('.row[data-state=departed]').length == 2")
    assert hand.taps == 3
    live.start()
    hand.sends()
    assert len(log(live, "visit.presume_left")) == 2
    assert json.loads(live.run("verify"))["differences"] == 0


def test_a_regular_comes_in_with_one_tap_and_what_is_forgotten_leaves_the_phone(hand, live):
    guard(hand)
    for _ in range(2):
        hand.opens("/field/arrival")
        hand.sees("!!document.querySelector('[name=visitor]')")
        hand.type("[name=visitor]", "顺丰")
        hand.tap("#main .primary")
        hand.sees(f"!!document.querySelector('{INSIDE}')")
        hand.tap(f"{INSIDE} button")
        hand.sees(f"!document.querySelector('{INSIDE}')")
    hand.opens("/field/visits")
    hand.taps = 0
    hand.tap(".often .chip")
    hand.sees(f"!!document.querySelector('{INSIDE}')")
    assert hand.taps == 1
    until(lambda: len(log(live, "visit.arrive")) == 3)
    hand.sends()
    live.kill()
    base = sqlite3.connect(live.folder / "var" / "lodge.sqlite3")
    base.execute("UPDATE visit SET retained_from = '2026-01-01 00:00:00'")
    base.commit()
    base.close()
    counted = json.loads(live.run("purge"))
    assert counted[demo_id("squirrel")]["visits"] == 3
    live.start()
    hand.sends()
    until(lambda: hand.page.evaluate(LEFT) == [0, 0])


def test_the_pages_of_visitors_fit_and_have_big_targets_in_both_languages(hand):
    guard(hand)
    for language in ("zh", "en"):
        for place in ("visits", "arrival", "expect", "release", "sweep"):
            hand.opens(f"/field/{place}")
            for summary in hand.page.locator("summary").all():
                if summary.is_visible():
                    summary.click()
            assert hand.page.evaluate(OVERFLOW) <= 0, (place, language)
            assert hand.page.evaluate(SMALL) == [], (place, language)
            assert hand.page.evaluate(NAMELESS) == [], (place, language)
        hand.opens("/field/me")
        hand.tap("form[action='/field/me/language'] button")
        hand.sees(f"!document.documentElement.lang.startsWith('{language}')")


LEFT = """() => new Promise((done, failed) => {
  const opening = indexedDB.open("lodge");
  opening.onerror = failed;
  opening.onsuccess = () => {
    const tx = opening.result.transaction(["ops", "records"]);
    const counts = [0, 0];
    tx.objectStore("ops").getAll().onsuccess = ({ target: { result } }) => {
      counts[0] = result.filter((row) => row.op.kind.startsWith("visit.")).length;
    };
    tx.objectStore("records").getAll().onsuccess = ({ target: { result } }) => {
      counts[1] = result.filter((row) => row.type === "visit").length;
    };
    tx.oncomplete = () => { opening.result.close(); done(counts); };
  };
})"""
