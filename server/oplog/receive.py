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

from server.db.engine import OUT_OF_ORDER, db, writing
from server.models import LoggedOp, SiteFeed
from server.oplog.redaction import named_in, scrubbed
from server.oplog.triage import Incoming, Sender, Sorter
from server.oplog.unit_of_work import Batch, End, Held
from sync import KINDS, Accepted, Contested, Merged, Op, Quarantined, Refused, Verdict, judge
from sync.protocol.conflict_resolution import plain, sentence
from sync.protocol.hash_chain import Chain
from sync.protocol.messages import TEXTS
from sync.protocol.op import SERVER, derived
from sync.protocol.redaction import masked

HEADS = SiteFeed.metadata.tables["site_feed"]

log = structlog.get_logger("lodge.oplog")

Answer = dict[str, Any]


class Received(NamedTuple):
    """The answers in the order asked, how far the sender's chain has come, where the log ends, and
    the photos that records name since."""

    answers: list[Answer]
    chain: Chain
    end: End
    photos: list[str]


def receive(site_id: str, raws: Sequence[dict[str, Any]], sender: Sender) -> Received:
    """Judge ops, keep them, put in force what stands.

    Receiving twice is harmless. Should the database refuse the whole batch, its ops are taken
    one by one, so that the one at fault is found and set aside.
    """
    read = Incoming.read if sender.device_id else Incoming.trusted
    incoming = [read(raw) for raw in raws]
    try:
        with writing():
            return _take(site_id, incoming, sender)
    except OUT_OF_ORDER:  # no op is set aside for that
        raise
    except (DBAPIError, StatementError) as error:
        if not incoming:
            raise
        log.warning("batch taken one by one", site=site_id, error=type(error).__name__)
        taken = [_take_alone(site_id, one, sender) for one in incoming]
        return taken[-1]._replace(
            answers=[said for one in taken for said in one.answers],
            photos=[name for one in taken for name in one.photos],
        )


def _take_alone(site_id: str, one: Incoming, sender: Sender) -> Received:
    try:
        with writing():
            return _take(site_id, [one], sender)
    except OUT_OF_ORDER:  # no op is set aside for that
        raise
    except StatementError as error:
        if getattr(error, "connection_invalidated", False):
            raise
        log.error("op set aside", site=site_id, op=one.id, error=type(error).__name__)
        with writing():
            return _take(site_id, [one.unreadable()], sender)


def _take(site_id: str, incoming: list[Incoming], sender: Sender) -> Received:
    end = lock_site(site_id)
    sorter = Sorter(site_id, incoming, sender)
    batch = Batch(site_id, end, sorter.subjects())
    door = Door(batch, sorter)
    answers = [door.answer(one) for one in sorter.incoming]
    end = batch.write()
    sorter.keep_chain()
    named = [link["sha256"] for link in batch.links]
    return Received([dict(answer) for answer in answers], sorter.chain, end, named)


def lock_site(site_id: str) -> End:
    """One writer a site at a time, so that records are judged in the state they are in."""
    mine = select(HEADS.c.judged, HEADS.c.link).where(HEADS.c.site_id == site_id)
    end = db.session.connection().execute(mine.with_for_update()).one_or_none()
    if end is None:
        raise LookupError(f"There is no site {site_id}.")
    return End(end.judged, end.link)


