"""When a duty is due, compared with an independent computation day by day."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.protocol.clock import format_time
from sync.work.recurrence import UNTIL_NEXT, due_windows
from sync.work.schedules import Place, ScheduleAddPayload, expand_occurrences
from sync.work.standards_content import STANDARDS

ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "Pacific/Auckland")
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@dataclass(frozen=True)
class ScheduleStub:
    rrule: str | None = "FREQ=DAILY"
    window: str | None = "PT4H"
    tzid: str = "Asia/Shanghai"
    dtstart: datetime = datetime(2024, 1, 1, tzinfo=UTC)
    rdate: list = field(default_factory=list)
    exdate: list = field(default_factory=list)
    active: bool = True
    workdays_only: bool = False
    before: list = field(default_factory=list)
    area_kind: str = "stairwell"
    area_ids: list = field(default_factory=list)
    per_unit: bool = False
    id: str = "schedule"


@dataclass(frozen=True)
class PlainRecurrence:
    """A recurrence as a predicate on days, beside its RRULE."""

    rrule: str
    matches: object

    def days(self, first, last):
        span = (last - first).days + 1
        return [day for n in range(span) if self.matches(day := first + timedelta(days=n))]


def daily(hours):
    text = f"FREQ=DAILY;BYHOUR={','.join(map(str, hours))};BYMINUTE=0;BYSECOND=0"
    return PlainRecurrence(text, lambda _: True), hours


def weekly(days):
    text = f"FREQ=WEEKLY;BYDAY={','.join(DAYS[n] for n in days)}"
    return PlainRecurrence(text, lambda day: day.weekday() in days), [0]


def monthly(days):
    text = f"FREQ=MONTHLY;BYMONTHDAY={','.join(map(str, days))}"
    return PlainRecurrence(text, lambda day: day.day in days), [0]


def yearly(month, number):
    text = f"FREQ=YEARLY;BYMONTH={month};BYMONTHDAY={number}"
    return PlainRecurrence(text, lambda day: (day.month, day.day) == (month, number)), [0]


small_sets = lambda low, high: st.sets(st.integers(low, high), min_size=1, max_size=4).map(sorted)  # noqa: E731
RULES = st.one_of(
    small_sets(0, 23).map(daily),
    small_sets(0, 6).map(weekly),
    small_sets(1, 31).map(monthly),
    st.tuples(st.integers(1, 12), st.integers(1, 29)).map(lambda pair: yearly(*pair)),
)
CLOCK_CHANGES = (
    date(2026, 3, 8),
    date(2026, 3, 29),
    date(2026, 9, 27),
    date(2026, 10, 25),
    date(2026, 11, 1),
)
"""Days on which clocks are changed somewhere."""

DATES = st.sampled_from(CLOCK_CHANGES) | st.dates(date(2024, 1, 1), date(2028, 12, 31))


def local_to_utc(day, hour, zone):
    """The first instant whose local clock shows this hour or a later one, found by trying."""
    local = datetime.combine(day, time(hour))
    instant = datetime.combine(day, time(hour), UTC) - timedelta(hours=16)
    for _ in range(34 * 4):
        if instant.astimezone(zone).replace(tzinfo=None) >= local:
            return instant
        instant += timedelta(minutes=15)
    raise AssertionError(local)


def expected_windows(recurrence, hours, duty, start, end):
    """The expected windows, day by day, without the library that the product uses."""
    zone = ZoneInfo(duty.tzid)
    first, last = start.date() - timedelta(days=3), end.date() + timedelta(days=3)
    days = {(day, hour) for day in recurrence.days(first, last) for hour in hours}
    days |= {(date.fromisoformat(text), 0) for text in duty.rdate}
    days = {(day, hour) for day, hour in days if day.isoformat() not in duty.exdate}
    for day, hour in sorted(days):
        opening = local_to_utc(day, hour, zone)
        closing = opening + timedelta(hours=4)
        if first <= day <= last and opening < end and closing > start:
            yield opening, closing


@pytest.mark.rule("R5")
@given(RULES, st.sampled_from(ZONES), DATES, st.integers(1, 40), st.data())
def test_windows_of_every_rule_and_zone_match_the_expected_ones(
    rule, tzid, first_day, length, data
):
    recurrence, hours = rule
    zone = ZoneInfo(tzid)
    nearby_days = st.integers(-2, length + 2).map(
        lambda n: (first_day + timedelta(days=n)).isoformat()
    )
    rdate, exdate = (data.draw(st.lists(nearby_days, max_size=4, unique=True)) for _ in "ab")
    dtstart = datetime(2024, 1, 1, tzinfo=zone) - timedelta(days=30)
    duty = ScheduleStub(recurrence.rrule, tzid=tzid, dtstart=dtstart, rdate=rdate, exdate=exdate)
    start = datetime.combine(first_day, time(), zone).astimezone(UTC)
    end = start + timedelta(days=length)
    windows = list(due_windows(duty, start, end))
    assert windows == sorted(set(windows))
    assert windows == sorted(set(expected_windows(recurrence, hours, duty, start, end)))


@pytest.mark.parametrize(
    ("tzid", "day", "offset"),
    [
        ("Europe/Berlin", date(2026, 3, 29), timedelta(hours=1)),
        ("America/New_York", date(2026, 3, 8), timedelta(hours=-5)),
    ],
)
def test_a_skipped_hour_is_due_once_and_later(tzid, day, offset):
    duty = ScheduleStub("FREQ=DAILY;BYHOUR=2;BYMINUTE=0;BYSECOND=0", tzid=tzid)
    midnight = datetime.combine(day, time(), ZoneInfo(tzid))
    windows = list(due_windows(duty, midnight, midnight + timedelta(hours=12)))
    expected = datetime.combine(day, time(2), UTC) - offset
    assert [opening for opening, _ in windows] == [expected]


def test_a_repeated_hour_is_due_once():
    duty = ScheduleStub(
        "FREQ=DAILY;BYHOUR=2;BYMINUTE=0;BYSECOND=0", tzid="Europe/Berlin", window="PT30M"
    )
    midnight = datetime(2026, 10, 25, tzinfo=ZoneInfo("Europe/Berlin"))
    windows = list(due_windows(duty, midnight, midnight + timedelta(hours=12)))
    assert [opening for opening, _ in windows] == [datetime(2026, 10, 25, 0, tzinfo=UTC)]


def test_days_of_a_window_are_calendar_days_and_hours_are_elapsed_hours():
    berlin = ZoneInfo("Europe/Berlin")
    start = datetime(2026, 3, 29, tzinfo=berlin)
    for length, hours in (("P1D", 23), ("PT24H", 24)):
        duty = ScheduleStub(
            window=length, tzid="Europe/Berlin", dtstart=datetime(2026, 1, 1, tzinfo=berlin)
        )
        (window,) = [
            candidate
            for candidate in due_windows(duty, start, start + timedelta(hours=1))
            if candidate[0] >= start
        ]
        assert window[1] - window[0] == timedelta(hours=hours)


@pytest.mark.parametrize(("year", "days"), [(2027, 28), (2028, 29)])
def test_the_29th_of_february_is_due_in_leap_years_only(year, days):
    duty = ScheduleStub("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", window="P1D")
    first = datetime(year, 1, 1, tzinfo=UTC)
    assert len(list(due_windows(duty, first, first + timedelta(days=360)))) == (days == 29)


def test_a_chosen_day_that_the_rule_also_matches_counts_once():
    day = datetime(2026, 10, 1, tzinfo=ZoneInfo("Asia/Shanghai"))
    duty = ScheduleStub(dtstart=day - timedelta(days=9), rdate=["2026-10-01", "2026-10-01T00:00"])
    assert len(list(due_windows(duty, day, day + timedelta(hours=4)))) == 1


@pytest.mark.rule("R6")
def test_a_duty_of_working_days_is_not_due_on_days_off():
    day = datetime(2026, 10, 1, tzinfo=ZoneInfo("Asia/Shanghai"))
    days_off = {date(2026, 10, n) for n in (1, 2, 3, 4, 5, 6, 7, 11)}
    duty = ScheduleStub(dtstart=day, window="P1D", workdays_only=True)
    windows = due_windows(duty, day, day + timedelta(days=12), days_off)
    assert [opening.astimezone(SITE_ZONE).day for opening, _ in windows] == [8, 9, 10, 12]


SITE_ZONE = ZoneInfo("Asia/Shanghai")


@pytest.mark.rule("R8")
@given(st.integers(0, 20), st.integers(0, 20))
def test_a_change_leaves_earlier_occurrences_as_they_were(first, length):
    start = datetime(2026, 11, 1, tzinfo=SITE_ZONE).astimezone(UTC)
    since = start + timedelta(days=first)
    old = ScheduleStub(dtstart=start)
    terms = {name: getattr(old, name) for name in ("rrule", "rdate", "exdate", "window", "active")}
    past = {**terms, "workdays_only": False, "until": format_time(since)}
    new = replace(old, rrule="FREQ=WEEKLY;BYDAY=MO", before=[past])
    end = start + timedelta(days=first + length)
    openings = [opening for opening, _ in due_windows(new, start, end)]
    before = [opening for opening, _ in due_windows(old, start, end) if opening < since]
    assert [opening for opening in openings if opening < since] == before
    after = [opening.astimezone(SITE_ZONE).weekday() for opening in openings if opening >= since]
    assert set(after) <= {0}


NOVEMBER = [
    pytest.param("CL-01", 60, marks=pytest.mark.clause("C1")),
    pytest.param("CL-02", 5, marks=pytest.mark.clause("C2")),
    pytest.param("CL-03", 3, marks=pytest.mark.clause("C3")),
    pytest.param("CL-03b", 90, marks=pytest.mark.clause("C3")),
    pytest.param("CL-04", 30, marks=pytest.mark.clause("C3")),
    pytest.param("CL-05", 30, marks=pytest.mark.clause("C5")),
    pytest.param("CL-06", 5, marks=pytest.mark.clause("C6")),
    pytest.param("CL-07", 5, marks=pytest.mark.clause("C7")),
    pytest.param("CL-08", 1, marks=pytest.mark.clause("C8")),
    pytest.param("CL-09", 0, marks=pytest.mark.clause("C10")),
    pytest.param("FL-01", 0, marks=pytest.mark.clause("B2")),
]


@pytest.mark.rule("R2")
@pytest.mark.parametrize(("code", "number"), NOVEMBER)
def test_the_number_of_occurrences_in_november_2026_follows_the_rulebook(code, number):
    occurrences = [
        occurrence
        for occurrence in november_occurrences(code)
        if occurrence.window_start >= first_of(11)
    ]
    assert len(occurrences) == number


def first_of(month):
    return datetime(2026, month, 1, tzinfo=SITE_ZONE).astimezone(UTC)


def november_occurrences(code):
    """The occurrences of a standard at one place, whether it is active or not."""
    standard = next(candidate for candidate in STANDARDS if candidate["code"] == code)
    start = datetime(2026, 1, 1, tzinfo=SITE_ZONE)
    planned = ScheduleAddPayload().load(
        {**standard, "active": bool(standard["rrule"]), "dtstart": start.isoformat()}
    )
    duty = ScheduleStub(
        **{n: v for n, v in planned.items() if n in ScheduleStub.__dataclass_fields__}
    )
    home = "home" if duty.per_unit else None
    return expand_occurrences(
        duty, [Place("here", duty.area_kind, home)], first_of(11), first_of(12)
    )


@pytest.mark.clause("C1")
def test_morning_and_evening_are_two_tasks():
    first, second = [w for w in november_occurrences("CL-01") if w.window_start >= first_of(11)][:2]
    assert first.id != second.id
    assert first.window_end < second.window_start


@pytest.mark.clause("C2")
def test_bins_and_carts_are_two_items():
    standard = next(candidate for candidate in STANDARDS if candidate["code"] == "CL-02")
    assert [item["zh"] for item in standard["items"]] == ["垃圾箱", "垃圾车"]


def test_a_window_until_the_next_one_needs_a_next_occurrence():
    start = datetime(2026, 11, 1, tzinfo=UTC)
    once = ScheduleStub(None, window=UNTIL_NEXT, rdate=["2026-11-02"])
    assert list(due_windows(once, start, start + timedelta(days=9))) == []
    twice = replace(once, rdate=["2026-11-02", "2026-11-05"])
    assert len(list(due_windows(twice, start, start + timedelta(days=9)))) == 1
