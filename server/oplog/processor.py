"""Judges the ops of a batch one after the other, in memory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple
from uuid import UUID, uuid5

import structlog

from server.db.engine import DATABASE_ERRORS
from server.oplog.incoming import IncomingOp
from server.oplog.op_row import NO_SUCH_RECORD, Answer, OpRow, set_answer
from server.oplog.open_questions import OpenQuestions
from server.oplog.record_store import LoadedRecord
from server.oplog.redaction import photos_in_payload, redact_op
from server.oplog.ticket_numbers import number_for
from server.oplog.triage import Triage
from server.oplog.unit_of_work import UnitOfWork
from sync import KINDS, Accepted, Contested, Merged, Op, Quarantined, Refused, Verdict, judge
from sync.protocol.conflict_resolution import conflict_text, to_json_value
from sync.protocol.op import SERVER_AUTHOR_ID, derive_op
from sync.protocol.refusals import refusal_text

log = structlog.get_logger("lodge.oplog")


class ConflictSides(NamedTuple):
    """What the desk decides between: field values by name."""

    rule: str
    base: dict[str, Any]
    theirs: dict[str, Any]
    incoming: dict[str, Any]


class OpProcessor:
    """Answers each op that `triage` classifies, and collects the changes in `unit_of_work`."""

    def __init__(self, unit_of_work: UnitOfWork, triage: Triage) -> None:
        self.unit_of_work, self.triage = unit_of_work, triage
        self.questions = OpenQuestions(unit_of_work)

    def process_all(self) -> list[Answer]:
        """The answer of every op, in the order of the batch. `UnitOfWork.write` completes them."""
        return [self._process(op) for op in self.triage.ops]

    def _process(self, op: IncomingOp) -> Answer:
        """One op, and then the ops that waited for it."""
        known = self.triage.answer_if_known(op)
        if known is not None:
            return known
        row = self.triage.new_row(op)
        self._redact_if_purged(row)
        self.unit_of_work.append_op(  # before the log rows of its consequences
            row, is_stored=self.triage.can_be_rejudged(op)
        )
        excluded = self.triage.exclusion_reason(op, self.unit_of_work.directory)
        if excluded:
            _record_unapplied(row, *excluded)
        else:
            self._judge(op.to_op(row, self.triage.dated_at(op)), row)
        self.triage.register(op, row)
        self._judge_released_by(row)
        return row["verdict"]

    def _judge_released_by(self, judged: OpRow) -> None:
        for row in self.triage.pending.pop_released_by(judged):
            raw = {**json.loads(row["body"]), "id": row["id"]}
            op = IncomingOp.from_trusted(raw)
            self.unit_of_work.load([row["subject"] or ""])
            self._redact_if_purged(row)
            self.unit_of_work.reappend_op(row)
            self._judge(op.to_op(row), row)
            self._judge_released_by(row)

    def _redact_if_purged(self, row: OpRow) -> None:
        """V12. An op that arrives late for a purged record is stored without personal data."""
        record = self.unit_of_work.records.get(row["subject"] or "")
        if record and getattr(record.row, "purged_at", None):
            self.unit_of_work.reject_late_photos(record, photos_in_payload(row["payload"]))
            redacted = redact_op(row, record.type)
            row["payload"], row["body"] = redacted["payload"], redacted["body"]
            row["flags"] = redacted["flags"]

    def _judge(self, op: Op, row: OpRow) -> None:
        record = self.unit_of_work.record_for(op)
        if KINDS[op.kind].given_fields and record.row is None:
            op = replace(op, given=self._given(op, row))
        verdict = self._verdict(record, op)
        row["subject_type"], row["status"], row["code"] = record.type, "applied", None
        match verdict:
            case Accepted() | Merged():
                self._accept(record, op, row, verdict)
            case Contested():
                self._contest(record, op, row, verdict)
            case Refused(code):
                _record_unapplied(row, "refused", code)
            case Quarantined(code):
                waits = code == NO_SUCH_RECORD and self.triage.is_creation_held(op.subject)
                _record_unapplied(row, "held" if waits else "quarantined", code)

    def _given(self, op: Op, row: OpRow) -> dict[str, Any]:
        """What the server states of the record that an op creates."""
        if KINDS[op.kind].numbered:
            return number_for(op, row, self.unit_of_work)
        return {name: row[name] for name in KINDS[op.kind].given_fields}  # type: ignore[literal-required]

    def _verdict(self, record: LoadedRecord, op: Op) -> Verdict:
        kind, roles = KINDS[op.kind], self.unit_of_work.directory.roles_of(op.by)
        if kind.forbidden_roles & roles:
            return Refused("barred")  # U8: not even a fact is accepted from these roles
        if kind.roles and not kind.fact and op.by != SERVER_AUTHOR_ID and not kind.roles & roles:
            return Refused("not-allowed")
        try:
            op = self.unit_of_work.with_related(op)
            verdict = judge(record.type, record.row, op, record.history)
        except DATABASE_ERRORS:
            raise  # the op is not at fault: its phone sends it again
        except Exception:
            log.exception("rule failed", kind=op.kind, op=op.id)
            return Quarantined("rule-failed")
        followups = verdict.followups if isinstance(verdict, Accepted | Merged) else ()
        return verdict if self._can_apply_all(followups) else Refused("cannot-stand")

    def _can_apply_all(self, followups: Sequence[Op]) -> bool:
        """Whether every consequence of an op would be accepted, or has nothing to do."""
        if not all(op.kind in KINDS for op in followups):
            return False  # no op changes such a record: the desk does it on a page of its own
        self.unit_of_work.load([op.subject for op in followups])
        return all(map(self._can_apply, followups))

    def _can_apply(self, op: Op) -> bool:
        record = self.unit_of_work.record_for(op)
        if _is_noop(record, op):
            return True
        op = self.unit_of_work.with_related(op)
        return isinstance(judge(record.type, record.row, op, record.history), Accepted)

    def _accept(self, record: LoadedRecord, op: Op, row: OpRow, verdict: Accepted | Merged) -> None:
        self.unit_of_work.apply(record, op, verdict)
        row["version"], row["changes"] = record.version, to_json_value(verdict.changes)
        set_answer(row, {"status": "applied", "version": record.version})
        for followup in verdict.followups:
            self._apply_consequence(followup, row)
        if record.type != "merge":
            for lapse in self.questions.lapse_ops(record, op):
                self._apply_consequence(lapse, row)
        if isinstance(verdict, Merged):
            row["status"] = row["verdict"]["status"] = "merged"
            row["verdict"]["merge"] = conflict_text(verdict, op)
            sides = ConflictSides(verdict.rule, verdict.base, verdict.theirs, verdict.changes)
            self._open_conflict(op, row, sides)
        elif verdict.flag:
            row["flags"] = [*row["flags"], verdict.flag]
            current = {name: getattr(record.row, name) for name in verdict.proposal}
            sides = ConflictSides(verdict.flag, {}, current, verdict.proposal)
            self._open_conflict(op, row, sides)

    def _contest(self, record: LoadedRecord, op: Op, row: OpRow, verdict: Contested) -> None:
        _record_unapplied(row, "contested", "contested")
        row["verdict"]["version"] = record.version
        row["verdict"]["merge"] = conflict_text(verdict, op)
        sides = ConflictSides(verdict.rule, verdict.base, verdict.theirs, verdict.incoming)
        self._open_conflict(op, row, sides)

    def _open_conflict(self, op: Op, row: OpRow, sides: ConflictSides) -> None:
        """M4, M8: create the record by which the desk resolves a conflict, or add the op to the
        open one that asks the same. A merged one is resolved."""
        incoming = to_json_value(sides.incoming)
        same = self.questions.same_question(op.subject, sides.rule, incoming)
        if same and row["status"] != "merged":
            row["merge_id"] = same
            self._apply_consequence(derive_op(op, "merge.add", same, {"op_id": op.id}), row)
            return
        conflict_id = row["merge_id"] = str(uuid5(UUID(op.id), "merge"))
        payload = {
            "op_id": op.id,
            "subject": op.subject,
            "subject_type": row["subject_type"],
            **to_json_value(sides._asdict()),
        }
        if row["status"] == "merged":
            payload["stands"] = True
        self._apply_consequence(derive_op(op, "merge.open", conflict_id, payload), row)
        if row["status"] != "merged":
            self.questions.add(op.subject, conflict_id)

    def _apply_consequence(self, op: Op, cause: OpRow) -> None:
        """Log and judge an op that follows from another. Its id is derived from its cause."""
        self.unit_of_work.load([op.subject])
        if _is_noop(self.unit_of_work.record_for(op), op):
            return
        row = self.triage.row_builder.for_consequence(op, cause)
        self.unit_of_work.append_op(row)
        self._judge(op, row)


def _record_unapplied(row: OpRow, status: str, code: str) -> None:
    row["status"], row["code"] = status, code
    set_answer(row, {"status": status, "code": code, "text": refusal_text(code)})


def _is_noop(record: LoadedRecord, op: Op) -> bool:
    """Whether a consequence would create a record that exists, or change one that does not."""
    kind = KINDS[op.kind]
    if kind.creates:
        return record.row is not None
    return record.row is None or kind.type not in (None, record.type)
