"""Ids of planned records, where a phone made a record of another type under one of them."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID, uuid5

from sqlalchemy import select

from server.db.engine import db
from server.db.statements import chunks
from server.models.feed import FeedRow


def ids_in_place(site_id: str, type_: str, ids: Collection[str]) -> dict[str, str]:
    """Other ids for those that are taken by a record of another type.

    Ids of planned records are derived from schedule, place and time, so that they are planned
    once; whoever knows that could take one, and the record would never be planned.
    """
    taken: list[str] = []
    for some in chunks(list(ids)):
        query = select(FeedRow.id).where(FeedRow.site_id == site_id, FeedRow.type != type_)
        taken += db.session.scalars(query.where(FeedRow.id.in_(some)))
    return {id_: str(uuid5(UUID(id_), "in place")) for id_ in taken}
