"""Phones whose clocks are wrong, jump, or stand in another zone (F7, F8)."""

from __future__ import annotations

import json
import os
import sqlite3
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.conftest import launch_browser, new_browser_context
from tests.phone_page import (
    JS_HORIZONTAL_OVERFLOW,
    JS_SMALL_TARGETS,
    JS_UNLABELLED_CONTROLS,
    PhonePage,
    meta,
    rows,
)

MINUTE_MS, DAY_MS = 60_000, 86_400_000
OPEN_TASK_BUTTON = ".row[data-state=open]:not(:has(.items)) > form button.tick"
JS_DONE_COUNT = "document.querySelectorAll('.row[data-state=done]').length"
JS_ROW_TEXTS = "[...document.querySelectorAll('#main .row')].map((row) => row.innerText)"
JS_CLOCK_WARNING = "document.querySelector('#page').innerText.includes('手机时间不对')"

JS_SET_CLOCK = """(ms) => {
  const Real = globalThis.RealDate ??= Date;
  globalThis.Date = class extends Real {
    constructor(...parts) { parts.length ? super(...parts) : super(Real.now() + ms); }
    static now() { return Real.now() + ms; }
  };
}"""


def set_clock(hand, ms):
    """What page and worker take for the time, from now on and on every page that is opened."""
    hand.page.add_init_script(f"({JS_SET_CLOCK})({ms})")
    for place in (hand.page, *hand.page.context.service_workers):
        place.evaluate(JS_SET_CLOCK, ms)


def tick_until(hand, done):
    hand.tap(OPEN_TASK_BUTTON)
    hand.wait_for_js(f"{JS_DONE_COUNT} == {done}")


def logged_ticks(live):
    """Of each tick: its place in the chain, its flags, what the phone said and when it was."""
    base = sqlite3.connect(live.folder / "var" / "lodge.sqlite3")
    rows = base.execute(
        "SELECT n, flags, at, occurred_at FROM op WHERE kind = 'task.complete' ORDER BY place"
    ).fetchall()
    base.close()
    return [
        (n, set(json.loads(flags)), said, datetime.fromisoformat(when).replace(tzinfo=UTC))
        for n, flags, said, when in rows
    ]


@pytest.mark.rule("W1")
@pytest.mark.parametrize("ms", [3 * DAY_MS, -20 * DAY_MS])
def test_a_phone_with_a_wrong_clock_works_and_says_so(
    phone_page, second_phone_page, live_server, ms
):
    began = datetime.now(UTC)
    second_phone_page.enrol("ana")
    second_phone_page.unlock("ana")
    phone_page.page.add_init_script(f"({JS_SET_CLOCK})({ms})")
    phone_page.enrol("ana")
    set_clock(phone_page, ms)
    phone_page.unlock("ana")
    phone_page.wait_for_js(JS_CLOCK_WARNING)
    assert phone_page.page.evaluate(JS_ROW_TEXTS) == second_phone_page.page.evaluate(JS_ROW_TEXTS)
    for check in (JS_HORIZONTAL_OVERFLOW, JS_SMALL_TARGETS, JS_UNLABELLED_CONTROLS):
        assert not phone_page.page.evaluate(check)
    tick_until(phone_page, 1)
    phone_page.sync_now()
    ((_, flags, said, when),) = logged_ticks(live_server)
    assert abs(datetime.fromisoformat(said) - began) > timedelta(milliseconds=abs(ms) / 2)
    assert "clock-skewed" in flags and began <= when <= datetime.now(UTC)
    set_clock(phone_page, 0)
    if ms < 0:  # by its clock nobody has touched the phone for days: loaded again, it is locked
        phone_page.open()
        phone_page.unlock("ana")
    phone_page.sync_now()
    phone_page.wait_for_js(f"!{JS_CLOCK_WARNING}")
    phone_page.open("/field/tasks")
    tick_until(phone_page, 2)


@pytest.mark.rule("W2")
def test_a_clock_that_is_put_back_between_two_taps_changes_no_order(phone_page, live_server):
    began = datetime.now(UTC)
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    live_server.kill()
    set_clock(phone_page, 10 * MINUTE_MS)
    tick_until(phone_page, 1)
    set_clock(phone_page, 0)
    tick_until(phone_page, 2)
    live_server.start()
    phone_page.sync_now()
    first, second = logged_ticks(live_server)
    assert (first[0], second[0]) == (1, 2)
    assert first[1] == {"clock-jumped", "in-the-future"} and second[1] == set()
    assert datetime.fromisoformat(first[2]) > datetime.fromisoformat(second[2])
    assert began <= first[3] <= second[3] <= datetime.now(UTC)


@pytest.mark.rule("W1")
@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "America/New_York", "Pacific/Apia"])
def test_a_phone_in_another_zone_shows_the_day_of_the_estate(phone_page, live_server, zone, driver):
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    here = phone_page.page.evaluate(JS_ROW_TEXTS)
    browser = launch_browser(driver, env={**os.environ, "TZ": zone})
    away = PhonePage(new_browser_context(browser).new_page(), live_server)
    away.enrol("ana")
    away.unlock("ana")
    assert away.page.evaluate(JS_ROW_TEXTS) == here
    tick_until(away, 1)
    away.sync_now()
    assert away.console_errors == []
    browser.close()
    ((_, flags, said, when),) = logged_ticks(live_server)
    told = datetime.fromisoformat(said)
    assert told.utcoffset() == told.astimezone(ZoneInfo(zone)).utcoffset()
    assert abs(told - when) < timedelta(minutes=5) and flags == set()


@pytest.mark.rule("W7")
def test_a_clock_set_to_next_year_and_back_deletes_and_locks_nothing(phone_page, live_server):
    page = phone_page.page
    page.clock.install()
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    live_server.kill()
    tick_until(phone_page, 1)
    kept, now = len(rows(phone_page, "records")), datetime.now(UTC)
    for days in (400, 0):
        page.clock.set_system_time(now + timedelta(days=days))
        page.clock.run_for(16_000)
        page.evaluate(JS_DROP_STALE_RECORDS)
        assert len(rows(phone_page, "records")) == kept
        assert meta(phone_page, "me"), "nobody has left the phone alone"
    page.clock.set_system_time(now + timedelta(days=400))
    phone_page.open("/field/tasks")  # by its clock it lay about for a year: it is locked
    assert meta(phone_page, "me") is None
    page.clock.set_system_time(now)
    phone_page.unlock("ana")
    assert page.evaluate(JS_DONE_COUNT) == 1 and len(rows(phone_page, "records")) == kept
    live_server.start()
    phone_page.sync_now()
    assert len(logged_ticks(live_server)) == 1


JS_DROP_STALE_RECORDS = """async () => {
  const program = document.querySelector("script[type=module]").src;
  const { dropStaleRecords } = await import(new URL("stale_records.js", program).href);
  await dropStaleRecords();
}"""
