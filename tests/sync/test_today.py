"""Today's board: one word for each task, and none before the phones have spoken."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sync.today import UNFINISHED, board, could_hold, silent, unsent, verdict

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def at(hours):
    return NOON + timedelta(hours=hours)


@dataclass(frozen=True)
class Task:
    id: str = "task"
    area_id: str = "stairs"
    responsible_id: str | None = "ana"
    window_start: datetime = at(-4)
    window_end: datetime = NOON
    done_at: datetime | None = None
    done_received_at: datetime | None = None
    skipped_at: datetime | None = None
    cancelled_at: datetime | None = None


@dataclass(frozen=True)
class Phone:
    id: str = "phone"
    label: str = "Basement"
    enrolled_at: datetime = at(-99)
    revoked_at: datetime | None = None
    lost_at: datetime | None = None
    seen_at: datetime | None = at(-1)
    clear_at: datetime | None = at(-1)
    report: dict[str, Any] | None = None


SPOKEN = Phone(seen_at=at(1), clear_at=at(1))


@pytest.mark.rule("D1")
@pytest.mark.parametrize(
    ("done", "received", "word"),
    [
        (-1, -1, "done"),
        (-0.1, 0.2, "done"),
        (-1, 5, "sent_late"),
        (0, 0, "done"),
        (0.01, 0.01, "done_late"),
        (3, 9, "done_late"),
    ],
)
def test_done_in_the_window_is_done_however_late_it_was_sent(done, received, word):
    task = Task(done_at=at(done), done_received_at=at(received))
    assert verdict(task, [Phone()], at(10)) == word
    assert word not in UNFINISHED


@pytest.mark.rule("D2")
def test_before_the_window_ends_a_task_is_open():
    assert verdict(Task(), [Phone()], at(-0.01)) == "open"
    assert verdict(Task(), [], at(-0.01)) == "open"


@pytest.mark.rule("D2")
def test_no_task_is_missed_while_a_phone_could_hold_its_tick():
    assert verdict(Task(), [SPOKEN, Phone()], at(2)) == "unknown"
    assert verdict(Task(), [SPOKEN, SPOKEN], at(2)) == "missed"
    assert verdict(Task(), [], at(2)) == "missed"


@pytest.mark.rule("D2")
@pytest.mark.parametrize(
    ("phone", "may"),
    [
        (Phone(clear_at=None), True),
        (Phone(clear_at=at(-0.01)), True),
        (Phone(clear_at=at(0)), False),
        (Phone(seen_at=at(2)), True),  # it spoke, but held something back
        (Phone(enrolled_at=at(1), clear_at=None), False),
    ],
)
def test_a_phone_is_clear_of_a_task_only_when_all_that_it_made_is_here(phone, may):
    assert could_hold(phone, Task()) is may


@pytest.mark.rule("D2")
def test_a_lost_phone_is_not_waited_for():
    lost = replace(Phone(), lost_at=at(1))
    assert board([Task()], [lost, SPOKEN], at(2)).counts == {"missed": 1}


@pytest.mark.rule("D3")
def test_a_silent_phone_is_named():
    assert silent([Phone(seen_at=at(-2.1))], NOON)
    assert silent([Phone(seen_at=None)], NOON)
    assert not silent([Phone()], NOON)


@pytest.mark.rule("D3")
def test_a_phone_that_holds_something_back_is_named_with_how_much():
    holding = Phone(report={"pending": {"task.complete": 2, "visit.arrive": 1}})
    assert silent([holding, Phone()], NOON) == [holding]
    assert unsent(holding) == 3


def test_the_board_shows_the_word_that_asks_most_for_a_look():
    tasks = [Task(id="1", done_at=at(-1)), Task(id="2"), Task(id="3", cancelled_at=at(-1))]
    seen = board(tasks, [SPOKEN], at(2))
    (cell,) = (cell for row in seen.areas.values() for cell in row.values())
    assert (cell.word, cell.finished) == ("missed", 2)
    assert (seen.unfinished, seen.windows) == (1, [(at(-4), NOON)])


def test_the_board_says_when_time_alone_will_change_it():
    assert board([Task()], [], at(-0.1)).turns_at == NOON
    assert board([Task()], [], at(1)).turns_at == at(1) + timedelta(minutes=10)
