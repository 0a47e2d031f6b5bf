"""A stairwell is inspected without a network; what failed reaches the cleaner and is put right."""

from __future__ import annotations

import json
import sqlite3

import pytest

from server.maintenance.demo import demo_id
from sync.quality.checklists_content import checklist_id
from tests.phone_page import (
    JS_HORIZONTAL_OVERFLOW,
    JS_SMALL_TARGETS,
    JS_UNLABELLED_CONTROLS,
    logged_ops,
)
from tests.wait_for import wait_for

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
    phone_page, second_phone_page, live_server, photo_file
):
    phone_page.enrol("ben")
    phone_page.unlock("ben")
    second_phone_page.enrol("ana")
    second_phone_page.unlock("ana")
    phone_page.open("/field/inspections")
    live_server.kill()
    phone_page.taps = 0
    phone_page.tap(f"a.cell[href='/field/inspection/{STAIRWELL}']")
    phone_page.wait_for_js("document.querySelectorAll('.criterion').length === 4")
    assert phone_page.page.locator("input[type=radio]:checked").count() == 0
    phone_page.taps += 1
    phone_page.page.select_option("[name=area]", PLACE)
    assert not phone_page.page.locator("[name='notes.piled']").is_visible()
    phone_page.tap(".chip:has([name='results.piled'][value=fail])")
    phone_page.fill("[name='notes.piled']", "旧沙发")
    phone_page.taps += 1
    phone_page.page.set_input_files("[name='shots.piled']", photo_file)
    assert not phone_page.page.locator("[name='assign.piled']").is_visible()
    phone_page.tap(".chip:has([name='actions.piled'][value=rectify])")
    phone_page.tap("button[name=rest]")
    phone_page.wait_for_js("!!document.querySelector('.said')")
    assert phone_page.taps <= 7
    assert phone_page.sync_status() != "all_sent"
    live_server.start()
    phone_page.sync_now()
    _, _, status, said, by = logged_ops(live_server, "inspection.record")[0]
    assert (status, by) == ("applied", demo_id("squirrel", "ben"))
    payload = json.loads(said)
    assert (payload["results"], payload["rest"]) == ({"piled": "fail"}, "pass")
    phone_page.open("/field/inspections")
    phone_page.wait_for_js("document.querySelector('#main').innerText.includes('75')")
    (sha256,) = payload["shots"]["piled"]
    shots = live_server.folder / "var" / "photos" / demo_id("squirrel")
    wait_for(lambda: (shots / sha256).exists())
    assert rectification(live_server)[1:] == (None, None, "piled")

    second_phone_page.sync_now()
    second_phone_page.open("/field/inspections")
    second_phone_page.wait_for_js(
        "!!document.querySelector('.row a[href^=\"/field/rectification/\"]')"
    )
    second_phone_page.taps = 0
    second_phone_page.tap(".row a[href^='/field/rectification/']")
    second_phone_page.wait_for_js("!!document.querySelector('.camera')")
    assert "旧沙发" in second_phone_page.page.locator("#main").inner_text()
    second_phone_page.wait_for_js("document.querySelector('img.photo').naturalWidth > 0")
    second_phone_page.taps += 1
    second_phone_page.page.set_input_files("[name=photos]", photo_file)
    second_phone_page.tap("#main .primary")
    second_phone_page.wait_for_js("!document.querySelector('.camera')")
    assert second_phone_page.taps <= 3
    second_phone_page.sync_now()
    wait_for(lambda: rectification(live_server)[1])

    phone_page.sync_now()
    phone_page.open("/field/inspections")
    phone_page.tap(".row a[href^='/field/rectification/']")
    phone_page.wait_for_js("!!document.querySelector('button[name=result]')")
    phone_page.tap("button[name=result][value=pass]")
    phone_page.wait_for_js("!document.querySelector('button[name=result]')")
    phone_page.sync_now()
    wait_for(lambda: rectification(live_server)[2])
    assert json.loads(live_server.run("verify"))["differences"] == 0


@pytest.mark.rule("I7")
def test_what_is_put_right_on_the_spot_fails_and_raises_nothing(phone_page, live_server):
    phone_page.enrol("ben")
    phone_page.unlock("ben")
    phone_page.open(f"/field/inspection/{STAIRWELL}")
    phone_page.page.select_option("[name=area]", PLACE)
    phone_page.tap(".chip:has([name='results.posted'][value=fail])")
    phone_page.tap(".chip:has([name='actions.posted'][value=fixed])")
    phone_page.tap("main button.primary")
    phone_page.wait_for_js("!!document.querySelector('.said')")
    wait_for(lambda: len(logged_ops(live_server, "inspection.record")) == 1)
    said = json.loads(logged_ops(live_server, "inspection.record")[0][3])
    assert (said["results"], said["actions"]) == ({"posted": "fail"}, {"posted": "fixed"})
    assert "rest" not in said
    assert rectification(live_server) is None


def test_what_is_chosen_stays_when_the_page_is_drawn_again(phone_page, live_server):
    phone_page.enrol("ben")
    phone_page.unlock("ben")
    phone_page.open(f"/field/inspection/{STAIRWELL}")
    phone_page.page.select_option("[name=area]", PLACE)
    for item, result in (("corners", "pass"), ("piled", "fail"), ("posted", "na")):
        phone_page.tap(f".chip:has([name='results.{item}'][value={result}])")
    phone_page.page.evaluate("document.querySelector('#main').dataset.before = 'drawn again'")
    phone_page.page.evaluate("new BroadcastChannel('lodge').postMessage('changed')")
    phone_page.wait_for_js("!document.querySelector('#main').dataset.before")
    chosen = phone_page.page.evaluate(
        "[...document.querySelectorAll('input[type=radio]:checked')].map((one) => one.value)"
    )
    assert chosen == ["pass", "fail", "na"]
    assert phone_page.page.locator("[name=area]").input_value() == PLACE


@pytest.mark.parametrize("width", [320, 1280])
def test_the_pages_of_an_inspection_fit_in_both_languages(phone_page, width):
    phone_page.page.set_viewport_size({"width": width, "height": 740})
    phone_page.enrol("ben")
    phone_page.unlock("ben")
    for language in ("zh", "en"):
        for place in ("inspections", f"inspection/{STAIRWELL}"):
            phone_page.open(f"/field/{place}")
            phone_page.wait_for_js(f"document.documentElement.lang.startsWith('{language}')")
            assert phone_page.page.evaluate(JS_HORIZONTAL_OVERFLOW) <= 0, (place, language)
            assert phone_page.page.evaluate(JS_SMALL_TARGETS) == [], (place, language)
            assert phone_page.page.evaluate(JS_UNLABELLED_CONTROLS) == [], (place, language)
        phone_page.open("/field/me")
        phone_page.tap("form[action='/field/me/language'] button")
        phone_page.wait_for_js(f"!document.documentElement.lang.startsWith('{language}')")
