"""Classifies each op of a batch: duplicate, fork, waiting for a dependency, quarantined, or to be
judged."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid5

from server.models.directory import Directory
from server.oplog.arrival_flags import (
    ARRIVAL_FLAGS,
    SIGNED_LATE_FLAG,
    proven_since,
    with_circumstances,
)
from server.oplog.incoming import IncomingOp, Source
from server.oplog.lineage_tracker import LineageTracker
from server.oplog.log_reader import LogReader
from server.oplog.op_row import (
    BAD_SIGNATURE,
    PENDING_STATUSES,
    REVOKED_CREDENTIAL,
    UNPROVEN,
    UNSIGNED,
    Answer,
    OpIdentity,
    OpRow,
    awaits_proof,
    is_unsigned,
)
from server.oplog.pending_ops import PendingOps
from server.oplog.redaction import PURGED_FLAG
from server.oplog.row_builder import RowBuilder
from sync import KINDS
from sync.protocol.clock import CorrectedTime, correct_times, parse_time
from sync.protocol.hash_chain import op_content
from sync.protocol.op import CLAIMED, SERVER_AUTHOR_ID, canonical_uuid
from sync.protocol.redaction import mask_id_numbers
from sync.protocol.refusals import refusal_text


class Triage:
    """Holds the ops of a batch, and what the log already has of them.

    `identities` are the stored ops that the batch names, with those of the batch itself once they
    are registered; `rows` are those of them whose whole row is in memory.
    """

    def __init__(self, site_id: str, ops: list[IncomingOp], source: Source) -> None:
        self.source = source
        self.ops = ops if source.signed else [replace(op, n=None) for op in ops]
        self.reader = LogReader(site_id)
        self.row_builder = RowBuilder(site_id, source)
        self.identities: dict[str, OpIdentity] = {}
        self.rows: dict[str, OpRow] = {}
        self.pending = PendingOps()
        self._load_known_ops()
        self._separate_unsigned_ids()
        self._load_orphans()
        self.lineage = LineageTracker(self.reader, source, self.ops)
        sent = [op.raw for op in self.ops if op.fault is None and not op.is_trusted]
        is_from_phone = source.device_id is not None and bool(self.ops)
        self.phone_people = (
            self.reader.people_of_phone(source.device_id or "") if is_from_phone else None
        )
        self.moments = correct_times(sent, sent_at=source.sent_at, received_at=source.received_at)

    def _load_known_ops(self) -> None:
        ids = [op.id for op in self.ops]
        # of a damaged op `after` may be anything, also text that no database takes
        ids += [after for op in self.ops if op.fault is None and (after := op.raw.get("after"))]
        known = self.reader.identities(ids)
        self.identities.update({stored["id"]: stored for stored in known})
        unsettled = [
            stored["id"]
            for stored in known
            if stored["status"] in PENDING_STATUSES or is_unsigned(stored) or awaits_proof(stored)
        ]
        rows = self.reader.rows(unsettled) + self.reader.rows_waiting_for(ids)
        for row in {row["id"]: row for row in rows}.values():
            self._add_row(row)
            if row["status"] == "waiting" and not self.reader.is_decided_by_desk(row):
                self.pending.add(row)

    def _add_row(self, row: OpRow) -> None:
        self.identities[row["id"]] = self.rows[row["id"]] = row

    def _separate_unsigned_ids(self) -> None:
        """X9. An op of an unsigned file neither blocks nor replaces an op of the same id but other
        content: one of the two gets an id of its own."""
        for index, op in enumerate(self.ops):
            stored = self.identities.get(op.id)
            if stored is None or (self.source.signed and not is_unsigned(stored)):
                continue
            if op.is_trusted or op.fault == "hash-mismatch" or self._has_same_content(op, stored):
                continue
            own_id = str(uuid5(UUID(op.id), op.content_hash))
            self.ops[index] = replace(op, id=own_id)
            for row in self.reader.rows([own_id]):
                self._add_row(row)

    def _load_orphans(self) -> None:
        created = [canonical_uuid(op.raw["subject"]) for op in self.ops if op.creates_record]
        for row in self.reader.orphans_of(created):
            self.pending.add(row)

    def subjects(self) -> Iterable[str]:
        """The records that the batch, and ops waiting for it, are about."""
        for op in self.ops:
            if op.fault is None and (op.id not in self.identities or self.can_be_rejudged(op)):
                yield canonical_uuid(op.raw["subject"])
        yield from self.pending.subjects()

    def answer_if_known(self, op: IncomingOp) -> Answer | None:
        """H4. Idempotency: same id and content return the stored answer; same id, other content is
        a fork. None for an op that is new, or may be judged again."""
        if self.lineage.is_foreign:
            return _foreign_answer(op)
        stored = self.identities.get(op.id)
        if stored is None:
            return _fork_answer(op) if self.lineage.is_fork(op) else None
        comparable = not op.is_trusted and op.fault != "hash-mismatch"
        if comparable and not self._has_same_content(op, stored):
            return _fork_answer(op)
        if self.can_be_rejudged(op):
            return None
        self.lineage.record_op(op)
        answer = stored["verdict"]
        if stored["status"] == "deferred" and self.reader.is_decided_by_desk(stored):
            code = "already-settled"  # final, so that the phone stops offering it
            return {**answer, "status": "held", "code": code, "text": refusal_text(code)}
        return answer

    def _has_same_content(self, op: IncomingOp, stored: OpIdentity) -> bool:
        if op.claimed_hash == stored["hash"]:
            return True
        if PURGED_FLAG in stored["flags"]:  # its text is erased: there is only the kind to compare
            return bool(op.raw.get("kind") == stored["kind"])
        row = self.rows.get(op.id)
        body = row["body"] if row else self.reader.body(stored["id"])
        return op_content(mask_id_numbers(op.raw)) == op_content(json.loads(body))

    def can_be_rejudged(self, op: IncomingOp) -> bool:
        """Whether a stored op is judged now: it was too new for the server, it came in an unsigned
        file and is now sent by the phone itself, or its author's key has arrived meanwhile (L4)."""
        stored = self.identities.get(op.id)
        if stored is None or not self.source.signed or self.reader.is_decided_by_desk(stored):
            return False
        if awaits_proof(stored):
            return op.signature.is_proof
        return is_unsigned(stored) or (stored["status"] == "deferred" and not _is_too_new(op))

    def exclusion_reason(self, op: IncomingOp, directory: Directory) -> tuple[str, str] | None:
        """Status and code of an op that is not judged now; None for one that is."""
        if not self.source.signed:
            return ("quarantined" if op.fault else "held", UNSIGNED)
        if op.fault:
            return ("quarantined", op.fault)
        if op.signature.is_wrong:
            return ("quarantined", BAD_SIGNATURE)
        if self.source.revoked:
            return ("held", "revoked")
        if op.signature.is_revoked:
            return ("held", REVOKED_CREDENTIAL)
        if _is_too_new(op):
            return ("deferred", "newer")
        from_phone = self.source.device_id is not None
        if from_phone and not KINDS[op.raw["kind"]].from_phones:
            return ("quarantined", "not-for-phones")
        if (op.raw["by"] != SERVER_AUTHOR_ID or from_phone) and self._author_has_left(
            op, directory
        ):
            return ("held", "left")
        if KINDS[op.raw["kind"]].needs_proof and op.proof == CLAIMED:
            return ("held", UNPROVEN)
        return ("waiting", "waiting") if self._lacks_dependency(op) else None

    def _author_has_left(self, op: IncomingOp, directory: Directory) -> bool:
        """Whether the author did not work here when it happened; the desk may overrule that.
        What the server itself records of somebody stands in any case."""
        if op.replacement or KINDS[op.raw["kind"]].from_server_only:
            return False
        by = op.raw["by"]
        left_at = directory.left_at.get(by)
        if by not in directory.people:
            return True
        return left_at is not None and self._moment(op).occurred_at >= left_at

    def _lacks_dependency(self, op: IncomingOp) -> bool:
        after = op.raw["after"]
        if not after:
            return False
        stored = self.identities.get(after)
        return stored is None or stored["status"] in PENDING_STATUSES

    def new_row(self, op: IncomingOp) -> OpRow:
        """The log row of an op that is judged or set aside now."""
        self.lineage.record_op(op)
        stored = self.rows.get(op.id)
        held = stored if stored and awaits_proof(stored) else None
        since = proven_since(op, held, self.source.received_at)
        moment = with_circumstances(op, self._moment(op), since, self.phone_people)
        row = self.row_builder.for_incoming(op, moment, stored)
        if SIGNED_LATE_FLAG in row["flags"] and not KINDS[row["kind"]].needs_proof:
            row["proof"] = CLAIMED  # L10: the key says nothing about that time
        return row

    def dated_at(self, op: IncomingOp) -> datetime:
        """What an op is dated, by the corrected clock of its phone."""
        return self._moment(op).occurred_at

    def _moment(self, op: IncomingOp) -> CorrectedTime:
        now = CorrectedTime(self.source.received_at, 0)
        if replacement := op.replacement:
            return CorrectedTime(parse_time(replacement["occurred_at"]), 0, (replacement["how"],))
        stored = self.rows.get(op.id)
        if stored and awaits_proof(stored):  # its clock was compared when it first arrived
            flags = [flag for flag in stored["flags"] if flag not in ARRIVAL_FLAGS]
            return CorrectedTime(stored["occurred_at"], stored["uncertainty_ms"], tuple(flags))
        return now if op.fault else self.moments.get(op.raw["id"], now)

    def is_creation_held(self, subject: str) -> bool:
        """L3. Whether the op that creates a record waits for the desk, for want of a proof: then
        what others did with the record waits with it."""
        in_batch = (
            row["status"] == "held" and row["subject"] == subject and KINDS[row["kind"]].creates
            for row in self.rows.values()
            if row["kind"] in KINDS
        )
        return any(in_batch) or self.reader.held_creation(subject)

    def register(self, op: IncomingOp, row: OpRow) -> None:
        """Make an op of this batch known to the ops after it."""
        self._add_row(row)
        self.lineage.add_entry(op, row)
        self.pending.add(row)


def _is_too_new(op: IncomingOp) -> bool:
    """Whether this version of the server does not know an op's kind, or its payload version."""
    if op.fault:
        return False
    kind = KINDS.get(op.raw["kind"])
    return kind is None or op.raw["v"] > kind.payload_version


def _fork_answer(op: IncomingOp) -> Answer:
    """H4. The answer upon which a phone sends an op again in a new lineage."""
    text = refusal_text("forked")
    return {"id": op.claimed_id, "status": "fork", "code": "forked", "text": text}


def _foreign_answer(op: IncomingOp) -> Answer:
    """L5. The same for an op in the lineage of another phone."""
    text = refusal_text("foreign-lineage")
    return {"id": op.claimed_id, "status": "fork", "code": "foreign-lineage", "text": text}
