"""Erases the personal data of records: in the record, in the log of its ops, in its conflicts and
photos; phones delete the record at their next pull.

The redacted ops are judged again and the result is stored, so that `lodge verify` still gets the
records from the log.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, cast
from uuid import UUID, uuid5

from sqlalchemy import func, select, update

from server.db.engine import db, write_transaction
from server.db.statements import chunks, replace_rows
from server.jobs.purged_photos import delete_photo_files, unlink_photos
from server.models.conflicts import Conflict
from server.models.feed import FeedRow
from server.models.oplog import APPLIED_STATUSES, LoggedOp
from server.oplog import receive
from server.oplog.directory import directory_of
from server.oplog.incoming import NewOp
from server.oplog.op_row import OpRow
from server.oplog.publish import record_json
from server.oplog.record_loader import column_values
from server.oplog.record_store import LoadedRecord, RecordStore, table_of
from server.oplog.redaction import redact_op, redact_unapplied
from server.oplog.replay import op_of_row, replay_op
from sync import KINDS, RECORD_TYPES, Accepted, Merged, Verdict
from sync.protocol.conflict_resolution import to_json_value
from sync.protocol.op import SERVER_AUTHOR_ID
from sync.protocol.redaction import redact

MAX_RECORDS, MAX_OPS, MAX_UNAPPLIED = 10, 40, 200
"""Records and their ops, or ops of no record, in one transaction: nobody else writes meanwhile, so
it has to be short."""


def erase_records(
    site_id: str, type_: str, ids: list[str], by: str = SERVER_AUTHOR_ID
) -> tuple[int, int]:
    """Erase the personal data of records of one type, in short transactions.

    `by` is who decided it. Returns the number of records and of photos. The files of the photos are
    deleted by `purged_photos.delete_photo_files`.
    """
    records = photos = 0
    for few in _short_batches(site_id, ids):
        erased, unlinked = _erase_few(site_id, type_, few, by)
        records, photos = records + erased, photos + unlinked
    return records, photos


def erase_on_request(site_id: str, chosen: Iterable[tuple[str, str]], by: str) -> int:
    """Erase records, given as type and id, because somebody asked for it; the type "op" is an op
    that belongs to no record. Returns how many were erased."""
    by_type: dict[str, list[str]] = defaultdict(list)
    for type_, id_ in chosen:
        by_type[type_].append(id_)
    erased = redact_unapplied_ops(site_id, by_type.pop("op", []))
    erased += sum(erase_records(site_id, type_, ids, by)[0] for type_, ids in by_type.items())
    delete_photo_files(site_id)
    return erased


def redact_unapplied_ops(site_id: str, ids: list[str]) -> int:
    """V12. Erase the content of ops that were never applied; returns how many."""
    ops = LoggedOp.metadata.tables["op"]
    for some in chunks(ids, MAX_UNAPPLIED):
        with write_transaction():
            query = select(ops).where(ops.c.site_id == site_id, ops.c.id.in_(some))
            rows = [cast(OpRow, dict(row)) for row in db.session.execute(query).mappings()]
            redacted: list[OpRow] = [{**row, **redact_unapplied(row)} for row in rows]
            replace_rows(ops, ("site_id", "id"), redacted)
    return len(ids)


def _short_batches(site_id: str, ids: list[str]) -> Iterator[list[str]]:
    """The ids in lists of few records that have few ops."""
    for some in chunks(ids, 500):
        in_site = LoggedOp.site_id == site_id, LoggedOp.subject.in_(some)
        counts = select(LoggedOp.subject, func.count()).where(*in_site).group_by(LoggedOp.subject)
        ops: dict[Any, int] = {row[0]: row[1] for row in db.session.execute(counts)}
        batch: list[str] = []
        for id_ in some:
            is_full = sum(ops.get(each, 0) for each in (*batch, id_)) > MAX_OPS
            if batch and (is_full or len(batch) == MAX_RECORDS):
                yield batch
                batch = []
            batch.append(id_)
        if batch:
            yield batch


def _erase_few(site_id: str, type_: str, ids: list[str], by: str) -> tuple[int, int]:
    with write_transaction():
        conflicts = _conflicts_about(site_id, ids)
        purges = (receive.make_op(f"{type_}.purge", id_, {}, by=by) for id_ in ids)
        ops = [*_settle_ops(conflicts), *purges]
        answers = receive.submit_in_transaction(site_id, ops)[-len(ids) :]
        answered = zip(ids, answers, strict=True)
        erased = [id_ for id_, answer in answered if answer["status"] == "applied"]
        for id_ in erased:
            _redact_history(site_id, type_, id_, type_)
        for conflict in conflicts:
            if conflict.subject in erased:
                redacted = _redact_history(site_id, "merge", conflict.id, type_)
                _replace_feed_body(site_id, redacted)
        return len(erased), unlink_photos(site_id, erased)


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


def _redact_history(site_id: str, type_: str, id_: str, redact_as: str) -> LoadedRecord:
    """Redact every op about a record, judge them again, and store what they now lead to.

    `redact_as`: the record type whose personal fields are redacted, for a conflict that of the
    record it is about. Returns the record. Raises RuntimeError if an applied op is not any more.
    """
    ops = LoggedOp.metadata.tables["op"]
    query = select(ops).where(ops.c.site_id == site_id, ops.c.subject == id_)
    store, numbers = RecordStore(site_id), dict[str, str]()
    rows: list[OpRow] = []
    for columns in db.session.execute(query.order_by(ops.c.place)).mappings():
        row = cast(OpRow, dict(columns))
        redacted: OpRow = {**row, **redact_op(row, redact_as, numbers)}
        if row["status"] in APPLIED_STATUSES:
            verdict = _judge_again(store, redacted, redact_as)
            if not isinstance(verdict, Accepted | Merged):
                raise RuntimeError(f"op {row['id']} is not applied any more once it is redacted")
            redacted["changes"] = to_json_value(verdict.changes)
        rows.append(redacted)
    replace_rows(ops, ("site_id", "id"), rows)
    record = store.records[id_]
    record_row = {**vars(record.row), "version": record.version}
    replace_rows(table_of(type_), ("site_id", "id"), [record_row])
    return record


def _judge_again(store: RecordStore, row: OpRow, redact_as: str) -> Verdict:
    """Judge a redacted op. One that was judged by other records keeps its redacted changes, because
    these records are not any more what they were then."""
    kind = KINDS[row["kind"]]
    if not (kind.related_fields or kind.more_related):
        return replay_op(store, row)
    op = op_of_row(row)
    record = store.record_for(op)
    changes = redact(row["changes"], RECORD_TYPES[redact_as].redacted_values)
    verdict = Accepted(column_values(record.type, changes))
    store.apply(record, op, verdict)
    return verdict


def _replace_feed_body(site_id: str, conflict: LoadedRecord) -> None:
    """Replace the body of a conflict without a new feed number: no phone ever gets conflicts."""
    body = record_json("merge", vars(conflict.row), directory_of(site_id))
    rows = update(FeedRow).where(FeedRow.site_id == site_id, FeedRow.id == conflict.id)
    db.session.execute(rows.values(body=body))
