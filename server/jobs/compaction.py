"""Compaction of the sync feed: old tombstones leave it. The op log is never compacted.

A tombstone is a feed row with `deleted`. Compaction sets its sequence number and audience to 0 and
raises the site's floor above it. The row itself stays: the write path needs it to know the record
type of an op that arrives years late.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select, update

from server.db.engine import db, write_transaction
from server.db.statements import chunks
from server.models.feed import FeedRow, SiteHead
from server.models.oplog import APPLIED_STATUSES, LoggedOp
from server.oplog.receive import lock_site

TOMBSTONE_LIFETIME = timedelta(days=60)
"""Twice as long as a phone stores answered ops; a phone away for longer loads everything again."""
BATCH_SIZE = 200
"""Tombstones in one transaction: nobody else writes meanwhile, so it has to be short."""


def compact_feed(site_id: str, now: datetime) -> int:
    """X8: take tombstones older than TOMBSTONE_LIFETIME out of a site's feed; returns how many.

    Afterwards a cursor below the site's floor makes a phone load everything again.
    """
    expired = (
        select(FeedRow.id, FeedRow.seq)
        .join(LoggedOp, (LoggedOp.site_id == FeedRow.site_id) & (LoggedOp.subject == FeedRow.id))
        .where(FeedRow.site_id == site_id, FeedRow.deleted.is_(True), FeedRow.seq > 0)
        .where(LoggedOp.status.in_(APPLIED_STATUSES))
        .group_by(FeedRow.id, FeedRow.seq)
        .having(func.max(LoggedOp.received_at) < now - TOMBSTONE_LIFETIME)
    )
    seqs = {row.id: row.seq for row in db.session.execute(expired)}
    if not seqs:
        return 0
    floor = max(seqs.values())
    with write_transaction():  # first: a phone from before must not miss what is taken out
        raise_floor = update(SiteHead).where(SiteHead.site_id == site_id, SiteHead.floor < floor)
        db.session.execute(raise_floor.values(floor=floor))
    for ids in chunks(list(seqs), BATCH_SIZE):
        with write_transaction():
            lock_site(site_id)  # so that no op changes one of these records meanwhile
            rows = update(FeedRow).where(FeedRow.site_id == site_id, FeedRow.id.in_(ids))
            unchanged = rows.where(FeedRow.deleted.is_(True), FeedRow.seq <= floor)
            db.session.execute(unchanged.values(seq=0, seen_by=0))
    return len(seqs)
