"""Keeps the list of frequent visitors, computed from the visits of the last 30 days."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid5

from server.db.engine import db
from server.jobs.batches import receive_in_batches
from server.models.frequent_visitors import FrequentVisitor
from server.models.visits import Visit
from server.oplog.incoming import NewOp
from server.oplog.receive import make_op
from sync.gate import frequent_visitors as rules
from sync.protocol.clock import format_time

LOOK_BACK = timedelta(days=30)
"""Visits older than this do not count."""
COPIED_FIELDS = ("visitor", "purpose", "host_unit", "firm", "plate")


def update_frequent_visitors(site_id: str, now: datetime) -> int:
    """V15: add new frequent visitors, update those who came again; returns the number of ops.

    The ops are received at `now`.
    """
    columns = (Visit.id, Visit.visitor, Visit.purpose, Visit.host_unit, Visit.firm, Visit.plate)
    query = Visit.not_purged(site_id).where(Visit.arrived_at >= now - LOOK_BACK)
    visits = db.session.execute(query.with_only_columns(*columns, Visit.arrived_at)).all()
    computed = rules.frequent_visitors(cast(Sequence[rules.VisitSummary], visits))
    stored = {
        rules.visitor_key(visitor): visitor
        for visitor in db.session.scalars(FrequentVisitor.not_purged(site_id))
    }
    return receive_in_batches(site_id, list(_ops(computed, stored)), now)


def _ops(
    computed: list[rules.FrequentVisitor], stored: Mapping[Any, FrequentVisitor]
) -> Iterator[NewOp]:
    for visitor in computed:
        latest, existing = visitor.latest_visit, stored.get(visitor.key)
        assert latest.arrived_at is not None
        if existing and existing.last_at >= latest.arrived_at:
            continue
        payload = {name: getattr(latest, name) for name in COPIED_FIELDS}
        payload |= {"times": visitor.visit_count, "last_at": format_time(latest.arrived_at)}
        kind = "regular.renew" if existing else "regular.note"
        subject = existing.id if existing else str(uuid5(UUID(latest.id), "regular"))
        yield make_op(kind, subject, payload, id=str(uuid5(UUID(latest.id), kind)))
