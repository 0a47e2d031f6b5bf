"""Purging: erases personal data of visitors after the site's retention period.

It is erased in the record, in the log of its ops, in its conflicts and photos; phones delete the
record at their next pull. Records under a legal hold and the evidence of open lost-property cases
are left out. Only numbers are stored of a run. Purging again changes nothing. The redacted ops are
judged again and the result is stored, so that `lodge verify` still gets the records from the log.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid5

from sqlalchemy import ColumnElement, and_, func, insert, or_, select, update

from server.db.engine import db, write_transaction
from server.db.statements import chunks, replace_rows
from server.jobs.purged_photos import delete_photo_files, unlink_photos
from server.models.conflicts import Conflict
from server.models.feed import FeedRow
from server.models.frequent_visitors import FrequentVisitor
from server.models.gate_passes import GatePass
from server.models.home_entries import HomeEntry
from server.models.lost_property import LostProperty
from server.models.oplog import APPLIED_STATUSES, LoggedOp
from server.models.places import Site
from server.models.purges import PurgeRun
from server.models.visits import Visit
from server.oplog import receive
from server.oplog.directory import directory_of
from server.oplog.incoming import NewOp
from server.oplog.op_row import OpRow
from server.oplog.publish import record_json
from server.oplog.record_store import LoadedRecord, RecordStore, table_of
from server.oplog.redaction import EMPTY_BODY, redact_op, redact_unapplied
from server.oplog.replay import replay_op
from sync import Accepted, Merged
from sync.protocol.conflict_resolution import to_json_value

BATCH_SIZE = 10
"""Records in one transaction: nobody else writes meanwhile, so it has to be short."""
UNAPPLIED_STATUSES = ("quarantined", "held", "refused")


@dataclass(slots=True)
class PurgeCounts:
    """Number of records, photos and unapplied ops purged, and of visits under a legal hold."""

    visits: int = 0
    releases: int = 0
    regulars: int = 0
    photos: int = 0
    asides: int = 0
    held: int = 0

    @property
    def purged_anything(self) -> bool:
        return bool(self.visits or self.releases or self.regulars or self.photos or self.asides)


def purge_expired(site_id: str, now: datetime) -> PurgeCounts:
    """V12, V13: purge what is past the retention period of a site; store the numbers."""
    days = db.session.scalar(select(Site.retention_days).where(Site.site_id == site_id)) or 30
    before, counts = now - timedelta(days=days), PurgeCounts()
    counts.held = _count_on_hold(site_id, before)
    for type_, ids in _expired_ids(site_id, before).items():
        for chunk in chunks(ids, BATCH_SIZE):
            purged, photos = _purge_records(site_id, type_, chunk)
            setattr(counts, f"{type_}s", getattr(counts, f"{type_}s") + purged)
            counts.photos += photos
    counts.asides = _redact_unapplied_ops(site_id, before)
    delete_photo_files(site_id)
    if counts.purged_anything:
        with write_transaction():
            row = {"site_id": site_id, "at": now, "before": before, **asdict(counts)}
            db.session.execute(insert(PurgeRun), [row])
    return counts


def _count_on_hold(site_id: str, before: datetime) -> int:
    conditions = Visit.retained_from < before, _is_held(site_id)
    visits = Visit.not_purged(site_id).where(*conditions).subquery()
    return db.session.scalar(select(func.count()).select_from(visits)) or 0


def _expired_ids(site_id: str, before: datetime) -> dict[str, list[str]]:
    """Ids of expired records by type; a gate pass of a visit under a legal hold stays with it."""
    on_hold = select(Visit.id).where(Visit.site_id == site_id, _is_held(site_id))
    homes = LostProperty.held_homes(site_id)
    expired: dict[Any, tuple[ColumnElement[bool], ...]] = {
        Visit: (Visit.retained_from < before, ~_is_held(site_id)),
        GatePass: (
            func.coalesce(GatePass.passed_at, GatePass.recorded_at) < before,
            or_(GatePass.visit.is_(None), GatePass.visit.not_in(on_hold)),
            or_(GatePass.host_unit.is_(None), GatePass.host_unit.not_in(homes)),
        ),
        FrequentVisitor: (FrequentVisitor.last_at < before,),
    }
    ids: dict[str, list[str]] = {}
    for table, conditions in expired.items():
        query = select(table.id).where(table.site_id == site_id, table.purged_at.is_(None))
        ids[table.__tablename__] = list(
            db.session.scalars(query.where(*conditions).order_by(table.id))
        )
    return ids


def _is_held(site_id: str) -> ColumnElement[bool]:
    """V13, Q12: whether a visit is under a legal hold, or is evidence of an open lost-property
    case: a visit to its home, or one that a home entry there names."""
    homes = LostProperty.held_homes(site_id)
    entries = select(HomeEntry.visit).where(
        HomeEntry.site_id == site_id, HomeEntry.visit.is_not(None), HomeEntry.unit.in_(homes)
    )
    to_home = and_(Visit.host_unit.is_not(None), Visit.host_unit.in_(homes))
    return or_(Visit.held_at.is_not(None), to_home, Visit.id.in_(entries))


def _purge_records(site_id: str, type_: str, ids: list[str]) -> tuple[int, int]:
    """Purge records of one type with their history and conflicts, in one transaction.

    Returns the number of records and of photos.
    """
    with write_transaction():
        conflicts = _conflicts_about(site_id, ids)
        ops = [*_settle_ops(conflicts), *(_purge_op(type_, id_) for id_ in ids)]
        answers = receive.submit_in_transaction(site_id, ops)[-len(ids) :]
        answered = zip(ids, answers, strict=True)
        purged = [id_ for id_, answer in answered if answer["status"] == "applied"]
        for id_ in purged:
            _redact_history(site_id, type_, id_, type_)
        for conflict in conflicts:
            if conflict.subject in purged:
                redacted = _redact_history(site_id, "merge", conflict.id, type_)
                _replace_feed_body(site_id, redacted)
        return len(purged), unlink_photos(site_id, purged)


def _conflicts_about(site_id: str, ids: list[str]) -> list[Any]:
    query = select(Conflict.id, Conflict.subject, Conflict.settled_at)
    of_records = query.where(Conflict.site_id == site_id, Conflict.subject.in_(ids))
    return list(db.session.execute(of_records.order_by(Conflict.id)).all())


def _settle_ops(conflicts: Iterable[Any]) -> Iterable[NewOp]:
    """Settle open conflicts of purged records: the stored values stay."""
    for conflict in conflicts:
        if conflict.settled_at is None:
            id_ = str(uuid5(UUID(conflict.id), "purge"))
            yield receive.make_op("merge.settle", conflict.id, {"take": "theirs"}, id=id_)


def _purge_op(type_: str, id_: str) -> NewOp:
    return receive.make_op(f"{type_}.purge", id_, {})


def _redact_history(site_id: str, type_: str, id_: str, redact_as: str) -> LoadedRecord:
    """Redact every op about a record, judge them again, and store what they now lead to.

    `redact_as`: the record type whose personal fields are redacted, for a conflict that of the
    record it is about. Returns the record. Raises RuntimeError if an applied op is not any more.
    """
    ops = LoggedOp.metadata.tables["op"]
    query = select(ops).where(ops.c.site_id == site_id, ops.c.subject == id_)
    store = RecordStore(site_id)
    rows: list[OpRow] = []
    for columns in db.session.execute(query.order_by(ops.c.place)).mappings():
        row = cast(OpRow, dict(columns))
        redacted: OpRow = {**row, **redact_op(row, redact_as)}
        if row["status"] in APPLIED_STATUSES:
            verdict = replay_op(store, redacted)
            if not isinstance(verdict, Accepted | Merged):
                raise RuntimeError(f"op {row['id']} is not applied any more once it is redacted")
            redacted["changes"] = to_json_value(verdict.changes)
        rows.append(redacted)
    replace_rows(ops, ("site_id", "id"), rows)
    record = store.records[id_]
    record_row = {**vars(record.row), "version": record.version}
    replace_rows(table_of(type_), ("site_id", "id"), [record_row])
    return record


def _replace_feed_body(site_id: str, conflict: LoadedRecord) -> None:
    """Replace the body of a conflict without a new feed number: no phone ever gets conflicts."""
    body = record_json("merge", vars(conflict.row), directory_of(site_id))
    rows = update(FeedRow).where(FeedRow.site_id == site_id, FeedRow.id == conflict.id)
    db.session.execute(rows.values(body=body))


def _redact_unapplied_ops(site_id: str, before: datetime) -> int:
    """Redact expired ops about visitors that were never applied and belong to no record.

    Returns how many.
    """
    ops = LoggedOp.metadata.tables["op"]
    records = select(FeedRow.id).where(FeedRow.site_id == site_id, FeedRow.id == ops.c.subject)
    expired = (
        select(ops)
        .where(ops.c.site_id == site_id, ops.c.status.in_(UNAPPLIED_STATUSES))
        .where(ops.c.received_at < before, ops.c.body != EMPTY_BODY)
        .where(or_(ops.c.kind.like("visit.%"), ops.c.kind.like("release.%")))
        .where(or_(ops.c.subject.is_(None), ~records.exists()))
    )
    with write_transaction():
        homes = set(db.session.scalars(LostProperty.held_homes(site_id)))
        found = [cast(OpRow, dict(row)) for row in db.session.execute(expired).mappings()]
        unapplied = [row for row in found if _home_of(row) not in homes]
        rows: list[OpRow] = [{**row, **redact_unapplied(row)} for row in unapplied]
        if rows:
            replace_rows(ops, ("site_id", "id"), rows)
    return len(rows)


def _home_of(row: OpRow) -> str | None:
    """The home that an op about a visitor names; a payload that could not be read may be
    anything."""
    payload: Any = row["payload"]
    home = payload.get("host_unit") if isinstance(payload, dict) else None
    return home.lower() if isinstance(home, str) else None
