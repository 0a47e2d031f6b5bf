"""Bugs of the protocol, one a class: each says in a sentence what it does wrongly.

A simulation that lets one of them pass proves nothing. `where` names the theme in which a bug
has most room; it is looked for there. Mutants of the server come first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sync import KINDS, RECORD_TYPES, Accepted, Op, judge, to_history_entry
from tests.sim.central import Central, Held, Incoming, Request, read
from tests.sim.feed import Cursor, FeedRow
from tests.sim.phone import KEEP, Kept, Phone, Talk


class PlaceAlone(Central):
    """An op whose place is taken is answered with what lies there, whatever its id."""

    def known(self, one: Incoming) -> dict[str, Any] | None:
        place = self.places.get((self.request.lineage, one.n or 0))
        if place:
            return {"verdict": {**self.log[place[0]]["verdict"], "id": one.raw["id"]}}
        return super().known(one)


class RefusesGaps(Central):
    """An op behind a hole in the chain is not taken."""

    def known(self, one: Incoming) -> dict[str, Any] | None:
        if one.n is not None and one.n > self.chain.upto + 1:
            return {"verdict": {"id": None, "status": "gap"}}
        return super().known(one)


class BadOneBlocks(Central):
    """Behind an op that cannot be read the rest of the batch is left."""

    def push(self, request: Request, now: datetime) -> dict[str, Any]:
        bad = next((i for i, raw in enumerate(request.ops) if read(raw).fault), len(request.ops))
        return super().push(replace(request, ops=request.ops[:bad]), now)


class SameEpoch(Central):
    """A restored server does not say that it was restored."""

    where = "restores"

    def restored(self, backup: Central) -> Central:
        twin = super().restored(backup)
        twin.epoch = self.epoch
        return twin


class NobodyIsCutOff(Central):
    """Revoking a phone changes nothing."""

    def is_cut_off(self, device: str) -> bool:
        return False


class LeaversStay(Central):
    """What somebody does after leaving stands."""

    def aside(self, one: Incoming) -> tuple[str, str] | None:
        left, self.left = self.left, {}
        try:
            return super().aside(one)
        finally:
            self.left = left


class HeadBeforeCommit(Central):
    """The head is raised as soon as a transaction begins: a cursor skips what is still open."""

    where = "feed"

    def begin(self, request: Request) -> Any:
        self.head += len(request.ops) * 2
        return request, self.head

    def finish(self, begun: Any, now: datetime) -> dict[str, Any]:
        request, last = begun
        self.given = iter(range(last - len(request.ops) * 2 + 1, last + 1))
        try:
            return self.push(request, now)
        finally:
            self.given = iter(())

    def next_seq(self) -> int:
        return next(getattr(self, "given", iter(())), None) or super().next_seq()


class NumbersOutsideTheLock(Central):
    """Numbers of the feed are drawn from a sequence, and committed in any order."""

    where = "feed"

    drawn = 0

    def begin(self, request: Request) -> Any:
        first = max(self.head, self.drawn) + 1
        self.drawn = first + len(request.ops) * 2 - 1
        return request, iter(range(first, self.drawn + 1))

    def finish(self, begun: Any, now: datetime) -> dict[str, Any]:
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


class JudgedAnew(Central):
    """What comes twice is judged twice."""

    def stored(self, one: Incoming, stored: dict[str, Any]) -> dict[str, Any] | None:
        return None


class NeverReleased(Central):
    """What waited for an op goes on waiting when it has come."""

    where = "refused"

    def release(self, id_: str) -> None:
        return


class ScopeWithoutReset(Central):
    """A phone that may see more or less than before reads on."""

    where = "feed"

    def since(self, was: Cursor | None, seen: int) -> tuple[int, str | None]:
        return super().since(was and was._replace(scope=seen), seen)


class OldCursorIsTrusted(Central):
    """A restored server reads on where the lost one had been."""

    where = "restores"

    def since(self, was: Cursor | None, seen: int) -> tuple[int, str | None]:
        here = was and was._replace(epoch=self.epoch, seq=min(was.seq, self.head))
        return super().since(here, seen)


class FoldByArrival(Central):
    """Facts add up in the order in which they arrived."""

    def rule(self, held: Held, op: Op) -> Any:
        verdict = super().rule(held, op)
        if isinstance(verdict, Accepted) and KINDS[op.kind].fact:
            facts = [one for one in held.history if one.fact]
            folded = RECORD_TYPES[held.type].fold(held.row, [*facts, to_history_entry(op)])
            return replace(verdict, changes={**verdict.changes, **folded})
        return verdict


class BaseIgnored(Central):
    """The last decision wins, whatever its author had seen."""

    def rule(self, held: Held, op: Op) -> Any:
        return judge(held.type, held.row, replace(op, base=None), held.history)


class HeldIsDropped(Central):
    """What is held for the desk is answered, and not kept."""

    def answer(self, one: Incoming) -> dict[str, Any]:
        aside = self.aside(one)
        if self.known(one) is None and aside and aside[0] == "held":
            self.take_place(one)
            return {"verdict": {"id": one.raw["id"], "status": "held"}}
        return super().answer(one)


class AnotherClosesTheGap(Central):
    """Whatever comes closes the oldest hole of its chain."""

    def take_place(self, one: Incoming) -> None:
        super().take_place(one)
        if one.n is None:
            return
        self.chain.gaps = self.chain.gaps[1:]


class ForkTakesThePlace(Central):
    """An op that is answered with a fork counts as having come."""

    where = "forks"

    def fork(self, one: Incoming) -> dict[str, Any]:
        self.take_place(one)
        return super().fork(one)


class ChainBeforeCommit(Central):
    """How far a chain has come is written before the ops themselves are safe."""

    def crashed(self, before: Central) -> Central:
        before.chains = self.chains
        return before


class GoneIsNotTold(Central):
    """Nobody is told of a record that has left the feed."""

    where = "feed"

    def feed_row(self, id_: str, held: Held, seq: int) -> FeedRow:
        row = super().feed_row(id_, held, seq)
        return row._replace(seen_by=row.audience)


class FloorCutsTheRound(Central):
    """Who reads the feed page by page from its beginning is held against the floor at each page."""

    where = "feed"

    def is_below_floor(self, was: Cursor) -> bool:
        return was.seq < self.floor


class FloorIgnored(Central):
    """Who is behind the floor reads on, and never learns what is gone."""

    where = "feed"

    def is_below_floor(self, was: Cursor) -> bool:
        return False


class HashDecides(Central):
    """An op that comes again under a new lineage is taken for another one."""

    where = "spoilt"

    def same(self, one: Incoming, stored: dict[str, Any]) -> bool:
        return bool(one.raw["hash"] == stored["hash"])


class TheUnreadableForks(Central):
    """An op that cannot be read is never known again under a new lineage."""

    where = "spoilt"

    def same(self, one: Incoming, stored: dict[str, Any]) -> bool:
        unlike = one.fault is not None and one.raw["hash"] != stored["hash"]
        return not unlike and super().same(one, stored)


class AfterTheDeferred(Central):
    """What follows an op that is too new for the server is judged without it."""

    where = "refused"

    def too_early(self, one: Incoming) -> bool:
        after = one.raw["after"]
        before = self.log.get(after) if after else None
        return super().too_early(one) and (before is None or before["status"] == "waiting")


class CursorFirst(Phone):
    """The cursor is stored before the records."""

    def take(self, page: dict[str, Any]) -> Talk:
        self.cursor = page["cursor"]
        yield None
        self.take_records(page)
        self.end_page(page)
        yield None


class AnsweredIsDropped(Phone):
    """What the server has answered is dropped at once."""

    where = "restores"

    def settle(self, verdicts: Iterable[dict[str, Any]]) -> bool:
        forked = super().settle(verdicts)
        self.ops = {id_: row for id_, row in self.ops.items() if row.state != "answered"}
        return forked


class RemovedBeforeItsVerdict(Phone):
    """What is sent leaves the outbox, and comes back only if something goes wrong."""

    def push_batch(self, rows: list[Kept]) -> Talk:
        for row in rows:
            self.ops[row.id] = self.answered(row, {"id": row.id, "status": "applied"})
        yield None
        yield from super().push_batch(rows)


class DroppedByAge(Phone):
    """Answered ops go after a month, whether a backup has them or not."""

    where = "restores"

    def let_go_before(self) -> datetime | None:
        return self.now + self.skew - KEEP


class OldLineage(Phone):
    """After a fork the same is sent again under the old lineage."""

    where = "forks"

    def rechain(self) -> None:
        return


class ResetTouchesTheOutbox(Phone):
    """A reset of the records takes the outbox with it."""

    def take_records(self, page: dict[str, Any]) -> None:
        if page["reset"] not in (None, "new"):
            self.ops = {id_: row for id_, row in self.ops.items() if row.state != "unsent"}
        super().take_records(page)


class NotSwept(Phone):
    """After a reset what the server no longer shows stays."""

    def sweep(self) -> None:
        return


class CutOffKeepsAll(Phone):
    """A phone that was cut off keeps what it knew."""

    def end_page(self, page: dict[str, Any]) -> None:
        if page["changes"] or not page["reset"]:
            super().end_page(page)


class DigestNotCompared(Phone):
    """What the browser lost of the records is never missed."""

    def differs(self, answer: dict[str, Any]) -> bool:
        return False


class ConfessesAll(Phone):
    """Every hole is confessed, without a look at what still lies here."""

    def missing(self, gaps: Iterable[Iterable[int]]) -> list[int]:
        return [n for first, last in gaps for n in range(first, last + 1)]


class ConfessesElsewhere(Phone):
    """What is lost of one lineage is confessed with a batch of another."""

    where = "restores"

    def push_batch(self, rows: list[Kept]) -> Talk:
        own, self.lineage = self.lineage, rows[0].lineage if rows else self.lineage
        talk = super().push_batch(rows)
        request = talk.send(None)
        self.lineage = own
        answer = yield request
        self.lost = ()
        yield from self.take_verdicts(rows, answer["verdicts"])


class SentIsDone(Phone):
    """A finished request counts as the answer to all that was in it."""

    def take_verdicts(self, rows: list[Kept], verdicts: list[dict[str, Any]]) -> Talk:
        return super().take_verdicts(
            rows, [{"id": row.id, "status": "applied", "code": None} for row in rows]
        )


class FirstForAll(Phone):
    """The first verdict of a batch is written to all of its ops."""

    def take_verdicts(self, rows: list[Kept], verdicts: list[dict[str, Any]]) -> Talk:
        return super().take_verdicts(rows, [{**verdicts[0], "id": row.id} for row in rows])


class AnswersOutliveTheServer(Phone):
    """A verdict of a server that was since restored still counts."""

    where = "restores"

    def is_of_another_life(self, answer: dict[str, Any]) -> bool:
        return False


class NothingOfferedAgain(Phone):
    """After a restore only what was unanswered is sent."""

    where = "restores"

    def offer_again(self) -> None:
        return


class DeferredIsDone(Phone):
    """Too new for the server counts as an answer."""

    def answered(self, row: Kept, verdict: dict[str, Any]) -> Kept:
        return super().answered(row, {**verdict, "status": verdict["status"].replace("def", "pre")})


class NeverTriedAgain(Phone):
    """What was too new is not offered to the newer server."""

    def offer_deferred(self, accepts: Iterable[str]) -> None:
        return


class DamagedAgainAndAgain(Phone):
    """What arrived damaged leaves a hole, and is sent again for ever."""

    def is_damaged(self, row: Kept) -> bool:
        return False


class CreatorOnlyUnsent(Phone):
    """What follows the making of a record says so only while that was never sent."""

    where = "refused"

    def creator(self, subject: str) -> str | None:
        made = super().creator(subject)
        return made if made and self.ops[made].state == "unsent" else None


def _own(part: type) -> list[type]:
    here = [one for one in globals().values() if isinstance(one, type) and issubclass(one, part)]
    return [one for one in here if one.__module__ == __name__]


MUTANTS: list[type] = [*_own(Central), *_own(Phone)]
