"""Purging: visitors are forgotten after the site's time of keeping, everywhere, and only counted.

A purged record loses what is somebody's: in its row, in the text of every op about it, in merges,
in photos; phones let go of it at their next pull. What a case holds is left out. Purging again
changes nothing; the log stays explainable, because what is left is judged anew and written back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid5

from sqlalchemy import ColumnElement, delete, func, insert, or_, select, update

from server.db.engine import db, write_transaction
from server.db.statements import chunks, replace_rows
from server.models.conflicts import Conflict
from server.models.feed import FeedRow
from server.models.frequent_visitors import FrequentVisitor
from server.models.gate_passes import GatePass
from server.models.oplog import APPLIED_STATUSES, LoggedOp
from server.models.photos import DELETE_PENDING, DELETED, Photo, PhotoLink
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
from server.photos import uploads
from sync import Accepted, Merged
from sync.protocol.conflict_resolution import to_json_value

BATCH_SIZE = 50
UNAPPLIED_STATUSES = ("quarantined", "held", "refused")


@dataclass(slots=True)
class PurgeCounts:
    """How much a run has forgotten; what it left because a case holds it."""

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
    """V12, V13: forget what is over time at a site; note by count that it was forgotten."""
    days = db.session.scalar(select(Site.retention_days).where(Site.site_id == site_id)) or 30
    before, counts = now - timedelta(days=days), PurgeCounts()
    counts.held = _count_on_hold(site_id, before)
    for type_, ids in _expired_ids(site_id, before).items():
        for chunk in chunks(ids, BATCH_SIZE):
            forgotten, gone = _purge_records(site_id, type_, chunk)
            setattr(counts, f"{type_}s", getattr(counts, f"{type_}s") + forgotten)
            counts.photos += gone
    counts.asides = _redact_unapplied_ops(site_id, before)
    _delete_photo_files(site_id)
    if counts.purged_anything:
        with write_transaction():
            row = {"site_id": site_id, "at": now, "before": before, **asdict(counts)}
            db.session.execute(insert(PurgeRun), [row])
    return counts


def _count_on_hold(site_id: str, before: datetime) -> int:
    late = Visit.not_purged(site_id).where(Visit.retained_from < before, Visit.held_at.is_not(None))
    return db.session.scalar(select(func.count()).select_from(late.subquery())) or 0


def _expired_ids(site_id: str, before: datetime) -> dict[str, list[str]]:
    """Ids of what is over its time, by type; what belongs to a held visit stays with it."""
    held = select(Visit.id).where(Visit.site_id == site_id, Visit.held_at.is_not(None))
    over: dict[Any, tuple[ColumnElement[bool], ...]] = {
        Visit: (Visit.retained_from < before, Visit.held_at.is_(None)),
        GatePass: (
            func.coalesce(GatePass.passed_at, GatePass.recorded_at) < before,
            or_(GatePass.visit.is_(None), GatePass.visit.not_in(held)),
        ),
        FrequentVisitor: (FrequentVisitor.last_at < before,),
    }
    found: dict[str, list[str]] = {}
    for table, conditions in over.items():
        mine = table.site_id == site_id, table.purged_at.is_(None)
        found[table.__tablename__] = list(
            db.session.scalars(select(table.id).where(*mine, *conditions).order_by(table.id))
        )
    return found


def _purge_records(site_id: str, type_: str, ids: list[str]) -> tuple[int, int]:
    """Records of one type, with all that was ever said of them, in one transaction."""
    with write_transaction():
        merges = _conflicts_about(site_id, ids)
        ops = [*_settle_ops(merges), *(_purge_op(type_, id_) for id_ in ids)]
        answers = receive.submit_in_transaction(site_id, ops)[-len(ids) :]
        done = [id_ for id_, told in zip(ids, answers, strict=True) if told["status"] == "applied"]
        for id_ in done:
            _redact_history(site_id, type_, id_, type_)
        for merge in merges:
            if merge.subject in done:
                _replace_feed_body(site_id, _redact_history(site_id, "merge", merge.id, type_))
        return len(done), _unlink_photos(site_id, done)


def _conflicts_about(site_id: str, ids: list[str]) -> list[Any]:
    about = select(Conflict.id, Conflict.subject, Conflict.settled_at)
    mine = about.where(Conflict.site_id == site_id, Conflict.subject.in_(ids))
    return list(db.session.execute(mine.order_by(Conflict.id)).all())


def _settle_ops(merges: Iterable[Any]) -> Iterable[NewOp]:
    """What waited for the desk is over as well: what stood, stands."""
    for merge in merges:
        if merge.settled_at is None:
            id_ = str(uuid5(UUID(merge.id), "purge"))
            yield receive.make_op("merge.settle", merge.id, {"take": "theirs"}, id=id_)


def _purge_op(type_: str, id_: str) -> NewOp:
    return receive.make_op(f"{type_}.purge", id_, {})


def _redact_history(site_id: str, type_: str, id_: str, of: str) -> LoadedRecord:
    """The history of a record without what is somebody's, judged anew so that it explains it."""
    ops = LoggedOp.metadata.tables["op"]
    mine = select(ops).where(ops.c.site_id == site_id, ops.c.subject == id_)
    store = RecordStore(site_id)
    rows: list[OpRow] = []
    for columns in db.session.execute(mine.order_by(ops.c.place)).mappings():
        row = cast(OpRow, dict(columns))
        clean: OpRow = {**row, **redact_op(row, of)}
        if row["status"] in APPLIED_STATUSES:
            verdict = replay_op(store, clean)
            if not isinstance(verdict, Accepted | Merged):
                raise RuntimeError(f"op {row['id']} does not stand without what was purged")
            clean["changes"] = to_json_value(verdict.changes)
        rows.append(clean)
    replace_rows(ops, ("site_id", "id"), rows)
    held = store.records[id_]
    row_ = {**vars(held.row), "version": held.version}
    replace_rows(table_of(type_), ("site_id", "id"), [row_])
    return held


