"""A guard's day at the gate, counted tap by tap, with a network and without one."""

from __future__ import annotations

import json
import sqlite3

import pytest

from server.maintenance.demo import demo_id
from tests.phone_page import (
    JS_HORIZONTAL_OVERFLOW,
    JS_SMALL_TARGETS,
    JS_UNLABELLED_CONTROLS,
    logged_ops,
)
from tests.wait_for import wait_for

INSIDE_ROW = ".row[data-state=inside]"
LET_IN = "button[name=purpose][value=service]"
SERVICE = ".chip:has([name=purpose][value=service])"


PROMPT = "#reception .prompt .phrase"
RECEPTION = [
    ("你好", "来访：问好"),
    ("请坐", "来访：请坐"),
    ("您请说", "答：有人问"),
    ("别着急", "来访：安抚"),
    ("请这边走", "请求"),
    ("再见", "送：人走了"),
]


def unlock_as_guard(hand):
    hand.enrol("chu")
    hand.unlock("chu")
    hand.open("/field/visits")


@pytest.mark.clause("A2")
@pytest.mark.clause("B3")
def test_a_guard_receives_an_expected_visitor_in_one_tap_and_guides_them(phone_page, live_server):
    unlock_as_guard(phone_page)
    phone_page.tap("a[href='/field/visit_preregistration']")
    phone_page.wait_for_js("!!document.querySelector('[name=expected_until]')")
    phone_page.fill("[name=visitor]", "李师傅")
    phone_page.tap(SERVICE)
    phone_page.tap("#main .primary")
    phone_page.wait_for_js("!!document.querySelector('.row[data-state=expected]')")
    live_server.kill()
    phone_page.taps = 0
    phone_page.tap(".row[data-state=expected] button")
    phone_page.wait_for_js(f"!!document.querySelector('{INSIDE_ROW}')")
    assert phone_page.taps == 1
    phone_page.tap(f"{INSIDE_ROW} a.tick")
    attended = 0
    for phrase, card in RECEPTION:
        phone_page.wait_for_js(
            f"document.querySelector('{PROMPT}')?.innerText.includes('{phrase}')"
        )
        assert phone_page.page.locator(".prompt .phrase").count() == 1, "one phrase at a time"
        assert card in phone_page.page.locator(".prompt details").inner_text()
        if phrase == "您请说":
            phone_page.tap("#reception a.button")  # nothing was asked
        else:
            phone_page.tap("#reception .primary")
            attended += 1
            wait_for(lambda n=attended: phone_page.page.evaluate(JS_ATTENDED) == n)
        if phrase == "别着急":
            phone_page.wait_for_js(
                "!!document.querySelector('a.primary[href*=\"matter=complaint\"]')"
            )
            phone_page.tap("#reception a.button:not(.primary)")
    phone_page.open("/field/visits")
    phone_page.wait_for_js(f"!!document.querySelector('{INSIDE_ROW}')")
    live_server.start()
    phone_page.sync_now()
    for kind in ("visit.expect", "visit.admit"):
        assert [status for _, _, status, _, _ in logged_ops(live_server, kind)] == ["applied"]
    said = [
        json.loads(payload)["step"] for *_, payload, _ in logged_ops(live_server, "visit.attend")
    ]
    assert said == ["greeted", "seated", "soothed", "guided", "farewell"]


def test_out_is_one_tap_and_taken_back_with_one(phone_page, live_server):
    unlock_as_guard(phone_page)
    phone_page.tap("a[href='/field/visit_arrival']")
    phone_page.wait_for_js("!!document.querySelector('[name=visitor]')")
    assert phone_page.page.locator("input:checked").count() == 0, "nothing is said beforehand"
    phone_page.fill("[name=visitor]", "王先生")
    phone_page.tap(LET_IN)
    phone_page.wait_for_js(f"!!document.querySelector('{INSIDE_ROW}')")
    assert phone_page.taps == 3
    phone_page.taps = 0
    phone_page.tap(f"{INSIDE_ROW} button")
    phone_page.wait_for_js("!!document.querySelector('.toast')")
    assert phone_page.taps == 1
    phone_page.tap(".toast button")
    phone_page.wait_for_js(f"!!document.querySelector('{INSIDE_ROW}')")
    assert phone_page.taps == 2
    phone_page.tap(f"{INSIDE_ROW} button")
    phone_page.wait_for_js("!!document.querySelector('.row[data-state=departed]')")
    phone_page.tap(".row[data-state=departed] button")
    phone_page.wait_for_js(f"!!document.querySelector('{INSIDE_ROW}')")
    wait_for(lambda: len(logged_ops(live_server, "visit.return")) == 2)


def test_a_plate_is_tapped_not_typed(phone_page, live_server):
    unlock_as_guard(phone_page)
    phone_page.tap("a[href='/field/visit_arrival']")
    phone_page.wait_for_js("!!document.querySelector('[name=visitor]')")
    phone_page.fill("[name=visitor]", "周")
    phone_page.page.keyboard.press("Enter")
    phone_page.page.wait_for_selector("#toast [role=alert]:has-text('请点来访事由')")
    phone_page.tap("[data-op='visit.arrive'] > details > summary")
    phone_page.tap(".keys summary")
    for sign in ("沪", "A", "D", "1", "2", "3", "4", "5", "6"):
        phone_page.tap(f"[data-key='{sign}']")
    phone_page.wait_for_js("document.querySelector('[name=plate]').value == '沪AD12345'")
    phone_page.tap("[data-key=back]")
    phone_page.tap("[data-step='1']")
    phone_page.tap("[data-step='1']")
    phone_page.tap(LET_IN)
    phone_page.wait_for_js(f"!!document.querySelector('{INSIDE_ROW}')")
    wait_for(lambda: logged_ops(live_server, "visit.arrive"))
    payload = json.loads(logged_ops(live_server, "visit.arrive")[0][3])
    assert (payload["plate"], payload["party_size"]) == ("沪AD1234", 3)
    assert "id_checked" not in payload


