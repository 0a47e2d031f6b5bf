"""The monthly disclosure: every task counted once, in its month, with one outcome."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.accountability.disclosure import (
    OUTCOME_COLUMNS,
    ServiceReport,
    month_bounds,
    monthly_disclosure,
)

NOVEMBER = date(2026, 11, 1)
START, END = month_bounds(NOVEMBER)
NOW = END + timedelta(days=3)


def standard(id_, active=True):
    return SimpleNamespace(id=id_, code=id_, active=active, responsible_id=None)


def task(schedule_id, end, *, done_at=None, **more):
    empty = dict.fromkeys(
        ("done_at", "done_received_at", "skipped_at", "cancelled_at", "disposition", "planned_at")
    )
    fixed = {
        "schedule_id": schedule_id,
        "area_id": "a",
        "id": "t",
        "grace": 0,
        "ticked": {},
        "planned_at": None,
    }
    window = {"window_start": end - timedelta(hours=4), "window_end": end, "responsible_id": None}
    return SimpleNamespace(**{**empty, **fixed, **window, "done_at": done_at, **more})


def make_disclosure(tasks, standards=(), phones=(), now=NOW, inspections=(), opened=(), closed=()):
    tickets = {"opened": opened, "closed": closed}
    return monthly_disclosure(NOVEMBER, standards, tasks, phones, inspections, tickets, now)


@pytest.mark.rule("G1")
def test_a_month_ends_at_local_midnight():
    assert datetime(2026, 10, 31, 16, tzinfo=UTC) == START
    assert datetime(2026, 11, 30, 16, tzinfo=UTC) == END
    assert month_bounds(date(2026, 12, 31))[1] == datetime(2026, 12, 31, 16, tzinfo=UTC)
    (service,) = make_disclosure([task("s", END), task("s", START)], [standard("s")]).services
    assert service.planned == 1


@pytest.mark.rule("G1")
def test_each_task_is_counted_under_its_schedule_by_outcome():
    at = START + timedelta(days=2)
    silent_phone = SimpleNamespace(
        **{"enrolled_at": START, "clear_at": at, "revoked_at": None, "lost_at": None}
    )
    tasks = [
        task("s", at, done_at=at - timedelta(hours=1)),
        task("s", at, done_at=at + timedelta(hours=1)),
        task("s", at, skipped_at=at),
        task("s", at, cancelled_at=at),
        task("s", at),
        task("s", at, ticked={"0": {}}),
        task("s", at + timedelta(days=1)),
        task(None, at, done_at=at),
    ]
    disclosure = make_disclosure(
        tasks, [standard("s"), standard("idle"), standard("off", active=False)], [silent_phone]
    )
    service, idle = disclosure.services
    expected = {"done": 1, "done_late": 1, "partial": 1, "skipped": 1, "missed": 1, "unknown": 1}
    assert dict(service.counts) == expected
    assert (service.planned, service.on_time_per_mille) == (6, 200)
    assert (idle.planned, idle.on_time_per_mille, disclosure.unscheduled) == (
        0,
        None,
        Counter(done=1),
    )


@pytest.mark.rule("G1")
def test_inspections_and_tickets_are_counted_without_details():
    ticket = SimpleNamespace(matter="complaint", details="Mrs Lin", contact="13800")
    fields = {"id": "i", "slot": "s", "of_self": False, "official_at": None, "score": 750}
    fields |= {"gained": 3, "possible": 4, "code": "IT-01"}
    inspections = [SimpleNamespace(**fields, inspected_at=moment) for moment in (START, END)]
    disclosure = make_disclosure(
        [], inspections=inspections[:1], opened=[ticket, ticket], closed=[ticket]
    )
    assert (disclosure.opened_by_matter, disclosure.closed_count) == (Counter(complaint=2), 1)
    assert [(series.key, series.mean) for series in disclosure.scores] == [("IT-01", 750)]
    assert "13800" not in repr(disclosure) and "Mrs Lin" not in repr(disclosure)
    assert make_disclosure([], inspections=inspections[1:]).scores == []


TIMES = st.integers(-40, 900).map(lambda hours: START + timedelta(hours=hours))
TASKS = st.lists(
    st.builds(
        lambda schedule, end, done, cancelled: task(
            schedule, end, done_at=done, cancelled_at=end if cancelled else None
        ),
        st.sampled_from(["s", "r", None]),
        TIMES,
        st.none() | TIMES,
        st.booleans(),
    ),
    max_size=20,
)


@pytest.mark.rule("G1")
@settings(max_examples=60)
@given(TASKS, TIMES)
def test_every_planned_task_is_counted_once(tasks, now):
    disclosure = make_disclosure(tasks, [standard("s"), standard("r")], now=now)
    counted = (
        sum(service.planned for service in disclosure.services) + disclosure.unscheduled.total()
    )
    assert counted == sum(1 for t in tasks if START < t.window_end <= END and not t.cancelled_at)
    for service in disclosure.services:
        assert set(service.counts) <= set(OUTCOME_COLUMNS)
        assert service.on_time_per_mille is None or 0 <= service.on_time_per_mille <= 1000


def test_the_rate_is_none_without_known_outcomes():
    assert ServiceReport(standard("s"), Counter(open=3, unknown=1)).on_time_per_mille is None