class Door:
    """Answers one op after the other, in memory."""

    def __init__(self, batch: Batch, sorter: Sorter) -> None:
        self.batch, self.sorter = batch, sorter

    def answer(self, one: Incoming) -> Answer:
        """One op: known already, set aside, waiting, or judged; and what waited for it."""
        known = self.sorter.known(one)
        if known is not None:
            return known
        row = self.sorter.row(one)
        self._forget(row)
        self.batch.log(row, again=self.sorter.offered_again(one))  # before what follows from it
        aside = self.sorter.aside(one, self.batch.names)
        if aside:
            self._set_aside(row, *aside)
        else:
            self._judge(one.op(row), row)
        self.sorter.remember(one, row)
        self._release(row)
        answer: Answer = row["verdict"]
        return answer

    def _release(self, arrived: dict[str, Any]) -> None:
        for row in self.sorter.released_by(arrived):
            self.batch.load([row["subject"]])
            self._forget(row)
            op = Incoming.trusted({**json.loads(row["body"]), "id": row["id"]}).op(row)
            self.batch.log_anew(row)
            self._judge(op, row)
            self._release(row)

    def _forget(self, row: dict[str, Any]) -> None:
        """V12: what comes late for a purged record is kept without what is somebody's."""
        held = self.batch.held.get(row["subject"] or "")
        if held and getattr(held.row, "purged_at", None):
            self.batch.let_go(held, named_in(row["payload"]))
            row.update(scrubbed(row, held.type))

    def _judge(self, op: Op, row: dict[str, Any]) -> None:
        held = self.batch.of(op)
        verdict = self._verdict(held, op)
        row.update(subject_type=held.type, status="applied", code=None)
        match verdict:
            case Accepted() | Merged():
                self._accept(held, op, row, verdict)
            case Contested():
                self._contest(held, op, row, verdict)
            case Refused(code):
                self._set_aside(row, "refused", code)
            case Quarantined(code):
                self._set_aside(row, "quarantined", code)

    def _verdict(self, held: Held, op: Op) -> Verdict:
        kind = KINDS[op.kind]
        if kind.barred & self.batch.names.roles_of(op.by):
            return Refused("barred")  # U8: even a fact: what the law forbids is not taken
        decides = kind.roles and not kind.fact and op.by != SERVER
        if decides and not kind.roles & self.batch.names.roles_of(op.by):
            return Refused("not-allowed")
        try:
            verdict = judge(held.type, held.row, self.batch.beside(op), held.history)
        except Exception:
            log.exception("rule failed", kind=op.kind, op=op.id)
            return Quarantined("rule-failed")
        consequences = verdict.then if isinstance(verdict, Accepted | Merged) else ()
        return verdict if self._can_stand(consequences) else Refused("cannot-stand")

    def _can_stand(self, consequences: Sequence[Op]) -> bool:
        if not all(op.kind in KINDS for op in consequences):
            return False  # nobody amends such a record: the desk changes it on its own page
        self.batch.load([op.subject for op in consequences])
        helds = [(self.batch.of(op), self.batch.beside(op)) for op in consequences]
        return all(
            is_moot(held, op) or isinstance(judge(held.type, held.row, op, held.history), Accepted)
            for held, op in helds
        )

    def _accept(self, held: Held, op: Op, row: dict[str, Any], verdict: Accepted | Merged) -> None:
        self.batch.apply(held, op, verdict)
        row.update(version=held.version, changes=plain(verdict.changes))
        reply(row, status="applied", version=held.version)
        for consequence in verdict.then:
            self._follow(consequence)
        if isinstance(verdict, Merged):
            row["status"] = "merged"
            row["verdict"].update(status="merged", merge=sentence(verdict, op))
            self._open_merge(op, row, verdict.rule, verdict.base, verdict.theirs, verdict.changes)
        elif verdict.flag:
            theirs = {name: getattr(held.row, name) for name in verdict.proposal}
            row["flags"] = [*row["flags"], verdict.flag]
            self._open_merge(op, row, verdict.flag, {}, theirs, verdict.proposal)

    def _contest(self, held: Held, op: Op, row: dict[str, Any], verdict: Contested) -> None:
        row.update(status="contested", code="contested")
        reply(row, status="contested", code="contested", text=TEXTS["contested"])
        row["verdict"].update(version=held.version, merge=sentence(verdict, op))
        self._open_merge(op, row, verdict.rule, verdict.base, verdict.theirs, verdict.incoming)

    def _open_merge(
        self,
        op: Op,
        row: dict[str, Any],
        rule: str,
        base: dict[str, Any],
        theirs: dict[str, Any],
        incoming: dict[str, Any],
    ) -> None:
        subject = str(uuid5(UUID(op.id), "merge"))
        sides = plain({"base": base, "theirs": theirs, "incoming": incoming})
        about = {"op_id": op.id, "subject": op.subject, "subject_type": row["subject_type"]}
        row["merge_id"] = subject
        settled = {"stands": True} if row["status"] == "merged" else {}
        self._follow(
            derived(op, "merge.open", subject, {**about, "rule": rule, **sides, **settled})
        )

    def _follow(self, op: Op) -> None:
        """Take a consequence: judged like any op, with an id that follows from its cause."""
        self.batch.load([op.subject])
        if is_moot(self.batch.of(op), op):
            return
        row = self.sorter.own_row(op)
        self.batch.log(row)
        self._judge(op, row)

    def _set_aside(self, row: dict[str, Any], status: str, code: str) -> None:
        row.update(status=status, code=code)
        reply(row, status=status, code=code, text=TEXTS.get(code, code))


def is_moot(held: Held, op: Op) -> bool:
    """Whether a consequence would make a record that is there, or change one that is not."""
    kind = KINDS[op.kind]
    if kind.creates:
        return held.row is not None
    return held.row is None or kind.type not in (None, held.type)


def reply(row: dict[str, Any], **answer: Any) -> None:
    """Say the answer anew, in place: one that waited is answered in the same request."""
    verdict = row["verdict"]
    id_ = verdict["id"]
    verdict.clear()
    verdict.update(id=id_, **answer)


def post(
    site_id: str,
    kind: str,
    subject: str | None,
    payload: dict[str, Any],
    *,
    by: str = SERVER,
    base: int | None = None,
    id: str | None = None,
) -> Answer:
    """The door as the desk uses it: one op, made now, by a person or the server itself."""
    return post_many(site_id, [own(kind, subject, payload, by=by, base=base, id=id)])[0]


def post_many(site_id: str, raws: Sequence[dict[str, Any]]) -> list[Answer]:
    """Several ops of our own in one transaction; make them with `own`."""
    return receive(site_id, raws, Sender.desk(datetime.now(UTC))).answers


def post_within(site_id: str, raws: Sequence[dict[str, Any]]) -> list[Answer]:
    """The same, inside a writing transaction that the caller has begun and will commit."""
    incoming = [Incoming.trusted(raw) for raw in raws]
    return _take(site_id, incoming, Sender.desk(datetime.now(UTC))).answers


def own(
    kind: str,
    subject: str | None,
    payload: dict[str, Any],
    *,
    by: str = SERVER,
    base: int | None = None,
    id: str | None = None,
) -> dict[str, Any]:
    """An op that no phone made: it has no place in a chain. No subject: a new record."""
    return {
        "id": id or str(uuid7()),
        "kind": kind,
        "v": KINDS[kind].v,
        "subject": subject or str(uuid7()),
        "base": base,
        "after": None,
        "by": by,
        "payload": masked(plain(payload)),
    }


def found(site_id: str) -> None:
    """Begin a site: from here on ops can be about it. Founding twice is harmless."""
    with writing():
        if db.session.get(SiteFeed, site_id) is None:
            start = {
                "site_id": site_id,
                **dict.fromkeys(("head", "floor", "judged", "names_seq"), 0),
            }
            db.session.execute(insert(SiteFeed), [start])


def history(site_id: str, subject: str) -> Sequence[LoggedOp]:
    """Every op about a record, in the order of judgement."""
    return db.session.scalars(LoggedOp.about(site_id, subject)).all()
