"""Rebuilding the feed: phones are sent what an upgrade shows or hides, and nothing else."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from server.db.engine import db, write_transaction
from server.models.feed import FeedRow
from server.oplog.directory import directory_of
from server.oplog.rebuild import rebuild_feed
from server.oplog.replay import find_faults
from sync.protocol.roles import ALL_ROLES, DESK_ONLY_AUDIENCE, role_mask
from tests.seed_data import HOME_SITE, STAIRS, TASK


@pytest.fixture
def as_if_judged(app):
    """An earlier version showed one record to others than this one does."""

    def judge(id_: str, audience: int) -> None:
        with app.app_context(), write_transaction():
            row = update(FeedRow).where(FeedRow.site_id == HOME_SITE, FeedRow.id == id_)
            db.session.execute(row.values(audience=audience, seen_by=audience, body="{}"))

    return judge


@pytest.fixture
def rebuild(app):
    def run() -> None:
        with app.app_context(), write_transaction():
            rebuild_feed(HOME_SITE, directory_of(HOME_SITE))
        with app.app_context():
            assert find_faults(HOME_SITE) == []

    return run


def pulled(phone):
    """What the next page says: ids of the changes, and why the phone starts anew, if it does."""
    page = phone.pull().expect_ok()
    return [change["id"] for change in page["changes"]], page.get("reset")


def test_what_becomes_visible_is_pulled_once(phone, as_if_judged, rebuild):
    rebuild()  # the flat is on the phones of those who work at its stairs
    phone.pull_all()
    digest = phone.digest
    as_if_judged(TASK, DESK_ONLY_AUDIENCE)
    rebuild()
    assert pulled(phone) == ([TASK], None)
    phone.pull_all()
    assert phone.digest == digest
    rebuild()
    assert pulled(phone) == ([], None)


def test_what_stays_visible_is_not_sent_again(phone, as_if_judged, rebuild):
    rebuild()
    phone.pull_all()
    digest = phone.digest
    as_if_judged(STAIRS, role_mask(ALL_ROLES))
    rebuild()
    assert pulled(phone) == ([], None)
    as_if_judged(STAIRS, role_mask(["cleaner"]))
    rebuild()
    assert pulled(phone) == ([STAIRS], None), "a phone of guards alone has not got it"
    phone.pull_all()
    assert phone.digest == digest
