"""Moves records onto phones and off them as time passes and as people change their areas.

Nobody does anything when a task of next week comes within seven days, or when a visit of three days
ago need not be at the gate any more. The record keeps its version; its row of the feed gets a new
number, so that phones that gain or lose it are told at their next pull.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, or_, select, update

from server.db.engine import db, write_transaction
from server.db.statements import IDS_PARAM, SITE_PARAM, chunks, select_by_ids
from server.models.feed import FeedRow, SiteHead
from server.oplog.directory import directory_of
from server.oplog.receive import lock_site
from server.oplog.record_scopes import PastScope, ScopeColumns, scope_columns, site_scope
from server.oplog.record_store import table_of
from sync import RECORD_TYPES

FEED = FeedRow.metadata.tables["feed"]
HEADS = SiteHead.metadata.tables["site_feed"]
CHUNK = 200
"""Rows that are written in one transaction, so that nobody waits for it."""

AREA_TYPES = [name for name, type_ in RECORD_TYPES.items() if type_.area_field]
HOME_TYPES = {name: type_.home_field for name, type_ in RECORD_TYPES.items() if type_.home_field}
SCOPE_COLUMNS = tuple(ScopeColumns.__annotations__)
MOVE = (
    update(FEED)
    .where(FEED.c.site_id == bindparam("row_site"), FEED.c.id == bindparam("row_id"))
    .values({FEED.c[name]: bindparam(f"new_{name}") for name in (*SCOPE_COLUMNS, "seq")})
)


class HeldRow(NamedTuple):
    """A row of the feed as it is."""

    id: str
    type: str
    seq: int
    audience: int
    seen_by: int
    readers: str
    past_readers: str
    changes_at: datetime | None


ROWS = select_by_ids(FEED, *(FEED.c[name] for name in HeldRow._fields))


def move_records(site_id: str, now: datetime) -> int:
    """W7: compute again which phones hold the records whose scope may have changed.

    Returns how many rows got a new number.
    """
    moved = 0
    for ids in chunks(_candidates(site_id, now), CHUNK):
        moved += _move(site_id, ids, now)
    return moved


def _candidates(site_id: str, now: datetime) -> list[str]:
    """The ids of records whose time has come, whose area may have other workers now, or whose home
    has an open lost-property case."""
    here = FEED.c.site_id == site_id, FEED.c.deleted.is_(False)
    due = or_(FEED.c.changes_at <= now, FEED.c.type.in_(AREA_TYPES))
    found = list(db.session.scalars(select(FEED.c.id).where(*here, due)))
    site = site_scope(site_id, directory_of(site_id), HOME_TYPES, now)
    for type_, home in HOME_TYPES.items() if site.held_homes else ():
        table = table_of(type_)
        of_home = table.c.site_id == site_id, table.c[str(home)].in_(site.held_homes)
        found += db.session.scalars(select(table.c.id).where(*of_home))
    return list(dict.fromkeys(found))


def _move(site_id: str, ids: list[str], now: datetime) -> int:
    """Move these records; writes nothing where nothing changes."""
    if not _changes(site_id, ids, now):
        return 0
    with write_transaction():
        lock_site(site_id)  # so that no op changes one of these records meanwhile
        changes = _changes(site_id, ids, now)
        moved = [change for change in changes if change["moves"]]
        raised = update(HEADS).where(HEADS.c.site_id == site_id)
        raised = raised.values(head=HEADS.c.head + len(moved)).returning(HEADS.c.head)
        head = db.session.connection().execute(raised).scalar_one()
        for seq, change in enumerate(moved, start=head - len(moved) + 1):
            change["new_seq"] = seq
        if changes:
            db.session.connection().execute(MOVE, changes)
    return len(moved)


def _changes(site_id: str, ids: list[str], now: datetime) -> list[dict[str, Any]]:
    """Parameters of `MOVE` for the rows whose columns differ from what they should be."""
    asked = {SITE_PARAM: site_id, IDS_PARAM: ids}
    by_type: dict[str, list[HeldRow]] = defaultdict(list)
    for found in db.session.connection().execute(ROWS, asked):
        row = HeldRow._make(found)
        by_type[row.type].append(row)
    site = site_scope(site_id, directory_of(site_id), by_type, now)
    changes = []
    for type_, rows in by_type.items():
        asked = {SITE_PARAM: site_id, IDS_PARAM: [row.id for row in rows]}
        stored = db.session.connection().execute(select_by_ids(table_of(type_)), asked)
        records = {record["id"]: dict(record) for record in stored.mappings()}
        for row in rows:
            past = PastScope(row.seen_by, row.past_readers)
            scope = scope_columns(type_, records[row.id], site, now, past)
            moves = (scope["audience"], scope["readers"]) != (row.audience, row.readers)
            if moves or scope["changes_at"] != row.changes_at:
                columns = {f"new_{name}": value for name, value in scope.items()}
                key = {"row_site": site_id, "row_id": row.id, "new_seq": row.seq, "moves": moves}
                changes.append({**key, **columns})
    return changes
