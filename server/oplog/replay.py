"""Recompute every record from the log and compare: a difference is a bug or tampering."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

from sqlalchemy import select

from server.db.engine import db
from server.models.access import Device
from server.models.feed import FeedRow, SiteHead
from server.models.oplog import APPLIED_STATUSES, LoggedOp
from server.oplog.directory import directory_of
from server.oplog.hash_chain import ChainVerifier
from server.oplog.publish import digest_for_audience, record_json
from server.oplog.redaction import EMPTY_BODY, PURGED_FLAG, redact_op
from server.oplog.unit_of_work import LoadedRecord, empty_row, history_entry, is_deleted, table_of
from sync import KINDS, Accepted, Merged, Op, Verdict, judge, to_history_entry, upcast_payload
from sync.protocol.conflict_resolution import to_json_value
from sync.protocol.digest import add_to_digest, digest_text, record_fingerprint
from sync.protocol.hash_chain import content_hash

ALL_AUDIENCES = -1
OP_TABLE = LoggedOp.metadata.tables["op"]


def find_faults(site_id: str) -> list[str]:
    """What does not agree with the log, one sentence each; an empty list is the proof."""
    return verify_site(site_id).faults


@dataclass(slots=True)
class VerificationReport:
    """What was found, and every link of the log, to hold one against that somebody noted."""

    faults: list[str]
    links: set[str]
    newest_link: str


def verify_site(site_id: str) -> VerificationReport:
    """A15: replay the log, walk along its seals, hold records and feed against both."""
    records: dict[str, LoadedRecord] = {}
    faults: list[str] = []
    purged: list[LoggedOp] = []
    walk = ChainVerifier(site_id)
    for op in _logged_ops(site_id):
        faults += walk.check_row(
            {column.key: getattr(op, column.key) for column in OP_TABLE.columns}
        )
        faults += _replay_safely(site_id, records, op)
        purged += [op] if PURGED_FLAG in op.flags else []
    records = {id_: held for id_, held in records.items() if held.row}
    faults += walk.check_end(
        db.session.scalar(select(SiteHead.link).filter_by(site_id=site_id)) or ""
    )
    faults += _device_mismatches(site_id)
    faults += [fault for op in purged for fault in _unjustified_purge(records, op)]
    faults += [*_compare_rows(site_id, records), *_compare_feed(site_id, records)]
    return VerificationReport(faults, walk.links, walk.link)


def _device_mismatches(site_id: str) -> Iterator[str]:
    """A15: phones hold the log to what they were told of it."""
    told = select(Device.label, Device.misfit).where(Device.site_id == site_id)
    for label, misfit in db.session.execute(told.where(Device.misfit.is_not(None))):
        yield f"phone {label}: it was told link {misfit['link']}, which is not in the log any more"


def _unjustified_purge(records: dict[str, LoadedRecord], op: LoggedOp) -> Iterator[str]:
    """Only what a purge took away may differ from what was sealed; nothing takes its place."""
    held = records.get(op.subject or "")
    if held and held.row and held.type == "merge":
        held = records.get(held.row.subject)
    emptied = op.body == EMPTY_BODY and op.kind.startswith(("visit.", "release."))
    if held and held.row and (op.status in APPLIED_STATUSES or not emptied):
        clean = json.loads(redact_op(vars(op), held.type)["body"])
        forgotten = getattr(held.row, "purged_at", None) and clean == json.loads(op.body)
    else:
        forgotten = emptied
    if not forgotten:
        yield f"op {op.id}: it says that it was purged, and nothing purged it"


def all_site_ids() -> list[str]:
    """Every site of this server."""
    return list(db.session.scalars(select(SiteHead.site_id).order_by(SiteHead.site_id)))


def _logged_ops(site_id: str) -> Iterator[LoggedOp]:
    ops = select(LoggedOp).where(LoggedOp.site_id == site_id).order_by(LoggedOp.place)
    yield from db.session.scalars(ops.execution_options(yield_per=500))


def _replay_safely(site_id: str, records: dict[str, LoadedRecord], op: LoggedOp) -> list[str]:
    """A log that somebody has changed may hold anything: what cannot be replayed is told too."""
    try:
        return list(_replay(site_id, records, op))
    except Exception as error:
        return [f"op {op.id}: it cannot be replayed ({type(error).__name__})"]


def _replay(site_id: str, records: dict[str, LoadedRecord], op: LoggedOp) -> Iterator[str]:
    raw = json.loads(op.body)
    altered = {"masked", PURGED_FLAG} & set(op.flags)
    as_sent = op.hash and not altered and op.status != "quarantined"
    if as_sent and content_hash(raw) != op.hash:
        yield f"op {op.id}: its text does not fit its hash"
    if op.status not in APPLIED_STATUSES or op.subject is None or op.subject_type is None:
        return
    verdict = replay_op(site_id, records, op)
    if not isinstance(verdict, Accepted | Merged):
        yield f"op {op.id}: logged as {op.status}, now {type(verdict).__name__.lower()}"
        return
    held = records[op.subject]
    if to_json_value(verdict.changes) != op.changes or held.version != op.version:
        yield f"op {op.id}: its changes are not those in the log"


def replay_op(site_id: str, records: dict[str, LoadedRecord], op: Any) -> Verdict:
    """What an op of the log does to the records so far; put in force if it stands."""
    known = _to_op(op)
    held = records.setdefault(op.subject, LoadedRecord(op.subject_type, op.subject))
    verdict = judge(held.type, held.row, _with_related(records, known), held.history)
    if isinstance(verdict, Accepted | Merged):
        _apply(site_id, held, op, verdict)
    return verdict


def _with_related(records: dict[str, LoadedRecord], op: Op) -> Op:
    ids = KINDS[op.kind].related_ids(upcast_payload(op))
    there = {id_: held.row for id_ in ids if (held := records.get(id_)) and held.row}
    return replace(op, related=there) if ids else op


def _apply(site_id: str, held: LoadedRecord, op: Any, verdict: Accepted | Merged) -> None:
    if held.row is None:
        held.row = SimpleNamespace(**empty_row(held.type, site_id, held.id))
    for name, value in verdict.changes.items():
        setattr(held.row, name, value)
    held.version += 1
    held.deleted = is_deleted(held.row, verdict)
    held.history.append(to_history_entry(_to_op(op), held.version, verdict.changes))


def _to_op(op: Any) -> Op:
    known = history_entry(op, op.subject_type or "")
    return Op(
        id=op.id,
        kind=op.kind,
        subject=op.subject or "",
        by=known.by,
        occurred_at=op.occurred_at,
        received_at=op.received_at,
        payload=op.payload,
        base=op.base,
        v=op.v,
    )


def _compare_rows(site_id: str, records: dict[str, LoadedRecord]) -> Iterator[str]:
    for type_ in sorted({held.type for held in records.values()}):
        mine = {id_: held for id_, held in records.items() if held.type == type_}
        table = table_of(type_)
        rows = db.session.execute(select(table).where(table.c.site_id == site_id)).mappings()
        kept: dict[str, Any] = {row["id"]: dict(row) for row in rows}
        for id_ in sorted(mine.keys() | kept.keys()):
            held, row = mine.get(id_), kept.get(id_)
            if held is None or row is None:
                yield f"{type_} {id_}: {'not in the log' if held is None else 'not in its table'}"
            elif to_json_value({**vars(held.row), "version": held.version}) != to_json_value(row):
                yield f"{type_} {id_}: the record is not what its ops make it"


def _compare_feed(site_id: str, records: dict[str, LoadedRecord]) -> Iterator[str]:
    names, sum_ = directory_of(site_id), 0
    ends = select(SiteHead.head, SiteHead.floor).where(SiteHead.site_id == site_id)
    head, floor = db.session.execute(ends).one()
    if floor > head:
        yield "the floor of the feed is above its head"
    rows = select(FeedRow.id, FeedRow.type, FeedRow.version, FeedRow.body, FeedRow.deleted)
    for id_, type_, version, kept, gone, seq in db.session.execute(
        rows.add_columns(FeedRow.seq).where(FeedRow.site_id == site_id)
    ):
        if not 0 < seq <= head and not (gone and seq == 0):
            yield f"{type_} {id_}: its place in the feed is none"
        sum_ = sum_ if gone else add_to_digest(sum_, record_fingerprint(type_, id_, version))
        held = records.get(id_)
        if held is None or held.version != version:
            yield f"{type_} {id_}: the feed's version is not the log's"
        elif gone != held.deleted:
            yield f"{type_} {id_}: the feed and the log differ on whether it is gone"
        elif not gone and _without_names(
            record_json(type_, vars(held.row), names)
        ) != _without_names(kept):
            yield f"{type_} {id_}: the feed shows something else than the record"
    if digest_text(sum_) != digest_for_audience(site_id, ALL_AUDIENCES):
        yield "the digest of the feed is not that of its rows"


def _without_names(body_: str) -> Any:
    """Names may have changed since a row was written; ids and values may not."""
    return {
        name: value
        for name, value in json.loads(body_).items()
        if not isinstance(value, dict) and name not in NAME_FIELDS
    }


NAME_FIELDS = frozenset(
    {
        "accountable",
        "arrived_by",
        "calls",
        "collector",
        "assigned_by",
        "closed_by",
        "confirmed_by",
        "contractor_name",
        "decided_by",
        "assessor",
        "attendee_names",
        "attested_by",
        "facilitator",
        "departed_by",
        "done_by",
        "ended_by",
        "expected_by",
        "found_by",
        "first_responder",
        "handed_to",
        "handler",
        "helpers",
        "next_by",
        "out_by",
        "passed_by",
        "person",
        "person_name",
        "raised_by",
        "verified_by",
        "pin_check",
        "recorded_by",
        "refused_by",
        "reported_by",
        "responsible",
        "settled_by",
        "taken_over_by",
        "who",
    }
)
