"""Compaction: what left the feed long ago needs not be told any more. The log is never compacted.

A row of the feed that only says "gone" loses its number and its readers, and the floor rises over
it. The row itself stays: it tells the door which record an op is about that comes years late.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select, update

from server.db.engine import db, write_transaction
from server.db.prepared import chunks
from server.models.feed import FeedRow, SiteHead
from server.models.oplog import APPLIED_STATUSES, LoggedOp
from server.oplog.receive import lock_site

TOMBSTONE_LIFETIME = timedelta(days=60)
"""Twice as long as a phone keeps what was answered: one that was away longer starts anew."""


def compact_feed(site_id: str, now: datetime) -> int:
    """X8: tombstones older than the horizon leave the feed; a cursor from before starts anew."""
    old = select(FeedRow.id, FeedRow.seq).join(
        LoggedOp, (LoggedOp.site_id == FeedRow.site_id) & (LoggedOp.subject == FeedRow.id)
    )
    mine = FeedRow.site_id == site_id, FeedRow.deleted.is_(True), FeedRow.seq > 0
    gone_since = func.max(LoggedOp.received_at) < now - TOMBSTONE_LIFETIME
    told = old.where(*mine, LoggedOp.status.in_(APPLIED_STATUSES)).group_by(FeedRow.id, FeedRow.seq)
    if not db.session.execute(told.having(gone_since).limit(1)).first():
        return 0
    with write_transaction():
        lock_site(site_id)  # nobody speaks of them meanwhile
        seqs = {row.id: row.seq for row in db.session.execute(told.having(gone_since))}
        for chunk in chunks(list(seqs)):
            these = update(FeedRow).where(FeedRow.site_id == site_id, FeedRow.id.in_(chunk))
            db.session.execute(these.values(seq=0, seen_by=0))
        floor = max(seqs.values(), default=0)
        lower = SiteHead.site_id == site_id, SiteHead.floor < floor
        db.session.execute(update(SiteHead).where(*lower).values(floor=floor))
    return len(seqs)
