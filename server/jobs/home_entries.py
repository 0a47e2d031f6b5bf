"""Joins an exit with the entry that it ends, where two phones recorded one visit to a home."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid5

from sqlalchemy import select

from server.db.engine import db
from server.jobs.batches import receive_in_batches
from server.models.home_entries import HomeEntry
from server.models.oplog import LoggedOp
from server.oplog.receive import make_op
from sync.gate.home_entries import MAX_STAY, Pair, possible_pairs


def join_plain_pairs(site_id: str, now: datetime) -> int:
    """J7: join what is plain; returns the number of ops. The ops are received at `now`.

    A pair has one op id, so that a pair which the desk has separated is not joined again.
    """
    entries = db.session.scalars(HomeEntry.unpaired(site_id, now - 2 * MAX_STAY))
    plain = {_op_id(pair): pair for pair in possible_pairs(entries) if pair.is_plain}
    known = select(LoggedOp.id).where(LoggedOp.site_id == site_id, LoggedOp.id.in_(plain))
    joined_before = set(db.session.scalars(known)) if plain else set()
    ops = [
        make_op("entry.join", pair.exit.id, {"into": pair.entry.id}, id=id_)
        for id_, pair in plain.items()
        if id_ not in joined_before
    ]
    return receive_in_batches(site_id, ops, now)


def _op_id(pair: Pair) -> str:
    return str(uuid5(UUID(pair.exit.id), f"join|{pair.entry.id}"))
