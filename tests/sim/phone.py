"""The phone of the simulation: what outbox.js, sync.js and records.js do, without a browser.

`send` and `pull` are generators. They yield a Request and are sent its answer (or Unanswered is
thrown in), and yield None wherever the browser may be killed between two transactions.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sync import KINDS
from sync.chain import hash_of
from sync.clock import iso
from sync.feed import add
from sync.masking import masked
from tests.sim.central import Request
from tests.sim.feed import fingerprint
from tests.sim.world import DAY, Draft

KEEP, CLOCKS_DIFFER = 30 * DAY, DAY
STRIKES = 3
ENDLESS = 60
"""More requests than this in one go: it will never end."""

Talk = Generator[Request | None, Any, Any]


class Unanswered(Exception):
    """Nothing was answered: no network (0), or a tired server."""

    def __init__(self, status: int = 0) -> None:
        super().__init__(status)
        self.status = status


class Endless(Exception):
    """A phone that goes on asking for ever."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A row of the outbox; another state is another row."""

    id: str
    lineage: str
    n: int
    op: dict[str, Any]
    state: str = "unsent"
    verdict: dict[str, Any] | None = None
    answered_at: datetime | None = None

    def now(self, state: str, **more: Any) -> Kept:
        """The same op in another state."""
        kept = {"verdict": self.verdict, "answered_at": self.answered_at, **more}
        return Kept(self.id, self.lineage, self.n, self.op, state, **kept)


class Shown(NamedTuple):
    """A record as the server last told it, with the round that brought it."""

    type: str
    version: int
    body: dict[str, Any]
    round: int


