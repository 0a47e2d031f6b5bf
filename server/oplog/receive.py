"""The one door: every change of a record comes in here, and every op gets an answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
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
from server.oplog.redaction import photos_in_payload, redact_op
from server.oplog.triage import IncomingOp, Source, Triage
from server.oplog.unit_of_work import LoadedRecord, LogHead, UnitOfWork
from sync import KINDS, Accepted, Contested, Merged, Op, Quarantined, Refused, Verdict, judge
from sync.protocol.conflict_resolution import conflict_text, to_json_value
from sync.protocol.hash_chain import LineageState
from sync.protocol.op import SERVER_AUTHOR_ID, derive_op
from sync.protocol.redaction import mask_id_numbers
from sync.protocol.refusals import refusal_text

SITE_FEED_TABLE = SiteHead.metadata.tables["site_feed"]

log = structlog.get_logger("lodge.oplog")

Answer = dict[str, Any]


class ReceiveResult(NamedTuple):
    """The answers in the order asked, how far the sender's chain has come, where the log ends, and
    the photos that records name since."""

    answers: list[Answer]
    chain: LineageState
    log_head: LogHead
    named_photos: list[str]


def receive_ops(site_id: str, raws: Sequence[dict[str, Any]], sender: Source) -> ReceiveResult:
    """Judge ops, keep them, put in force what stands.

    Receiving twice is harmless. Should the database refuse the whole batch, its ops are taken
    one by one, so that the one at fault is found and set aside.
    """
    read = IncomingOp.parse if sender.device_id else IncomingOp.from_trusted
    incoming = [read(raw) for raw in raws]
    try:
        with write_transaction():
            return _receive_in_transaction(site_id, incoming, sender)
    except DATABASE_ERRORS:  # no op is set aside for that
        raise
    except (DBAPIError, StatementError) as error:
        if not incoming:
            raise
        log.warning("batch taken one by one", site=site_id, error=type(error).__name__)
        taken = [_receive_single(site_id, one, sender) for one in incoming]
        return taken[-1]._replace(
            answers=[said for one in taken for said in one.answers],
            named_photos=[name for one in taken for name in one.named_photos],
        )


def _receive_single(site_id: str, one: IncomingOp, sender: Source) -> ReceiveResult:
    try:
        with write_transaction():
            return _receive_in_transaction(site_id, [one], sender)
    except DATABASE_ERRORS:  # no op is set aside for that
        raise
    except StatementError as error:
        if getattr(error, "connection_invalidated", False):
            raise
        log.error("op set aside", site=site_id, op=one.id, error=type(error).__name__)
        with write_transaction():
            return _receive_in_transaction(site_id, [one.as_malformed()], sender)


def _receive_in_transaction(
    site_id: str, incoming: list[IncomingOp], sender: Source
) -> ReceiveResult:
    end = lock_site(site_id)
    sorter = Triage(site_id, incoming, sender)
    batch = UnitOfWork(site_id, end, sorter.subjects())
    door = OpProcessor(batch, sorter)
    answers = [door.process(one) for one in sorter.ops]
    end = batch.write()
    sorter.save_chain()
    named = [link["sha256"] for link in batch.photo_links]
    return ReceiveResult([dict(answer) for answer in answers], sorter.chain, end, named)


def lock_site(site_id: str) -> LogHead:
    """One writer a site at a time, so that records are judged in the state they are in."""
    mine = select(SITE_FEED_TABLE.c.judged, SITE_FEED_TABLE.c.link).where(
        SITE_FEED_TABLE.c.site_id == site_id
    )
    end = db.session.connection().execute(mine.with_for_update()).one_or_none()
    if end is None:
        raise LookupError(f"There is no site {site_id}.")
    return LogHead(end.judged, end.link)


class OpProcessor:
    """Answers one op after the other, in memory."""

    def __init__(self, batch: UnitOfWork, sorter: Triage) -> None:
        self.unit_of_work, self.triage = batch, sorter

    def process(self, one: IncomingOp) -> Answer:
        """One op: known already, set aside, waiting, or judged; and what waited for it."""
        known = self.triage.answer_if_known(one)
        if known is not None:
            return known
        row = self.triage.new_row(one)
        self._redact_if_purged(row)
        self.unit_of_work.append_op(
            row, is_stored=self.triage.can_be_rejudged(one)
        )  # before what follows from it
        aside = self.triage.exclusion_reason(one, self.unit_of_work.directory)
        if aside:
            self._record_unapplied(row, *aside)
        else:
            self._judge(one.to_op(row), row)
        self.triage.register(one, row)
        self._judge_released(row)
        answer: Answer = row["verdict"]
        return answer

    def _judge_released(self, arrived: dict[str, Any]) -> None:
        for row in self.triage.pop_released_by(arrived):
            self.unit_of_work.load([row["subject"]])
            self._redact_if_purged(row)
            op = IncomingOp.from_trusted({**json.loads(row["body"]), "id": row["id"]}).to_op(row)
            self.unit_of_work.reappend_op(row)
            self._judge(op, row)
            self._judge_released(row)

    def _redact_if_purged(self, row: dict[str, Any]) -> None:
        """V12: what comes late for a purged record is kept without what is somebody's."""
        held = self.unit_of_work.records.get(row["subject"] or "")
        if held and getattr(held.row, "purged_at", None):
            self.unit_of_work.reject_late_photos(held, photos_in_payload(row["payload"]))
            row.update(redact_op(row, held.type))

    def _judge(self, op: Op, row: dict[str, Any]) -> None:
        held = self.unit_of_work.record_for(op)
        verdict = self._verdict(held, op)
        row.update(subject_type=held.type, status="applied", code=None)
        match verdict:
            case Accepted() | Merged():
                self._accept(held, op, row, verdict)
            case Contested():
                self._contest(held, op, row, verdict)
            case Refused(code):
                self._record_unapplied(row, "refused", code)
            case Quarantined(code):
                self._record_unapplied(row, "quarantined", code)

    def _verdict(self, held: LoadedRecord, op: Op) -> Verdict:
        kind = KINDS[op.kind]
        if kind.forbidden_roles & self.unit_of_work.directory.roles_of(op.by):
            return Refused("barred")  # U8: even a fact: what the law forbids is not taken
        decides = kind.roles and not kind.fact and op.by != SERVER_AUTHOR_ID
        if decides and not kind.roles & self.unit_of_work.directory.roles_of(op.by):
            return Refused("not-allowed")
        try:
            verdict = judge(held.type, held.row, self.unit_of_work.with_related(op), held.history)
        except Exception:
            log.exception("rule failed", kind=op.kind, op=op.id)
            return Quarantined("rule-failed")
        consequences = verdict.followups if isinstance(verdict, Accepted | Merged) else ()
        return verdict if self._consequences_are_valid(consequences) else Refused("cannot-stand")

    def _consequences_are_valid(self, consequences: Sequence[Op]) -> bool:
        if not all(op.kind in KINDS for op in consequences):
            return False  # nobody amends such a record: the desk changes it on its own page
        self.unit_of_work.load([op.subject for op in consequences])
        helds = [
            (self.unit_of_work.record_for(op), self.unit_of_work.with_related(op))
            for op in consequences
        ]
        return all(
            is_noop(held, op) or isinstance(judge(held.type, held.row, op, held.history), Accepted)
            for held, op in helds
        )

    def _accept(
        self, held: LoadedRecord, op: Op, row: dict[str, Any], verdict: Accepted | Merged
    ) -> None:
        self.unit_of_work.apply(held, op, verdict)
        row.update(version=held.version, changes=to_json_value(verdict.changes))
        set_answer(row, status="applied", version=held.version)
        for consequence in verdict.followups:
            self._apply_consequence(consequence)
        if isinstance(verdict, Merged):
            row["status"] = "merged"
            row["verdict"].update(status="merged", merge=conflict_text(verdict, op))
            self._open_conflict(
                op, row, verdict.rule, verdict.base, verdict.theirs, verdict.changes
            )
        elif verdict.flag:
            theirs = {name: getattr(held.row, name) for name in verdict.proposal}
            row["flags"] = [*row["flags"], verdict.flag]
            self._open_conflict(op, row, verdict.flag, {}, theirs, verdict.proposal)

    def _contest(self, held: LoadedRecord, op: Op, row: dict[str, Any], verdict: Contested) -> None:
        row.update(status="contested", code="contested")
        set_answer(row, status="contested", code="contested", text=refusal_text("contested"))
        row["verdict"].update(version=held.version, merge=conflict_text(verdict, op))
        self._open_conflict(op, row, verdict.rule, verdict.base, verdict.theirs, verdict.incoming)

    def _open_conflict(
        self,
        op: Op,
        row: dict[str, Any],
        rule: str,
        base: dict[str, Any],
        theirs: dict[str, Any],
        incoming: dict[str, Any],
    ) -> None:
        subject = str(uuid5(UUID(op.id), "merge"))
        sides = to_json_value({"base": base, "theirs": theirs, "incoming": incoming})
        about = {"op_id": op.id, "subject": op.subject, "subject_type": row["subject_type"]}
        row["merge_id"] = subject
        settled = {"stands": True} if row["status"] == "merged" else {}
        self._apply_consequence(
            derive_op(op, "merge.open", subject, {**about, "rule": rule, **sides, **settled})
        )

    def _apply_consequence(self, op: Op) -> None:
        """Take a consequence: judged like any op, with an id that follows from its cause."""
        self.unit_of_work.load([op.subject])
        if is_noop(self.unit_of_work.record_for(op), op):
            return
        row = self.triage.consequence_row(op)
        self.unit_of_work.append_op(row)
        self._judge(op, row)

    def _record_unapplied(self, row: dict[str, Any], status: str, code: str) -> None:
        row.update(status=status, code=code)
        set_answer(row, status=status, code=code, text=refusal_text(code))