def test_at_the_end_of_a_shift_all_are_presumed_gone_without_a_network(phone_page, live_server):
    unlock_as_guard(phone_page)
    live_server.kill()
    for name in ("甲", "乙", "丙"):
        phone_page.open("/field/visit_arrival")
        phone_page.wait_for_js("!!document.querySelector('[name=visitor]')")
        phone_page.fill("[name=visitor]", name)
        phone_page.tap(LET_IN)
        phone_page.wait_for_js(f"document.body.innerText.includes('{name}')")
    phone_page.taps = 0
    phone_page.tap("a[href='/field/visits_presumed_left']")
    phone_page.wait_for_js("document.querySelectorAll('[name=subject]').length == 3")
    phone_page.tap(".check input")
    phone_page.tap("#main .primary")
    phone_page.wait_for_js("document.querySelectorAll('.row[data-state=departed]').length == 2")
    assert phone_page.taps == 3
    live_server.start()
    phone_page.sync_now()
    assert len(logged_ops(live_server, "visit.presume_left")) == 2
    assert json.loads(live_server.run("verify"))["differences"] == 0


def test_a_regular_comes_in_with_two_taps_and_what_is_forgotten_leaves_the_phone(
    phone_page, live_server
):
    unlock_as_guard(phone_page)
    for _ in range(2):
        phone_page.open("/field/visit_arrival")
        phone_page.wait_for_js("!!document.querySelector('[name=visitor]')")
        phone_page.fill("[name=visitor]", "顺丰")
        phone_page.tap(LET_IN)
        phone_page.wait_for_js(f"!!document.querySelector('{INSIDE_ROW}')")
        phone_page.tap(f"{INSIDE_ROW} button")
        phone_page.wait_for_js(f"!document.querySelector('{INSIDE_ROW}')")
    phone_page.open("/field/visits")
    phone_page.taps = 0
    phone_page.tap(".often .chip")
    phone_page.wait_for_js("document.querySelector('[name=visitor]')?.value === '顺丰'")
    assert "和上次一样" in phone_page.page.locator("#main").inner_text()
    assert phone_page.page.locator(INSIDE_ROW).count() == 0
    phone_page.tap("#main .primary")
    phone_page.wait_for_js(f"!!document.querySelector('{INSIDE_ROW}')")
    assert phone_page.taps == 2
    wait_for(lambda: len(logged_ops(live_server, "visit.arrive")) == 3)
    phone_page.sync_now()
    live_server.kill()
    base = sqlite3.connect(live_server.folder / "var" / "lodge.sqlite3")
    base.execute("UPDATE visit SET retained_from = '2026-01-01 00:00:00'")
    base.commit()
    base.close()
    counted = json.loads(live_server.run("purge"))
    assert counted[demo_id("squirrel")]["records"]["visit"] == 3
    live_server.start()
    phone_page.sync_now()
    wait_for(lambda: phone_page.page.evaluate(JS_LEFT_RECORDS) == [0, 0])


def test_the_pages_of_visitors_fit_and_have_big_targets_in_both_languages(phone_page):
    unlock_as_guard(phone_page)
    for language in ("zh", "en"):
        for place in (
            "visits",
            "visit_arrival",
            "visit_preregistration",
            "gate_passes",
            "visits_presumed_left",
        ):
            phone_page.open(f"/field/{place}")
            for summary in phone_page.page.locator("summary").all():
                if summary.is_visible():
                    summary.click()
            assert phone_page.page.evaluate(JS_HORIZONTAL_OVERFLOW) <= 0, (place, language)
            assert phone_page.page.evaluate(JS_SMALL_TARGETS) == [], (place, language)
            assert phone_page.page.evaluate(JS_UNLABELLED_CONTROLS) == [], (place, language)
        phone_page.open("/field/me")
        phone_page.tap("form[action='/field/me/language'] button")
        phone_page.wait_for_js(f"!document.documentElement.lang.startsWith('{language}')")


JS_ATTENDED = """new Promise((done, failed) => {
  const opening = indexedDB.open("lodge");
  opening.onerror = failed;
  opening.onsuccess = () => {
    const asking = opening.result.transaction("ops").objectStore("ops").getAll();
    asking.onsuccess = () => {
      opening.result.close();
      done(asking.result.filter((row) => row.op.kind === "visit.attend").length);
    };
  };
})"""
"""How many steps of a reception the phone has kept."""
JS_LEFT_RECORDS = """() => new Promise((done, failed) => {
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


def test_the_privacy_notice_is_shown_at_the_gate_in_both_languages(phone_page, live_server):
    """One tap from the form, without a network; what was typed into the form stays."""
    unlock_as_guard(phone_page)
    phone_page.tap("a[href='/field/visit_arrival']")
    phone_page.fill("[name=visitor]", "李师傅")
    live_server.kill()
    phone_page.tap("a[href='/field/visit_notice']")
    phone_page.wait_for_js("document.body.innerText.includes('30 天')")
    assert phone_page.page.evaluate(JS_HORIZONTAL_OVERFLOW) <= 0
    assert phone_page.page.evaluate(JS_SMALL_TARGETS) == []
    phone_page.tap("form.language button[value=en]")
    phone_page.wait_for_js("document.body.innerText.includes('30 days after you leave')")
    phone_page.open("/field/visit_arrival")
    phone_page.wait_for_js("document.querySelector('[name=visitor]')?.value === '李师傅'")
