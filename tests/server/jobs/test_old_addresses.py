"""The security log loses network addresses after their days, and stays explained by the log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from server.db.engine import db, write_transaction
from server.jobs.old_addresses import remove_old_addresses
from server.models.oplog import LoggedOp
from server.models.security_log import AccessEntry
from server.oplog import redaction
from server.oplog.replay import find_faults
from tests.seed_data import EVE, HOME_SITE
from tests.server.jobs.test_every_retention import tables_with

PAGE, ADDRESS = "/desk/personal_data/", "198.51.100.77"


@pytest.fixture
def app(sqlite_app):
    return sqlite_app


@pytest.fixture
def looked_up(signed_in):
    """Eve looked somebody up, twice, from an address."""
    eve = signed_in(EVE)
    for name in ("Wang", "Li"):
        answer = eve.post(f"{PAGE}find", {"name": name}, environ_overrides={"REMOTE_ADDR": ADDRESS})
        assert answer.status_code == 200


@pytest.mark.rule("A29")
@pytest.mark.asvs("14.2.4")
def test_addresses_go_after_their_days_and_the_log_still_verifies(app, looked_up, monkeypatch):
    with app.app_context():
        now = datetime.now(UTC)
        assert remove_old_addresses(HOME_SITE, now + timedelta(days=179)) == 0
    assert {"access", "op"} <= set(tables_with(app, ADDRESS))
    monkeypatch.setattr(redaction, "KEEP_ADDRESSES", timedelta(0))
    with app.app_context():
        assert remove_old_addresses(HOME_SITE, datetime.now(UTC)) > 0
        assert remove_old_addresses(HOME_SITE, datetime.now(UTC)) == 0
        assert find_faults(HOME_SITE) == []
        entry = db.session.scalars(AccessEntry.newest(HOME_SITE)).first()
        assert (entry.event, entry.by_id, entry.address) == ("lookup", EVE, None)
        assert entry.origin == "desk"
    assert set(tables_with(app, ADDRESS)) <= {"session"}, "while the session lasts"


@pytest.mark.rule("A29")
def test_an_address_that_goes_before_its_days_or_with_more_is_noticed(app, looked_up, monkeypatch):
    monkeypatch.setattr(redaction, "KEEP_ADDRESSES", timedelta(0))
    with app.app_context():
        remove_old_addresses(HOME_SITE, datetime.now(UTC))
        monkeypatch.undo()
        assert any("no purge explains" in fault for fault in find_faults(HOME_SITE))
        monkeypatch.setattr(redaction, "KEEP_ADDRESSES", timedelta(0))
        assert find_faults(HOME_SITE) == []
        with write_transaction():
            changed = LoggedOp.kind == "access.lookup"
            db.session.execute(update(LoggedOp).where(changed).values(payload={}, body="{}"))
        assert find_faults(HOME_SITE)