def _replace_feed_body(site_id: str, merge: LoadedRecord) -> None:
    """A merge stays at the desk, and no phone ever had it: its text is replaced in place."""
    text = record_json("merge", vars(merge.row), directory_of(site_id))
    mine = FeedRow.site_id == site_id, FeedRow.id == merge.id
    db.session.execute(update(FeedRow).where(*mine).values(body=text))


def _unlink_photos(site_id: str, ids: list[str]) -> int:
    """Photos of purged records that nothing else shows lose their row; their files go next."""
    mine = PhotoLink.site_id == site_id, PhotoLink.subject.in_(ids)
    names = set(db.session.scalars(select(PhotoLink.sha256).where(*mine)))
    db.session.execute(update(PhotoLink).where(*mine).values(subject_type=DELETE_PENDING))
    shown = select(PhotoLink.sha256).where(
        PhotoLink.site_id == site_id,
        PhotoLink.sha256.in_(names),
        PhotoLink.subject_type.not_in((DELETE_PENDING, DELETED)),
    )
    free = names - set(db.session.scalars(shown))
    gone = delete(Photo).where(Photo.site_id == site_id, Photo.sha256.in_(free))
    db.session.execute(gone.execution_options(synchronize_session=False))
    return len(free)


def _delete_photo_files(site_id: str) -> None:
    """Files after the commit: a crash between leaves links that say what is still to go."""
    leaving = PhotoLink.site_id == site_id, PhotoLink.subject_type == DELETE_PENDING
    names = set(db.session.scalars(select(PhotoLink.sha256).where(*leaving)))
    for sha256 in names:
        if uploads.find_photo(site_id, sha256) is None or uploads.belongs_to_purged_only(
            site_id, sha256
        ):
            uploads.delete_photo(site_id, sha256)
    if names:
        with write_transaction():
            db.session.execute(update(PhotoLink).where(*leaving).values(subject_type=DELETED))


def _redact_unapplied_ops(site_id: str, before: datetime) -> int:
    """Ops about visitors that were never put in force: no record of theirs is purged."""
    ops = LoggedOp.metadata.tables["op"]
    records = select(FeedRow.id).where(FeedRow.site_id == site_id, FeedRow.id == ops.c.subject)
    old = (
        select(ops)
        .where(ops.c.site_id == site_id, ops.c.status.in_(UNAPPLIED_STATUSES))
        .where(ops.c.received_at < before, ops.c.body != EMPTY_BODY)
        .where(or_(ops.c.kind.like("visit.%"), ops.c.kind.like("release.%")))
        .where(or_(ops.c.subject.is_(None), ~records.exists()))
    )
    with write_transaction():
        unapplied = [cast(OpRow, dict(row)) for row in db.session.execute(old).mappings()]
        rows: list[OpRow] = [{**row, **redact_unapplied(row)} for row in unapplied]
        if rows:
            replace_rows(ops, ("site_id", "id"), rows)
    return len(rows)
