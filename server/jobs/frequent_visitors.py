"""Regulars, drawn anew from the visits that are still kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid5

from server.db.engine import db
from server.models.frequent_visitors import FrequentVisitor
from server.models.visits import Visit
from server.oplog import receive
from sync.gate import frequent_visitors as rules
from sync.protocol.clock import format_time

LOOK_BACK = timedelta(days=30)
"""How far back somebody counts as coming regularly."""


def update_frequent_visitors(site_id: str, now: datetime) -> int:
    """V15: note who has become a regular, and who has come again; say how many."""
    read = (Visit.id, Visit.visitor, Visit.purpose, Visit.host_unit, Visit.firm, Visit.plate)
    visits = Visit.not_purged(site_id).where(Visit.arrived_at >= now - LOOK_BACK)
    came = db.session.execute(visits.with_only_columns(*read, Visit.arrived_at)).all()
    found = rules.frequent_visitors(cast(Sequence[rules.VisitSummary], came))
    known = {
        rules.visitor_key(regular): regular
        for regular in db.session.scalars(FrequentVisitor.not_purged(site_id))
    }
    ops = list(_ops(found, known))
    if ops:
        receive.submit_many(site_id, ops)
    return len(ops)


def _ops(
    found: list[rules.FrequentVisitor], known: dict[Any, FrequentVisitor]
) -> Iterator[dict[str, Any]]:
    for regular in found:
        newest, there = regular.latest_visit, known.get(regular.key)
        assert newest.arrived_at is not None
        if there and there.last_at >= newest.arrived_at:
            continue
        told = ("visitor", "purpose", "host_unit", "firm", "plate")
        payload = {name: getattr(newest, name) for name in told}
        payload |= {"times": regular.visit_count, "last_at": format_time(newest.arrived_at)}
        kind = "regular.renew" if there else "regular.note"
        subject = there.id if there else str(uuid5(UUID(newest.id), "regular"))
        yield receive.make_op(kind, subject, payload, id=str(uuid5(UUID(newest.id), kind)))
