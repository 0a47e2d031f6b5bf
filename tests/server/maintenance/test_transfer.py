"""Moving house: another database with the same records, and phones that find them there."""

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
    """An empty database of the other make."""
    postgresql = database_url.startswith("sqlite")
    url = (
        postgres.url(postgres.create_database())
        if postgresql
        else f"sqlite:///{tmp_path / 'new.sqlite3'}"
    )
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


def test_phones_find_everything_again_after_a_move(app, target_database, phone):
    first = phone.send_op("task.complete", seed_data.TASK, {"note": "拖好了"}, by=seed_data.ANA)
    phone.pull_all()
    before, digest = record_snapshot(app), phone.digest
    rows = copy_database(app, target_database)
    assert rows["op"] >= 1 and rows["feed"] >= len(phone.records)
    epoch, *ends = record_snapshot(target_database)
    assert tuple(ends) == before[1:] and epoch != before[0], (
        "phones offer again what a late server took"
    )
    with target_database.app_context():
        assert find_faults(seed_data.HOME_SITE) == []
    phone.wire = FlaskTransport(target_database.test_client())
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


def test_nobody_moves_into_a_house_that_is_lived_in(app, target_database):
    copy_database(app, target_database)
    with pytest.raises(TransferError, match="not empty"):
        copy_database(app, target_database)


def test_a_move_that_is_cut_off_at_its_end_has_moved_nothing(app, target_database, monkeypatch):
    def killed():
        raise KeyboardInterrupt

    monkeypatch.setattr("server.maintenance.transfer.new_life", killed)
    with pytest.raises(KeyboardInterrupt):
        copy_database(app, target_database)
    with target_database.app_context():
        assert db.session.get(ServerState, "epoch").value
        assert db.session.scalars(select(SiteHead)).all() == []
