"""Tasks: what counts as done, by whom, and what a late tick changes."""

import itertools

import pytest

from sync import Accepted, Contested, Quarantined, Refused
from tests.sync.builders import ANA, BEN, NOON, InMemoryRecord, make_op, planned_task


@pytest.mark.rule("T1")
def test_a_planned_task_has_its_window():
    task = planned_task()
    assert task.row.window_start < NOON < task.row.window_end
    assert task.row.window_start.utcoffset().total_seconds() == 8 * 3600


@pytest.mark.rule("T2")
def test_a_tick_is_never_refused():
    task = planned_task()
    for delay in (0, 60 * 24 * 30):
        assert isinstance(task.apply(make_op("task.complete", delay_minutes=delay)), Accepted)


@pytest.mark.rule("T3")
def test_a_tick_after_a_cancellation_is_stored_and_flagged():
    task = planned_task()
    task.apply(make_op("task.cancel", by=BEN, payload={"reason": "rain"}))
    tick = task.apply(make_op("task.complete", minutes=5))
    assert tick.flag == "done-after-cancel"
    assert task.row.done_by_id == ANA
    assert tick.proposal["cancelled_at"] is None


@pytest.mark.rule("T4")
def test_only_the_author_takes_back_a_tick():
    task = planned_task()
    task.apply(make_op("task.complete", by=ANA))
    task.apply(make_op("task.undo", by=BEN, minutes=1))
    assert task.row.done_by_id == ANA
    task.apply(make_op("task.undo", by=ANA, minutes=2))
    assert task.row.done_at is None


@pytest.mark.rule("T5")
def test_a_skip_needs_a_reason_and_does_not_replace_done_work():
    task = planned_task()
    assert task.apply(make_op("task.skip")) == Quarantined("malformed")
    task.apply(make_op("task.complete"))
    skip = task.apply(make_op("task.skip", by=BEN, minutes=1, payload={"reason": "door locked"}))
    assert skip.flag == "skipped-though-done"
    assert task.row.done_by_id == ANA


@pytest.mark.rule("T6")
def test_a_done_or_cancelled_task_cannot_be_cancelled():
    task = planned_task()
    task.apply(make_op("task.complete"))
    assert task.apply(make_op("task.cancel", payload={"reason": "x"})) == Refused("already-done")
    other = planned_task()
    other.apply(make_op("task.cancel", payload={"reason": "x"}))
    assert other.apply(make_op("task.cancel", payload={"reason": "x"})) == Refused(
        "already-cancelled"
    )


@pytest.mark.rule("M3")
def test_a_cancellation_that_had_not_seen_the_tick_is_contested():
    task = planned_task()
    task.apply(make_op("task.complete"))
    verdict = task.apply(make_op("task.cancel", by=BEN, payload={"reason": "x"}, base=1))
    assert isinstance(verdict, Contested)
    assert verdict.rule == "unseen-fact"
    assert task.row.cancelled_at is None


@pytest.mark.rule("T7")
def test_a_correction_writes_only_the_fields_that_it_names():
    task = planned_task()
    task.apply(make_op("task.complete"))
    task.apply(make_op("task.amend", payload={"note": "seen on the spot"}))
    assert task.row.note == "seen on the spot"
    assert task.row.done_by_id == ANA
    assert task.apply(make_op("task.amend", payload={"done_at": None})) == Quarantined("malformed")


@pytest.mark.rule("T8")
@pytest.mark.rule("L1")
def test_the_earliest_tick_is_credited_in_any_order_of_arrival():
    facts = [
        make_op("task.complete", by=BEN, minutes=5),
        make_op("task.complete", by=ANA, minutes=3, payload={"note": "wet floor"}),
        make_op("task.undo", by=BEN, minutes=6),
        make_op("task.complete", by=BEN, minutes=8),
        make_op("task.skip", by=BEN, minutes=1, payload={"reason": "locked"}),
    ]
    outcomes = set()
    for order in itertools.permutations(facts):
        task = planned_task()
        for fact in order:
            task.apply(fact)
        row = task.row
        outcomes.add((row.done_by_id, row.done_at, tuple(row.helper_ids), row.note))
        assert row.skip_reason is None or row.done_at
    assert outcomes == {(ANA, facts[1].occurred_at, (BEN,), "wet floor")}


def test_a_tick_of_an_unknown_task_is_quarantined():
    assert InMemoryRecord("task").apply(make_op("task.complete")) == Quarantined("no-such-record")
