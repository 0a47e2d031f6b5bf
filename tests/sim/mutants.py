"""Bugs of the protocol, one a class: each says in a sentence what it does wrongly.

A simulation that lets one of them pass proves nothing. `where` names the theme in which a bug
has most room; it is looked for there. Mutants of the server come first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sync import KINDS, RECORD_TYPES, Accepted, Op, judge, to_history_entry
from tests.sim.credential_model import KeyOwner
from tests.sim.feed_model import Cursor, FeedRow
from tests.sim.phone_model import RETENTION, OutboxRow, PhoneModel, RequestGenerator
from tests.sim.server_model import LoadedRecord, ParsedOp, Request, ServerModel, parse_op


class IdentifiesByPosition(ServerModel):
    """An op whose place is taken is answered with what lies there, whatever its id."""

    def known_verdict(self, one: ParsedOp) -> dict[str, Any] | None:
        place = self.op_at_position.get((self.request.lineage, one.n or 0))
        if place:
            return {"verdict": {**self.log[place[0]]["verdict"], "id": one.raw["id"]}}
        return super().known_verdict(one)


class RefusesGaps(ServerModel):
    """An op behind a hole in the chain is not taken."""

    def known_verdict(self, one: ParsedOp) -> dict[str, Any] | None:
        if one.n is not None and one.n > self.chain.upto + 1:
            return {"verdict": {"id": None, "status": "gap"}}
        return super().known_verdict(one)


class CorruptOpBlocksBatch(ServerModel):
    """Behind an op that cannot be read the rest of the batch is left."""

    def push(self, request: Request, now: datetime) -> dict[str, Any]:
        bad = next(
            (i for i, raw in enumerate(request.ops) if parse_op(raw).fault), len(request.ops)
        )
        return super().push(replace(request, ops=request.ops[:bad]), now)


class RestoreKeepsEpoch(ServerModel):
    """A restored server does not say that it was restored."""

    where = "restores"

    def restore_from(self, backup: ServerModel) -> ServerModel:
        twin = super().restore_from(backup)
        twin.epoch = self.epoch
        return twin


class RevocationIgnored(ServerModel):
    """Revoking a phone changes nothing."""

    def is_revoked(self, device: str) -> bool:
        return False


class LeaversAccepted(ServerModel):
    """What somebody does after leaving stands."""

    def quarantine_reason(self, one: ParsedOp) -> tuple[str, str] | None:
        left, self.left = self.left, {}
        try:
            return super().quarantine_reason(one)
        finally:
            self.left = left


class HeadBeforeCommit(ServerModel):
    """The head is raised as soon as a transaction begins: a cursor skips what is still open."""

    where = "feed"

    def begin_push(self, request: Request) -> Any:
        self.head += len(request.ops) * 2
        return request, self.head

    def commit_push(self, begun: Any, now: datetime) -> dict[str, Any]:
        request, last = begun
        self.given = iter(range(last - len(request.ops) * 2 + 1, last + 1))
        try:
            return self.push(request, now)
        finally:
            self.given = iter(())

    def next_seq(self) -> int:
        return next(getattr(self, "given", iter(())), None) or super().next_seq()


class SequenceOutsideLock(ServerModel):
    """Numbers of the feed are drawn from a sequence, and committed in any order."""

    where = "feed"

    drawn = 0

    def begin_push(self, request: Request) -> Any:
        first = max(self.head, self.drawn) + 1
        self.drawn = first + len(request.ops) * 2 - 1
        return request, iter(range(first, self.drawn + 1))

    def commit_push(self, begun: Any, now: datetime) -> dict[str, Any]:
        request, self.given = begun
        try:
            return self.push(request, now)
        finally:
            self.given = iter(())

    def next_seq(self) -> int:
        seq = next(getattr(self, "given", iter(())), None)
        if seq is None:
            self.drawn = seq = max(self.head, self.drawn) + 1
        self.head = max(self.head, seq)
        return seq


class DuplicatesJudgedAgain(ServerModel):
    """What comes twice is judged twice."""

    def stored_verdict(self, one: ParsedOp, stored: dict[str, Any]) -> dict[str, Any] | None:
        return None


class WaitingNeverJudged(ServerModel):
    """What waited for an op goes on waiting when it has come."""

    where = "refused"

    def judge_waiting_for(self, id_: str) -> None:
        return


class ScopeWithoutReset(ServerModel):
    """A phone that may see more or less than before reads on."""

    where = "feed"

    def resume_position(self, was: Cursor | None, seen: int) -> tuple[int, str | None]:
        return super().resume_position(was and was._replace(scope=seen), seen)


class OldCursorIsTrusted(ServerModel):
    """A restored server reads on where the lost one had been."""

    where = "restores"

    def resume_position(self, was: Cursor | None, seen: int) -> tuple[int, str | None]:
        here = was and was._replace(epoch=self.epoch, seq=min(was.seq, self.head))
        return super().resume_position(here, seen)


class FoldByArrival(ServerModel):
    """Facts add up in the order in which they arrived."""

    def run_rule(self, held: LoadedRecord, op: Op) -> Any:
        verdict = super().run_rule(held, op)
        if isinstance(verdict, Accepted) and KINDS[op.kind].fact:
            facts = [one for one in held.history if one.fact]
            folded = RECORD_TYPES[held.type].fold(held.row, [*facts, to_history_entry(op)])
            return replace(verdict, changes={**verdict.changes, **folded})
        return verdict


class BaseIgnored(ServerModel):
    """The last decision wins, whatever its author had seen."""

    def run_rule(self, held: LoadedRecord, op: Op) -> Any:
        return judge(held.type, held.row, replace(op, base=None), held.history)


class QuarantineDropped(ServerModel):
    """What is held for the desk is answered, and not kept."""

    def handle_op(self, one: ParsedOp) -> dict[str, Any]:
        aside = self.quarantine_reason(one)
        if self.known_verdict(one) is None and aside and aside[0] == "held":
            self.mark_received(one)
            return {"verdict": {"id": one.raw["id"], "status": "held"}}
        return super().handle_op(one)


class AnyOpClosesOldestGap(ServerModel):
    """Whatever comes closes the oldest hole of its chain."""

    def mark_received(self, one: ParsedOp) -> None:
        super().mark_received(one)
        if one.n is None:
            return
        self.chain.gaps = self.chain.gaps[1:]


class ForkCountsAsReceived(ServerModel):
    """An op that is answered with a fork counts as having come."""

    where = "forks"

    def fork_verdict(self, one: ParsedOp) -> dict[str, Any]:
        self.mark_received(one)
        return super().fork_verdict(one)


class ChainBeforeCommit(ServerModel):
    """How far a chain has come is written before the ops themselves are safe."""

    def crash_to(self, before: ServerModel) -> ServerModel:
        before.chains = self.chains
        return before


class DeletionNotPublished(ServerModel):
    """Nobody is told of a record that has left the feed."""

    where = "feed"

    def feed_row(self, id_: str, held: LoadedRecord, seq: int) -> FeedRow:
        row = super().feed_row(id_, held, seq)
        return row._replace(seen_by=row.audience)


class FloorCheckedPerPage(ServerModel):
    """Who reads the feed page by page from its beginning is held against the floor at each page."""

    where = "feed"

    def is_below_floor(self, was: Cursor) -> bool:
        return was.seq < self.floor


class FloorIgnored(ServerModel):
    """Who is behind the floor reads on, and never learns what is gone."""

    where = "feed"

    def is_below_floor(self, was: Cursor) -> bool:
        return False


class HashDecidesIdentity(ServerModel):
    """An op that comes again under a new lineage is taken for another one."""

    where = "spoilt"

    def is_same_op(self, one: ParsedOp, stored: dict[str, Any]) -> bool:
        return bool(one.raw["hash"] == stored["hash"])


class CorruptOpForks(ServerModel):
    """An op that cannot be read is never known again under a new lineage."""

    where = "spoilt"

    def is_same_op(self, one: ParsedOp, stored: dict[str, Any]) -> bool:
        unlike = one.fault is not None and one.raw["hash"] != stored["hash"]
        return not unlike and super().is_same_op(one, stored)


class DependencyOnDeferredIgnored(ServerModel):
    """What follows an op that is too new for the server is judged without it."""

    where = "refused"

    def lacks_dependency(self, one: ParsedOp) -> bool:
        after = one.raw["after"]
        before = self.log.get(after) if after else None
        return super().lacks_dependency(one) and (before is None or before["status"] == "waiting")


class ProofNotNeeded(ServerModel):
    """The author of a decision is believed, signature or not."""

    def lacks_proof(self, raw: Mapping[str, Any], signature: str) -> bool:
        return False


class RevokedKeyProves(ServerModel):
    """Who was sent away goes on signing."""

    where = "keys"

    def is_usable(self, owner: KeyOwner) -> bool:
        return True


class SignatureOfAnotherOpProves(ServerModel):
    """A signature is not compared with what was signed."""

    where = "keys"

    def verifies(self, key: str, raw: Mapping[str, Any]) -> bool:
        return bool(raw["sig"].startswith(key))


class KeyOfAnybodyProves(ServerModel):
    """Whoever has a key on the phone signs for everybody."""

    def keys_of(self, device: str, person: str) -> list[KeyOwner]:
        return [owner for owner in self.credentials if owner.device == device]


class HeldNeverJudgedAgain(ServerModel):
    """What arrived before the key of its author stays aside for ever."""

    where = "keys"

    def can_be_judged_now(self, one: ParsedOp) -> bool:
        waits = self.log[one.id]["status"] == "deferred"
        return waits and super().can_be_judged_now(one)


class ForeignLineageAccepted(ServerModel):
    """A phone may go on in the chain of another one."""

    where = "forks"

    def is_foreign(self, request: Request) -> bool:
        return False


class CursorFirst(PhoneModel):
    """The cursor is stored before the records."""

    def apply_page(self, page: dict[str, Any]) -> RequestGenerator:
        self.cursor = page["cursor"]
        yield None
        self.apply_records(page)
        self.finish_page(page)
        yield None


class AnsweredDropped(PhoneModel):
    """What the server has answered is dropped at once."""

    where = "restores"

    def store_verdicts(self, verdicts: Iterable[dict[str, Any]]) -> bool:
        forked = super().store_verdicts(verdicts)
        self.ops = {id_: row for id_, row in self.ops.items() if row.state != "answered"}
        return forked


class RemovedBeforeVerdict(PhoneModel):
    """What is sent leaves the outbox, and comes back only if something goes wrong."""

    def push_batch(self, rows: list[OutboxRow]) -> RequestGenerator:
        for row in rows:
            self.ops[row.id] = self.is_final(row, {"id": row.id, "status": "applied"})
        yield None
        yield from super().push_batch(rows)


class PrunedByAgeAlone(PhoneModel):
    """Answered ops go after a month, whether a backup has them or not."""

    where = "restores"

    def prune_before(self) -> datetime | None:
        return self.now + self.skew - RETENTION


class OldLineage(PhoneModel):
    """After a fork the same is sent again under the old lineage."""

    where = "forks"

    def start_new_lineage(self) -> None:
        return


class SignatureLostInNewLineage(PhoneModel):
    """After a fork ops go out without their signatures."""

    where = "forks"

    def append_to_chain(self, said: dict[str, Any]) -> OutboxRow:
        is_again = said["id"] in self.ops
        return super().append_to_chain({**said, "sig": None} if is_again else said)


class ResetClearsOutbox(PhoneModel):
    """A reset of the records takes the outbox with it."""

    def apply_records(self, page: dict[str, Any]) -> None:
        if page["reset"] not in (None, "new"):
            self.ops = {id_: row for id_, row in self.ops.items() if row.state != "unsent"}
        super().apply_records(page)


class ResetKeepsOldRecords(PhoneModel):
    """After a reset what the server no longer shows stays."""

    def sweep(self) -> None:
        return


class RevokedKeepsRecords(PhoneModel):
    """A phone that was cut off keeps what it knew."""

    def finish_page(self, page: dict[str, Any]) -> None:
        if page["changes"] or not page["reset"]:
            super().finish_page(page)


class DigestNotCompared(PhoneModel):
    """What the browser lost of the records is never missed."""

    def digest_differs(self, answer: dict[str, Any]) -> bool:
        return False


class ConfessesEveryGap(PhoneModel):
    """Every hole is confessed, without a look at what still lies here."""

    def answer_gaps(self, gaps: Iterable[Iterable[int]]) -> list[int]:
        return [n for first, last in gaps for n in range(first, last + 1)]


class ConfessesOtherLineage(PhoneModel):
    """What is lost of one lineage is confessed with a batch of another."""

    where = "restores"

    def push_batch(self, rows: list[OutboxRow]) -> RequestGenerator:
        own, self.lineage = self.lineage, rows[0].lineage if rows else self.lineage
        talk = super().push_batch(rows)
        request = talk.send(None)
        self.lineage = own
        answer = yield request
        self.lost = ()
        yield from self.apply_verdicts(rows, answer["verdicts"])


class SentCountsAsAnswered(PhoneModel):
    """A finished request counts as the answer to all that was in it."""

    def apply_verdicts(
        self, rows: list[OutboxRow], verdicts: list[dict[str, Any]]
    ) -> RequestGenerator:
        return super().apply_verdicts(
            rows, [{"id": row.id, "status": "applied", "code": None} for row in rows]
        )


class FirstVerdictForAll(PhoneModel):
    """The first verdict of a batch is written to all of its ops."""

    def apply_verdicts(
        self, rows: list[OutboxRow], verdicts: list[dict[str, Any]]
    ) -> RequestGenerator:
        return super().apply_verdicts(rows, [{**verdicts[0], "id": row.id} for row in rows])


class OldEpochVerdictAccepted(PhoneModel):
    """A verdict of a server that was since restored still counts."""

    where = "restores"

    def is_of_old_epoch(self, answer: dict[str, Any]) -> bool:
        return False


class NothingRequeuedAfterRestore(PhoneModel):
    """After a restore only what was unanswered is sent."""

    where = "restores"

    def requeue_all(self) -> None:
        return


class DeferredCountsAsFinal(PhoneModel):
    """Too new for the server counts as an answer."""

    def is_final(self, row: OutboxRow, verdict: dict[str, Any]) -> OutboxRow:
        return super().is_final(row, {**verdict, "status": verdict["status"].replace("def", "pre")})


class DeferredNeverRequeued(PhoneModel):
    """What was too new is not offered to the newer server."""

    def requeue_deferred(self, accepts: Iterable[str]) -> None:
        return


class CorruptOpResentForever(PhoneModel):
    """What arrived damaged leaves a hole, and is sent again for ever."""

    def is_damaged(self, row: OutboxRow) -> bool:
        return False


class DependencyOnlyWhileUnsent(PhoneModel):
    """What follows the making of a record says so only while that was never sent."""

    where = "refused"

    def creating_op(self, subject: str) -> str | None:
        made = super().creating_op(subject)
        return made if made and self.ops[made].state == "unsent" else None


def _mutants_of(part: type) -> list[type]:
    here = [one for one in globals().values() if isinstance(one, type) and issubclass(one, part)]
    return [one for one in here if one.__module__ == __name__]


MUTANTS: list[type] = [*_mutants_of(ServerModel), *_mutants_of(PhoneModel)]
