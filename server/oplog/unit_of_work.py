"""The unit of work of a batch: it collects changes in memory and writes them in bulk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select

from server.db.engine import db
from server.db.statements import insert_rows, replace_rows
from server.models.access import LoginSession
from server.models.credentials import Credential
from server.models.directory import Directory
from server.models.oplog import LoggedOp
from server.models.photos import DELETE_PENDING, PhotoLink
from server.oplog.directory import directory_of
from server.oplog.hash_chain import LogHead, chain_rows, previous_positions
from server.oplog.op_row import OpRow
from server.oplog.publish import publish_records
from server.oplog.record_loader import load_records
from server.oplog.record_store import LoadedRecord, RecordStore, table_of
from sync import RECORD_TYPES, Accepted, Merged, Op
from sync.protocol.roles import FRONT_DESK_ROLES

PHOTO_LINK_TABLE = PhotoLink.metadata.tables[PhotoLink.__tablename__]
OP_TABLE = LoggedOp.metadata.tables["op"]

DIRECTORY_TYPES = {"area", "unit", "person", "site", "contractor"}
"""Types whose records the directory names: changing one changes how other records are shown."""


class UnitOfWork(RecordStore):
    """The records and log rows of one batch at one site, whose log is locked."""

    def __init__(self, site_id: str, log_head: LogHead, subjects: Iterable[str]) -> None:
        super().__init__(site_id)
        self.log_head = log_head
        self.log_rows: list[tuple[OpRow, bool]] = []
        """Each row in the order of judgement, and whether the table has it already."""
        self.photo_links: list[dict[str, str]] = []
        self.directory: Directory = directory_of(site_id).copy()
        """A copy, because a batch that is rolled back must leave no names behind."""
        self.load(subjects)

    def load(self, ids: Iterable[str]) -> None:
        """Load the records with these ids that exist and are not loaded yet."""
        missing = [id_ for id_ in dict.fromkeys(ids) if id_ not in self.records]
        if missing:
            self.records.update(load_records(self.site_id, missing))

    def taken_keys(self, type_: str) -> set[str]:
        """The unique keys of all records of a type, read once a batch."""
        unique_keys = RECORD_TYPES[type_].unique_keys
        if type_ not in self._taken and unique_keys:
            table = table_of(type_)
            rows = db.session.execute(select(table).where(table.c.site_id == self.site_id))
            self._taken[type_] = {key for row in rows.mappings() for key in unique_keys(dict(row))}
        return super().taken_keys(type_)

    def _note_keys(self, type_: str, row: Mapping[str, Any]) -> None:
        if type_ in self._taken:
            super()._note_keys(type_, row)

    def apply(self, record: LoadedRecord, op: Op, verdict: Accepted | Merged) -> None:
        """Apply an accepted op; link its new photos, and keep the directory up to date."""
        linked = getattr(record.row, "photos", None) or ()
        photos = [name for name in verdict.changes.get("photos", ()) if name not in linked]
        super().apply(record, op, verdict)
        self._link_photos(record.id, record.type, photos)
        self._update_directory(record)

    def _link_photos(self, subject: str, subject_type: str, sha256s: Iterable[str]) -> None:
        owner = {"site_id": self.site_id, "subject": subject, "subject_type": subject_type}
        self.photo_links += [{**owner, "sha256": sha256} for sha256 in sha256s]

    def reject_late_photos(self, record: LoadedRecord, sha256s: Iterable[str]) -> None:
        """V12. Link photos of a purged record as to be deleted, so that no bytes are stored."""
        links = select(PhotoLink.sha256).where(
            PhotoLink.site_id == self.site_id, PhotoLink.subject == record.id
        )
        linked = set(db.session.scalars(links))
        linked |= {link["sha256"] for link in self.photo_links if link["subject"] == record.id}
        self._link_photos(record.id, DELETE_PENDING, set(sha256s) - linked)

    def _update_directory(self, record: LoadedRecord) -> None:
        if record.row is None:
            return
        if record.type == "person":
            self.directory.people[record.id] = record.row.name
            row = record.row
            self.directory.set_work(record.id, row.roles, row.trades, row.contractor_id)
            if record.row.active_to:
                self._revoke_credentials(record.id, record.row.active_to)
            if record.row.active_to or FRONT_DESK_ROLES.isdisjoint(row.roles):
                self._end_sessions(record.id)
        elif record.type == "area":
            self.directory.areas[record.id] = record.row.label
        elif record.type == "unit":
            self.directory.units[record.id] = record.row.label
        elif record.type == "contractor":
            self.directory.contractors[record.id] = record.row.name

    def _revoke_credentials(self, person_id: str, left_at: datetime) -> None:
        """L6. Whoever has left proves nothing any more."""
        whose = Credential.site_id == self.site_id, Credential.person_id == person_id
        db.session.connection().execute(Credential.revocation(left_at, *whose))

    def _end_sessions(self, person_id: str) -> None:
        """Whoever may not use the desk any more has to sign in again once they may."""
        sessions = delete(LoginSession).where(
            LoginSession.site_id == self.site_id, LoginSession.person_id == person_id
        )
        db.session.connection().execute(sessions)

    def append_op(self, row: OpRow, *, is_stored: bool = False) -> None:
        """Log an op. `is_stored`: the table has its row, which gets its final answer now."""
        self.log_rows.append((row, is_stored))

    def reappend_op(self, row: OpRow) -> None:
        """Move an op that waited to the end of the log, where it is judged."""
        in_batch = any(logged is row for logged, _ in self.log_rows)
        if in_batch:
            self.log_rows = [pair for pair in self.log_rows if pair[0] is not row]
        else:
            row["moved"] = previous_positions(row)
        self.append_op(row, is_stored=not in_batch)

    def write_photo_links(self) -> list[str]:
        """Insert the new photo links now. Returns the SHA-256 of each photo that records show."""
        links, self.photo_links = self.photo_links, []
        insert_rows(PHOTO_LINK_TABLE, links)
        return [link["sha256"] for link in links if link["subject_type"] != DELETE_PENDING]

    def write(self) -> LogHead:
        """Write records, feed, the site's head and the log; returns where the log ends now."""
        changed = [record for record in self.records.values() if record.changed and record.row]
        for type_ in dict.fromkeys(record.type for record in changed):
            self._write_records(type_, [record for record in changed if record.type == type_])
        log_head = self._chain_log_rows()
        seqs = publish_records(
            self.site_id,
            changed,
            self.directory,
            log_head=asdict(log_head),
            names_changed=any(record.type in DIRECTORY_TYPES for record in changed),
        )
        for row, _ in self.log_rows:
            if row["version"] and row["subject"] in seqs:
                row["verdict"]["seq"] = seqs[row["subject"]]
        stored = [row for row, is_stored in self.log_rows if is_stored]
        replace_rows(OP_TABLE, ("site_id", "id"), stored)
        insert_rows(OP_TABLE, [row for row, is_stored in self.log_rows if not is_stored])
        self.write_photo_links()
        return log_head

    def _chain_log_rows(self) -> LogHead:
        """A14. Give every op its place and its link to the op before it, without a query."""
        rows = [row for row, _ in self.log_rows]
        for place, row in enumerate(rows, start=self.log_head.judged + 1):
            row["place"] = place
        return LogHead(self.log_head.judged + len(rows), chain_rows(rows, self.log_head.link))

    def _write_records(self, type_: str, records: Sequence[LoadedRecord]) -> None:
        rows = [({**vars(record.row), "version": record.version}, record) for record in records]
        insert_rows(table_of(type_), [row for row, record in rows if record.is_new])
        replace_rows(
            table_of(type_), ("site_id", "id"), [row for row, record in rows if not record.is_new]
        )
