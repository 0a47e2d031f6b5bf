"""The main job in a real browser: with a network, without one, and after the server was killed."""

from __future__ import annotations

import json
import re
import sqlite3

import pytest

from server.maintenance.demo import demo_id
from tests.conftest import ARGS, CHROMIUM
from tests.hand import NAMELESS, OVERFLOW, PINS, SMALL, Hand, log
from tests.until import until

PLAIN = ".row[data-state=open]:not(:has(.items)):has([action*='task.complete'])"
"""A task that is ticked as one."""


def test_a_cleaner_works_through_a_killed_server_and_all_of_it_arrives_once(hand, live):
    hand.enrols()
    hand.unlocks("ana")
    live.kill()
    hand.page.reload()
    hand.sees("document.documentElement.dataset.ready && !!document.querySelector('.row')")
    row = hand.page.locator(PLAIN).first.get_attribute("id")
    hand.tap(f"#{row} button.tick")
    hand.sees(f"document.getElementById('{row}').dataset.state == 'done'")
    assert hand.taps == 1
    hand.tap(f"#{row} button.tick")
    hand.sees(f"document.getElementById('{row}').dataset.state == 'open'")
    assert hand.taps == 2
    area = hand.page.locator(".card:has(.soft)").last
    ticked = area.locator(".row:is([data-state=open], [data-state=late])").count()
    area_id = area.get_attribute("id")
    hand.tap(f"#{area_id} .button.soft")
    hand.sees(f"!document.querySelector('#{area_id} .row[data-state=open]')")
    assert hand.taps == 3
    assert hand.pill() != "all_sent"
    live.start()
    hand.sends()
    done = log(live, "task.complete")
    assert len(done) == ticked + 1
    assert len({id_ for id_, *_ in done}) == len(done)
    assert {status for _, _, status, _, _ in done} == {"applied"}
    assert len(log(live, "task.undo")) == 1
    assert json.loads(live.run("verify"))["differences"] == 0


def test_a_cold_browser_without_a_network_shows_the_work_and_keeps_what_was_done(
    browser, live, tmp_path
):
    folder = tmp_path / "profile"
    kind = browser.browser_type
    how = {"viewport": {"width": 360, "height": 740}, "locale": "en-US"}
    how |= {"executable_path": CHROMIUM, "args": list(ARGS)}
    first = kind.launch_persistent_context(folder, **how)
    hand = Hand(first.new_page(), live)
    hand.enrols()
    hand.unlocks("ana")
    live.kill()
    row = hand.page.locator(PLAIN).first.get_attribute("id")
    hand.tap(f"#{row} button.tick")
    hand.sees(f"document.getElementById('{row}').dataset.state == 'done'")
    first.close()
    second = kind.launch_persistent_context(folder, **how)
    again = Hand(second.new_page(), live)
    again.opens()
    again.sees(f"document.getElementById('{row}').dataset.state == 'done'")
    assert again.pill() in ("no_network", "waiting")
    live.start()
    again.opens("/field/me")
    again.tap("text=Send now")
    again.all_sent()
    assert [subject for _, subject, *_ in log(live, "task.complete")] == [row.removeprefix("task-")]
    second.close()


def test_a_guard_logs_a_visitor_in_with_three_taps_and_out_with_one(hand, live):
    hand.enrols()
    hand.unlocks("chu")
    hand.opens("/field/visits")
    hand.tap("a[href='/field/arrival']")
    hand.sees("!!document.querySelector('[name=visitor]')")
    hand.type("[name=visitor]", "王师傅 110101199003070000")
    hand.tap("#main .primary")
    hand.sees("!!document.querySelector('.row[data-state=inside]')")
    assert hand.taps == 3
    hand.tap(".row[data-state=inside] button")
    hand.sees("!!document.querySelector('.row[data-state=departed]')")
    assert hand.taps == 4
    hand.opens("/field/visits")
    hand.taps = 0
    hand.tap(".often .chip")
    hand.sees("!!document.querySelector('.row[data-state=inside]')")
    assert hand.taps <= 2
    until(lambda: len(log(live, "visit.arrive")) == 2)
    payload = json.loads(log(live, "visit.arrive")[0][3])
    assert payload.pop("expected_minutes") == 480
    assert payload == {"visitor": f"王师傅 {'*' * 18}", "purpose": "family"}
    fields = hand.page.evaluate("[...document.querySelectorAll('[name]')].map(f => f.name)")
    assert not [name for name in fields if re.search("number|document_no|id_no", name)]


def test_anybody_opens_a_ticket_with_a_photo_in_four_taps(hand, live, picture):
    hand.enrols()
    hand.unlocks("ana")
    hand.tap("a.tab[href='/field/report']")
    hand.sees("!!document.querySelector('.camera')")
    hand.taps += 1
    hand.page.set_input_files("[name=photos]", picture)
    hand.tap(".chip:has-text('漏水')")
    hand.tap("#main .primary")
    hand.sees("!!document.querySelector('.said')")
    assert hand.taps <= 4
    until(lambda: len(log(live, "ticket.open")) == 1)
    _, subject, status, payload, by = log(live, "ticket.open")[0]
    assert (status, by) == ("applied", demo_id("squirrel", "ana"))
    (sha256,) = json.loads(payload)["photos"]
    shots = live.folder / "var" / "photos" / demo_id("squirrel")
    until(lambda: (shots / sha256).exists())
    assert (shots / sha256).stat().st_size <= 250 * 1024
    number = hand.page.locator(".said").first.inner_text()
    base = sqlite3.connect(live.folder / "var" / "lodge.sqlite3")
    assert (
        base.execute("SELECT number FROM ticket WHERE id = ?", (subject,)).fetchone()[0] in number
    )