def is_noop(held: LoadedRecord, op: Op) -> bool:
    """Whether a consequence would make a record that is there, or change one that is not."""
    kind = KINDS[op.kind]
    if kind.creates:
        return held.row is not None
    return held.row is None or kind.type not in (None, held.type)


def set_answer(row: dict[str, Any], **answer: Any) -> None:
    """Say the answer anew, in place: one that waited is answered in the same request."""
    verdict = row["verdict"]
    id_ = verdict["id"]
    verdict.clear()
    verdict.update(id=id_, **answer)


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
    """The door as the desk uses it: one op, made now, by a person or the server itself."""
    return submit_many(site_id, [make_op(kind, subject, payload, by=by, base=base, id=id)])[0]


def submit_many(site_id: str, raws: Sequence[dict[str, Any]]) -> list[Answer]:
    """Several ops of our own in one transaction; make them with `own`."""
    return receive_ops(site_id, raws, Source.for_desk(datetime.now(UTC))).answers


def submit_in_transaction(site_id: str, raws: Sequence[dict[str, Any]]) -> list[Answer]:
    """The same, inside a writing transaction that the caller has begun and will commit."""
    incoming = [IncomingOp.from_trusted(raw) for raw in raws]
    return _receive_in_transaction(site_id, incoming, Source.for_desk(datetime.now(UTC))).answers


def make_op(
    kind: str,
    subject: str | None,
    payload: dict[str, Any],
    *,
    by: str = SERVER_AUTHOR_ID,
    base: int | None = None,
    id: str | None = None,
) -> dict[str, Any]:
    """An op that no phone made: it has no place in a chain. No subject: a new record."""
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
    """Begin a site: from here on ops can be about it. Founding twice is harmless."""
    with write_transaction():
        if db.session.get(SiteHead, site_id) is None:
            start = {
                "site_id": site_id,
                **dict.fromkeys(("head", "floor", "judged", "names_seq"), 0),
            }
            db.session.execute(insert(SiteHead), [start])


def ops_about(site_id: str, subject: str) -> Sequence[LoggedOp]:
    """Every op about a record, in the order of judgement."""
    return db.session.scalars(LoggedOp.for_subject(site_id, subject)).all()
