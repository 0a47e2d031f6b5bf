"""The server of the simulation: the rules of `sync`, and the decisions of its one door.

It keeps in dictionaries what the product keeps in tables, and decides as `incoming`, `oplog`,
`feed` and `pull` of the server do. Every decision is a method of its own, so that a mutant can
make it wrongly.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid5

from sync import (
    KINDS,
    RECORD_TYPES,
    Accepted,
    Contested,
    Merged,
    Op,
    Quarantined,
    Refused,
    judge,
    to_history_entry,
)
from sync.protocol.clock import correct_times
from sync.protocol.conflict_resolution import to_json_value
from sync.protocol.hash_chain import LineageState, content_hash, op_content
from sync.protocol.messages import op_error
from sync.protocol.op import SERVER_AUTHOR_ID, derive_op
from sync.protocol.redaction import mask_id_numbers
from tests.sim.feed import Feed
from tests.sim.world import ANA, BEGINNINGS, START, TOO_NEW, ident
from tests.sync.stage import FIELDS

STANDING = ("applied", "merged")


@dataclass(slots=True)
class Incoming:
    """One op as it came, with what is wrong with its shape."""

    id: str
    raw: dict[str, Any]
    fault: str | None
    whole: str
    n: int | None = None
    """Its place in the chain; a damaged op takes none."""


READ: dict[int, tuple[dict[str, Any], Incoming]] = {}


def read(raw: dict[str, Any]) -> Incoming:
    """Read an op; the very same one that came before is not looked at again."""
    known = READ.get(id(raw))
    if known and known[0] is raw:
        return known[1]
    if len(READ) > 2000:
        READ.clear()
    whole = content_hash(raw)
    wrong = op_error(raw, whole)
    id_ = str(uuid5(UUID(raw["id"]), whole)) if wrong == "hash-mismatch" else raw["id"]
    one = Incoming(id_, raw, wrong, whole, None if wrong == "hash-mismatch" else raw["n"])
    READ[id(raw)] = raw, one
    return one


@dataclass(slots=True)
class Held:
    """One record, with the ops that stand in it."""

    type: str
    row: SimpleNamespace | None = None
    version: int = 0
    history: tuple[Any, ...] = ()
    gone: bool = False

    def copy(self) -> Held:
        """Another row; entries of a history never change."""
        row = SimpleNamespace(**vars(self.row)) if self.row else None
        return Held(self.type, row, self.version, self.history, self.gone)


def same(chain: LineageState) -> LineageState:
    """A chain that can be changed without changing this one."""
    return LineageState(chain.upto, chain.hash, [*chain.gaps], [*chain.lost])


@dataclass(slots=True)
class Request:
    """What a phone says; `what` is the address."""

    what: str
    device: str
    lineage: str = ""
    sent_at: datetime = START
    ops: tuple[dict[str, Any], ...] = ()
    lost: tuple[int, ...] = ()
    cursor: Any = None
    limit: int = 2


class Central(Feed):
    """One site on the server."""

    limit = 3

    def __init__(self) -> None:
        self.log: dict[str, dict[str, Any]] = {}
        self.places: dict[tuple[str, int], tuple[str, str]] = {}
        self.chains: dict[str, LineageState] = {}
        self.held: dict[str, Held] = {}
        self.roles: dict[str, frozenset[str]] = {}
        self.left: dict[str, datetime] = {}
        self.cut_off: frozenset[str] = frozenset()
        self.knows = KINDS.keys() - TOO_NEW
        self.watermark: datetime | None = None
        self.places_given = 0
        self.begin_feed()
        for kind, subject, payload in BEGINNINGS:
            self.post(kind, subject, payload, START)

    def copy(self) -> Central:
        """All of it, as a backup has it."""
        twin = type(self).__new__(type(self))
        vars(twin).update(vars(self))
        twin.changed = {}
        twin.log = {id_: row.copy() for id_, row in self.log.items()}
        twin.chains = {name: same(chain) for name, chain in self.chains.items()}
        twin.held = {id_: held.copy() for id_, held in self.held.items()}
        twin.places, twin.roles = self.places.copy(), self.roles.copy()
        twin.left, twin.rows = self.left.copy(), self.rows.copy()
        return twin

    def restored(self, backup: Central) -> Central:
        """This server after a backup was put in its place: another life."""
        twin = backup.copy()
        twin.knows = self.knows
        twin.epoch = self.epoch + 1
        return twin

    def crashed(self, before: Central) -> Central:
        """What is there after the process died before its commit: what was there before."""
        return before

    def upgrade(self) -> None:
        """A newer version, which knows more kinds."""
        self.knows = KINDS.keys()

    # --- what phones say ---

    def hello(self, request: Request) -> dict[str, Any]:
        """The heartbeat."""
        chain = self.chains.get(request.lineage) or LineageState()
        return {
            "epoch": self.epoch,
            "upto": chain.upto,
            "gaps": chain.gaps,
            "accepts": self.knows,
            "limit": self.limit,
            "watermark": self.watermark,
        }

    def begin(self, request: Request) -> Any:
        """A push begins to be judged; it waits for whoever has the site's lock."""
        return request

    def finish(self, begun: Any, now: datetime) -> dict[str, Any]:
        """And is committed: whatever it does, it does at once."""
        return self.push(begun, now)

    def push(self, request: Request, now: datetime) -> dict[str, Any]:
        """A batch of ops: judged in one transaction, answered one by one."""
        self.request, self.now = request, now
        incoming = [read(raw) for raw in request.ops]
        sound = [one.raw for one in incoming if one.fault is None]
        self.moments = correct_times(sound, sent_at=request.sent_at, received_at=now)
        known = self.chains.get(request.lineage)
        self.chain = same(known) if known else LineageState()
        self.chain.mark_lost(request.lost)
        rows = [self.answer(one) for one in incoming]
        self.publish()
        self.chains[request.lineage] = self.chain
        return {"epoch": self.epoch, "verdicts": [row["verdict"] for row in rows]}

    def post(self, kind: str, subject: str, payload: dict[str, Any], now: datetime) -> str:
        """An op of the desk or of the server itself; says what became of it."""
        self.request, self.now, self.moments = Request("desk", ""), now, {}
        raw = {"id": ident(9, self.places_given + 1), "kind": kind, "v": 1, "subject": subject}
        author = ANA if KINDS[kind].fact else SERVER_AUTHOR_ID
        raw |= {"base": None, "after": None, "by": author, "payload": payload}
        row = self.answer(Incoming(raw["id"], raw, None, ""))
        self.publish()
        return str(row["status"])

    # --- the one door ---

    def answer(self, one: Incoming) -> dict[str, Any]:
        """One op: known already, set aside, waiting, or judged; and what waited for it."""
        known = self.known(one)
        if known is not None:
            return known
        row = self.row(one)
        aside = self.aside(one)
        if aside:
            self.reply(row, *aside)
        else:
            self.judge(row)
        self.remember(one, row)
        self.release(one.id)
        return row

    def known(self, one: Incoming) -> dict[str, Any] | None:
        """Same id and same deed: the stored answer, word for word. Otherwise a fork."""
        stored = self.log.get(one.id)
        if stored is not None:
            return self.stored(one, stored)
        if one.n is not None and self.forks(one):
            return self.fork(one)
        return None

    def stored(self, one: Incoming, stored: dict[str, Any]) -> dict[str, Any] | None:
        """The answer that was given, unless the op is another one, or can be judged by now."""
        if one.fault == "hash-mismatch" or not one.whole or self.same(one, stored):
            if self.offered_again(one):
                return None
            self.take_place(one)
            return stored
        return self.fork(one)

    def same(self, one: Incoming, stored: dict[str, Any]) -> bool:
        """Whether it is the op that we have, perhaps under another place."""
        if one.raw["hash"] == stored["hash"]:
            return True
        return op_content(mask_id_numbers(one.raw)) == op_content(stored["body"])

    def offered_again(self, one: Incoming) -> bool:
        """Whether an op that was too new for us can be judged by now."""
        return self.log[one.id]["status"] == "deferred" and not self.too_new(one)

    def forks(self, one: Incoming) -> bool:
        """Another op in its place, or another one before it."""
        lineage, n = self.request.lineage, one.raw["n"]
        if (lineage, n) in self.places:
            return True
        before = self.places.get((lineage, n - 1))
        return before is not None and one.fault is None and before[1] != one.raw["prev"]

    def fork(self, one: Incoming) -> dict[str, Any]:
        """An answer that is not kept."""
        return {"verdict": {"id": one.raw["id"], "status": "fork", "code": "forked"}}

    def take_place(self, one: Incoming) -> None:
        """The op has come: its place in the phone's chain is no hole."""
        if one.n is not None:
            self.chain.record_op(one.n, one.raw["hash"])

    def aside(self, one: Incoming) -> tuple[str, str] | None:
        """Why an op is not judged: damaged, its author or phone gone, too new, or too early."""
        if one.fault:
            return "quarantined", one.fault
        if self.is_cut_off(self.request.device):
            return "held", "revoked"
        if self.too_new(one):
            return "deferred", "newer"
        by, at = one.raw["by"], self.moment(one)
        if by != SERVER_AUTHOR_ID and (by not in self.roles or at >= self.left.get(by, self.never)):
            return "held", "left"
        return ("waiting", "waiting") if self.too_early(one) else None

    def too_early(self, one: Incoming) -> bool:
        """Whether what has to come first is not here, or not judged itself."""
        after = one.raw["after"]
        return after is not None and (
            after not in self.log or self.log[after]["status"] in ("waiting", "deferred")
        )

    def too_new(self, one: Incoming) -> bool:
        """A kind that this version of the server does not know."""
        return one.fault is None and one.raw["kind"] not in self.knows

    def is_cut_off(self, device: str) -> bool:
        """Revoked, or declared lost."""
        return device in self.cut_off

    def moment(self, one: Incoming) -> datetime:
        """When it happened, as well as we know."""
        found = self.moments.get(one.raw["id"])
        return found.occurred_at if found and not one.fault else self.now

    def row(self, one: Incoming) -> dict[str, Any]:
        """The row of the log for an op that is new to us."""
        self.take_place(one)
        raw = {**one.raw, "payload": mask_id_numbers(one.raw["payload"])}
        return {
            **{name: raw.get(name) for name in ("kind", "subject", "by", "base", "after", "hash")},
            **{
                "id": one.id,
                "n": one.n,
                "lineage": self.request.lineage,
                "payload": raw["payload"],
            },
            **{"body": raw, "received_at": self.now, "occurred_at": self.moment(one)},
            **{"called": raw["id"], "version": None, "changes": {}, "device": self.request.device},
        }

    def remember(self, one: Incoming, row: dict[str, Any]) -> None:
        """Keep it for ever, in its place."""
        if one.id in self.log:
            self.forget_place(self.log[one.id])
        self.keep(row)
        if one.n is not None:
            self.places[row["lineage"], one.n] = (one.id, row["hash"])

    def forget_place(self, row: dict[str, Any]) -> None:
        """An op that is judged at last may have come under another place."""
        self.places.pop((row["lineage"], row["n"]), None)

    def keep(self, row: dict[str, Any]) -> None:
        """The order of the log is the order of judgement."""
        self.places_given += 1
        row["place"] = self.places_given
        self.log[row["id"]] = row

    def release(self, id_: str) -> None:
        """What waited for an op is judged in the same transaction."""
        if self.log[id_]["status"] in ("waiting", "deferred"):
            return
        for row in [r for r in self.log.values() if r["after"] == id_ and r["status"] == "waiting"]:
            self.judge(row)
            self.keep(row)
            self.release(row["id"])

    # --- judging ---

    def judge(self, row: dict[str, Any]) -> None:
        """Ask the rules, and put in force what stands."""
        kind = KINDS[row["kind"]]
        held = self.held.get(row["subject"])
        if held is None:
            held = self.held[row["subject"]] = Held(kind.type or "?")
        op = self.op(row)
        decides = not kind.fact and kind.roles and op.by != SERVER_AUTHOR_ID
        if decides and not kind.roles & self.roles_of(op.by):
            return self.reply(row, "refused", "not-allowed")
        verdict = self.rule(held, op)
        if isinstance(verdict, Accepted | Merged):
            self.apply(held, op, row, verdict)
        elif isinstance(verdict, Refused | Quarantined):
            status = "refused" if isinstance(verdict, Refused) else "quarantined"
            self.reply(row, status, verdict.code)
        else:
            self.reply(row, "contested", "contested")
            self.open_merge(op, verdict, held.type)
        return None

    def rule(self, held: Held, op: Op) -> Any:
        """What the rules say: they are the product's own."""
        return judge(held.type, held.row, op, held.history)

    def op(self, row: dict[str, Any]) -> Op:
        """The op as rules know it."""
        return Op(
            **{name: row[name] for name in ("id", "kind", "subject", "by", "occurred_at")},
            **{name: row[name] for name in ("received_at", "payload", "base", "after")},
        )

    def apply(self, held: Held, op: Op, row: dict[str, Any], verdict: Accepted | Merged) -> None:
        """Put an accepted op in force."""
        if held.row is None:
            held.row = SimpleNamespace(**dict.fromkeys(FIELDS[held.type]))
        vars(held.row).update(verdict.changes)
        held.version += 1
        gone = isinstance(verdict, Accepted) and verdict.tombstone
        held.gone = gone or getattr(held.row, "purged_at", None) is not None
        held.history = (*held.history, to_history_entry(op, held.version, verdict.changes))
        row.update(version=held.version, changes=verdict.changes)
        self.learn(op.subject, held)
        self.changed[op.subject] = held
        if isinstance(verdict, Merged):
            self.reply(row, "merged", None)
            self.open_merge(op, verdict, held.type)
        else:
            self.reply(row, "applied", None)

    def open_merge(self, op: Op, verdict: Merged | Contested, type_: str) -> None:
        """What two people changed at once is on record for the desk."""
        subject = str(uuid5(UUID(op.id), "merge"))
        if subject in self.held:
            return
        incoming = verdict.incoming if isinstance(verdict, Contested) else verdict.changes
        sides = {"base": verdict.base, "theirs": verdict.theirs, "incoming": incoming}
        about = {"op_id": op.id, "subject": op.subject, "subject_type": type_, "rule": verdict.rule}
        follows = derive_op(op, "merge.open", subject, {**about, **to_json_value(sides)})
        held = self.held[subject] = Held("merge")
        accepted = judge("merge", None, follows)
        assert isinstance(accepted, Accepted)
        held.row, held.version = SimpleNamespace(**accepted.changes, settled_at=None), 1
        held.history = (to_history_entry(follows, 1, accepted.changes),)
        self.changed[subject] = held

    def learn(self, id_: str, held: Held) -> None:
        """Who works here decides what phones may see."""
        if held.type == "person" and held.row:
            self.roles[id_] = frozenset(held.row.roles)
            if held.row.active_to:
                self.left[id_] = held.row.active_to

    def reply(self, row: dict[str, Any], status: str, code: str | None) -> None:
        """The answer, as it is kept and as it goes out."""
        verdict = {"id": row["called"], "status": status, "code": code}
        row.update(status=status, code=code, verdict=verdict)


__all__ = ["RECORD_TYPES", "STANDING", "Central", "Held", "Incoming", "Request", "read"]
