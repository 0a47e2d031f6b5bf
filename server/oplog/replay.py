"""Verification: recompute every record from the log, check the hash chain, and compare both with
the tables. A difference is a bug, or tampering."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import select

from server.db.engine import db
from server.models.access import Device
from server.models.feed import SiteHead
from server.models.oplog import APPLIED_STATUSES, LoggedOp
from server.oplog.comparison import compare_feed, compare_tables
from server.oplog.hash_chain import ChainVerifier, is_known_epoch
from server.oplog.op_row import OpRow
from server.oplog.record_store import RecordStore
from server.oplog.redaction import (
    EMPTY_BODY,
    PURGED_FLAG,
    is_redacted,
    may_be_emptied,
    redact_op,
)
from server.oplog.row_builder import MASKED_FLAG
from sync import KINDS, Accepted, Merged, Op, Verdict, judge
from sync.protocol.conflict_resolution import to_json_value
from sync.protocol.hash_chain import content_hash

OP_TABLE = LoggedOp.metadata.tables["op"]


@dataclass(slots=True)
class VerificationReport:
    """`links` are all links of the log, to check one against that somebody noted."""

    faults: list[str]
    """One sentence each; empty for a log that explains every record."""
    links: set[str]
    newest_link: str
    notes: list[str]
    """What cannot be checked, one sentence each."""


def find_faults(site_id: str) -> list[str]:
    """What does not agree with the log of a site, one sentence each."""
    return verify_site(site_id).faults


def verify_site(site_id: str) -> VerificationReport:
    """A15. Replay the log of a site, verify its hash chain, compare records and feed with both."""
    store, chain = RecordStore(site_id), ChainVerifier(site_id)
    faults: list[str] = []
    purged: list[OpRow] = []
    for row in _logged_ops(site_id):
        faults += chain.check_row(row)
        faults += _replay_safely(store, row)
        purged += [row] if PURGED_FLAG in row["flags"] else []
    store.remove_empty()
    head_link = db.session.scalar(select(SiteHead.link).filter_by(site_id=site_id))
    faults += chain.check_end(head_link or "")
    mismatches, notes = _device_mismatches(site_id)
    faults += mismatches
    faults += [fault for row in purged for fault in _unjustified_purge(store, row)]
    faults += [*compare_tables(store), *compare_feed(store)]
    return VerificationReport(faults, chain.links, chain.link, notes)


def all_site_ids() -> list[str]:
    """The ids of all sites of this server, sorted."""
    return list(db.session.scalars(select(SiteHead.site_id).order_by(SiteHead.site_id)))


def _logged_ops(site_id: str) -> Iterator[OpRow]:
    ops = select(OP_TABLE).where(OP_TABLE.c.site_id == site_id).order_by(OP_TABLE.c.place)
    for columns in db.session.execute(ops, execution_options={"yield_per": 500}).mappings():
        yield cast(OpRow, dict(columns))


def _device_mismatches(site_id: str) -> tuple[list[str], list[str]]:
    """A15, A27. Phones whose known link was missing from the log when they connected: a sentence
    each as a fault, or as a note if it is of an epoch that this database never had, or if somebody
    blocked the phone since, because it says what is not true."""
    faults, notes = [], []
    devices = select(Device.label, Device.misfit, Device.revoked_at)
    known = devices.where(Device.site_id == site_id, Device.misfit.is_not(None))
    for label, misfit, revoked_at in db.session.execute(known).all():
        if is_known_epoch(misfit["epoch"]):
            sentence = f"it received link {misfit['link']}, which the log does not contain"
            if revoked_at is None:
                faults.append(f"phone {label}: {sentence}")
            else:
                notes.append(f"phone {label}, which is blocked, said: {sentence}")
        else:
            notes.append(
                f"phone {label}: it received link {misfit['link']} at place {misfit['place']} of "
                f"epoch {misfit['epoch']}, which this database never had. A restored backup from "
                "before that epoch explains it; without one, this is not the log that it knew"
            )
    return faults, notes


def _unjustified_purge(store: RecordStore, row: OpRow) -> Iterator[str]:
    """A fault where an op is marked as purged, but its record is not, or its text was replaced by
    something else than its redaction."""
    record = store.records.get(row["subject"] or "")
    if record and record.row and record.type == "merge":
        record = store.records.get(record.row.subject)
    is_emptied = row["body"] == EMPTY_BODY and may_be_emptied(row["kind"])
    if record and record.row and (row["status"] in APPLIED_STATUSES or not is_emptied):
        redacted = json.loads(redact_op(row, record.type)["body"])
        is_purged = is_redacted(record.type, record.row, datetime.now(UTC))
        is_justified = is_purged and redacted == json.loads(row["body"])
    else:
        is_justified = is_emptied
    if not is_justified:
        yield f"op {row['id']}: it is marked as purged, but no purge explains its text"


def _is_explained(logged: dict[str, Any], verdict: Accepted | Merged) -> bool:
    """Whether changes in the log are those of the verdict. A field that this version added is not
    in the log, and has no value."""
    changes: dict[str, Any] = to_json_value(verdict.changes)
    return logged == {n: value for n, value in changes.items() if value is not None or n in logged}


def _replay_safely(store: RecordStore, row: OpRow) -> list[str]:
    """The faults of one op; a tampered log may hold anything, so an exception is a fault too."""
    try:
        return list(_replay(store, row))
    except Exception as error:
        return [f"op {row['id']}: it cannot be replayed ({type(error).__name__})"]


def _replay(store: RecordStore, row: OpRow) -> Iterator[str]:
    altered = {MASKED_FLAG, PURGED_FLAG} & set(row["flags"])
    is_as_sent = row["hash"] and not altered and row["status"] != "quarantined"
    if is_as_sent and content_hash(json.loads(row["body"])) != row["hash"]:
        yield f"op {row['id']}: its text does not match its hash"
    if row["status"] not in APPLIED_STATUSES or row["subject"] is None:
        return
    verdict = replay_op(store, row)
    if not isinstance(verdict, Accepted | Merged):
        yield f"op {row['id']}: logged as {row['status']}, now {type(verdict).__name__.lower()}"
        return
    record = store.records[row["subject"]]
    if not _is_explained(row["changes"], verdict) or record.version != row["version"]:
        yield f"op {row['id']}: its changes are not those in the log"


def replay_op(store: RecordStore, row: OpRow) -> Verdict:
    """Judge a logged op by the records replayed so far, and apply it if it is accepted."""
    op = op_of_row(row)
    record = store.record_for(op)
    verdict = judge(record.type, record.row, store.with_related(op), record.history)
    if isinstance(verdict, Accepted | Merged):
        store.apply(record, op, verdict)
    return verdict


def op_of_row(row: OpRow) -> Op:
    """A logged op, to be judged again."""
    return Op(
        id=row["id"],
        kind=row["kind"],
        subject=row["subject"] or "",
        by=row["by"] or "",
        occurred_at=row["occurred_at"],
        received_at=row["received_at"],
        payload=row["payload"],
        base=row["base"],
        v=row["v"],
        given={name: row["changes"].get(name) for name in KINDS[row["kind"]].given_fields},
        arriving=False,
    )
