"""Who was in a home, and what was lost there: two guards, two phones, no network."""

from __future__ import annotations

import json

import pytest

from server.maintenance.demo import demo_id
from tests.phone_page import (
    JS_HORIZONTAL_OVERFLOW,
    JS_SMALL_TARGETS,
    JS_UNLABELLED_CONTROLS,
    logged_ops,
)

UNIT, FIRM = demo_id("squirrel", "unit", "1-1-101"), demo_id("squirrel", "contractor")
JS_MISSING_COUNT = "document.querySelectorAll('#main > .card:first-child .lacking li').length"
JS_LISTED_COUNT = """[...document.querySelectorAll('.event')].filter(
    (e) => e.innerText.includes('列出入户人员')
).length"""
CLOSE_BUTTON = "form[action^='/field/ops/lost.close'] button[value=informed]"


def switch_person(hand, username):
    """The phone goes to somebody else."""
    hand.open("/field/me")
    hand.tap("form[action='/field/me/lock'] button")
    hand.wait_for_js("!!document.querySelector('.names')")
    hand.unlock(username)


def record_contractor_entry(hand):
    """Two taps and two fields: the home, the firm, the name, in."""
    hand.open(f"/field/home_entry?unit={UNIT}&firm=1")
    hand.page.select_option("[name=contractor]", FIRM)
    hand.fill("[name=worker]", "陆师傅")
    hand.tap(".chip:has([value=repair])")
    hand.tap("form[action*='entry.'] .primary")
    hand.wait_for_js("!!document.querySelector('.row[data-state=inside]')")


def wait_for_missing(hand, count):
    hand.wait_for_js(f"{JS_MISSING_COUNT} === {count}")


@pytest.mark.rule("Q1", "Q7")
@pytest.mark.clause("E1", "E6", "E8")
def test_a_guard_opens_a_file_while_the_other_phone_holds_the_firms_exit(
    phone_page, second_phone_page, live_server
):
    other = second_phone_page
    other.enrol("chu")
    other.unlock("chu")
    record_contractor_entry(other)
    other.wait_until_sent()
    phone_page.enrol("chu", "ben")
    phone_page.unlock("chu")
    phone_page.open("/field/home_entries")
    phone_page.wait_for_js("!!document.querySelector('.row[data-state=inside]')")
    live_server.kill()
    other.taps = 0
    other.tap(".row[data-state=inside] button")
    other.wait_for_js("!document.querySelector('.row[data-state=inside]')")
    assert other.taps == 1

    phone_page.open("/field/lost_property_report")
    phone_page.fill("[name=item]", "商务手机")
    phone_page.page.select_option("[name=unit]", UNIT)
    phone_page.tap("[name=holds_personal_data]")
    phone_page.fill("[name=contact]", "1-1-101")
    phone_page.tap("#main .primary")
    wait_for_missing(phone_page, 3)
    assert "手机卡马上停机" in phone_page.page.inner_text("#main")
    phone_page.tap("form[action*='lost.compile'] button")
    phone_page.wait_for_js("document.body.innerText.includes('陆师傅')")
    wait_for_missing(phone_page, 3)
    phone_page.tap("form[action*='lost.ask'] button")
    wait_for_missing(phone_page, 2)
    phone_page.tap("[name=answer][value=no]")
    wait_for_missing(phone_page, 1)
    assert not phone_page.page.locator(CLOSE_BUTTON).count(), "a guard does not close a file"

    live_server.start()
    phone_page.sync_now()
    other.sync_now()
    switch_person(phone_page, "ben")
    phone_page.open("/field/home_entries")
    phone_page.wait_for_js("!document.querySelector('.row[data-state=inside]')")
    live_server.kill()
    phone_page.open("/field/lost_property")
    phone_page.tap(".row a[href^='/field/lost_property_case/']")
    phone_page.wait_for_js("!!document.querySelector('form[action*=\"lost.tell\"]')")
    phone_page.tap("details:has(form[action*='lost.close']) > summary")
    assert phone_page.page.locator(CLOSE_BUTTON).is_disabled()
    phone_page.tap("form[action*='lost.compile'] button")
    phone_page.wait_for_js(f"{JS_LISTED_COUNT} === 2")
    assert not phone_page.page.locator("form[action*='lost.ask']").count(), "asked already"
    phone_page.fill("form[action*='lost.tell'] textarea", "知道的都说了")
    phone_page.tap("form[action*='lost.tell'] button")
    wait_for_missing(phone_page, 0)
    phone_page.tap("details:has(form[action*='lost.close']) > summary")
    phone_page.tap(CLOSE_BUTTON)
    phone_page.wait_for_js("!document.querySelector('form[action*=\"lost.tell\"]')")
    live_server.start()
    phone_page.sync_now()
    for kind in ("lost.open", "lost.ask", "lost.offer_police", "lost.tell", "lost.close"):
        assert [status for _, _, status, _, _ in logged_ops(live_server, kind)] == ["applied"], kind
    first, newer = (
        json.loads(row[3])["entries"] for row in logged_ops(live_server, "lost.compile")
    )
    assert [text.split(" · ")[0].endswith("…") for text in first.values()] == [True]
    assert [text.split(" · ")[0].endswith("…") for text in newer.values()] == [False]
    assert json.loads(live_server.run("verify"))["differences"] == 0


