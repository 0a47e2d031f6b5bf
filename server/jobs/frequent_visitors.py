"""Regulars, drawn anew from the visits that are still kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid5

from server.db.engine import db
from server.models import Regular, Visit
from server.oplog import receive
from sync.gate import frequent_visitors as rules
from sync.protocol.clock import iso

BACK = timedelta(days=30)
"""How far back somebody counts as coming regularly."""


def refresh(site_id: str, now: datetime) -> int:
    """V15: note who has become a regular, and who has come again; say how many."""
    read = (Visit.id, Visit.visitor, Visit.purpose, Visit.host_unit, Visit.firm, Visit.plate)
    visits = Visit.kept(site_id).where(Visit.arrived_at >= now - BACK)
    came = db.session.execute(visits.with_only_columns(*read, Visit.arrived_at)).all()
    found = rules.regulars(cast(Sequence[rules.Came], came))
    known = {rules.key(regular): regular for regular in db.session.scalars(Regular.known(site_id))}
    ops = list(_ops(found, known))
    if ops:
        receive.post_many(site_id, ops)
    return len(ops)


def _ops(found: list[rules.Regular], known: dict[Any, Regular]) -> Iterator[dict[str, Any]]:
    for regular in found:
        newest, there = regular.newest, known.get(regular.key)
        assert newest.arrived_at is not None
        if there and there.last_at >= newest.arrived_at:
            continue
        told = ("visitor", "purpose", "host_unit", "firm", "plate")
        payload = {name: getattr(newest, name) for name in told}
        payload |= {"times": regular.times, "last_at": iso(newest.arrived_at)}
        kind = "regular.renew" if there else "regular.note"
        subject = there.id if there else str(uuid5(UUID(newest.id), "regular"))
        yield receive.own(kind, subject, payload, id=str(uuid5(UUID(newest.id), kind)))