def test_a_portal_answers_nothing_and_nothing_is_called_sent(hand, live):
    hand.enrols()
    hand.unlocks("ana")
    hand.page.context.route(
        "**/sync/**",
        lambda route: route.fulfill(status=200, body="<html>Sign in to the Wi-Fi</html>"),
    )
    hand.tap(f"{PLAIN} > form button.tick")
    hand.opens("/field/me")
    hand.tap("text=立即上传")
    until(lambda: hand.pill() in ("no_network", "busy"))
    assert log(live, "task.complete") == []
    hand.page.context.unroute("**/sync/**")
    hand.tap("text=立即上传")
    hand.all_sent()
    assert len(log(live, "task.complete")) == 1


def test_a_phone_that_lost_an_op_says_so(hand, live):
    hand.enrols()
    hand.unlocks("ana")
    live.kill()
    for _ in range(3):
        before = hand.page.locator(".row[data-state=done]").count()
        hand.tap(f"{PLAIN} > form button.tick")
        hand.sees(f"document.querySelectorAll('.row[data-state=done]').length > {before}")
    hand.page.evaluate(FORGET_SECOND)
    live.start()
    hand.sends()
    assert len(log(live, "task.complete")) == 2

    def confessed():
        base = sqlite3.connect(live.folder / "var" / "lodge.sqlite3")
        rows = base.execute("SELECT upto, gaps, lost FROM lineage").fetchall()
        base.close()
        return [(n, *map(json.loads, said)) for n, *said in rows] == [(3, [[2, 2]], [[2, 2]])]

    until(confessed)


HELD = """() => new Promise((done) => {
  const opening = indexedDB.open("lodge");
  opening.onsuccess = () => {
    const asking = opening.result.transaction("records").objectStore("records").count();
    asking.onsuccess = () => { opening.result.close(); done(asking.result); };
  };
})"""

DAMAGE = """() => new Promise((done) => {
  const opening = indexedDB.open("lodge");
  opening.onsuccess = () => {
    const writing = opening.result.transaction(["records", "meta"], "readwrite");
    writing.objectStore("meta").put("2000-01-01", "proved");
    writing.objectStore("records").delete(IDBKeyRange.bound(["area", ""], ["area", "\\uffff"]));
    writing.oncomplete = () => { opening.result.close(); done(); };
  };
})"""


def test_a_phone_that_holds_something_else_notices_and_is_healed(hand, live):
    hand.enrols()
    hand.unlocks("ana")
    hand.all_sent()
    whole = hand.page.evaluate(HELD)
    hand.page.evaluate(DAMAGE)
    assert hand.page.evaluate(HELD) < whole
    hand.sends()  # now it notices
    hand.sends()  # now it says so, and gets everything again
    until(lambda: hand.page.evaluate(HELD) == whole)
    assert "phone differs" in live.log.read_text()


def test_two_people_on_one_phone_keep_their_own_work(hand, live):
    hand.enrols()
    hand.unlocks("ana")
    live.kill()
    hand.tap(f"{PLAIN} > form button.tick")
    hand.sees("!!document.querySelector('.row[data-state=done]')")
    hand.opens("/field/me")
    hand.tap(".sure summary")
    hand.tap(".sure button")
    hand.sees("!!document.querySelector('.names')")
    hand.unlocks("bao")
    hand.tap(f"{PLAIN} > form button.tick")
    hand.sees("!!document.querySelector('.row[data-state=done]')")
    live.start()
    hand.sends()
    authors = [by for *_, by in log(live, "task.complete")]
    assert authors == [demo_id("squirrel", "ana"), demo_id("squirrel", "bao")]


def test_a_wrong_pin_opens_nothing(hand):
    hand.enrols()
    hand.tap(f".names a:has-text('{PINS['ana'][0]}')")
    hand.sees("!!document.querySelector('.pad')")
    for digit in "9999":
        hand.tap(f"[data-digit='{digit}']")
    hand.sees("!!document.querySelector('[role=alert]')")
    assert hand.page.locator(".tabs").count() == 0


@pytest.mark.parametrize("width", [320, 1280])
def test_every_page_fits_has_big_targets_and_both_languages(hand, width):
    hand.page.set_viewport_size({"width": width, "height": 740})
    hand.enrols()
    hand.unlocks("ben")
    for language in ("zh", "en"):
        for place in ("tasks", "visits", "arrival", "report", "me"):
            hand.opens(f"/field/{place}")
            hand.sees(f"document.documentElement.lang.startsWith('{language}')")
            assert hand.page.evaluate(OVERFLOW) <= 0, (place, language)
            assert hand.page.evaluate(SMALL) == [], (place, language)
            assert hand.page.evaluate(NAMELESS) == [], (place, language)
        hand.tap("form[action='/field/me/language'] button")
        hand.sees(f"!document.documentElement.lang.startsWith('{language}')")


FORGET_SECOND = """() => new Promise((done, failed) => {
  const opening = indexedDB.open("lodge");
  opening.onerror = failed;
  opening.onsuccess = () => {
    const tx = opening.result.transaction("ops", "readwrite");
    tx.objectStore("ops").openCursor().onsuccess = ({ target: { result: cursor } }) => {
      if (!cursor) return;
      if (cursor.value.n === 2) cursor.delete();
      cursor.continue();
    };
    tx.oncomplete = () => { opening.result.close(); done(true); };
  };
})"""