def test_a_cleaner_goes_in_and_comes_out_in_few_taps_without_a_network(phone_page, live_server):
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    live_server.kill()
    phone_page.open("/field/home_entries")
    phone_page.taps = 0
    phone_page.tap("#main .primary")
    phone_page.wait_for_js("!!document.querySelector('[name=unit][required]')")
    phone_page.page.select_option("[name=unit]", UNIT)
    phone_page.tap(".chip:has([value=check])")
    phone_page.tap("#main .primary")
    phone_page.wait_for_js("!!document.querySelector('.row[data-state=inside]')")
    phone_page.tap(".row[data-state=inside] button")
    phone_page.wait_for_js("!!document.querySelector('.toast')")
    assert phone_page.taps + 1 <= 5, "one tap more than before: nobody says the purpose for them"
    phone_page.tap(".toast button")
    phone_page.wait_for_js("!!document.querySelector('.row[data-state=inside]')")
    live_server.start()
    phone_page.sync_now()
    assert [len(logged_ops(live_server, f"entry.{kind}")) for kind in ("begin", "end", "undo")] == [
        1,
        1,
        1,
    ]


def test_the_pages_of_homes_and_losses_fit_and_have_big_targets_in_both_languages(
    phone_page, live_server
):
    phone_page.enrol("chu")
    phone_page.unlock("chu")
    record_contractor_entry(phone_page)
    phone_page.open("/field/lost_property_report")
    phone_page.fill("[name=item]", "商务手机")
    phone_page.page.select_option("[name=unit]", UNIT)
    phone_page.tap("[name=holds_personal_data]")
    phone_page.tap("#main .primary")
    phone_page.wait_for_js("!!document.querySelector('form[action*=\"lost.compile\"]')")
    phone_page.tap("form[action*='lost.compile'] button")
    phone_page.wait_for_js("!!document.querySelector('form[action*=\"lost.ask\"]')")
    file = phone_page.page.evaluate("location.pathname")
    phone_page.open("/field/found_items")
    phone_page.fill("[name=what]", "钥匙")
    phone_page.tap("#main .primary")
    phone_page.wait_for_js("!!document.querySelector('.row[data-state=open]')")
    phone_page.tap(".row[data-state=open] a")
    phone_page.wait_for_js("!!document.querySelector('form[action*=\"find.notify\"]')")
    found = phone_page.page.evaluate("location.pathname")
    places = (
        *("home_entries", "home_entry", "home_entry?earlier=1"),
        *("lost_property", "lost_property_report", "found_items"),
    )
    for language in ("zh", "en"):
        for place in (*(f"/field/{name}" for name in places), file, found):
            phone_page.open(place)
            for summary in phone_page.page.locator("summary").all():
                if summary.is_visible():
                    summary.click()
            assert phone_page.page.evaluate(JS_HORIZONTAL_OVERFLOW) <= 0, (place, language)
            assert phone_page.page.evaluate(JS_SMALL_TARGETS) == [], (place, language)
            assert phone_page.page.evaluate(JS_UNLABELLED_CONTROLS) == [], (place, language)
        phone_page.open("/field/me")
        phone_page.tap("form[action='/field/me/language'] button")
        phone_page.wait_for_js(f"!document.documentElement.lang.startsWith('{language}')")
