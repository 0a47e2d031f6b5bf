"""Old tombstones leave the sync feed; phones from before load everything again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from server.db.engine import db, write_transaction
from server.jobs import retention
from server.jobs.compaction import compact_feed
from server.models.feed import FeedRow, SiteHead
from server.oplog.replay import find_faults
from tests.seed_data import CHU, HOME_SITE, STAIRS, fixed_id

VISIT = {"visitor": "Mr Wang", "purpose": "other"}
PURGED_VISIT = fixed_id("gone")


@pytest.fixture(autouse=True)
def log_and_records_agree(app):
    yield
    with app.app_context():
        assert find_faults(HOME_SITE) == []


@pytest.fixture
def purged_visit(app, phone):
    """A purged visit that the phone had pulled before."""
    phone.send_op("visit.arrive", PURGED_VISIT, VISIT, by=CHU)
    phone.send_op("visit.depart", PURGED_VISIT, by=CHU)
    phone.pull_all()
    with app.app_context():
        retention.purge_expired(HOME_SITE, datetime.now(UTC) + timedelta(days=31))


@pytest.fixture
def run_compaction(app):
    def run(days=61):
        with app.app_context():
            return compact_feed(HOME_SITE, datetime.now(UTC) + timedelta(days=days))

    return run


def feed_row_and_head(app):
    with app.app_context():
        row = db.session.get(FeedRow, (HOME_SITE, PURGED_VISIT))
        return row, db.session.get(SiteHead, HOME_SITE)


@pytest.mark.rule("X8")
def test_a_tombstone_leaves_the_feed_after_sixty_days(app, purged_visit, run_compaction):
    assert run_compaction(days=59) == 0
    row, site = feed_row_and_head(app)
    old_seq = row.seq
    assert row.deleted and site.floor == 0
    assert run_compaction() == 1
    assert run_compaction() == 0, "a second run changes nothing"
    row, site = feed_row_and_head(app)
    assert (row.seq, row.seen_by, site.floor) == (0, 0, old_seq)


@pytest.mark.rule("X8")
def test_only_a_phone_with_a_cursor_below_the_floor_is_reset(
    app, desk_op, phone, new_phone, purged_visit, run_compaction
):
    old_phone, current_phone = phone, new_phone()
    current_phone.pull_all()
    run_compaction()
    assert current_phone.pull().expect_ok().get("reset") is None
    assert old_phone.pull().expect_ok()["reset"] == "floor"
    assert ("visit", PURGED_VISIT) not in old_phone.pull_all()
    assert (old_phone.records, old_phone.digest) == (current_phone.pull_all(), current_phone.digest)


@pytest.mark.rule("X8")
def test_a_first_pull_in_small_pages_is_reset_only_once(
    new_phone, purged_visit, run_compaction, desk_op
):
    desk_op(
        "area.add",
        fixed_id("last"),
        {"label": {"zh": "新", "en": "New"}, "kind": "room"},
        by=fixed_id("eve"),
    )
    run_compaction()
    fresh = new_phone()
    resets, more = [], True
    for _ in range(100):
        page = fresh.pull(limit=2).expect_ok()
        resets.append(page.get("reset"))
        fresh.cursor, more = page["cursor"], page["more"]
        if not more:
            break
    assert not more and resets.count("new") == 1 and "floor" not in resets


@pytest.mark.rule("X8")
def test_an_op_about_a_compacted_record_is_applied_and_redacted(
    phone, purged_visit, run_compaction
):
    run_compaction()
    verdict = phone.send_op("visit.depart", PURGED_VISIT, by=CHU)
    assert verdict["status"] == "applied"
    assert phone.send_op("visit.arrive", PURGED_VISIT, VISIT, by=CHU)["code"] == "already-exists"
    assert ("visit", PURGED_VISIT) not in phone.pull_all()


@pytest.mark.parametrize(
    ("table", "values", "fault"),
    [
        (FeedRow, {"seq": 0}, "its number is outside of the feed"),
        (SiteHead, {"floor": 10**6}, "the floor of the feed is above its head"),
    ],
)
def test_verify_reports_a_feed_that_was_compacted_by_hand(app, table, values, fault):
    condition = (table.site_id == HOME_SITE) & (table.id == STAIRS if table is FeedRow else True)
    with app.app_context():
        before = {
            name: getattr(db.session.scalars(db.select(table).where(condition)).one(), name)
            for name in values
        }
        with write_transaction():
            db.session.execute(update(table).where(condition).values(values))
        assert any(fault in found for found in find_faults(HOME_SITE))
        with write_transaction():
            db.session.execute(update(table).where(condition).values(before))
