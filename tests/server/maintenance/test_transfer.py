"""Copying a database into another one: the same records, a new epoch, all or nothing."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from server.db.engine import db
from server.maintenance.transfer import TransferError, copy_database
from server.models.feed import ServerState, SiteHead
from server.oplog.replay import find_faults
from tests import seed_data
from tests.conftest import create_test_app
from tests.phone_client import FlaskTransport


@pytest.fixture
def target_database(database_url, tmp_path, postgres):
    """An empty database of the other kind."""
    if database_url.startswith("sqlite"):
        url = postgres.url(postgres.create_database())
    else:
        url = f"sqlite:///{tmp_path / 'new.sqlite3'}"
    app = create_test_app(url, tmp_path / "var")
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def record_snapshot(app):
    with app.app_context():
        feed = db.session.get_one(SiteHead, seed_data.HOME_SITE)
        epoch = db.session.get_one(ServerState, "epoch").value
        return epoch, feed.head, feed.judged, feed.link


def test_phones_continue_with_a_moved_database(app, target_database, phone):
    first = phone.send_op("task.complete", seed_data.TASK, {"note": "拖好了"}, by=seed_data.ANA)
    phone.pull_all()
    before, digest = record_snapshot(app), phone.digest
    rows = copy_database(app, target_database)
    assert rows["op"] >= 1 and rows["feed"] >= len(phone.records)
    epoch, *heads = record_snapshot(target_database)
    assert tuple(heads) == before[1:]
    assert epoch != before[0], "phones upload again what the old server received late"
    with target_database.app_context():
        assert find_faults(seed_data.HOME_SITE) == []
    phone.transport = FlaskTransport(target_database.test_client())
    assert phone.pull().expect_ok()["reset"] == "epoch"
    known = dict(phone.records)
    assert phone.pull_all() == known and phone.digest == digest
    assert (
        phone.send_op("task.complete", seed_data.TASKS[1], by=seed_data.ANA)["status"] == "applied"
    )
    assert first["status"] == "applied"
    assert phone.get_record("task", seed_data.TASK)["note"] == "拖好了"
    with target_database.app_context():
        assert find_faults(seed_data.HOME_SITE) == []


def test_a_move_into_a_database_with_tables_is_refused(app, target_database):
    copy_database(app, target_database)
    with pytest.raises(TransferError, match="not empty"):
        copy_database(app, target_database)


def test_an_interrupted_move_leaves_the_target_empty(app, target_database, monkeypatch):
    def interrupt(_connection):
        raise KeyboardInterrupt

    monkeypatch.setattr("server.maintenance.transfer.begin_epoch", interrupt)
    with pytest.raises(KeyboardInterrupt):
        copy_database(app, target_database)
    with target_database.app_context():
        assert db.session.get(ServerState, "epoch").value
        assert db.session.scalars(select(SiteHead)).all() == []
