"""The jobs of the server hold the write lock in short pieces, however much there is to do.

The measure is the processor time between begin and commit, compared with that of the largest push
that a phone may send: a push and a job wait for each other equally long.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, update

from server.db.engine import db, write_transaction
from server.jobs import retention, scheduler
from server.jobs.compaction import compact_feed
from server.maintenance.backup import create_backup
from server.models.visits import Visit
from server.oplog.receive import make_op, submit_many
from sync.protocol.message_fields import MAX_OPS
from tests.phone_client import PhoneClient
from tests.seed_data import ANA, CHU, EVE, HOME_SITE, TASK, fixed_id

VISITS = 120
SCHEDULES = 16


@pytest.fixture
def app(sqlite_app: Flask) -> Flask:
    return sqlite_app


@contextmanager
def longest_hold() -> Iterator[list[float]]:
    """The processor seconds of each transaction that writes; sorted at the end."""
    began: dict[int, float] = {}
    held: list[float] = []

    def begin(connection: Any) -> None:
        if connection.get_execution_options().get("writes"):
            began[id(connection)] = time.thread_time()

    def end(connection: Any) -> None:
        started = began.pop(id(connection), None)
        if started is not None:
            held.append(time.thread_time() - started)

    for name, handler in (("begin", begin), ("commit", end), ("rollback", end)):
        event.listen(db.engine, name, handler)
    try:
        yield held
    finally:
        for name, handler in (("begin", begin), ("commit", end), ("rollback", end)):
            event.remove(db.engine, name, handler)
        held.sort()


def hold_of_largest_push(app: Flask, phone: PhoneClient) -> float:
    ops = [phone.add_op("task.complete", TASK, by=ANA) for _ in range(MAX_OPS)]
    with app.app_context(), longest_hold() as held:
        assert phone.push(*ops).status == 200
    return held[-1]


def add_schedules(desk_op: Callable[..., Any]) -> None:
    """Work for the planner: more ops than the largest push has."""
    when = {"rrule": "FREQ=DAILY", "window": "P1D", "dtstart": "2026-01-01T00:00:00+08:00"}
    where = {"area_kind": "stairwell", "role": "cleaner", "responsible_id": ANA, "active": True}
    for number in range(SCHEDULES):
        named = {"code": f"CL-{number}", "clause": "C10", "label": {"zh": "扫", "en": "Sweep"}}
        added = desk_op("schedule.add", fixed_id(f"s{number}"), named | when | where, by=EVE)
        assert added["status"] == "applied"


@pytest.mark.asvs("15.1.3", "15.2.2")
def test_no_job_holds_the_write_lock_longer_than_the_largest_push(
    app: Flask, phone: PhoneClient, desk_op: Callable[..., Any], tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    with app.app_context():
        visits = [fixed_id(f"visit-{number}") for number in range(VISITS)]
        payload = {"visitor": "Mr Wang", "purpose": "other"}
        submit_many(HOME_SITE, [make_op("visit.arrive", id_, payload, by=CHU) for id_ in visits])
    add_schedules(desk_op)
    allowed = hold_of_largest_push(app, phone)
    with app.app_context(), longest_hold() as held:
        planned = scheduler.plan(HOME_SITE, now)
        create_backup(tmp_path / "backup")
        with write_transaction():
            db.session.execute(update(Visit).values(departed_at=Visit.arrived_at))
        purged = retention.purge_expired(HOME_SITE, now + timedelta(days=400))
        compacted = compact_feed(HOME_SITE, now + timedelta(days=800))
    assert planned > MAX_OPS
    assert (purged.records["visit"], compacted) == (VISITS, VISITS)
    assert held[-1] < allowed, (held[-1], allowed)
