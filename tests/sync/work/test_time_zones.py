"""Clock changes and time zones: no occurrence is doubled or missed, and phone clocks are corrected.

The expected values are computed from nothing but the offsets of a zone at given moments.
"""

from __future__ import annotations

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
from tests.soak import repeats

EXAMPLES = settings(max_examples=repeats("time_zone_examples"))
ZONES = sorted(name for name in available_timezones() if "/" in name or name == "UTC")
FIRST, LAST = datetime(2024, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@dataclass
class ScheduleStub:
    """A duty of every day at one local hour."""

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
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None
    return offset


@cache
def clock_change_days(name: str) -> list[date]:
    """The days from 2024 to 2030 on which the clocks of a zone are changed."""
    zone, days = ZoneInfo(name), (LAST - FIRST) // DAY
    offsets = [utc_offset(zone, FIRST + n * DAY) for n in range(days + 1)]
    return [(FIRST + n * DAY).date() for n in range(days) if offsets[n] != offsets[n + 1]]


def expected_instant(zone: ZoneInfo, day: date, hour: time) -> datetime:
    """When clocks of the zone first show this time, or would show it without the clock change."""
    shown = datetime.combine(day, hour)
    approximate = shown.replace(tzinfo=UTC)
    before, after = (
        utc_offset(zone, approximate - 26 * 60 * MINUTE),
        utc_offset(zone, approximate + 26 * 60 * MINUTE),
    )
    candidates = [(shown - offset).replace(tzinfo=UTC) for offset in (before, after)]
    matching = [
        moment for moment in candidates if moment.astimezone(zone).replace(tzinfo=None) == shown
    ]
    return min(matching, default=candidates[0])


@st.composite
def zone_day_hours(draw):
    """A zone, a day near a change of its clocks if it has any, and an hour."""
    name = draw(st.sampled_from(ZONES))
    day = draw(st.sampled_from(clock_change_days(name) or [date(2026, 3, 8)]))
    return name, day, time(draw(st.integers(0, 23)), draw(st.sampled_from([0, 15, 30, 45])))


@pytest.mark.rule("R5")
@EXAMPLES
@given(zone_day_hours(), st.integers(1, 26))
def test_a_daily_duty_is_due_once_a_day_even_on_days_of_23_or_25_hours(place, hours):
    name, changed, hour = place
    zone, length = ZoneInfo(name), timedelta(hours=hours)
    days = [changed + n * DAY for n in range(-2, 4)]
    duty = ScheduleStub(expected_instant(zone, days[0], hour), name, f"PT{hours}H")
    windows = due_windows(duty, duty.dtstart, expected_instant(zone, days[-1], hour) + MINUTE)
    openings = [expected_instant(zone, day, hour) for day in days]
    assert list(windows) == [(opening, opening + length) for opening in openings]


@pytest.mark.rule("R5")
@EXAMPLES
@given(zone_day_hours(), st.integers(1, 3))
def test_a_window_of_days_ends_at_the_same_local_hour(place, days):
    name, changed, hour = place
    zone = ZoneInfo(name)
    first_days = [changed + n * DAY for n in range(-3, 3)]
    duty = ScheduleStub(expected_instant(zone, first_days[0], hour), name, f"P{days}D")
    windows = list(
        due_windows(duty, duty.dtstart, expected_instant(zone, first_days[-1], hour) + MINUTE)
    )
    ends = [expected_instant(zone, day + days * DAY, hour) for day in first_days]
    assert [closing for _, closing in windows] == ends


@st.composite
def clock_histories(draw):
    """When the ops of a phone happened, how wrong its clock was, and where the clock was
    changed."""
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
def test_corrected_times_are_right_however_wrong_the_phone_clock_is(shift, travelled_ms):
    seconds, error, jump, jump_index = shift
    true_times = [NOON + timedelta(seconds=s) for s in seconds]
    phone_times = [
        t + (error if n < jump_index else error + jump) for n, t in enumerate(true_times)
    ]
    ops = [
        {"id": str(n), "at": format_time(time_), "boot": "one", "mono": seconds[n] * 1000}
        for n, time_ in enumerate(phone_times)
    ]
    sent_at = true_times[-1] + timedelta(seconds=1)
    clock_error = error + (jump if jump_index < len(true_times) else timedelta())
    received_at = sent_at + timedelta(milliseconds=travelled_ms)
    moments = correct_times(ops, sent_at=sent_at + clock_error, received_at=received_at)
    corrected = [moments[op["id"]] for op in ops]
    assert all(
        abs(m.occurred_at - t) <= 2 * NETWORK_TOLERANCE
        for m, t in zip(corrected, true_times, strict=True)
    )
    assert all(moment.occurred_at <= received_at for moment in corrected)
    assert [m.occurred_at for m in corrected] == sorted(m.occurred_at for m in corrected)
    if abs(clock_error) > SKEW_THRESHOLD + NETWORK_TOLERANCE:
        assert all("clock-skewed" in moment.flags for moment in corrected)
