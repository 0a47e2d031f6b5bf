"""Clocks and zones: no day doubled or missed where clocks are changed, and no phone's clock rules.

What is expected is reckoned apart, from nothing but the offsets that a zone has at given moments.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.protocol.clock import NETWORK_TOLERANCE, SKEW_THRESHOLD, correct_times, format_time
from sync.work.recurrence import due_windows

EXAMPLES = settings(max_examples=int(os.environ.get("LODGE_ZONES", "250")), deadline=None)
ZONES = sorted(name for name in available_timezones() if "/" in name or name == "UTC")
FIRST, LAST = datetime(2024, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@dataclass
class ScheduleStub:
    """Every day at one hour of the site's clocks."""

    dtstart: datetime
    tzid: str
    window: str
    rrule: str | None = "FREQ=DAILY"
    rdate: list[str] = field(default_factory=list)
    exdate: list[str] = field(default_factory=list)
    active: bool = True
    workdays_only: bool = False
    before: list[dict[str, Any]] = field(default_factory=list)


def utc_offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    found = moment.astimezone(zone).utcoffset()
    assert found is not None
    return found


@cache
def clock_change_days(name: str) -> list[date]:
    """The days from 2024 to 2030 on which clocks of a zone are changed."""
    zone, days = ZoneInfo(name), (LAST - FIRST) // DAY
    offsets = [utc_offset(zone, FIRST + n * DAY) for n in range(days + 1)]
    return [(FIRST + n * DAY).date() for n in range(days) if offsets[n] != offsets[n + 1]]


def expected_instant(zone: ZoneInfo, day: date, hour: time) -> datetime:
    """When clocks of the zone first show this; or would, had they not been put forward."""
    shown = datetime.combine(day, hour)
    near = shown.replace(tzinfo=UTC)
    before, after = (
        utc_offset(zone, near - 26 * 60 * MINUTE),
        utc_offset(zone, near + 26 * 60 * MINUTE),
    )
    both = [(shown - gap).replace(tzinfo=UTC) for gap in (before, after)]
    shows = [moment for moment in both if moment.astimezone(zone).replace(tzinfo=None) == shown]
    return min(shows, default=both[0])


@st.composite
def zone_day_hours(draw):
    """A zone, a day near a change of its clocks if it has any, and an hour."""
    name = draw(st.sampled_from(ZONES))
    day = draw(st.sampled_from(clock_change_days(name) or [date(2026, 3, 8)]))
    return name, day, time(draw(st.integers(0, 23)), draw(st.sampled_from([0, 15, 30, 45])))


@pytest.mark.rule("R5")
@EXAMPLES
@given(zone_day_hours(), st.integers(1, 26))
def test_a_daily_duty_comes_once_a_day_where_days_have_23_or_25_hours(place, hours):
    name, changed, hour = place
    zone, length = ZoneInfo(name), timedelta(hours=hours)
    days = [changed + n * DAY for n in range(-2, 4)]
    duty = ScheduleStub(expected_instant(zone, days[0], hour), name, f"PT{hours}H")
    found = due_windows(duty, duty.dtstart, expected_instant(zone, days[-1], hour) + MINUTE)
    openings = [expected_instant(zone, day, hour) for day in days]
    assert list(found) == [(opening, opening + length) for opening in openings]


@pytest.mark.rule("R5")
@EXAMPLES
@given(zone_day_hours(), st.integers(1, 3))
def test_a_window_of_days_ends_at_the_same_hour_however_many_hours_that_are(place, days):
    name, changed, hour = place
    zone = ZoneInfo(name)
    begun = [changed + n * DAY for n in range(-3, 3)]
    duty = ScheduleStub(expected_instant(zone, begun[0], hour), name, f"P{days}D")
    found = list(due_windows(duty, duty.dtstart, expected_instant(zone, begun[-1], hour) + MINUTE))
    ends = [expected_instant(zone, day + days * DAY, hour) for day in begun]
    assert [closing for _, closing in found] == ends


@st.composite
def clock_histories(draw):
    """A phone's day: when its ops truly happened, how wrong its clock was, and where it jumped."""
    seconds = sorted(draw(st.lists(st.integers(0, 30_000), min_size=1, max_size=8, unique=True)))
    wrong = st.integers(-400 * 86_400, 400 * 86_400).map(lambda s: timedelta(seconds=s))
    return (
        seconds,
        draw(wrong),
        draw(st.one_of(st.just(timedelta()), wrong)),
        draw(st.integers(0, len(seconds))),
    )


NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)


@pytest.mark.rule("W1", "W2")
@EXAMPLES
@given(clock_histories(), st.integers(0, 4_000))
def test_what_a_phone_did_is_timed_right_however_wrong_its_clock_is(shift, travelled_ms):
    seconds, wrong, jump, at = shift
    true = [NOON + timedelta(seconds=s) for s in seconds]
    shown = [t + (wrong if n < at else wrong + jump) for n, t in enumerate(true)]
    ops = [
        {"id": str(n), "at": format_time(said), "boot": "one", "mono": seconds[n] * 1000}
        for n, said in enumerate(shown)
    ]
    sent = true[-1] + timedelta(seconds=1)
    showing = wrong + (jump if at < len(true) else timedelta())
    received = sent + timedelta(milliseconds=travelled_ms)
    moments = correct_times(ops, sent_at=sent + showing, received_at=received)
    found = [moments[op["id"]] for op in ops]
    assert all(
        abs(m.occurred_at - t) <= 2 * NETWORK_TOLERANCE for m, t in zip(found, true, strict=True)
    )
    assert all(moment.occurred_at <= received for moment in found)
    assert [m.occurred_at for m in found] == sorted(m.occurred_at for m in found)
    if abs(showing) > SKEW_THRESHOLD + NETWORK_TOLERANCE:
        assert all("clock-skewed" in moment.flags for moment in found)
