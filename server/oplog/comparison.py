"""Compares the tables and the feed of a site with the records that its log leads to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, select

from server.db.engine import db
from server.models import MODELS_BY_TYPE, NAME_FIELDS
from server.models.directory import Directory
from server.models.feed import FeedRow, SiteHead
from server.oplog.directory import directory_of
from server.oplog.publish import record_json
from server.oplog.record_scopes import join_ids, site_scope
from server.oplog.record_store import LoadedRecord, RecordStore, table_of
from sync import RECORD_TYPES
from sync.protocol.conflict_resolution import to_json_value
from sync.protocol.scope import SiteScope, scope_of

FEED_TABLE = FeedRow.metadata.tables["feed"]

OTHER_NAME_FIELDS = frozenset({"calls", "confirmed_by", "who"})
"""Fields of phone bodies with names in them that a record type does not declare as `names`."""


def compare_tables(store: RecordStore) -> Iterator[str]:
    """A fault for each record whose row is missing, unexplained or different."""
    for type_ in sorted({record.type for record in store.records.values()}):
        records = {id_: record for id_, record in store.records.items() if record.type == type_}
        table = table_of(type_)
        stored = db.session.execute(select(table).where(table.c.site_id == store.site_id))
        rows: dict[str, dict[str, Any]] = {row["id"]: dict(row) for row in stored.mappings()}
        for id_ in sorted(records.keys() | rows.keys()):
            record, row = records.get(id_), rows.get(id_)
            if record is None or row is None:
                missing_in = "not in the log" if record is None else "not in its table"
                yield f"{type_} {id_}: {missing_in}"
            elif to_json_value({**vars(record.row), "version": record.version}) != to_json_value(
                row
            ):
                yield f"{type_} {id_}: the record is not what its ops make it"


def compare_feed(store: RecordStore) -> Iterator[str]:
    """A fault for each row of the feed that differs, and for a wrong head or floor."""
    heads = select(SiteHead.head, SiteHead.floor).where(SiteHead.site_id == store.site_id)
    head, floor = db.session.execute(heads).one()
    if floor > head:
        yield "the floor of the feed is above its head"
    names, now = directory_of(store.site_id), datetime.now(UTC)
    site = site_scope(store.site_id, names, MODELS_BY_TYPE, now)
    rows = select(FEED_TABLE).where(FEED_TABLE.c.site_id == store.site_id)
    for row in db.session.execute(rows):
        if not 0 < row.seq <= head and not (row.deleted and row.seq == 0):
            yield f"{row.type} {row.id}: its number is outside of the feed"
        record = store.records.get(row.id)
        if record is None or record.version != row.version:
            yield f"{row.type} {row.id}: the feed's version is not the log's"
        elif row.deleted != record.deleted:
            yield f"{row.type} {row.id}: the feed and the log differ on whether it is deleted"
        elif not row.deleted and not _is_body_of(row, record, names):
            yield f"{row.type} {row.id}: the body in the feed is not that of the record"
        elif not _is_scope_of(row, record, site, now):
            yield f"{row.type} {row.id}: the feed shows it to others than it should"


def _is_scope_of(row: Row[Any], record: LoadedRecord, site: SiteScope, now: datetime) -> bool:
    """Whether a row is held by those who should hold it. What changes by itself changes at the
    next run of a job, so a row that is due then may still be as it was."""
    if row.deleted:
        return (row.audience, row.readers) == (0, "")
    type_ = RECORD_TYPES[record.type]
    expected = scope_of(type_, vars(record.row), site, now)
    is_due = bool(row.changes_at and row.changes_at <= now) or type_.area_field or type_.home_field
    return bool(is_due) or (row.audience, row.readers) == (
        expected.roles,
        join_ids(expected.people),
    )


def _is_body_of(row: Row[Any], record: LoadedRecord, names: Directory) -> bool:
    expected = record_json(row.type, vars(record.row), names)
    return _without_names(row.type, expected) == _without_names(row.type, row.body)


def _without_names(type_: str, body: str) -> dict[str, Any]:
    """A body without names, which may have changed since it was written; ids and values may not."""
    named = OTHER_NAME_FIELDS.union(NAME_FIELDS[type_])
    return {
        name: value
        for name, value in json.loads(body).items()
        if not isinstance(value, dict) and name not in named
    }
