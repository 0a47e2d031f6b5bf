"""Loads records with their histories from the tables: one query a type, and one for the log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from types import SimpleNamespace
from typing import Any, NamedTuple

from sqlalchemy import Row, Select

from server.db.engine import UTCDateTime, db
from server.db.statements import IDS_PARAM, SITE_PARAM, select_by_ids
from server.models.feed import FeedRow
from server.models.oplog import APPLIED_STATUSES, LoggedOp
from server.oplog.publish import FeedState
from server.oplog.record_store import LoadedRecord, table_of
from sync import KINDS, HistoryEntry
from sync.protocol.clock import parse_time

FEED_TABLE, OP_TABLE = FeedRow.metadata.tables["feed"], LoggedOp.metadata.tables["op"]


class HistoryRow(NamedTuple):
    """The columns of a logged op that a record's history is made of."""

    id: str
    subject: str
    kind: str
    v: int
    by: str | None
    occurred_at: datetime
    received_at: datetime
    version: int | None
    fact: bool
    changes: dict[str, Any]
    payload: dict[str, Any]
    status: str
    place: int


FEED_STATES_BY_ID = select_by_ids(FEED_TABLE, *(FEED_TABLE.c[name] for name in FeedState._fields))
HISTORY_BY_SUBJECT = select_by_ids(
    OP_TABLE, *(OP_TABLE.c[name] for name in HistoryRow._fields), key="subject"
)


def load_records(site_id: str, ids: list[str]) -> dict[str, LoadedRecord]:
    """The records with these ids that exist, by id."""
    states = [FeedState._make(row) for row in _fetch(FEED_STATES_BY_ID, site_id, ids)]
    by_type: dict[str, list[FeedState]] = defaultdict(list)
    for state in states:
        by_type[state.type].append(state)
    records: dict[str, LoadedRecord] = {}
    for type_, of_type in by_type.items():
        records.update(_load_rows(site_id, type_, {state.id: state for state in of_type}))
    if records:
        _load_histories(site_id, records)
    return records


def _load_rows(site_id: str, type_: str, states: dict[str, FeedState]) -> dict[str, LoadedRecord]:
    records = {}
    for row in _fetch(select_by_ids(table_of(type_)), site_id, list(states)):
        columns = dict(row._mapping)
        version, id_ = columns.pop("version"), columns["id"]
        stored = SimpleNamespace(**columns)
        records[id_] = LoadedRecord(type_, id_, stored, version, is_new=False, previous=states[id_])
    return records


def _load_histories(site_id: str, records: dict[str, LoadedRecord]) -> None:
    """Filters and sorts in Python: asked to do it, SQLite reads the whole log."""
    rows = [HistoryRow._make(row) for row in _fetch(HISTORY_BY_SUBJECT, site_id, list(records))]
    for row in sorted(rows, key=attrgetter("place")):
        if row.status in APPLIED_STATUSES:
            record = records[row.subject]
            record.history.append(_history_entry(row, record.type))


def _fetch(query: Select[Any], site_id: str, ids: list[str]) -> Sequence[Row[Any]]:
    params = {SITE_PARAM: site_id, IDS_PARAM: ids}
    return db.session.connection().execute(query, params).all()


def _history_entry(row: HistoryRow, type_: str) -> HistoryEntry:
    """A logged op as an entry of its record's history."""
    return HistoryEntry(
        id=row.id,
        kind=row.kind,
        by=row.by or "",
        occurred_at=row.occurred_at,
        received_at=row.received_at,
        version=row.version or 0,
        fact=row.fact,
        changes=column_values(type_, row.changes),
        payload=KINDS[row.kind].upcast(row.v, row.payload),
        v=row.v,
    )


def column_values(type_: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes of a logged op as values of columns: text of times becomes datetimes."""
    columns = table_of(type_).columns
    return {
        name: parse_time(value) if value and isinstance(columns[name].type, UTCDateTime) else value
        for name, value in changes.items()
        if name in columns  # an earlier version of the table had others
    }
