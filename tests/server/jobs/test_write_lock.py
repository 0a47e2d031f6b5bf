"""The jobs of the server hold the write lock in short pieces, however much there is to do.

The measure is the processor time between begin and commit, compared with that of the largest push
that a phone may send: a push and a job wait for each other equally long.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, update

from server.db.engine import db, write_transaction
from server.jobs import retention
from server.jobs.compaction import compact_feed
from server.models.visits import Visit
from server.oplog.receive import make_op, submit_many
from sync.protocol.message_fields import MAX_OPS
from tests.phone_client import PhoneClient
from tests.seed_data import ANA, CHU, HOME_SITE, TASK, fixed_id

VISITS = 120


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


@pytest.mark.asvs("15.1.3", "15.2.2")
def test_no_job_holds_the_write_lock_longer_than_the_largest_push(
    app: Flask, phone: PhoneClient
) -> None:
    now = datetime.now(UTC)
    with app.app_context():
        visits = [fixed_id(f"visit-{number}") for number in range(VISITS)]
        payload = {"visitor": "Mr Wang", "purpose": "other"}
        submit_many(HOME_SITE, [make_op("visit.arrive", id_, payload, by=CHU) for id_ in visits])
    allowed = hold_of_largest_push(app, phone)
    with app.app_context(), longest_hold() as held:
        with write_transaction():
            db.session.execute(update(Visit).values(departed_at=Visit.arrived_at))
        purged = retention.purge_expired(HOME_SITE, now + timedelta(days=400))
        compacted = compact_feed(HOME_SITE, now + timedelta(days=800))
    assert (purged.records["visit"], compacted) == (VISITS, VISITS)
    assert held[-1] < allowed, (held[-1], allowed)
