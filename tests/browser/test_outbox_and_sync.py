"""The main job in a real browser: with a network, without one, and after the server was killed."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter

import pytest

from server.maintenance.demo import demo_id
from tests.conftest import CHROMIUM, CHROMIUM_ARGS
from tests.phone_page import (
    JS_HORIZONTAL_OVERFLOW,
    JS_SMALL_TARGETS,
    JS_UNLABELLED_CONTROLS,
    PINS_BY_USERNAME,
    PhonePage,
    logged_ops,
)
from tests.wait_for import wait_for

PLAIN_TASK_ROW = ".row[data-state=open]:not(:has(.items)):has([action*='task.complete'])"
"""A task that is ticked as one."""


def test_a_cleaner_works_through_a_killed_server_and_all_of_it_arrives_once(
    phone_page, live_server, garden_tasks
):
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    live_server.kill()
    phone_page.page.reload()
    phone_page.wait_for_js(
        "document.documentElement.dataset.ready && !!document.querySelector('.row')"
    )
    row = f"task-{garden_tasks['week']}"
    phone_page.tap(f"#{row} button.tick")
    phone_page.wait_for_js(f"document.getElementById('{row}').dataset.state == 'done'")
    assert phone_page.taps == 1
    phone_page.tap(f"#{row} button.tick")
    phone_page.wait_for_js(f"document.getElementById('{row}').dataset.state == 'open'")
    assert phone_page.taps == 2
    due = [garden_tasks[name] for name in ("day one", "day two")]
    phone_page.tap(f"#area-{demo_id('squirrel', 'garden')} .button.soft")
    for id_ in due:
        phone_page.wait_for_js(f"document.getElementById('task-{id_}')?.dataset.state == 'done'")
    assert phone_page.taps == 3
    assert phone_page.sync_status() != "all_sent"
    live_server.start()
    phone_page.sync_now()
    done = logged_ops(live_server, "task.complete")
    assert Counter(subject for _, subject, *_ in done) == Counter([row[len("task-") :], *due])
    assert len({id_ for id_, *_ in done}) == len(done)
    assert {status for _, _, status, _, _ in done} == {"applied"}
    assert len(logged_ops(live_server, "task.undo")) == 1
    assert json.loads(live_server.run("verify"))["differences"] == 0


def test_a_cold_browser_without_a_network_shows_the_work_and_keeps_what_was_done(
    browser, live_server, tmp_path
):
    folder = tmp_path / "profile"
    kind = browser.browser_type
    how = {"viewport": {"width": 360, "height": 740}, "locale": "en-US"}
    how |= {"executable_path": CHROMIUM, "args": list(CHROMIUM_ARGS)}
    first = kind.launch_persistent_context(folder, **how)
    hand = PhonePage(first.new_page(), live_server)
    hand.enrol("ana")
    hand.unlock("ana")
    live_server.kill()
    row = hand.page.locator(PLAIN_TASK_ROW).first.get_attribute("id")
    hand.tap(f"#{row} button.tick")
    hand.wait_for_js(f"document.getElementById('{row}').dataset.state == 'done'")
    first.close()
    second = kind.launch_persistent_context(folder, **how)
    again = PhonePage(second.new_page(), live_server)
    again.open()
    again.wait_for_js(f"document.getElementById('{row}').dataset.state == 'done'")
    assert again.sync_status() in ("no_network", "waiting")
    live_server.start()
    again.open("/field/me")
    again.tap("text=Send now")
    again.wait_until_sent()
    assert [subject for _, subject, *_ in logged_ops(live_server, "task.complete")] == [
        row.removeprefix("task-")
    ]
    second.close()


def test_a_guard_logs_a_visitor_in_with_three_taps_and_out_with_one(phone_page, live_server):
    phone_page.enrol("chu")
    phone_page.unlock("chu")
    phone_page.open("/field/visits")
    phone_page.tap("a[href='/field/visit_arrival']")
    phone_page.wait_for_js("!!document.querySelector('[name=visitor]')")
    phone_page.fill("[name=visitor]", "王师傅 110101199003070000")
    phone_page.tap("[name=purpose][value=family]")
    phone_page.wait_for_js("!!document.querySelector('.row[data-state=inside]')")
    assert phone_page.taps == 3
    phone_page.tap(".row[data-state=inside] button")
    phone_page.wait_for_js("!!document.querySelector('.row[data-state=departed]')")
    assert phone_page.taps == 4
    phone_page.open("/field/visits")
    phone_page.taps = 0
    phone_page.tap(".often .chip")
    phone_page.wait_for_js("!!document.querySelector('#main .primary[type=submit]')")
    phone_page.tap("#main .primary")
    phone_page.wait_for_js("!!document.querySelector('.row[data-state=inside]')")
    assert phone_page.taps == 2
    wait_for(lambda: len(logged_ops(live_server, "visit.arrive")) == 2)
    payload = json.loads(logged_ops(live_server, "visit.arrive")[0][3])
    assert payload.pop("expected_minutes") == 480
    assert payload == {"visitor": f"王师傅 {'*' * 18}", "purpose": "family"}
    fields = phone_page.page.evaluate("[...document.querySelectorAll('[name]')].map(f => f.name)")
    assert not [name for name in fields if re.search("number|document_no|id_no", name)]


def test_anybody_opens_a_ticket_with_a_photo_in_four_taps(phone_page, live_server, photo_file):
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    phone_page.tap("a.tab[href='/field/tickets']")
    phone_page.wait_for_js("!!document.querySelector('.camera')")
    phone_page.taps += 1
    phone_page.page.set_input_files("[name=photos]", photo_file)
    phone_page.tap(".chip:has-text('漏水')")
    phone_page.tap("#main .primary")
    phone_page.page.wait_for_selector(".said[role=status]")
    assert phone_page.taps <= 4
    wait_for(lambda: len(logged_ops(live_server, "ticket.open")) == 1)
    _, subject, status, payload, by = logged_ops(live_server, "ticket.open")[0]
    assert (status, by) == ("applied", demo_id("squirrel", "ana"))
    (sha256,) = json.loads(payload)["photos"]
    shots = live_server.folder / "var" / "photos" / demo_id("squirrel")
    wait_for(lambda: (shots / sha256).exists())
    assert (shots / sha256).stat().st_size <= 250 * 1024
    number = phone_page.page.locator(".said[role=status]").first.inner_text().replace(" ", "")
    base = sqlite3.connect(live_server.folder / "var" / "lodge.sqlite3")
    assert (
        base.execute("SELECT number FROM ticket WHERE id = ?", (subject,)).fetchone()[0] in number
    )


def test_a_portal_answers_nothing_and_nothing_is_called_sent(phone_page, live_server):
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    phone_page.page.context.route(
        "**/sync/**",
        lambda route: route.fulfill(status=200, body="<html>Sign in to the Wi-Fi</html>"),
    )
    phone_page.tap(f"{PLAIN_TASK_ROW} > form button.tick")
    phone_page.open("/field/me")
    phone_page.tap("text=立即上传")
    wait_for(lambda: phone_page.sync_status() in ("no_network", "busy"))
    assert logged_ops(live_server, "task.complete") == []
    phone_page.page.context.unroute("**/sync/**")
    phone_page.tap("text=立即上传")
    phone_page.wait_until_sent()
    assert len(logged_ops(live_server, "task.complete")) == 1


def test_a_phone_that_lost_an_op_says_so(phone_page, live_server):
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    live_server.kill()
    for _ in range(3):
        before = phone_page.page.locator(".row[data-state=done]").count()
        phone_page.tap(f"{PLAIN_TASK_ROW} > form button.tick")
        phone_page.wait_for_js(
            f"document.querySelectorAll('.row[data-state=done]').length > {before}"
        )
    phone_page.page.evaluate(JS_DELETE_SECOND_OP)
    live_server.start()
    phone_page.sync_now()
    assert len(logged_ops(live_server, "task.complete")) == 2

    def confessed():
        base = sqlite3.connect(live_server.folder / "var" / "lodge.sqlite3")
        rows = base.execute("SELECT upto, gaps, lost FROM lineage").fetchall()
        base.close()
        return [(n, *map(json.loads, said)) for n, *said in rows] == [(3, [[2, 2]], [[2, 2]])]

    wait_for(confessed)


JS_OUTBOX_ROWS = """() => new Promise((done) => {
  const opening = indexedDB.open("lodge");
  opening.onsuccess = () => {
    const asking = opening.result.transaction("records").objectStore("records").count();
    asking.onsuccess = () => { opening.result.close(); done(asking.result); };
  };
})"""

JS_CORRUPT_OP = """() => new Promise((done) => {
  const opening = indexedDB.open("lodge");
  opening.onsuccess = () => {
    const writing = opening.result.transaction(["records", "meta"], "readwrite");
    writing.objectStore("meta").put("2000-01-01", "proved");
    writing.objectStore("records").delete(IDBKeyRange.bound(["area", ""], ["area", "\\uffff"]));
    writing.oncomplete = () => { opening.result.close(); done(); };
  };
})"""


def test_a_phone_that_holds_something_else_notices_and_is_healed(phone_page, live_server):
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    phone_page.wait_until_sent()
    whole = phone_page.page.evaluate(JS_OUTBOX_ROWS)
    phone_page.page.evaluate(JS_CORRUPT_OP)
    assert phone_page.page.evaluate(JS_OUTBOX_ROWS) < whole
    live_server.kill()
    live_server.start()  # else it computes a digest every ten minutes only
    phone_page.sync_now()  # now it notices
    phone_page.sync_now()  # now it says so, and gets everything again
    wait_for(lambda: phone_page.page.evaluate(JS_OUTBOX_ROWS) == whole)
    assert "phone differs" in live_server.log.read_text()


def test_two_people_on_one_phone_keep_their_own_work(phone_page, live_server):
    phone_page.enrol("bao", "ana")
    phone_page.unlock_before("bao")
    phone_page.unlock("ana")
    live_server.kill()
    phone_page.tap(f"{PLAIN_TASK_ROW} > form button.tick")
    phone_page.wait_for_js("!!document.querySelector('.row[data-state=done]')")
    phone_page.open("/field/me")
    phone_page.tap(".sure summary")
    phone_page.tap(".sure button")
    phone_page.wait_for_js("!!document.querySelector('.names')")
    phone_page.unlock("bao")
    phone_page.tap(f"{PLAIN_TASK_ROW} > form button.tick")
    phone_page.wait_for_js("!!document.querySelector('.row[data-state=done]')")
    live_server.start()
    phone_page.sync_now()
    authors = [by for *_, by in logged_ops(live_server, "task.complete")]
    assert authors == [demo_id("squirrel", "ana"), demo_id("squirrel", "bao")]


def test_a_wrong_pin_opens_nothing(phone_page):
    phone_page.enrol()
    phone_page.tap(f".names a:has-text('{PINS_BY_USERNAME['ana'][0]}')")
    phone_page.wait_for_js("!!document.querySelector('.pad')")
    for digit in "999999":
        phone_page.tap(f"[data-digit='{digit}']")
    phone_page.wait_for_js("!!document.querySelector('[role=alert]')")
    assert phone_page.page.locator(".tabs").count() == 0


@pytest.mark.parametrize("width", [320, 1280])
def test_every_page_fits_has_big_targets_and_both_languages(phone_page, width):
    phone_page.page.set_viewport_size({"width": width, "height": 740})
    phone_page.enrol("ben")
    phone_page.unlock("ben")
    for language in ("zh", "en"):
        for place in ("tasks", "visits", "visit_arrival", "tickets", "me"):
            phone_page.open(f"/field/{place}")
            phone_page.wait_for_js(f"document.documentElement.lang.startsWith('{language}')")
            assert phone_page.page.evaluate(JS_HORIZONTAL_OVERFLOW) <= 0, (place, language)
            assert phone_page.page.evaluate(JS_SMALL_TARGETS) == [], (place, language)
            assert phone_page.page.evaluate(JS_UNLABELLED_CONTROLS) == [], (place, language)
        phone_page.tap("form[action='/field/me/language'] button")
        phone_page.wait_for_js(f"!document.documentElement.lang.startsWith('{language}')")


JS_DELETE_SECOND_OP = """() => new Promise((done, failed) => {
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
