"""A batch in memory: every record that it touches, loaded at once, changed, written at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import cache
from operator import attrgetter
from types import SimpleNamespace
from typing import Any, NamedTuple

from sqlalchemy import Table, select

from server.db.engine import UTCDateTime, db
from server.db.prepared import (
    IDS_PARAM,
    SITE_PARAM,
    PreparedSelect,
    Row,
    insert_rows,
    replace_rows,
    select_by_ids,
)
from server.models import MODELS_BY_TYPE
from server.models.access import Account
from server.models.directory import Directory
from server.models.feed import FeedRow
from server.models.oplog import APPLIED_STATUSES, LoggedOp
from server.models.photos import DELETE_PENDING, PhotoLink
from server.oplog.directory import directory_of
from server.oplog.hash_chain import chain_rows, previous_positions
from server.oplog.publish import FeedState, publish_records
from sync import KINDS, Accepted, HistoryEntry, Merged, Op, to_history_entry, upcast_payload
from sync.protocol.clock import parse_time

PHOTO_LINK_TABLE = PhotoLink.metadata.tables[PhotoLink.__tablename__]
DIRECTORY_TYPES = {"area", "unit", "person", "site", "contractor"}
FEED_TABLE, OP_TABLE = FeedRow.metadata.tables["feed"], LoggedOp.metadata.tables["op"]


class LoggedOpRow(NamedTuple):
    """What the log knows of an op about a record."""

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


FEED_STATES_BY_ID = PreparedSelect(
    select_by_ids(FEED_TABLE, *(FEED_TABLE.c[name] for name in FeedState._fields))
)
LOGGED_OPS_BY_SUBJECT = PreparedSelect(
    select_by_ids(OP_TABLE, *(OP_TABLE.c[name] for name in LoggedOpRow._fields), key="subject")
)


@dataclass(slots=True)
class LoadedRecord:
    """One record of the batch, with the ops that stand in it."""

    type: str
    id: str
    row: SimpleNamespace | None = None
    version: int = 0
    history: list[HistoryEntry] = field(default_factory=list)
    changed: bool = False
    is_new: bool = True
    deleted: bool = False
    previous: FeedState | None = None


@dataclass(frozen=True, slots=True)
class LogHead:
    """Where the log of a site ends: its last place, and the link of that."""

    judged: int
    link: str


class UnitOfWork:
    """The records of one site that a batch of ops touches."""

    def __init__(self, site_id: str, end: LogHead, subjects: Iterable[str]) -> None:
        self.site_id, self.log_head = site_id, end
        self.connection = db.session.connection()
        self.records: dict[str, LoadedRecord] = {}
        self.log_rows: list[tuple[dict[str, Any], bool]] = []
        self.photo_links: list[dict[str, str]] = []
        self.directory: Directory = directory_of(
            site_id
        ).copy()  # a batch learns names before they stand
        self.load(subjects)

    def load(self, ids: Iterable[str]) -> None:
        """Rows and histories of these records: one query a type, and one for the log."""
        wanted = [id_ for id_ in dict.fromkeys(ids) if id_ not in self.records]
        if not wanted:
            return
        shown = [FeedState._make(row) for row in self._read(FEED_STATES_BY_ID, wanted)]
        by_type: dict[str, list[FeedState]] = defaultdict(list)
        for one in shown:
            by_type[one.type].append(one)
        for type_, some in by_type.items():
            self._load_rows(type_, {one.id: one for one in some})
        if shown:
            self._load_histories([one.id for one in shown])

    def _read(self, what: PreparedSelect, ids: list[str]) -> list[Row]:
        return what.fetch_all(self.connection, **{SITE_PARAM: self.site_id, IDS_PARAM: ids})

    def _load_rows(self, type_: str, shown: dict[str, FeedState]) -> None:
        names = table_of(type_).columns.keys()
        for row in self._read(select_whole_rows(type_), list(shown)):
            columns = dict(zip(names, row, strict=True))
            version, id_ = columns.pop("version"), columns["id"]
            known = SimpleNamespace(**columns)
            self.records[id_] = LoadedRecord(
                type_, id_, known, version, is_new=False, previous=shown[id_]
            )

    def _load_histories(self, ids: list[str]) -> None:
        """What stands is picked and sorted here: told to do it, SQLite reads the whole log."""
        about = [LoggedOpRow._make(row) for row in self._read(LOGGED_OPS_BY_SUBJECT, ids)]
        for op in sorted(about, key=attrgetter("place")):
            if op.status in APPLIED_STATUSES:
                held = self.records[op.subject]
                held.history.append(history_entry(op, held.type))

    def with_related(self, op: Op) -> Op:
        """The op with the other records that its kind wants to see; none that are not there."""
        ids = KINDS[op.kind].related_ids(upcast_payload(op))
        self.load(ids)
        there = {id_: held.row for id_ in ids if (held := self.records.get(id_)) and held.row}
        return replace(op, related=there) if ids else op

    def record_for(self, op: Op) -> LoadedRecord:
        """The record that an op is about; an empty one of the kind's type if there is none."""
        if op.subject not in self.records:
            self.records[op.subject] = LoadedRecord(KINDS[op.kind].type or "?", op.subject)
        return self.records[op.subject]

    def apply(self, held: LoadedRecord, op: Op, verdict: Accepted | Merged) -> None:
        """Put an accepted op in force, in memory."""
        if held.row is None:
            held.row = SimpleNamespace(**empty_row(held.type, self.site_id, op.subject))
        self._add_photo_links(held, verdict.changes.get("photos", ()))
        for name, value in verdict.changes.items():
            setattr(held.row, name, value)
        held.version += 1
        held.changed = True
        held.deleted = is_deleted(held.row, verdict)
        held.history.append(to_history_entry(op, held.version, verdict.changes))
        self._update_directory(held)

    def _add_photo_links(self, held: LoadedRecord, photos: Iterable[str]) -> None:
        about = {"subject": held.id, "subject_type": held.type, "site_id": self.site_id}
        for sha256 in photos:
            if held.row is None or sha256 not in (held.row.photos or ()):
                self.photo_links.append({**about, "sha256": sha256})

    def reject_late_photos(self, held: LoadedRecord, names: Iterable[str]) -> None:
        """Photos that come late for a purged record: known by name, so that no bytes are kept."""
        mine = PhotoLink.site_id == self.site_id, PhotoLink.subject == held.id
        known = set(db.session.scalars(select(PhotoLink.sha256).where(*mine)))
        known |= {link["sha256"] for link in self.photo_links if link["subject"] == held.id}
        about = {"subject": held.id, "subject_type": DELETE_PENDING, "site_id": self.site_id}
        self.photo_links += [{**about, "sha256": sha256} for sha256 in set(names) - known]

    def _update_directory(self, held: LoadedRecord) -> None:
        if held.type == "person" and held.row:
            self.directory.people[held.id] = held.row.name
            self.directory.roles[held.id] = frozenset(held.row.roles)
            account = db.session.get(Account, held.id)
            if account and account.pin_check:
                self.directory.pin_verifiers[held.id] = account.pin_check
        elif held.type in ("area", "unit") and held.row:
            getattr(self.directory, f"{held.type}s")[held.id] = held.row.label
        elif held.type == "contractor" and held.row:
            self.directory.contractors[held.id] = held.row.name

    def append_op(self, row: dict[str, Any], *, is_stored: bool = False) -> None:
        """Keep an op for ever; `again` gives one that waited its final answer."""
        self.log_rows.append((row, is_stored))

    def reappend_op(self, row: dict[str, Any]) -> None:
        """An op that waited is judged now: its place in the order is here."""
        fresh = [pair for pair in self.log_rows if pair[0] is row]
        if not fresh:
            row["moved"] = previous_positions(row)
        self.log_rows = [pair for pair in self.log_rows if pair[0] is not row]
        self.append_op(row, is_stored=not fresh)

    def write(self) -> LogHead:
        """Everything at once: records, the feed with the site's head, and the log, which then
        ends where this says."""
        changed = [held for held in self.records.values() if held.changed and held.row]
        for type_ in dict.fromkeys(held.type for held in changed):
            self._write_rows(type_, [held for held in changed if held.type == type_])
        renamed = any(held.type in DIRECTORY_TYPES for held in changed)
        end = self._chain_log_rows()
        seqs = publish_records(
            self.site_id, changed, self.directory, log_head=asdict(end), names_changed=renamed
        )
        for row, _ in self.log_rows:
            if row["version"] and row["subject"] in seqs:
                row["verdict"]["seq"] = seqs[row["subject"]]
        fresh = [row for row, again in self.log_rows if not again]
        answered = [row for row, again in self.log_rows if again]
        replace_rows(OP_TABLE, ("site_id", "id"), answered)
        insert_rows(OP_TABLE, fresh)
        insert_rows(PHOTO_LINK_TABLE, self.photo_links)
        return end

    def _chain_log_rows(self) -> LogHead:
        """Every op gets its place and is bound to the one before it: no query for any of them."""
        rows = [row for row, _ in self.log_rows]
        for place, row in enumerate(rows, start=self.log_head.judged + 1):
            row["place"] = place
        return LogHead(self.log_head.judged + len(rows), chain_rows(rows, self.log_head.link))

    def _write_rows(self, type_: str, helds: list[LoadedRecord]) -> None:
        table = table_of(type_)
        fresh = [{**vars(h.row), "version": h.version} for h in helds if h.is_new]
        known = [{**vars(h.row), "version": h.version} for h in helds if not h.is_new]
        insert_rows(table, fresh)
        replace_rows(table, ("site_id", "id"), known)


