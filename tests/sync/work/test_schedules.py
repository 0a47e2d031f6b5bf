"""Schedules: how often a duty is due, where, and in which window."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise, takewhile
from time import process_time
from types import SimpleNamespace
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

from sync import KINDS
from sync.protocol.clock import parse_time
from sync.protocol.op import Accepted, Refused
from sync.protocol.refusals import refusal
from sync.work.recurrence import UNTIL_NEXT, due_windows, rule_times, window_length
from sync.work.schedules import (
    Place,
    ScheduleAddPayload,
    add,
    change,
    expand_occurrences,
)
from sync.work.standards_content import STANDARDS

SHANGHAI = ZoneInfo("Asia/Shanghai")
YEAR = datetime(2026, 1, 1, tzinfo=SHANGHAI)
STAIRS, OFFICE = Place("stairs", "stairwell"), Place("office", "office")
HOME, VACANT = Place("floor", "floor", "1203"), Place("floor", "floor", "1204", occupied=False)


@dataclass(frozen=True)
class ScheduleStub:
    area_kind: str = "stairwell"
    rrule: str | None = "FREQ=DAILY"
    window: str | None = "PT4H"
    per_unit: bool = False
    active: bool = True
    id: str = "schedule"
    dtstart: datetime = YEAR
    tzid: str = "Asia/Shanghai"
    area_ids: tuple[str, ...] = ()
    rdate: tuple[str, ...] = ()
    exdate: tuple[str, ...] = ()
    workdays_only: bool = False
    before: tuple[dict[str, object], ...] = ()


def day(month, number, hour=0):
    return datetime(2026, month, number, hour, tzinfo=SHANGHAI).astimezone(UTC)


def due_tasks(schedule, start, end, places=(STAIRS, OFFICE, HOME, VACANT)):
    return list(expand_occurrences(schedule, places, start, end))


@pytest.mark.rule("R1")
@given(st.integers(0, 300), st.integers(1, 20), st.sampled_from(STANDARDS))
def test_expanding_in_parts_gives_the_same_occurrences(first, length, standard):
    schedule = ScheduleStub(
        **{n: standard[n] for n in ("area_kind", "rrule", "window", "active")},
        per_unit=standard.get("per_unit", False),
    )
    start = YEAR + timedelta(days=first)
    middle, end = start + timedelta(days=length / 2), start + timedelta(days=length)
    whole = due_tasks(schedule, start, end)
    halves = [*due_tasks(schedule, start, middle), *due_tasks(schedule, middle, end)]
    assert {occurrence.id: occurrence for occurrence in whole} == {
        occurrence.id: occurrence for occurrence in halves
    }
    assert len({occurrence.id for occurrence in whole}) == len(whole)
    other = replace(schedule, id="another")
    assert not {occurrence.id for occurrence in due_tasks(other, start, end)} & {
        occurrence.id for occurrence in whole
    }


@pytest.mark.rule("R1")
def test_a_duty_is_due_at_areas_of_its_kind_or_chosen_areas():
    assert {
        occurrence.area_id for occurrence in due_tasks(ScheduleStub(), day(3, 1), day(3, 2))
    } == {"stairs"}
    chosen = ScheduleStub(area_ids=("office",))
    assert {occurrence.area_id for occurrence in due_tasks(chosen, day(3, 1), day(3, 2))} == {
        "office"
    }


@pytest.mark.rule("R1")
def test_hours_are_local_hours():
    twice = ScheduleStub(rrule="FREQ=DAILY;BYHOUR=6,18;BYMINUTE=0;BYSECOND=0")
    occurrences = due_tasks(twice, day(3, 1), day(3, 2))
    assert [occurrence.window_start for occurrence in occurrences] == [day(3, 1, 6), day(3, 1, 18)]
    assert [occurrence.window_end for occurrence in occurrences] == [day(3, 1, 10), day(3, 1, 22)]


@pytest.mark.rule("R2")
def test_every_day_of_a_week_is_in_the_same_weekly_window():
    weekly = ScheduleStub(rrule="FREQ=WEEKLY;BYDAY=MO", window="P7D")
    ids = {due_tasks(weekly, day(3, n), day(3, n + 1))[0].id for n in range(2, 9)}
    assert len(ids) == 1, "Monday 2 March to Sunday 8 March are one window"
    (week,) = due_tasks(weekly, day(3, 4), day(3, 5))
    assert (week.window_start, week.window_end) == (day(3, 2), day(3, 9))


@pytest.mark.rule("R2")
def test_windows_until_the_next_one_have_no_gaps_and_no_overlaps():
    thrice = ScheduleStub(rrule="FREQ=MONTHLY;BYMONTHDAY=1,11,21", window=UNTIL_NEXT)
    windows = list(due_windows(thrice, YEAR, YEAR + timedelta(days=365)))
    assert len(windows) == 36
    assert all(window[1] == following[0] for window, following in pairwise(windows))


@pytest.mark.rule("R3")
def test_a_duty_per_home_is_due_at_occupied_homes_only():
    doors = ScheduleStub(area_kind="unit_entrance", per_unit=True)
    assert [occurrence.unit_id for occurrence in due_tasks(doors, day(3, 1), day(3, 2))] == ["1203"]
    moved_in = replace(VACANT, occupied=True)
    both = due_tasks(doors, day(3, 1), day(3, 2), (HOME, moved_in))
    assert [occurrence.unit_id for occurrence in both] == ["1203", "1204"]


@pytest.mark.rule("R4")
def test_an_inactive_duty_or_one_without_interval_is_never_due():
    for schedule in (ScheduleStub(active=False), ScheduleStub(rrule=None)):
        assert due_tasks(schedule, YEAR, YEAR + timedelta(days=99)) == []


@pytest.mark.parametrize("wrong", ["", None, "4H", "P", "PT", "P1Y", "P-1D", "P7D ", "PT4H\n"])
def test_a_malformed_window_is_an_error(wrong):
    with pytest.raises(ValueError, match="A window is"):
        window_length(wrong)


def test_nothing_is_due_before_the_schedule_begins():
    later = ScheduleStub(dtstart=day(3, 10), id=str(uuid4()))
    assert due_tasks(later, day(3, 1), day(3, 10)) == []
    assert len(due_tasks(later, day(3, 10), day(3, 11))) == 1


@pytest.mark.rule("R4")
@pytest.mark.parametrize(
    "rrule",
    [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=SECONDLY",
        "FREQ=DAILY;COUNT=3",
        "FREQ=DAILY;UNTIL=20200101",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24))) + ";BYMINUTE=0,20,40",
        "every day",
        "",
    ],
)
def test_a_rule_that_never_or_too_often_matches_is_invalid(rrule):
    with pytest.raises(ValidationError):
        ScheduleAddPayload().load({**ADD_PAYLOAD, "rrule": rrule})


FRIDAY, LEAP_YEAR = "2026-11-27T00:00:00+08:00", "2028-01-31T00:00:00+08:00"
NEVER = [
    (FRIDAY, "FREQ=DAILY;INTERVAL=7;BYDAY=TH"),
    (FRIDAY, "FREQ=WEEKLY;INTERVAL=52;BYMONTH=1"),
    (FRIDAY, "FREQ=MONTHLY;INTERVAL=12;BYMONTH=2"),
    (FRIDAY, "FREQ=MONTHLY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=28"),
    (FRIDAY, "FREQ=YEARLY;INTERVAL=4;BYMONTH=2;BYMONTHDAY=29"),
    (FRIDAY, "FREQ=YEARLY;INTERVAL=1000;BYMONTH=1;BYMONTHDAY=2"),
    (FRIDAY, "FREQ=MONTHLY;INTERVAL=1200;BYMONTHDAY=1"),
    (FRIDAY, "FREQ=DAILY;INTERVAL=7;BYDAY=MO,TU;BYSETPOS=1"),
    (FRIDAY, "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6"),
    (LEAP_YEAR, "FREQ=MONTHLY;BYMONTH=4"),
    (LEAP_YEAR, "FREQ=YEARLY;BYMONTH=2,4,6"),
    ("2199-11-29T00:00:00+08:00", "FREQ=DAILY;INTERVAL=7;BYDAY=MO"),
]


def planned(kind, **fields):
    """The answer to an op that asks for a schedule to recur like this."""
    payload = KINDS[kind].payload().load(fields)
    op = SimpleNamespace(payload=payload, occurred_at=datetime(2026, 11, 28, tzinfo=UTC))
    if kind == "schedule.add":
        return add(None, op)
    return change(ScheduleStub(rrule=None, dtstart=parse_time(FRIDAY), active=False), op)


def refusal_of(rrule, first):
    """Why a schedule with a rule is refused, be it by its form or by the rules."""
    try:
        return planned("schedule.add", **ADD_PAYLOAD | {"dtstart": first, "rrule": rrule}).code
    except ValidationError as error:
        (message,) = error.messages["rrule"]
        return "never-due" if message == refusal("never-due") else message


@pytest.mark.rule("R11")
@pytest.mark.parametrize(("first", "rrule"), NEVER)
def test_a_rule_that_is_never_due_from_its_first_date_is_refused_at_once(first, rrule):
    began = process_time()
    assert refusal_of(rrule, first) == "never-due"
    stored = ScheduleStub(rrule=rrule, dtstart=parse_time(first))
    assert due_tasks(stored, day(3, 1), day(3, 10)) == []
    assert process_time() - began < 0.3


@pytest.mark.rule("R11")
def test_a_change_counts_the_interval_from_the_first_date():
    for rrule in ("FREQ=DAILY;INTERVAL=7;BYDAY=TH", "FREQ=DAILY;INTERVAL=5000"):
        assert planned("schedule.change", rrule=rrule) == Refused("never-due")
    fridays = planned("schedule.change", rrule="FREQ=DAILY;INTERVAL=7;BYDAY=FR")
    assert isinstance(fridays, Accepted)


@pytest.mark.rule("R5", "R11")
@settings(max_examples=40)
@given(
    st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
    st.integers(1, 6),
    st.sampled_from(
        ["", ";BYDAY=TU,SU", ";BYMONTHDAY=5,31", ";BYDAY=MO,WE;BYSETPOS=-1", ";WKST=SU"]
    ),
    st.datetimes(datetime(2024, 1, 1), datetime(2028, 12, 31)),  # noqa: DTZ001
)
def test_a_rule_with_an_interval_matches_as_the_library_says(freq, interval, by, first):
    rule, last = f"FREQ={freq};INTERVAL={interval}{by}", first + timedelta(days=3000)
    expected = takewhile(lambda moment: moment <= last, rrulestr(rule, dtstart=first))
    assert list(rule_times(rule, first, last)) == list(expected)


ADD_PAYLOAD = {
    "code": "X",
    "label": {"zh": "试", "en": "Try"},
    "area_kind": "gate",
    "window": "P1D",
    "dtstart": "2026-01-01T00:00:00+08:00",
}
