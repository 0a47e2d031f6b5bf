"""The write path: every change of a record is received here as an op, and every op is answered."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid5

import structlog
from sqlalchemy import insert, select
from sqlalchemy.exc import DBAPIError, StatementError
from uuid_utils.compat import uuid7

from server.db.engine import DATABASE_ERRORS, db, write_transaction
from server.models.feed import SiteHead
from server.models.oplog import LoggedOp
from server.oplog.hash_chain import LogHead
from server.oplog.incoming import IncomingOp, NewOp, Source
from server.oplog.op_row import Answer
from server.oplog.photo_arrivals import find_photo_arrivals
from server.oplog.processor import OpProcessor
from server.oplog.signatures import check_signatures, mark_used
from server.oplog.triage import Triage
from server.oplog.unit_of_work import UnitOfWork
from sync import KINDS
from sync.protocol.conflict_resolution import to_json_value
from sync.protocol.hash_chain import LineageState
from sync.protocol.op import SERVER_AUTHOR_ID
from sync.protocol.redaction import mask_id_numbers

SITE_FEED_TABLE = SiteHead.metadata.tables["site_feed"]

log = structlog.get_logger("lodge.oplog")


class ReceiveResult(NamedTuple):
    """What a batch led to."""

    answers: list[Answer]
    """In the order of the batch."""
    lineage: LineageState
    """What has arrived of the sender's chain."""
    log_head: LogHead
    is_foreign: bool = False
    """L5: the chain is that of another phone, and nothing was received."""


def receive_ops(site_id: str, raws: Sequence[Mapping[str, Any]], source: Source) -> ReceiveResult:
    """Judge ops, log them, and apply those that are accepted, in one transaction.

    Receiving an op again is harmless. If the database refuses the batch, its ops are received one
    by one, and the op at fault is quarantined. Raises LookupError for an unknown site, and the
    database's error where it is locked, full or away: then nothing was stored.
    """
    parse = IncomingOp.parse if source.device_id else IncomingOp.from_trusted
    ops = check_signatures(site_id, [parse(raw) for raw in raws], source)
    try:
        with write_transaction():
            return _receive_in_transaction(site_id, ops, source)
    except DATABASE_ERRORS:  # says nothing about the ops
        raise
    except (DBAPIError, StatementError) as error:
        if not ops:
            raise
        log.warning("batch received one by one", site=site_id, error=type(error).__name__)
        results = [_receive_single(site_id, op, source) for op in ops]
        answers = [answer for result in results for answer in result.answers]
        return results[-1]._replace(answers=answers)


def _receive_single(site_id: str, op: IncomingOp, source: Source) -> ReceiveResult:
    try:
        with write_transaction():
            return _receive_in_transaction(site_id, [op], source)
    except DATABASE_ERRORS:
        raise
    except StatementError as error:
        if getattr(error, "connection_invalidated", False):
            raise
        log.error("op quarantined", site=site_id, op=op.id, error=type(error).__name__)
        with write_transaction():
            return _receive_in_transaction(site_id, [op.as_malformed()], source)


def _receive_in_transaction(site_id: str, ops: list[IncomingOp], source: Source) -> ReceiveResult:
    log_head = lock_site(site_id)
    triage = Triage(site_id, ops, source)
    unit_of_work = UnitOfWork(site_id, log_head, triage.subjects())
    answers = OpProcessor(unit_of_work, triage).process_all()
    _process_photo_arrivals(unit_of_work, source.received_at)
    log_head = unit_of_work.write()
    triage.lineage.save()
    mark_used(site_id, (op.signature for op in ops), source.received_at)
    return ReceiveResult(answers, triage.lineage.state, log_head, triage.lineage.is_foreign)


