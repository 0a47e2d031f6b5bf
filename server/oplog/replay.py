"""Recompute every record from the log and compare: a difference is a bug or tampering."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

from sqlalchemy import select

from server.db.engine import db
from server.models import Device, FeedRow, LoggedOp, SiteFeed
from server.models.oplog import STANDING
from server.oplog.directory import names_of
from server.oplog.hash_chain import Walk
from server.oplog.publish import body, digest_for
from server.oplog.redaction import EMPTY, PURGED, scrubbed
from server.oplog.unit_of_work import Held, blank, is_gone, remembered, table_of
from sync import KINDS, Accepted, Merged, Op, Verdict, entry, judge, newest
from sync.protocol.conflict_resolution import plain
from sync.protocol.digest import add, fingerprint, text
from sync.protocol.hash_chain import hash_of

EVERYTHING = -1
OP = LoggedOp.metadata.tables["op"]


def verify(site_id: str) -> list[str]:
    """What does not agree with the log, one sentence each; an empty list is the proof."""
    return look(site_id).faults


@dataclass(slots=True)
class Look:
    """What was found, and every link of the log, to hold one against that somebody noted."""

    faults: list[str]
    links: set[str]
    newest: str


def look(site_id: str) -> Look:
    """A15: replay the log, walk along its seals, hold records and feed against both."""
    records: dict[str, Held] = {}
    faults: list[str] = []
    purged: list[LoggedOp] = []
    walk = Walk(site_id)
    for op in _log(site_id):
        faults += walk.past({column.key: getattr(op, column.key) for column in OP.columns})
        faults += _tried(site_id, records, op)
        purged += [op] if PURGED in op.flags else []
    records = {id_: held for id_, held in records.items() if held.row}
    faults += walk.end(db.session.scalar(select(SiteFeed.link).filter_by(site_id=site_id)) or "")
    faults += _misfits(site_id)
    faults += [fault for op in purged for fault in _not_forgotten(records, op)]
    faults += [*_compare_rows(site_id, records), *_compare_feed(site_id, records)]
    return Look(faults, walk.links, walk.link)


def _misfits(site_id: str) -> Iterator[str]:
    """A15: phones hold the log to what they were told of it."""
    told = select(Device.label, Device.misfit).where(Device.site_id == site_id)
    for label, misfit in db.session.execute(told.where(Device.misfit.is_not(None))):
        yield f"phone {label}: it was told link {misfit['link']}, which is not in the log any more"


def _not_forgotten(records: dict[str, Held], op: LoggedOp) -> Iterator[str]:
    """Only what a purge took away may differ from what was sealed; nothing takes its place."""
    held = records.get(op.subject or "")
    if held and held.row and held.type == "merge":
        held = records.get(held.row.subject)
    emptied = op.body == EMPTY and op.kind.startswith(("visit.", "release."))
    if held and held.row and (op.status in STANDING or not emptied):
        clean = json.loads(scrubbed(vars(op), held.type)["body"])
        forgotten = getattr(held.row, "purged_at", None) and clean == json.loads(op.body)
    else:
        forgotten = emptied
    if not forgotten:
        yield f"op {op.id}: it says that it was purged, and nothing purged it"


def sites() -> list[str]:
    """Every site of this server."""
    return list(db.session.scalars(select(SiteFeed.site_id).order_by(SiteFeed.site_id)))


def _log(site_id: str) -> Iterator[LoggedOp]:
    ops = select(LoggedOp).where(LoggedOp.site_id == site_id).order_by(LoggedOp.place)
    yield from db.session.scalars(ops.execution_options(yield_per=500))


def _tried(site_id: str, records: dict[str, Held], op: LoggedOp) -> list[str]:
    """A log that somebody has changed may hold anything: what cannot be replayed is told too."""
    try:
        return list(_replay(site_id, records, op))
    except Exception as error:
        return [f"op {op.id}: it cannot be replayed ({type(error).__name__})"]


def _replay(site_id: str, records: dict[str, Held], op: LoggedOp) -> Iterator[str]:
    raw = json.loads(op.body)
    altered = {"masked", PURGED} & set(op.flags)
    as_sent = op.hash and not altered and op.status != "quarantined"
    if as_sent and hash_of(raw) != op.hash:
        yield f"op {op.id}: its text does not fit its hash"
    if op.status not in STANDING or op.subject is None or op.subject_type is None:
        return
    verdict = replayed(site_id, records, op)
    if not isinstance(verdict, Accepted | Merged):
        yield f"op {op.id}: logged as {op.status}, now {type(verdict).__name__.lower()}"
        return
    held = records[op.subject]
    if plain(verdict.changes) != op.changes or held.version != op.version:
        yield f"op {op.id}: its changes are not those in the log"


def replayed(site_id: str, records: dict[str, Held], op: Any) -> Verdict:
    """What an op of the log does to the records so far; put in force if it stands."""
    known = _as_op(op)
    held = records.setdefault(op.subject, Held(op.subject_type, op.subject))
    verdict = judge(held.type, held.row, _beside(records, known), held.history)
    if isinstance(verdict, Accepted | Merged):
        _apply(site_id, held, op, verdict)
    return verdict


def _beside(records: dict[str, Held], op: Op) -> Op:
    ids = KINDS[op.kind].wants(newest(op))
    there = {id_: held.row for id_ in ids if (held := records.get(id_)) and held.row}
    return replace(op, beside=there) if ids else op


def _apply(site_id: str, held: Held, op: Any, verdict: Accepted | Merged) -> None:
    if held.row is None:
        held.row = SimpleNamespace(**blank(held.type, site_id, held.id))
    for name, value in verdict.changes.items():
        setattr(held.row, name, value)
    held.version += 1
    held.gone = is_gone(held.row, verdict)
    held.history.append(entry(_as_op(op), held.version, verdict.changes))


def _as_op(op: Any) -> Op:
    known = remembered(op, op.subject_type or "")
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


def _compare_rows(site_id: str, records: dict[str, Held]) -> Iterator[str]:
    for type_ in sorted({held.type for held in records.values()}):
        mine = {id_: held for id_, held in records.items() if held.type == type_}
        table = table_of(type_)
        rows = db.session.execute(select(table).where(table.c.site_id == site_id)).mappings()
        kept: dict[str, Any] = {row["id"]: dict(row) for row in rows}
        for id_ in sorted(mine.keys() | kept.keys()):
            held, row = mine.get(id_), kept.get(id_)
            if held is None or row is None:
                yield f"{type_} {id_}: {'not in the log' if held is None else 'not in its table'}"
            elif plain({**vars(held.row), "version": held.version}) != plain(row):
                yield f"{type_} {id_}: the record is not what its ops make it"


def _compare_feed(site_id: str, records: dict[str, Held]) -> Iterator[str]:
    names, sum_ = names_of(site_id), 0
    ends = select(SiteFeed.head, SiteFeed.floor).where(SiteFeed.site_id == site_id)
    head, floor = db.session.execute(ends).one()
    if floor > head:
        yield "the floor of the feed is above its head"
    rows = select(FeedRow.id, FeedRow.type, FeedRow.version, FeedRow.body, FeedRow.deleted)
    for id_, type_, version, kept, gone, seq in db.session.execute(
        rows.add_columns(FeedRow.seq).where(FeedRow.site_id == site_id)
    ):
        if not 0 < seq <= head and not (gone and seq == 0):
            yield f"{type_} {id_}: its place in the feed is none"
        sum_ = sum_ if gone else add(sum_, fingerprint(type_, id_, version))
        held = records.get(id_)
        if held is None or held.version != version:
            yield f"{type_} {id_}: the feed's version is not the log's"
        elif gone != held.gone:
            yield f"{type_} {id_}: the feed and the log differ on whether it is gone"
        elif not gone and _stored(body(type_, vars(held.row), names)) != _stored(kept):
            yield f"{type_} {id_}: the feed shows something else than the record"
    if text(sum_) != digest_for(site_id, EVERYTHING):
        yield "the digest of the feed is not that of its rows"


def _stored(body_: str) -> Any:
    """Names may have changed since a row was written; ids and values may not."""
    return {
        name: value
        for name, value in json.loads(body_).items()
        if not isinstance(value, dict) and name not in NAMES
    }


NAMES = frozenset(
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
