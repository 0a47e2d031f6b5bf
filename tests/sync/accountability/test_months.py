"""Monthly closes: a month is closed once every missed task is decided."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import uuid4

import pytest

from sync import Quarantined, Refused, judge
from sync.accountability.months import month_bounds
from tests.sync.builders import BEN, NOON, make_op


def task(**more):
    empty = dict.fromkeys(
        ("done_at", "cancelled_at", "skipped_at", "disposition", "ticked", "planned_at")
    )
    return SimpleNamespace(**{**empty, **more})


def close_month(*tasks, month="2026-10", unspoken=0, missing=0, rounds=()):
    tasks_by_id = {str(uuid4()): task_ for task_ in tasks}
    rounds_by_id = {str(uuid4()): round_ for round_ in rounds}
    ids = [*tasks_by_id, *(str(uuid4()) for _ in range(missing))]
    payload = {"month": month, "tasks": ids, "rounds": [*rounds_by_id], "unspoken": unspoken}
    op = make_op("month.close", by=BEN, payload=payload)
    return judge("month", None, replace(op, related=tasks_by_id | rounds_by_id))


@pytest.mark.rule("A16")
@pytest.mark.clause("G10")
def test_a_month_with_an_undecided_missed_task_is_not_closed():
    decided = [task(disposition="reason"), task(disposition="case"), task(skipped_at=NOON)]
    assert close_month(*decided, task()) == Refused("misses-wait")
    assert close_month(*decided, missing=1) == Refused("misses-wait")
    others = [task(done_at=NOON), task(cancelled_at=NOON), task(ticked={"0": {}})]
    closed = close_month(*decided, *others)
    counts = dict.fromkeys(("cancelled", "case", "done", "partial", "reason", "skipped"), 1)
    assert closed.changes["counts"] == counts
    assert close_month().changes["counts"] == {}


@pytest.mark.rule("A16", "N9")
@pytest.mark.clause("G10")
def test_a_month_with_an_undecided_missed_checkpoint_is_not_closed():
    points = [{"checkpoint": name} for name in "abc"]
    scans = {"a": {"at": NOON.isoformat(), "flags": []}}
    facts = {
        "scans": scans,
        "skips": {"b": {"reason": "locked", "at": NOON.isoformat()}},
        "disposed": {},
    }
    window = {"window_start": NOON, "window_end": NOON, "planned_at": None}
    window["cancelled_at"] = None
    round_ = SimpleNamespace(points=points, **facts, **window)
    assert close_month(rounds=[round_]) == Refused("misses-wait")
    round_.disposed = {"c": {"disposition": "reason"}}
    closed = close_month(rounds=[round_])
    assert closed.changes["counts"] == {"point_reason": 1, "point_skipped": 1}


@pytest.mark.rule("A16")
def test_a_month_that_is_not_over_or_not_synced_is_not_closed():
    assert close_month(month="2026-11") == Refused("not-over")
    assert close_month(unspoken=1) == Refused("not-yet-known")
    for wrong in ("2026-13", "26-10", "October", "2026-10-01", "0000-01"):
        assert isinstance(close_month(month=wrong), Quarantined)


def test_a_month_begins_and_ends_in_local_time():
    first, last = month_bounds("2026-12")
    assert first == datetime(2026, 11, 30, 16, tzinfo=UTC)
    assert last == datetime(2026, 12, 31, 16, tzinfo=UTC)
