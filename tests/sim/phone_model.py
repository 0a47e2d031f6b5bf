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
from sync.protocol.clock import format_time
from sync.protocol.digest import add_to_digest
from sync.protocol.hash_chain import content_hash
from sync.protocol.redaction import mask_id_numbers
from tests.sim.credential_model import make_signature
from tests.sim.feed_model import fingerprint
from tests.sim.scenario import DAY, PlannedOp
from tests.sim.server_model import AWAITS_PROOF, Request

RETENTION, CLOCK_TOLERANCE = 30 * DAY, DAY
MAX_ATTEMPTS = 3
MAX_REQUESTS = 60
"""More requests than this in one go: it will never end."""

RequestGenerator = Generator[Request | None, Any, Any]


class SyncError(Exception):
    """Nothing was answered: no network (0), or a tired server."""

    def __init__(self, status: int = 0) -> None:
        super().__init__(status)
        self.status = status


class TooManyRequests(Exception):
    """A phone that goes on asking for ever."""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A row of the outbox; another state is another row."""

    id: str
    lineage: str
    n: int
    op: dict[str, Any]
    state: str = "unsent"
    verdict: dict[str, Any] | None = None
    answered_at: datetime | None = None

    def with_state(self, state: str, **more: Any) -> OutboxRow:
        """The same op in another state."""
        kept = {"verdict": self.verdict, "answered_at": self.answered_at, **more}
        return OutboxRow(self.id, self.lineage, self.n, self.op, state, **kept)


class StoredRecord(NamedTuple):
    """A record as the server last told it, with the round that brought it."""

    type: str
    version: int
    body: dict[str, Any]
    pull_round: int


class PhoneModel:
    """One browser profile, enrolled at the site."""

    page = 3

    def __init__(self, device: str, name: Callable[[], str], skew: timedelta) -> None:
        self.device, self.new_id, self.skew = device, name, skew
        self.lineage, self.n, self.hash = name(), 0, None
        self.ops: dict[str, OutboxRow] = {}
        self.records: dict[str, StoredRecord] = {}
        self.cursor: Any = None
        self.epoch: int | None = None
        self.round, self.rounds = 0, 0
        self.lost: tuple[int, ...] = ()
        self.confessed: frozenset[int] = frozenset()
        self.limit: int | None = None
        self.watermark: datetime | None = None
        self.repair_count = 0
        self.keys: dict[str, str] = {}
        self.now: datetime
        self.expected_ops: frozenset[str] = (
            frozenset()
        )  # for the reckoning only: what has to lie here

    def copy(self) -> PhoneModel:
        """The profile's files as they are."""
        twin = type(self).__new__(type(self))
        vars(twin).update(vars(self))
        twin.ops, twin.records, twin.keys = dict(self.ops), dict(self.records), dict(self.keys)
        return twin

    # --- the outbox ---

    def add_op(
        self, draft: PlannedOp, id_: str, subject: str, by: str, *, forged: str | None = None
    ) -> None:
        """What a person did, signed if they have unlocked the phone, safe in its place of the
        chain. `forged` is the signature that somebody else puts there."""
        seen = self.records.get(subject)
        said = {
            **{"id": id_, "kind": draft.kind, "v": 1, "subject": subject},
            **{"base": seen.version if draft.with_base and seen else None, "by": by},
            **{"after": self.creating_op(subject), "at": format_time(self.now + self.skew)},
            **{"mono": None, "boot": None, "payload": mask_id_numbers(draft.payload)},
        }
        if signature := forged or (by in self.keys and make_signature(self.keys[by], said)):
            said["sig"] = signature
        self.ops[id_] = self.append_to_chain(said)

    def unlock(self, person: str, key: str) -> None:
        """A person has a key here; what the server kept because it lacked that is offered again."""
        self.keys[person] = key
        for row in self.ops.values():
            waits = row.state == "answered" and row.verdict.get("code") in AWAITS_PROOF
            if waits and row.op["by"] == person:
                self.ops[row.id] = row.with_state("unsent")

    def creating_op(self, subject: str) -> str | None:
        """The op that makes a record which the server does not know yet."""
        for row in self.ops.values():
            if row.op["subject"] == subject and KINDS[row.op["kind"]].creates:
                waits = row.state == "answered" and row.verdict["status"] == "waiting"
                return row.id if row.state != "answered" or waits else None
        return None

    def append_to_chain(self, said: dict[str, Any]) -> OutboxRow:
        """Gives an op its place; the tail moves on."""
        op = {**said, "n": self.n + 1, "prev": self.hash}
        self.n, self.hash = self.n + 1, content_hash(op)
        op["hash"] = self.hash
        return OutboxRow(op["id"], self.lineage, self.n, op)

    def unsent(self) -> list[OutboxRow]:
        """Unanswered ops in the order of the chain."""
        return sorted(
            (row for row in self.ops.values() if row.state == "unsent"), key=_chain_position
        )

    def store_verdicts(self, verdicts: Iterable[dict[str, Any]]) -> bool:
        """Writes down what the server said of each op; says whether the chain has forked."""
        forked = False
        for verdict in verdicts:
            row = self.ops.get(verdict["id"])
            if verdict["status"] == "fork":
                forked = True
            elif row:
                self.ops[row.id] = self.is_final(row, verdict)
        return forked

    def is_final(self, row: OutboxRow, verdict: dict[str, Any]) -> OutboxRow:
        """Too new for the server is no answer yet."""
        if verdict["status"] == "deferred":
            return row.with_state("deferred", verdict=verdict)
        return row.with_state("answered", verdict=verdict, answered_at=self.now + self.skew)

    def start_new_lineage(self) -> None:
        """After a fork: a new lineage, and all that is unanswered goes into it."""
        waiting = self.unsent()
        self.lineage, self.n, self.hash = self.new_id(), 0, None
        for row in waiting:
            said = {k: v for k, v in row.op.items() if k not in ("n", "prev", "hash")}
            self.ops[row.id] = self.append_to_chain(said)
        self.confessed = frozenset()
        self.lost = ()

    def on_new_epoch(self, epoch: int) -> None:
        """A restored server is noticed, and what it may have lost offered, in one transaction."""
        if self.epoch is not None and self.epoch != epoch:
            self.requeue_all()
        self.epoch = epoch

    def requeue_all(self) -> None:
        """Every op that is still here is offered anew."""
        for row in self.ops.values():
            if row.state != "unsent":
                self.ops[row.id] = row.with_state("unsent")

    def requeue_deferred(self, accepts: Iterable[str]) -> None:
        """Ops that were too new are offered once more when the server knows their kind."""
        for row in self.ops.values():
            if row.state == "deferred" and row.op["kind"] in accepts:
                self.ops[row.id] = row.with_state("unsent")

    def answer_gaps(self, gaps: Iterable[Iterable[int]]) -> list[int]:
        """Holes that the server sees: what is here is offered again, the rest is gone."""
        mine = {row.n: row for row in self.ops.values() if row.lineage == self.lineage}
        gone = []
        for first, last in gaps:
            for n in range(first, last + 1):
                row = mine.get(n)
                if row is None or self.is_damaged(row):
                    gone.append(n)
                elif row.state != "unsent":
                    self.ops[row.id] = row.with_state("unsent")
        return gone

    def is_damaged(self, row: OutboxRow) -> bool:
        """What arrived damaged would arrive damaged again: its place is confessed."""
        return row.state == "answered" and row.verdict.get("code") == "hash-mismatch"

    def prune_answered(self) -> None:
        """Answered ops stay for a month, and until a backup of the server has them."""
        before = self.prune_before()
        for row in list(self.ops.values()):
            if row.state == "answered" and before and row.answered_at < before:
                del self.ops[row.id]

    def prune_before(self) -> datetime | None:
        """What was answered before this may go."""
        month = self.now + self.skew - RETENTION
        return min(month, self.watermark - CLOCK_TOLERANCE) if self.watermark else None

    # --- the exchange ---

    def send(self) -> RequestGenerator:
        """Hello, the outbox, and hello once more: now the server knows of every hole."""
        yield from self.hello()
        if (yield from self.push()):
            yield from self.hello()
            yield from self.push()
        self.prune_answered()

    def hello(self) -> RequestGenerator:
        """The heartbeat: a new epoch and holes are noticed."""
        answer = yield Request("hello", self.device, self.lineage)
        self.on_new_epoch(answer["epoch"])
        yield None
        gone = self.answer_gaps(answer["gaps"])
        self.lost = tuple(n for n in gone if n not in self.confessed)
        self.limit, self.watermark = answer["limit"], answer["watermark"]
        self.requeue_deferred(answer["accepts"])
        yield None

    def push(self) -> RequestGenerator:
        """Sends the outbox until it is empty; says whether anything was sent."""
        most, strikes, sent, aside = self.limit or 200, 0, False, set()
        for _ in range(MAX_REQUESTS):
            rows = [row for row in self.unsent() if row.id not in aside][:most]
            if not rows and not self.lost:
                return sent
            try:
                yield from self.push_batch(first_batch(rows))
                strikes, sent = 0, True
            except SyncError as error:
                strikes += error.status >= 500
                if error.status == 413 and most > 1:
                    most = max(1, len(rows) // 2)
                elif error.status < 500 or not rows:
                    raise
                elif strikes >= MAX_ATTEMPTS:
                    if len(rows) == 1:
                        aside.add(rows[0].id)
                    most, strikes = 1, MAX_ATTEMPTS - 1 if len(rows) == 1 else 0
        raise TooManyRequests

    def push_batch(self, rows: list[OutboxRow]) -> RequestGenerator:
        """One batch, and what was said of each of its ops."""
        lineage = rows[0].lineage if rows else self.lineage
        lost = self.lost if lineage == self.lineage else ()
        ops = tuple(row.op for row in rows)
        sent_at = self.now + self.skew
        answer = yield Request("push", self.device, lineage, sent_at, ops, lost)
        if self.is_of_old_epoch(answer):
            raise SyncError
        if lost:
            self.confessed |= set(lost)
            yield None
            self.lost = ()
        yield from self.apply_verdicts(rows, answer["verdicts"])

    def is_of_old_epoch(self, answer: dict[str, Any]) -> bool:
        """Whether the server was restored between this answer and what was heard since."""
        return self.epoch is not None and answer["epoch"] != self.epoch

    def apply_verdicts(
        self, rows: list[OutboxRow], verdicts: list[dict[str, Any]]
    ) -> RequestGenerator:
        """Answered ops stay here; a fork makes a new lineage."""
        forked = self.store_verdicts(verdicts)
        yield None
        if forked:
            self.start_new_lineage()
            yield None

    def pull(self) -> RequestGenerator:
        """What is new, page by page."""
        for _ in range(MAX_REQUESTS):
            cursor = self.cursor
            answer = yield Request("pull", self.device, cursor=cursor, limit=self.page)
            self.on_new_epoch(answer["epoch"])
            yield None
            if answer["changes"] or answer["reset"] or cursor != answer["cursor"]:
                yield from self.apply_page(answer)
            if self.digest_differs(answer):
                self.repair_count += 1
                self.cursor = None
            elif not answer["more"]:
                return
        raise TooManyRequests

    def digest_differs(self, answer: dict[str, Any]) -> bool:
        """Whether the digest shows that something is missing or too much here."""
        told = answer["digest"]
        return told is not None and told != self.digest()

    def digest(self) -> int:
        """Of what lies here."""
        shown = self.records.items()
        return add_to_digest(0, *(fingerprint(row.type, id_, row.version) for id_, row in shown))

    # --- the records ---

    def apply_page(self, page: dict[str, Any]) -> RequestGenerator:
        """A page of the feed: records and cursor in one transaction."""
        self.apply_records(page)
        self.cursor = page["cursor"]
        self.finish_page(page)
        yield None

    def apply_records(self, page: dict[str, Any]) -> None:
        """After a reset what comes is marked by its round."""
        if page["reset"]:
            self.rounds += 1
            self.round = self.rounds
        for id_, type_, version, body in page["changes"]:
            if body is None:
                self.delete_record(id_)
            else:
                self.records[id_] = StoredRecord(type_, version, body, self.round)

    def delete_record(self, id_: str) -> None:
        """What the server has let go of leaves, with what was answered of it."""
        self.records.pop(id_, None)
        for row in list(self.ops.values()):
            if row.op["subject"] == id_ and row.state == "answered":
                del self.ops[row.id]

    def finish_page(self, page: dict[str, Any]) -> None:
        """At the end of a round what it did not bring is swept away."""
        if not page["more"] and self.round:
            self.sweep()
            self.round = 0

    def sweep(self) -> None:
        """Only what the round brought stays."""
        this = self.round
        self.records = {id_: row for id_, row in self.records.items() if row.pull_round == this}


def first_batch(rows: list[OutboxRow]) -> list[OutboxRow]:
    """One request is of one lineage."""
    return [row for row in rows if row.lineage == rows[0].lineage]


def _chain_position(row: OutboxRow) -> int:
    return row.n
