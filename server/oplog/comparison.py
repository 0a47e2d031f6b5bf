"""Compares the tables and the feed of a site with the records that its log leads to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Row, select

from server.db.engine import db
from server.models import NAME_FIELDS
from server.models.directory import Directory
from server.models.feed import FeedRow, SiteHead
from server.oplog.directory import directory_of
from server.oplog.publish import digest_for_audience, record_json
from server.oplog.record_store import LoadedRecord, RecordStore, table_of
from sync.protocol.conflict_resolution import to_json_value
from sync.protocol.digest import add_to_digest, digest_text, record_fingerprint

FEED_TABLE = FeedRow.metadata.tables["feed"]

ALL_AUDIENCES = -1
"""A mask that every audience matches."""

OTHER_NAME_FIELDS = frozenset({"calls", "confirmed_by", "pin_check", "who"})
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
    """A fault for each row of the feed that differs, and for a wrong digest, head or floor."""
    heads = select(SiteHead.head, SiteHead.floor).where(SiteHead.site_id == store.site_id)
    head, floor = db.session.execute(heads).one()
    if floor > head:
        yield "the floor of the feed is above its head"
    names, digest = directory_of(store.site_id), 0
    rows = select(FEED_TABLE).where(FEED_TABLE.c.site_id == store.site_id)
    for row in db.session.execute(rows):
        if not 0 < row.seq <= head and not (row.deleted and row.seq == 0):
            yield f"{row.type} {row.id}: its number is outside of the feed"
        if not row.deleted:
            fingerprint = record_fingerprint(row.type, row.id, row.version)
            digest = add_to_digest(digest, fingerprint)
        record = store.records.get(row.id)
        if record is None or record.version != row.version:
            yield f"{row.type} {row.id}: the feed's version is not the log's"
        elif row.deleted != record.deleted:
            yield f"{row.type} {row.id}: the feed and the log differ on whether it is deleted"
        elif not row.deleted and not _is_body_of(row, record, names):
            yield f"{row.type} {row.id}: the body in the feed is not that of the record"
    if digest_text(digest) != digest_for_audience(store.site_id, ALL_AUDIENCES):
        yield "the digest of the feed is not that of its rows"


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