def is_deleted(row: Any, verdict: Accepted | Merged) -> bool:
    """V12: what was purged stays away from phones, whatever comes late."""
    leaves = isinstance(verdict, Accepted) and verdict.tombstone
    return leaves or getattr(row, "purged_at", None) is not None


def table_of(type_: str) -> Table:
    """The table that keeps records of a type."""
    model = MODELS_BY_TYPE[type_]
    return model.metadata.tables[model.__tablename__]


@cache
def select_whole_rows(type_: str) -> PreparedSelect:
    """Records of a type, every column."""
    return PreparedSelect(select_by_ids(table_of(type_)))


def empty_row(type_: str, site_id: str, id_: str) -> dict[str, Any]:
    """A record before its first op: every column empty."""
    row: dict[str, Any] = {}
    for column in table_of(type_).columns:
        default = column.default
        made = default.arg if default is not None and hasattr(default, "arg") else None
        row[column.key] = made({}) if callable(made) else made
    row.pop("version")
    return {**row, "site_id": site_id, "id": id_}


def history_entry(op: LoggedOpRow, type_: str) -> HistoryEntry:
    """A logged op as an entry of its record's history; times are times again."""
    columns = table_of(type_).columns
    changes = {
        name: parse_time(value) if value and isinstance(columns[name].type, UTCDateTime) else value
        for name, value in op.changes.items()
        if name in columns  # an earlier version had others
    }
    return HistoryEntry(
        id=op.id,
        kind=op.kind,
        by=op.by or "",
        occurred_at=op.occurred_at,
        received_at=op.received_at,
        version=op.version or 0,
        fact=op.fact,
        changes=changes,
        payload=KINDS[op.kind].upcast(op.v, op.payload),
    )
