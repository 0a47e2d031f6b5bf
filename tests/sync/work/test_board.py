"""The board: the status of each task, and which phones it waits for."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.protocol.clock import correct_times
from sync.work.board import (
    UNFINISHED_STATUSES,
    build_board,
    hourly_timeline,
    may_hold_unsent,
    silent_phones,
    task_status,
    undisposed_misses,
    unsent_count,
)
from tests.sync.builders import make_op, planned_task

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def hours_from_noon(hours):
    return NOON + timedelta(hours=hours)


@dataclass(frozen=True)
class TaskStub:
    id: str = "task"
    area_id: str = "stairs"
    responsible_id: str | None = "ana"
    window_start: datetime = hours_from_noon(-4)
    window_end: datetime = NOON
    planned_at: datetime | None = None
    grace: int = 0
    ticked: dict[str, Any] = field(default_factory=dict)
    done_at: datetime | None = None
    done_received_at: datetime | None = None
    skipped_at: datetime | None = None
    cancelled_at: datetime | None = None
    disposition: str | None = None


@dataclass(frozen=True)
class DeviceStub:
    id: str = "phone"
    label: str = "Basement"
    enrolled_at: datetime = hours_from_noon(-99)
    revoked_at: datetime | None = None
    lost_at: datetime | None = None
    seen_at: datetime | None = hours_from_noon(-1)
    clear_at: datetime | None = hours_from_noon(-1)
    report: dict[str, Any] | None = None


SYNCED_PHONE = DeviceStub(seen_at=hours_from_noon(1), clear_at=hours_from_noon(1))


@pytest.mark.rule("D1")
@pytest.mark.parametrize(
    ("done", "received", "status"),
    [
        (-1, -1, "done"),
        (-0.1, 0.2, "done"),
        (-1, 5, "sent_late"),
        (0, 0, "done"),
        (0.01, 0.01, "done_late"),
        (3, 9, "done_late"),
    ],
)
def test_work_done_in_the_window_is_done_however_late_it_was_sent(done, received, status):
    task = TaskStub(done_at=hours_from_noon(done), done_received_at=hours_from_noon(received))
    assert task_status(task, [DeviceStub()], hours_from_noon(10)) == status
    assert status not in UNFINISHED_STATUSES


@pytest.mark.rule("D2")
def test_a_task_is_open_before_its_window_ends():
    assert task_status(TaskStub(), [DeviceStub()], hours_from_noon(-0.01)) == "open"
    assert task_status(TaskStub(), [], hours_from_noon(-0.01)) == "open"


@pytest.mark.rule("D2")
def test_no_task_is_missed_while_a_phone_may_hold_its_tick():
    assert task_status(TaskStub(), [SYNCED_PHONE, DeviceStub()], hours_from_noon(2)) == "unknown"
    assert task_status(TaskStub(), [SYNCED_PHONE, SYNCED_PHONE], hours_from_noon(2)) == "missed"
    assert task_status(TaskStub(), [], hours_from_noon(2)) == "missed"


@pytest.mark.rule("D2")
@pytest.mark.parametrize(
    ("phone", "may"),
    [
        (DeviceStub(clear_at=None), True),
        (DeviceStub(clear_at=hours_from_noon(-0.01)), True),
        (DeviceStub(clear_at=hours_from_noon(0)), False),
        (DeviceStub(seen_at=hours_from_noon(2)), True),  # in contact, but with unsent ops
        (DeviceStub(enrolled_at=hours_from_noon(1), clear_at=None), False),
    ],
)
def test_a_phone_may_hold_a_tick_until_it_has_sent_everything(phone, may):
    assert may_hold_unsent(phone, TaskStub().window_end) is may


@pytest.mark.rule("D2")
def test_a_lost_phone_is_ignored():
    lost = replace(DeviceStub(), lost_at=hours_from_noon(1))
    assert build_board([TaskStub()], [lost, SYNCED_PHONE], hours_from_noon(2)).status_counts == {
        "missed": 1
    }


@pytest.mark.rule("D3")
def test_a_silent_phone_is_listed():
    assert silent_phones([DeviceStub(seen_at=hours_from_noon(-2.1))], NOON)
    assert silent_phones([DeviceStub(seen_at=None)], NOON)
    assert not silent_phones([DeviceStub()], NOON)


@pytest.mark.rule("D3")
def test_a_phone_with_unsent_ops_is_listed_with_their_number():
    phone = DeviceStub(report={"pending": {"task.complete": 2, "visit.arrive": 1}})
    assert silent_phones([phone, DeviceStub()], NOON) == [phone]
    assert unsent_count(phone) == 3


def test_a_cell_shows_its_most_urgent_status():
    tasks = [
        TaskStub(id="1", done_at=hours_from_noon(-1)),
        TaskStub(id="2"),
        TaskStub(id="3", cancelled_at=hours_from_noon(-1)),
    ]
    board = build_board(tasks, [SYNCED_PHONE], hours_from_noon(2))
    (cell,) = (cell for row in board.cells.values() for cell in row.values())
    assert (cell.worst_status, cell.finished_count) == ("missed", 2)
    assert (board.unfinished_count, board.windows) == (1, [(hours_from_noon(-4), NOON)])


def test_the_board_states_when_it_changes_next():
    assert build_board([TaskStub()], [], hours_from_noon(-0.1)).changes_at == NOON
    assert build_board([TaskStub()], [], hours_from_noon(1)).changes_at == hours_from_noon(
        1
    ) + timedelta(minutes=10)


@pytest.mark.rule("D4", "T11")
def test_nothing_is_late_or_missed_within_the_grace_period():
    task = TaskStub(grace=30)
    assert task_status(task, [SYNCED_PHONE], hours_from_noon(0.4)) == "open"
    assert task_status(task, [SYNCED_PHONE], hours_from_noon(0.5)) == "missed"
    assert (
        task_status(replace(task, done_at=hours_from_noon(0.5)), [], hours_from_noon(1)) == "done"
    )
    assert (
        task_status(replace(task, done_at=hours_from_noon(0.51)), [], hours_from_noon(1))
        == "done_late"
    )


@pytest.mark.rule("D4")
@pytest.mark.clause("C2")
def test_a_partly_ticked_task_is_partial_unless_the_rest_is_unknown():
    task = TaskStub(ticked={"0": {}})
    assert task_status(task, [DeviceStub()], hours_from_noon(-1)) == "partial"
    assert task_status(task, [DeviceStub()], hours_from_noon(1)) == "unknown"
    assert task_status(task, [SYNCED_PHONE], hours_from_noon(1)) == "partial"


@pytest.mark.rule("D5")
def test_a_missed_task_is_listed_until_it_is_decided():
    done, skipped = TaskStub(done_at=hours_from_noon(-1)), TaskStub(skipped_at=hours_from_noon(-1))
    decided = TaskStub(disposition="made_good")
    assert undisposed_misses(
        [TaskStub(), done, skipped, decided], [SYNCED_PHONE], hours_from_noon(2)
    ) == [TaskStub()]
    assert undisposed_misses([TaskStub()], [DeviceStub()], hours_from_noon(2)) == []


@pytest.mark.rule("D6")
def test_the_timeline_counts_tasks_by_area_and_hour():
    tasks = [
        TaskStub(done_at=hours_from_noon(-3.5)),
        TaskStub(
            window_start=hours_from_noon(-1.5),
            window_end=hours_from_noon(-0.5),
            done_at=hours_from_noon(0.5),
        ),
        TaskStub(window_start=hours_from_noon(-40), done_at=hours_from_noon(-3.2)),
        TaskStub(area_id="gate", cancelled_at=hours_from_noon(-3)),
    ]
    rows = hourly_timeline(tasks, hours_from_noon(-4), hours_from_noon(2))
    assert [slot.due for slot in rows["stairs"]] == [1, 1, 2, 2, 0, 0]
    assert [slot.done for slot in rows["stairs"]] == [2, 0, 0, 0, 1, 0]
    assert [slot.late for slot in rows["stairs"]] == [0, 0, 0, 0, 1, 0]
    assert not any(slot.due for slot in rows["gate"])


HOURS = st.integers(-30, 30)
PHONES = st.lists(
    st.builds(
        lambda enrolled, clear, inactive, lost: DeviceStub(
            enrolled_at=hours_from_noon(enrolled),
            clear_at=None if clear is None else hours_from_noon(clear),
            revoked_at=hours_from_noon(inactive) if inactive and not lost else None,
            lost_at=hours_from_noon(inactive) if inactive and lost else None,
        ),
        HOURS,
        st.none() | HOURS,
        st.none() | HOURS,
        st.booleans(),
    ),
    max_size=5,
)


@pytest.mark.rule("D2", "D4")
@given(PHONES, st.integers(0, 180), HOURS)
def test_missed_means_that_no_phone_can_still_bring_the_tick(phones, grace, hour):
    task, now = TaskStub(grace=grace), hours_from_noon(hour)
    deadline = NOON + timedelta(minutes=grace)
    possible_phones = [
        phone
        for phone in phones
        if not phone.lost_at and not phone.revoked_at and phone.enrolled_at < deadline
        if phone.clear_at is None or phone.clear_at < deadline
    ]
    counts = build_board([task], phones, now).status_counts
    expected = "open" if now < deadline else "unknown" if possible_phones else "missed"
    assert counts == {expected: 1}
    assert bool(undisposed_misses([task], phones, now)) == (expected == "missed")


TICKS = st.lists(st.tuples(st.integers(-239, 200), st.integers(0, 5000)), min_size=1, max_size=5)


@pytest.mark.rule("D1", "T12")
@given(TICKS, PHONES, st.integers(0, 60), st.booleans(), st.randoms(use_true_random=False))
def test_a_late_tick_replaces_a_miss_in_any_order_of_arrival(ticks, phones, grace, decided, dice):
    facts = [
        replace(make_op("task.complete", minutes=minutes, delay_minutes=late), by=f"{n:036}")
        for n, (minutes, late) in enumerate(ticks)
    ]
    dice.shuffle(facts)
    record = planned_task(window_end=NOON.isoformat(), grace=grace)
    disposition = {"disposition": "made_good"}
    if decided:
        record.apply(make_op("task.dispose", minutes=61, payload=disposition))
    for fact in facts:
        record.apply(fact)
        status = task_status(record.row, phones, hours_from_noon(99))
        assert status in ("done", "sent_late", "done_late")
    assert record.row.disposition == ("made_good" if decided else None)
    in_time = any(minutes <= grace for minutes, _ in ticks)
    assert (status != "done_late") == in_time
    assert undisposed_misses([record.row], phones, hours_from_noon(99)) == []


@pytest.mark.rule("T12", "W1")
@given(st.integers(-600, 600), st.integers(-240, 240), st.integers(0, 3000), st.integers(0, 3000))
def test_punctuality_depends_on_the_corrected_time_alone(clock_error, minutes, wait, extra_wait):
    """The same tap gives the same result with a wrong clock and after a wait of any length."""
    results = set()
    for minutes_off, delay in ((0, wait), (clock_error, wait), (clock_error, wait + extra_wait)):
        done_at = NOON + timedelta(minutes=minutes)
        sent_at = done_at + timedelta(minutes=delay)
        offset = timedelta(minutes=minutes_off)
        op = {"id": "x", "at": (done_at + offset).isoformat()}
        corrected = correct_times([op], sent_at=sent_at + offset, received_at=sent_at)["x"]
        assert corrected.occurred_at == done_at
        assert ("clock-skewed" in corrected.flags) == (abs(offset) > timedelta(minutes=5))
        task = TaskStub(done_at=corrected.occurred_at, done_received_at=sent_at)
        results.add(task_status(task, [], hours_from_noon(999)) == "done_late")
    assert results == {minutes > 0}
