"""The large demo: all ops are applied, a seed repeats the log, an interruption is noticed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from server.db.engine import db
from server.maintenance.demo import large
from server.models.access import Device
from server.models.oplog import LoggedOp
from server.models.people import Person
from server.models.tasks import Task
from server.models.tickets import Ticket
from server.models.visits import Visit
from server.oplog.receive import create_site
from server.oplog.replay import find_faults
from tests.conftest import create_seeded_database, create_test_app

NOW = datetime(2026, 11, 27, 4, 0, tzinfo=UTC)
SCALE = large.Scale(buildings=1, floors=2, days=1, visits_per_day=40, tickets_per_day=16)


def count_rows(table, *conditions):
    query = select(func.count()).select_from(table).where(table.site_id == large.SITE_ID)
    return db.session.scalar(query.where(*conditions))


def test_every_op_of_the_history_is_applied_and_verifies(app):
    with app.app_context():
        counts = large.build(NOW, SCALE)
        assert count_rows(LoggedOp, LoggedOp.status.not_in(("applied", "merged"))) == 0
        assert count_rows(LoggedOp, LoggedOp.received_at > NOW) == 0
        assert find_faults(large.SITE_ID) == []
        assert count_rows(Person) == 81
        assert count_rows(Device, Device.clear_at == NOW) == 11
        assert counts["visit.arrive"] == count_rows(Visit) >= 40
        assert counts["ticket.open"] + counts["lost.open"] == count_rows(Ticket) >= 16
        assert count_rows(Task, Task.done_at.is_not(None))
        assert count_rows(Task, Task.window_start > NOW), "the next two weeks are planned"
        assert large.build(NOW, SCALE).total() == 0, "a second build changes nothing"


DRAWN = {"number", "numbers", "slip"}
"""What the server draws by chance for each ticket, whatever the seed is."""


def logged_ops():
    query = select(LoggedOp).filter_by(site_id=large.SITE_ID).order_by(LoggedOp.place)
    for op in db.session.scalars(query):
        changes = {name: value for name, value in op.changes.items() if name not in DRAWN}
        yield op.id, op.body, op.received_at, op.status, op.flags, changes


def test_the_same_seed_gives_the_same_log(tmp_path):
    logs = []
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        url = f"sqlite:///{folder / 'lodge.sqlite3'}"
        create_seeded_database(url, folder)
        with create_test_app(url, folder).app_context():
            large.build(NOW, SCALE, random_seed=1)
            logs.append(list(logged_ops()))
            db.session.remove()
            db.engine.dispose()
    assert logs[0] == logs[1]


def test_an_interrupted_build_is_not_continued(app):
    with app.app_context():
        create_site(large.SITE_ID)
        with pytest.raises(large.DemoIncomplete, match="Empty the data folder"):
            large.build(NOW, SCALE)