def _process_photo_arrivals(unit_of_work: UnitOfWork, received_at: datetime) -> None:
    """P2. Count photos that arrived before the op of this batch that names them."""
    site_id, sha256s = unit_of_work.site_id, unit_of_work.write_photo_links()
    ops = [IncomingOp.from_trusted(raw) for raw in _photo_arrival_ops(site_id, sha256s)]
    if ops:
        triage = Triage(site_id, ops, Source.for_desk(received_at))
        OpProcessor(unit_of_work, triage).process_all()


def lock_site(site_id: str) -> LogHead:
    """Lock a site's log until the transaction ends, so that one writer at a time judges its ops.

    Returns where the log ends. Raises LookupError for an unknown site.
    """
    head = select(SITE_FEED_TABLE.c.judged, SITE_FEED_TABLE.c.link).where(
        SITE_FEED_TABLE.c.site_id == site_id
    )
    row = db.session.connection().execute(head.with_for_update()).one_or_none()
    if row is None:
        raise LookupError(f"There is no site {site_id}.")
    return LogHead(row.judged, row.link)


def submit(
    site_id: str,
    kind: str,
    subject: str | None,
    payload: dict[str, Any],
    *,
    by: str = SERVER_AUTHOR_ID,
    base: int | None = None,
    id: str | None = None,
) -> Answer:
    """Receive one op of the desk or the server; the parameters are those of `make_op`."""
    return submit_many(site_id, [make_op(kind, subject, payload, by=by, base=base, id=id)])[0]


def submit_many(site_id: str, raws: Sequence[NewOp]) -> list[Answer]:
    """Receive ops of the desk or the server, made by `make_op`, in one transaction."""
    return receive_ops(site_id, raws, Source.for_desk(datetime.now(UTC))).answers


def submit_in_transaction(site_id: str, raws: Sequence[NewOp]) -> list[Answer]:
    """The same within a `write_transaction` of the caller. Raises whatever the database raises."""
    ops = [IncomingOp.from_trusted(raw) for raw in raws]
    return _receive_in_transaction(site_id, ops, Source.for_desk(datetime.now(UTC))).answers


def publish_photo_arrivals(site_id: str, sha256s: Collection[str]) -> None:
    """P2. Count newly arrived photos in the records that show them, within the caller's
    `write_transaction`."""
    ops = _photo_arrival_ops(site_id, sha256s)
    if ops:
        submit_in_transaction(site_id, ops)


def _photo_arrival_ops(site_id: str, sha256s: Collection[str]) -> list[NewOp]:
    """The id of each op is derived from record and photo, so that an arrival is counted once."""
    return [
        make_op(
            "photo.arrive",
            arrival.subject,
            {"sha256": arrival.sha256, "here": arrival.photos_here, "digest": arrival.digest},
            id=str(uuid5(UUID(arrival.subject), arrival.sha256)),
        )
        for arrival in find_photo_arrivals(site_id, sha256s)
    ]


def make_op(
    kind: str,
    subject: str | None,
    payload: dict[str, Any],
    *,
    by: str = SERVER_AUTHOR_ID,
    base: int | None = None,
    id: str | None = None,
) -> NewOp:
    """An op of the desk or the server, which belongs to no phone's chain.

    `subject` None: a new record's id. `base`: the record's version that the author saw.
    """
    return {
        "id": id or str(uuid7()),
        "kind": kind,
        "v": KINDS[kind].payload_version,
        "subject": subject or str(uuid7()),
        "base": base,
        "after": None,
        "by": by,
        "payload": mask_id_numbers(to_json_value(payload)),
    }


def create_site(site_id: str) -> None:
    """Begin the empty log and feed of a site; does nothing for a site that has them."""
    with write_transaction():
        if db.session.get(SiteHead, site_id) is None:
            counters = dict.fromkeys(("head", "floor", "judged", "names_seq"), 0)
            db.session.execute(insert(SiteHead), [{"site_id": site_id, **counters}])


def ops_about(site_id: str, subject: str) -> Sequence[LoggedOp]:
    """Every logged op about a record, in the order of judgement."""
    return db.session.scalars(LoggedOp.for_subject(site_id, subject)).all()