class Phone:
    """One browser profile, enrolled at the site."""

    page = 3

    def __init__(self, device: str, name: Callable[[], str], skew: timedelta) -> None:
        self.device, self.name, self.skew = device, name, skew
        self.lineage, self.n, self.hash = name(), 0, None
        self.ops: dict[str, Kept] = {}
        self.records: dict[str, Shown] = {}
        self.cursor: Any = None
        self.epoch: int | None = None
        self.round, self.rounds = 0, 0
        self.lost: tuple[int, ...] = ()
        self.confessed: frozenset[int] = frozenset()
        self.limit: int | None = None
        self.watermark: datetime | None = None
        self.mended = 0
        self.now: datetime
        self.should: frozenset[str] = frozenset()  # for the reckoning only: what has to lie here

    def copy(self) -> Phone:
        """The profile's files as they are."""
        twin = type(self).__new__(type(self))
        vars(twin).update(vars(self))
        twin.ops, twin.records = dict(self.ops), dict(self.records)
        return twin

    # --- the outbox ---

    def put(self, draft: Draft, id_: str, subject: str, by: str) -> None:
        """What a person did, safe in its place of the chain."""
        seen = self.records.get(subject)
        said = {
            **{"id": id_, "kind": draft.kind, "v": 1, "subject": subject},
            **{"base": seen.version if draft.seen and seen else None, "by": by},
            **{"after": self.creator(subject), "at": iso(self.now + self.skew)},
            **{"mono": None, "boot": None, "payload": masked(draft.payload)},
        }
        self.ops[id_] = self.link(said)

    def creator(self, subject: str) -> str | None:
        """The op that makes a record which the server does not know yet."""
        for row in self.ops.values():
            if row.op["subject"] == subject and KINDS[row.op["kind"]].creates:
                waits = row.state == "answered" and row.verdict["status"] == "waiting"
                return row.id if row.state != "answered" or waits else None
        return None

    def link(self, said: dict[str, Any]) -> Kept:
        """Gives an op its place; the tail moves on."""
        op = {**said, "n": self.n + 1, "prev": self.hash}
        self.n, self.hash = self.n + 1, hash_of(op)
        op["hash"] = self.hash
        return Kept(op["id"], self.lineage, self.n, op)

    def unsent(self) -> list[Kept]:
        """Unanswered ops in the order of the chain."""
        return sorted((row for row in self.ops.values() if row.state == "unsent"), key=_place)

    def settle(self, verdicts: Iterable[dict[str, Any]]) -> bool:
        """Writes down what the server said of each op; says whether the chain has forked."""
        forked = False
        for verdict in verdicts:
            row = self.ops.get(verdict["id"])
            if verdict["status"] == "fork":
                forked = True
            elif row:
                self.ops[row.id] = self.answered(row, verdict)
        return forked

    def answered(self, row: Kept, verdict: dict[str, Any]) -> Kept:
        """Too new for the server is no answer yet."""
        if verdict["status"] == "deferred":
            return row.now("deferred", verdict=verdict)
        return row.now("answered", verdict=verdict, answered_at=self.now + self.skew)

    def rechain(self) -> None:
        """After a fork: a new lineage, and all that is unanswered goes into it."""
        waiting = self.unsent()
        self.lineage, self.n, self.hash = self.name(), 0, None
        for row in waiting:
            said = {k: v for k, v in row.op.items() if k not in ("n", "prev", "hash")}
            self.ops[row.id] = self.link(said)
        self.confessed = frozenset()
        self.lost = ()

    def meet(self, epoch: int) -> None:
        """A restored server is noticed, and what it may have lost offered, in one transaction."""
        if self.epoch is not None and self.epoch != epoch:
            self.offer_again()
        self.epoch = epoch

    def offer_again(self) -> None:
        """Every op that is still here is offered anew."""
        for row in self.ops.values():
            if row.state != "unsent":
                self.ops[row.id] = row.now("unsent")

    def offer_deferred(self, accepts: Iterable[str]) -> None:
        """Ops that were too new are offered once more when the server knows their kind."""
        for row in self.ops.values():
            if row.state == "deferred" and row.op["kind"] in accepts:
                self.ops[row.id] = row.now("unsent")

    def missing(self, gaps: Iterable[Iterable[int]]) -> list[int]:
        """Holes that the server sees: what is here is offered again, the rest is gone."""
        mine = {row.n: row for row in self.ops.values() if row.lineage == self.lineage}
        gone = []
        for first, last in gaps:
            for n in range(first, last + 1):
                row = mine.get(n)
                if row is None or self.is_damaged(row):
                    gone.append(n)
                elif row.state != "unsent":
                    self.ops[row.id] = row.now("unsent")
        return gone

    def is_damaged(self, row: Kept) -> bool:
        """What arrived damaged would arrive damaged again: its place is confessed."""
        return row.state == "answered" and row.verdict.get("code") == "hash-mismatch"

    def let_go(self) -> None:
        """Answered ops stay for a month, and until a backup of the server has them."""
        before = self.let_go_before()
        for row in list(self.ops.values()):
            if row.state == "answered" and before and row.answered_at < before:
                del self.ops[row.id]

    def let_go_before(self) -> datetime | None:
        """What was answered before this may go."""
        month = self.now + self.skew - KEEP
        return min(month, self.watermark - CLOCKS_DIFFER) if self.watermark else None

    # --- the exchange ---

    def send(self) -> Talk:
        """Hello, the outbox, and hello once more: now the server knows of every hole."""
        yield from self.hello()
        if (yield from self.push()):
            yield from self.hello()
            yield from self.push()
        self.let_go()

    def hello(self) -> Talk:
        """The heartbeat: a new epoch and holes are noticed."""
        answer = yield Request("hello", self.device, self.lineage)
        self.meet(answer["epoch"])
        yield None
        gone = self.missing(answer["gaps"])
        self.lost = tuple(n for n in gone if n not in self.confessed)
        self.limit, self.watermark = answer["limit"], answer["watermark"]
        self.offer_deferred(answer["accepts"])
        yield None

    def push(self) -> Talk:
        """Sends the outbox until it is empty; says whether anything was sent."""
        most, strikes, sent, aside = self.limit or 200, 0, False, set()
        for _ in range(ENDLESS):
            rows = [row for row in self.unsent() if row.id not in aside][:most]
            if not rows and not self.lost:
                return sent
            try:
                yield from self.push_batch(fitting(rows))
                strikes, sent = 0, True
            except Unanswered as error:
                strikes += error.status >= 500
                if error.status == 413 and most > 1:
                    most = max(1, len(rows) // 2)
                elif error.status < 500 or not rows:
                    raise
                elif strikes >= STRIKES:
                    if len(rows) == 1:
                        aside.add(rows[0].id)
                    most, strikes = 1, STRIKES - 1 if len(rows) == 1 else 0
        raise Endless

    def push_batch(self, rows: list[Kept]) -> Talk:
        """One batch, and what was said of each of its ops."""
        lineage = rows[0].lineage if rows else self.lineage
        lost = self.lost if lineage == self.lineage else ()
        ops = tuple(row.op for row in rows)
        sent_at = self.now + self.skew
        answer = yield Request("push", self.device, lineage, sent_at, ops, lost)
        if self.is_of_another_life(answer):
            raise Unanswered
        if lost:
            self.confessed |= set(lost)
            yield None
            self.lost = ()
        yield from self.take_verdicts(rows, answer["verdicts"])

    def is_of_another_life(self, answer: dict[str, Any]) -> bool:
        """Whether the server was restored between this answer and what was heard since."""
        return self.epoch is not None and answer["epoch"] != self.epoch

    def take_verdicts(self, rows: list[Kept], verdicts: list[dict[str, Any]]) -> Talk:
        """Answered ops stay here; a fork makes a new lineage."""
        forked = self.settle(verdicts)
        yield None
        if forked:
            self.rechain()
            yield None

    def pull(self) -> Talk:
        """What is new, page by page."""
        for _ in range(ENDLESS):
            cursor = self.cursor
            answer = yield Request("pull", self.device, cursor=cursor, limit=self.page)
            self.meet(answer["epoch"])
            yield None
            if answer["changes"] or answer["reset"] or cursor != answer["cursor"]:
                yield from self.take(answer)
            if self.differs(answer):
                self.mended += 1
                self.cursor = None
            elif not answer["more"]:
                return
        raise Endless

    def differs(self, answer: dict[str, Any]) -> bool:
        """Whether the digest shows that something is missing or too much here."""
        told = answer["digest"]
        return told is not None and told != self.digest()

    def digest(self) -> int:
        """Of what lies here."""
        shown = self.records.items()
        return add(0, *(fingerprint(row.type, id_, row.version) for id_, row in shown))

    # --- the records ---

    def take(self, page: dict[str, Any]) -> Talk:
        """A page of the feed: records and cursor in one transaction."""
        self.take_records(page)
        self.cursor = page["cursor"]
        self.end_page(page)
        yield None

    def take_records(self, page: dict[str, Any]) -> None:
        """After a reset what comes is marked by its round."""
        if page["reset"]:
            self.rounds += 1
            self.round = self.rounds
        for id_, type_, version, body in page["changes"]:
            if body is None:
                self.forget(id_)
            else:
                self.records[id_] = Shown(type_, version, body, self.round)

    def forget(self, id_: str) -> None:
        """What the server has let go of leaves, with what was answered of it."""
        self.records.pop(id_, None)
        for row in list(self.ops.values()):
            if row.op["subject"] == id_ and row.state == "answered":
                del self.ops[row.id]

    def end_page(self, page: dict[str, Any]) -> None:
        """At the end of a round what it did not bring is swept away."""
        if not page["more"] and self.round:
            self.sweep()
            self.round = 0

    def sweep(self) -> None:
        """Only what the round brought stays."""
        this = self.round
        self.records = {id_: row for id_, row in self.records.items() if row.round == this}


def fitting(rows: list[Kept]) -> list[Kept]:
    """One request is of one lineage."""
    return [row for row in rows if row.lineage == rows[0].lineage]


def _place(row: Kept) -> int:
    return row.n
