"""Records in memory: what a batch changes before it is written, or what a replay computes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Table

from server.models import DERIVED_COLUMNS, MODELS_BY_TYPE
from server.oplog.publish import FeedState
from sync import (
    KINDS,
    RECORD_TYPES,
    Accepted,
    HistoryEntry,
    Merged,
    Op,
    to_history_entry,
    upcast_payload,
)


@dataclass(slots=True)
class LoadedRecord:
    """One record with the ops that were applied to it. `row` is None until an op creates it."""

    type: str
    id: str
    row: SimpleNamespace | None = None
    version: int = 0
    history: list[HistoryEntry] = field(default_factory=list)
    changed: bool = False
    is_new: bool = True
    """Whether its table does not have it yet."""
    deleted: bool = False
    """Whether phones have to remove it."""
    previous: FeedState | None = None
    """Its row of the feed before this batch."""


class RecordStore:
    """The records of one site by id, changed by applying ops. Reads and writes no table."""

    def __init__(self, site_id: str) -> None:
        self.site_id = site_id
        self.records: dict[str, LoadedRecord] = {}
        self._taken: dict[str, set[str]] = {}

    def load(self, ids: Iterable[str]) -> None:
        """Make these records available. A replay computes every record and loads none."""

    def with_related(self, op: Op) -> Op:
        """The op with the existing records, or their keys, that its kind's rule asks for."""
        kind = KINDS[op.kind]
        ids = kind.related_ids(upcast_payload(op))
        ids += kind.more_related(op) if kind.more_related else []
        ids += [op.by] if kind.reads_author else []
        record = self.records.get(op.subject)
        named = [getattr(record.row, n, None) for n in kind.related_columns] if record else []
        ids += [str(id_) for id_ in named if id_]
        if kind.creates and RECORD_TYPES[str(kind.type)].unique_keys:
            op = replace(op, taken=self.taken_keys(str(kind.type)))
        if not ids:
            return op
        self.load(ids)
        rows = {id_: record.row for id_ in ids if (record := self.records.get(id_)) and record.row}
        return replace(op, related=rows)

    def taken_keys(self, type_: str) -> set[str]:
        """The unique keys of all records of a type so far."""
        return self._taken.setdefault(type_, set())

    def record_for(self, op: Op) -> LoadedRecord:
        """The record that an op is about; an empty one of the kind's type if there is none."""
        if op.subject not in self.records:
            self.records[op.subject] = LoadedRecord(KINDS[op.kind].type or "?", op.subject)
        return self.records[op.subject]

    def apply(self, record: LoadedRecord, op: Op, verdict: Accepted | Merged) -> None:
        """Apply the changes of an accepted op to its record."""
        if record.row is None:
            record.row = SimpleNamespace(**empty_row(record.type, self.site_id, record.id))
        for name, value in verdict.changes.items():
            setattr(record.row, name, value)
        for name, derive in DERIVED_COLUMNS[record.type].items():
            setattr(record.row, name, derive(record.row))
        self._note_keys(record.type, vars(record.row))
        record.version += 1
        record.changed = True
        record.deleted = _is_deleted(record.row, verdict)
        record.history.append(to_history_entry(op, record.version, verdict.changes))

    def _note_keys(self, type_: str, row: Mapping[str, Any]) -> None:
        """Add the unique keys of a record that an op changed."""
        unique_keys = RECORD_TYPES[type_].unique_keys
        if unique_keys:
            self._taken.setdefault(type_, set()).update(unique_keys(row))

    def remove_empty(self) -> None:
        """Drop the records that no op created."""
        self.records = {id_: record for id_, record in self.records.items() if record.row}


def table_of(type_: str) -> Table:
    """The table of a record type."""
    model = MODELS_BY_TYPE[type_]
    return model.metadata.tables[model.__tablename__]


def empty_row(type_: str, site_id: str, id_: str) -> dict[str, Any]:
    """The columns of a record before its first op, without `version`: the defaults, or None."""
    row: dict[str, Any] = {}
    for column in table_of(type_).columns:
        default = column.default
        value = default.arg if default is not None and hasattr(default, "arg") else None
        row[column.key] = value({}) if callable(value) else value
    row.pop("version")
    return {**row, "site_id": site_id, "id": id_}


def _is_deleted(row: SimpleNamespace, verdict: Accepted | Merged) -> bool:
    """V12. A purged record stays away from phones, whatever arrives late."""
    tombstone = isinstance(verdict, Accepted) and verdict.tombstone
    return tombstone or getattr(row, "purged_at", None) is not None
