"""A database that somebody else holds, or that may only be read: 503, reads go on, it heals."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing

import pytest
from flask import Flask
from sqlalchemy import event, text

from server.db.engine import db
from tests import seed_data
from tests.live_server import LiveServer
from tests.phone_client import HttpTransport, PhoneClient

THREADS = 12
"""More writers at once than the server has threads."""


def is_unavailable(reply) -> bool:
    told = (reply.status, reply.headers["Content-Type"], bool(reply.headers["Retry-After"]))
    return told == (503, "application/problem+json", True)


def test_while_another_process_holds_the_database_pushes_wait_and_then_hear_503(
    small_server: LiveServer, enrol_client: Callable[[LiveServer], PhoneClient]
) -> None:
    phone = enrol_client(small_server.start())
    phone.transport = HttpTransport(small_server.url, timeout=60)
    op = phone.add_op("task.complete", seed_data.TASK, by=seed_data.ANA)
    heard = []
    with closing(sqlite3.connect(small_server.folder / "var" / "lodge.sqlite3")) as other:
        other.execute("BEGIN EXCLUSIVE")
        waiting = threading.Thread(target=lambda: heard.append(phone.push(op)))
        waiting.start()
        reads = 0
        while waiting.is_alive():
            assert phone.pull().status == 200
            reads += 1
        other.rollback()
    assert is_unavailable(heard[0])
    assert reads > THREADS, "reading went on meanwhile"
    assert phone.push(op).json["verdicts"][0]["status"] == "applied"


@pytest.fixture
def toggle_read_only(app: Flask) -> Callable[[bool], None]:
    """Lets the database be read only from now on, or not any more."""
    word = {"sqlite": "PRAGMA query_only={}", "postgresql": "SET default_transaction_read_only={}"}

    def switch(on: bool) -> None:
        with app.app_context():
            order = word[db.engine.dialect.name].format("on" if on else "off")
            event.listen(
                db.engine,
                "checkout",
                lambda base, *_: (base.cursor().execute(order), base.commit()),
            )
            db.session.remove()
            db.engine.dispose()
            assert db.session.execute(text("SELECT 1")).scalar() == 1
            db.session.remove()

    return switch


def test_a_database_that_may_only_be_read_is_read_and_no_op_is_set_aside_for_it(
    phone: PhoneClient, toggle_read_only: Callable[[bool], None]
) -> None:
    op = phone.add_op("task.complete", seed_data.TASK, by=seed_data.ANA)
    phone.pull_all()
    toggle_read_only(True)
    assert is_unavailable(phone.push(op))
    assert phone.pull().status == 200
    toggle_read_only(False)
    assert phone.push(op).json["verdicts"][0]["status"] == "applied"
    assert phone.get_record("task", seed_data.TASK)["done_by_id"] == seed_data.ANA
