"""Removes network addresses from old entries of the security log. The chain stays intact: it has
only the digest of what a purge may erase, and `lodge verify` accepts that they are gone."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from sqlalchemy import select, update

from server.db.engine import db, write_transaction
from server.db.statements import chunks, replace_rows
from server.models.oplog import LoggedOp
from server.models.security_log import AccessEntry
from server.oplog import redaction
from server.oplog.op_row import OpRow

MAX_ENTRIES = 40
"""Entries in one transaction: nobody else writes meanwhile, so it has to be short."""


def remove_old_addresses(site_id: str, now: datetime) -> int:
    """A29: remove the addresses of entries that are older than `redaction.KEEP_ADDRESSES`; returns
    of how many."""
    old = select(AccessEntry.id).where(
        AccessEntry.site_id == site_id,
        AccessEntry.at < now - redaction.KEEP_ADDRESSES,
        AccessEntry.address.is_not(None),
    )
    ids = list(db.session.scalars(old))
    db.session.rollback()
    for few in chunks(ids, MAX_ENTRIES):
        with write_transaction():
            _remove_addresses(site_id, few)
    return len(ids)


def _remove_addresses(site_id: str, ids: list[str]) -> None:
    ops = LoggedOp.metadata.tables["op"]
    query = select(ops).where(ops.c.site_id == site_id, ops.c.subject.in_(ids))
    rows = (cast(OpRow, dict(row)) for row in db.session.execute(query).mappings())
    redacted = [_without_address(row) for row in rows if row["payload"].get("address")]
    replace_rows(ops, ("site_id", "id"), redacted)
    entries = update(AccessEntry).where(AccessEntry.site_id == site_id, AccessEntry.id.in_(ids))
    db.session.execute(entries.values(address=None))


def _without_address(row: OpRow) -> OpRow:
    changes = {**row["changes"], "address": None}
    return {**row, **redaction.redact_op(row, "access"), "changes": changes}
