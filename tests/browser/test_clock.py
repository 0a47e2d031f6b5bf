"""Phones whose clocks are wrong, jump, or stand in another zone (F7, F8)."""

from __future__ import annotations

import json
import os
import sqlite3
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.conftest import launched, profile
from tests.hand import NAMELESS, OVERFLOW, SMALL, Hand

MINUTE, DAY = 60_000, 86_400_000
OPEN = ".row[data-state=open]:not(:has(.items)) > form button.tick"
DONE = "document.querySelectorAll('.row[data-state=done]').length"
ROWS = "[...document.querySelectorAll('#main .row')].map((row) => row.innerText)"
WRONG = "document.querySelector('#page').innerText.includes('手机时间不对')"

SET_CLOCK = """(ms) => {
  const Real = globalThis.RealDate ??= Date;
  globalThis.Date = class extends Real {
    constructor(...parts) { parts.length ? super(...parts) : super(Real.now() + ms); }
    static now() { return Real.now() + ms; }
  };
}"""


def sets_clock(hand, ms):
    """What page and worker take for the time, from now on and on every page that is opened."""
    hand.page.add_init_script(f"({SET_CLOCK})({ms})")
    for place in (hand.page, *hand.page.context.service_workers):
        place.evaluate(SET_CLOCK, ms)


def ticks(hand, done):
    hand.tap(OPEN)
    hand.sees(f"{DONE} == {done}")


def ticked(live):
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
@pytest.mark.parametrize("ms", [3 * DAY, -20 * DAY])
def test_a_phone_with_a_wrong_clock_works_and_says_so(hand, another_hand, live, ms):
    began = datetime.now(UTC)
    another_hand.enrols()
    another_hand.unlocks("ana")
    hand.page.add_init_script(f"({SET_CLOCK})({ms})")
    hand.enrols()
    sets_clock(hand, ms)
    hand.unlocks("ana")
    hand.sees(WRONG)
    assert hand.page.evaluate(ROWS) == another_hand.page.evaluate(ROWS)
    for check in (OVERFLOW, SMALL, NAMELESS):
        assert not hand.page.evaluate(check)
    ticks(hand, 1)
    hand.sends()
    ((_, flags, said, when),) = ticked(live)
    assert abs(datetime.fromisoformat(said) - began) > timedelta(milliseconds=abs(ms) / 2)
    assert "clock-skewed" in flags and began <= when <= datetime.now(UTC)
    sets_clock(hand, 0)
    hand.sends()
    hand.sees(f"!{WRONG}")
    hand.opens("/field/tasks")
    ticks(hand, 2)


@pytest.mark.rule("W2")
def test_a_clock_that_is_put_back_between_two_taps_changes_no_order(hand, live):
    began = datetime.now(UTC)
    hand.enrols()
    hand.unlocks("ana")
    live.kill()
    sets_clock(hand, 10 * MINUTE)
    ticks(hand, 1)
    sets_clock(hand, 0)
    ticks(hand, 2)
    live.start()
    hand.sends()
    first, second = ticked(live)
    assert (first[0], second[0]) == (1, 2)
    assert first[1] == {"clock-jumped", "in-the-future"} and second[1] == set()
    assert datetime.fromisoformat(first[2]) > datetime.fromisoformat(second[2])
    assert began <= first[3] <= second[3] <= datetime.now(UTC)


@pytest.mark.rule("W1")
@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "America/New_York", "Pacific/Apia"])
def test_a_phone_in_another_zone_shows_the_day_of_the_estate(hand, live, zone, driver):
    hand.enrols()
    hand.unlocks("ana")
    here = hand.page.evaluate(ROWS)
    browser = launched(driver, env={**os.environ, "TZ": zone})
    away = Hand(profile(browser).new_page(), live)
    away.enrols()
    away.unlocks("ana")
    assert away.page.evaluate(ROWS) == here
    ticks(away, 1)
    away.sends()
    assert away.noise == []
    browser.close()
    ((_, flags, said, when),) = ticked(live)
    told = datetime.fromisoformat(said)
    assert told.utcoffset() == told.astimezone(ZoneInfo(zone)).utcoffset()
    assert abs(told - when) < timedelta(minutes=5) and flags == set()
