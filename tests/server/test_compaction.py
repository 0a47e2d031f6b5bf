"""What left the feed long ago is told no more, and nobody misses it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from server.db.engine import db, write_transaction
from server.jobs import retention
from server.jobs.compaction import compact_feed
from server.models import FeedRow, SiteHead
from server.oplog.replay import find_faults
from tests.cast import CHU, HOME, STAIRS, named

VISIT = {"visitor": "Mr Wang", "purpose": "other"}
GONE = named("gone")


@pytest.fixture(autouse=True)
def log_and_records_agree(app):
    yield
    with app.app_context():
        assert find_faults(HOME) == []


@pytest.fixture
def forgotten(app, phone):
    """A visitor whom the estate has forgotten, as a phone knew them."""
    phone.verdict("visit.arrive", GONE, VISIT, by=CHU)
    phone.verdict("visit.depart", GONE, by=CHU)
    phone.refresh()
    with app.app_context():
        retention.purge_expired(HOME, datetime.now(UTC) + timedelta(days=31))


@pytest.fixture
def compacted(app):
    def run(days=61):
        with app.app_context():
            return compact_feed(HOME, datetime.now(UTC) + timedelta(days=days))

    return run


def feed(app):
    with app.app_context():
        return db.session.get(FeedRow, (HOME, GONE)), db.session.get(SiteHead, HOME)


@pytest.mark.rule("X8")
def test_a_tombstone_stays_for_sixty_days_and_is_then_told_no_more(app, forgotten, compacted):
    assert compacted(days=59) == 0
    row, site = feed(app)
    was = row.seq
    assert row.deleted and site.floor == 0
    assert compacted() == 1
    assert compacted() == 0, "once"
    row, site = feed(app)
    assert (row.seq, row.seen_by, site.floor) == (0, 0, was)


@pytest.mark.rule("X8")
def test_a_phone_from_before_starts_anew_and_one_from_after_goes_on(
    app, desk, phone, new_phone, forgotten, compacted
):
    away, here = phone, new_phone()
    here.refresh()
    compacted()
    assert here.pull().told().get("reset") is None
    assert away.pull().told()["reset"] == "floor"
    assert ("visit", GONE) not in away.refresh()
    assert (away.records, away.digest) == (here.refresh(), here.digest)


@pytest.mark.rule("X8")
def test_a_first_sync_in_small_pages_ends_although_it_begins_below_the_floor(
    new_phone, forgotten, compacted, desk
):
    desk(
        "area.add",
        named("last"),
        {"label": {"zh": "新", "en": "New"}, "kind": "room"},
        by=named("eve"),
    )
    compacted()
    fresh = new_phone()
    resets, more = [], True
    for _ in range(100):
        page = fresh.pull(limit=2).told()
        resets.append(page.get("reset"))
        fresh.cursor, more = page["cursor"], page["more"]
        if not more:
            break
    assert not more and resets.count("new") == 1 and "floor" not in resets


@pytest.mark.rule("X8")
def test_what_comes_after_that_for_a_forgotten_record_is_still_kept_without_a_name(
    phone, forgotten, compacted
):
    compacted()
    told = phone.verdict("visit.depart", GONE, by=CHU)
    assert told["status"] == "applied"
    assert phone.verdict("visit.arrive", GONE, VISIT, by=CHU)["code"] == "already-exists"
    assert ("visit", GONE) not in phone.refresh()


@pytest.mark.parametrize(
    ("table", "values", "told"),
    [
        (FeedRow, {"seq": 0}, "its place in the feed is none"),
        (SiteHead, {"floor": 10**6}, "the floor of the feed is above its head"),
    ],
)
def test_verify_sees_a_feed_that_was_compacted_by_hand(app, table, values, told):
    mine = (table.site_id == HOME) & (table.id == STAIRS if table is FeedRow else True)
    with app.app_context():
        before = {
            name: getattr(db.session.scalars(db.select(table).where(mine)).one(), name)
            for name in values
        }
        with write_transaction():
            db.session.execute(update(table).where(mine).values(values))
        assert any(told in fault for fault in find_faults(HOME))
        with write_transaction():
            db.session.execute(update(table).where(mine).values(before))
