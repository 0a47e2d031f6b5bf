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
from sync.protocol.op import SERVER_AUTHOR_ID, derive_op
from sync.protocol.op_validation import op_error
from sync.protocol.redaction import mask_id_numbers
from tests.sim.credential_model import CredentialModel
from tests.sim.feed_model import FeedModel
from tests.sim.scenario import ANA, SEED_OPS, START, TOO_NEW, fixed_id
from tests.sync.builders import COLUMNS

APPLIED_STATUSES = ("applied", "merged")
EMPTY_LISTS: dict[str, dict[str, list[str]]] = {
    "task": {"helper_ids": []},
    "ticket": {"co_receiver_ids": []},
}
"""Columns that a table never leaves without a value."""
AWAITS_PROOF = ("unproven", "bad-signature")
"""What becomes of an op as long as the key of its author is not known."""


@dataclass(slots=True)
class ParsedOp:
    """One op as it came, with what is wrong with its shape."""

    id: str
    raw: dict[str, Any]
    fault: str | None
    canonical: str
    n: int | None = None
    """Its place in the chain; a damaged op takes none."""


PARSED_OPS: dict[int, tuple[dict[str, Any], ParsedOp]] = {}


def parse_op(raw: dict[str, Any]) -> ParsedOp:
    """Read an op; the very same one that came before is not looked at again."""
    known = PARSED_OPS.get(id(raw))
    if known and known[0] is raw:
        return known[1]
    if len(PARSED_OPS) > 2000:
        PARSED_OPS.clear()
    whole = content_hash(raw)
    wrong = op_error(raw, whole)
    id_ = str(uuid5(UUID(raw["id"]), whole)) if wrong == "hash-mismatch" else raw["id"]
    one = ParsedOp(id_, raw, wrong, whole, None if wrong == "hash-mismatch" else raw["n"])
    PARSED_OPS[id(raw)] = raw, one
    return one


@dataclass(slots=True)
class LoadedRecord:
    """One record, with the ops that stand in it."""

    type: str
    row: SimpleNamespace | None = None
    version: int = 0
    history: tuple[Any, ...] = ()
    is_deleted: bool = False

    def copy(self) -> LoadedRecord:
        """Another row; entries of a history never change."""
        row = SimpleNamespace(**vars(self.row)) if self.row else None
        return LoadedRecord(self.type, row, self.version, self.history, self.is_deleted)


def copy_chain(chain: LineageState) -> LineageState:
    """A chain that can be changed without changing this one."""
    return LineageState(chain.upto, chain.hash, [*chain.gaps], [*chain.lost])


@dataclass(slots=True)
class Request:
    """What a phone says; `what` is the address."""

    endpoint: str
    device: str
    lineage: str = ""
    sent_at: datetime = START
    ops: tuple[dict[str, Any], ...] = ()
    lost: tuple[int, ...] = ()
    cursor: Any = None
    limit: int = 2


class ServerModel(CredentialModel, FeedModel):
    """One site on the server."""

    limit = 3

    def __init__(self) -> None:
        self.log: dict[str, dict[str, Any]] = {}
        self.op_at_position: dict[tuple[str, int], tuple[str, str]] = {}
        self.chains: dict[str, LineageState] = {}
        self.loaded: dict[str, LoadedRecord] = {}
        self.roles: dict[str, frozenset[str]] = {}
        self.left: dict[str, datetime] = {}
        self.revoked: frozenset[str] = frozenset()
        self.known_kinds = KINDS.keys() - TOO_NEW
        self.watermark: datetime | None = None
        self.last_position = 0
        self.init_credentials()
        self.init_feed()
        for kind, subject, payload in SEED_OPS:
            self.submit(kind, subject, payload, START)

    def copy(self) -> ServerModel:
        """All of it, as a backup has it."""
        twin = type(self).__new__(type(self))
        vars(twin).update(vars(self))
        twin.changed = {}
        twin.log = {id_: row.copy() for id_, row in self.log.items()}
        twin.chains = {name: copy_chain(chain) for name, chain in self.chains.items()}
        twin.loaded = {id_: held.copy() for id_, held in self.loaded.items()}
        twin.op_at_position, twin.roles = self.op_at_position.copy(), self.roles.copy()
        twin.left, twin.rows = self.left.copy(), self.rows.copy()
        twin.credentials, twin.owners = self.credentials.copy(), self.owners.copy()
        return twin

    def restore_from(self, backup: ServerModel) -> ServerModel:
        """This server after a backup was put in its place: another life."""
        twin = backup.copy()
        twin.known_kinds = self.known_kinds
        twin.epoch = self.epoch + 1
        return twin

    def crash_to(self, before: ServerModel) -> ServerModel:
        """What is there after the process died before its commit: what was there before."""
        return before

    def upgrade(self) -> None:
        """A newer version, which knows more kinds."""
        self.known_kinds = KINDS.keys()

    # --- what phones say ---

    def hello(self, request: Request) -> dict[str, Any]:
        """The heartbeat."""
        chain = self.chains.get(request.lineage) or LineageState()
        if self.is_foreign(request):
            chain = LineageState()
        return {
            "epoch": self.epoch,
            "upto": chain.upto,
            "gaps": chain.gaps,
            "accepts": self.known_kinds,
            "limit": self.limit,
            "watermark": self.watermark,
        }

    def begin_push(self, request: Request) -> Any:
        """A push begins to be judged; it waits for whoever has the site's lock."""
        return request

    def commit_push(self, begun: Any, now: datetime) -> dict[str, Any]:
        """And is committed: whatever it does, it does at once."""
        return self.push(begun, now)

    def push(self, request: Request, now: datetime) -> dict[str, Any]:
        """A batch of ops: judged in one transaction, answered one by one."""
        self.request, self.now = request, now
        incoming = [parse_op(raw) for raw in request.ops]
        if self.is_foreign(request):
            forks = [self.fork_verdict(one) for one in incoming]
            return {"epoch": self.epoch, "verdicts": [row["verdict"] for row in forks]}
        sound = [one.raw for one in incoming if one.fault is None]
        self.moments = correct_times(sound, sent_at=request.sent_at, received_at=now)
        known = self.chains.get(request.lineage)
        self.chain = copy_chain(known) if known else LineageState()
        self.chain.mark_lost(request.lost)
        rows = [self.handle_op(one) for one in incoming]
        self.publish()
        self.chains[request.lineage] = self.chain
        self.owners.setdefault(request.lineage, request.device)
        return {"epoch": self.epoch, "verdicts": [row["verdict"] for row in rows]}

    def submit(self, kind: str, subject: str, payload: dict[str, Any], now: datetime) -> str:
        """An op of the desk or of the server itself; says what became of it."""
        self.request, self.now, self.moments = Request("desk", ""), now, {}
        raw = {"id": fixed_id(9, self.last_position + 1), "kind": kind, "v": 1, "subject": subject}
        author = ANA if KINDS[kind].fact else SERVER_AUTHOR_ID
        raw |= {"base": None, "after": None, "by": author, "payload": payload}
        row = self.handle_op(ParsedOp(raw["id"], raw, None, ""))
        self.publish()
        return str(row["status"])

    def unlock(self, device: str, person: str, key: str, now: datetime) -> None:
        """Somebody proves who they are on a phone; what waited for their key is judged."""
        if self.is_revoked(device) or person not in self.roles or person in self.left:
            return
        self.register_key(device, person, key)
        for row in self.waiting_for_proof(device, person):
            self.push(Request("push", device, row["lineage"], now, (row["body"],)), now)

    def waiting_for_proof(self, device: str, person: str) -> list[dict[str, Any]]:
        """Signed ops that were set aside because the key of their author was not known."""
        return [
            row
            for row in sorted(self.log.values(), key=lambda row: row["place"])
            if row["code"] in AWAITS_PROOF
            and (row["device"], row["by"]) == (device, person)
            and row["body"].get("sig")
        ]

    # --- the one door ---

    def handle_op(self, one: ParsedOp) -> dict[str, Any]:
        """One op: known already, set aside, waiting, or judged; and what waited for it."""
        known = self.known_verdict(one)
        if known is not None:
            return known
        row = self.make_log_row(one)
        aside = self.quarantine_reason(one)
        if aside:
            self.make_verdict(row, *aside)
        else:
            self.judge(row)
        self.store_first_time(one, row)
        self.judge_waiting_for(one.id)
        return row

    def known_verdict(self, one: ParsedOp) -> dict[str, Any] | None:
        """Same id and same deed: the stored answer, word for word. Otherwise a fork."""
        stored = self.log.get(one.id)
        if stored is not None:
            return self.stored_verdict(one, stored)
        if one.n is not None and self.is_fork(one):
            return self.fork_verdict(one)
        return None

    def stored_verdict(self, one: ParsedOp, stored: dict[str, Any]) -> dict[str, Any] | None:
        """The answer that was given, unless the op is another one, or can be judged by now."""
        if one.fault == "hash-mismatch" or not one.canonical or self.is_same_op(one, stored):
            if self.can_be_judged_now(one):
                return None
            self.mark_received(one)
            return stored
        return self.fork_verdict(one)

    def is_same_op(self, one: ParsedOp, stored: dict[str, Any]) -> bool:
        """Whether it is the op that we have, perhaps under another place."""
        if one.raw["hash"] == stored["hash"]:
            return True
        return op_content(mask_id_numbers(one.raw)) == op_content(stored["body"])

    def can_be_judged_now(self, one: ParsedOp) -> bool:
        """Whether an op that was too new for us, or whose author had no key, can be judged now."""
        if self.log[one.id]["code"] in AWAITS_PROOF:
            return self.signature_of(one.raw) == "proof"
        return self.log[one.id]["status"] == "deferred" and not self.is_unknown_kind(one)

    def is_fork(self, one: ParsedOp) -> bool:
        """Another op in its place, or another one before it."""
        lineage, n = self.request.lineage, one.raw["n"]
        if (lineage, n) in self.op_at_position:
            return True
        before = self.op_at_position.get((lineage, n - 1))
        return before is not None and one.fault is None and before[1] != one.raw["prev"]

    def fork_verdict(self, one: ParsedOp) -> dict[str, Any]:
        """An answer that is not kept."""
        return {"verdict": {"id": one.raw["id"], "status": "fork", "code": "forked"}}

    def mark_received(self, one: ParsedOp) -> None:
        """The op has come: its place in the phone's chain is no hole."""
        if one.n is not None:
            self.chain.record_op(one.n, one.raw["hash"])

    def quarantine_reason(self, one: ParsedOp) -> tuple[str, str] | None:
        """Why an op is not judged: damaged, its author or phone gone or not proven, too new, or too
        early."""
        if one.fault:
            return "quarantined", one.fault
        signature = self.signature_of(one.raw)
        if signature == "wrong":
            return "quarantined", "bad-signature"
        if self.is_revoked(self.request.device):
            return "held", "revoked"
        if signature == "revoked":
            return "held", "revoked-credential"
        if self.is_unknown_kind(one):
            return "deferred", "newer"
        by, at = one.raw["by"], self.corrected_time(one)
        if by != SERVER_AUTHOR_ID and (
            by not in self.roles or at >= self.left.get(by, self.NEVER_LEFT)
        ):
            return "held", "left"
        if self.lacks_proof(one.raw, signature):
            return "held", "unproven"
        return ("waiting", "waiting") if self.lacks_dependency(one) else None

    def lacks_dependency(self, one: ParsedOp) -> bool:
        """Whether what has to come first is not here, or not judged itself."""
        after = one.raw["after"]
        return after is not None and (
            after not in self.log or self.log[after]["status"] in ("waiting", "deferred")
        )

    def is_unknown_kind(self, one: ParsedOp) -> bool:
        """A kind that this version of the server does not know."""
        return one.fault is None and one.raw["kind"] not in self.known_kinds

    def is_revoked(self, device: str) -> bool:
        """Revoked, or declared lost."""
        return device in self.revoked

    def corrected_time(self, one: ParsedOp) -> datetime:
        """When it happened, as well as we know."""
        stored = self.log.get(one.id)
        if stored and stored["code"] in AWAITS_PROOF:
            return stored["occurred_at"]  # type: ignore[no-any-return]
        found = self.moments.get(one.raw["id"])
        return found.occurred_at if found and not one.fault else self.now

    def make_log_row(self, one: ParsedOp) -> dict[str, Any]:
        """The row of the log for an op that is new to us."""
        self.mark_received(one)
        raw = {**one.raw, "payload": mask_id_numbers(one.raw["payload"])}
        return {
            **{name: raw.get(name) for name in ("kind", "subject", "by", "base", "after", "hash")},
            **{
                "id": one.id,
                "n": one.n,
                "lineage": self.request.lineage,
                "payload": raw["payload"],
            },
            **{"body": raw, "received_at": self.now, "occurred_at": self.corrected_time(one)},
            **{"called": raw["id"], "version": None, "changes": {}, "device": self.request.device},
            "proof": self.signature_of(one.raw) == "proof",
        }

    def store_first_time(self, one: ParsedOp, row: dict[str, Any]) -> None:
        """Keep it for ever, in its place."""
        if one.id in self.log:
            self.release_position(self.log[one.id])
        self.append_to_log(row)
        if one.n is not None:
            self.op_at_position[row["lineage"], one.n] = (one.id, row["hash"])

    def release_position(self, row: dict[str, Any]) -> None:
        """An op that is judged at last may have come under another place."""
        self.op_at_position.pop((row["lineage"], row["n"]), None)

    def append_to_log(self, row: dict[str, Any]) -> None:
        """The order of the log is the order of judgement."""
        self.last_position += 1
        row["place"] = self.last_position
        self.log[row["id"]] = row

    def judge_waiting_for(self, id_: str) -> None:
        """What waited for an op is judged in the same transaction."""
        if self.log[id_]["status"] in ("waiting", "deferred"):
            return
        for row in [r for r in self.log.values() if r["after"] == id_ and r["status"] == "waiting"]:
            self.judge(row)
            self.append_to_log(row)
            self.judge_waiting_for(row["id"])

    # --- judging ---

    def judge(self, row: dict[str, Any]) -> None:
        """Ask the rules, and put in force what stands."""
        kind = KINDS[row["kind"]]
        held = self.loaded.get(row["subject"])
        if held is None:
            held = self.loaded[row["subject"]] = LoadedRecord(kind.type or "?")
        op = self.make_op(row)
        decides = not kind.fact and kind.roles and op.by != SERVER_AUTHOR_ID
        if decides and not kind.roles & self.roles_of(op.by):
            return self.make_verdict(row, "refused", "not-allowed")
        verdict = self.run_rule(held, op)
        if isinstance(verdict, Accepted | Merged):
            self.apply(held, op, row, verdict)
        elif isinstance(verdict, Refused | Quarantined):
            status = "refused" if isinstance(verdict, Refused) else "quarantined"
            self.make_verdict(row, status, verdict.code)
        else:
            self.make_verdict(row, "contested", "contested")
            self.open_conflict(op, verdict, held.type)
        return None

    def run_rule(self, held: LoadedRecord, op: Op) -> Any:
        """What the rules say: they are the product's own."""
        return judge(held.type, held.row, op, held.history)

    def make_op(self, row: dict[str, Any]) -> Op:
        """The op as rules know it."""
        return Op(
            **{name: row[name] for name in ("id", "kind", "subject", "by", "occurred_at")},
            **{name: row[name] for name in ("received_at", "payload", "base", "after")},
        )

    def apply(
        self, held: LoadedRecord, op: Op, row: dict[str, Any], verdict: Accepted | Merged
    ) -> None:
        """Put an accepted op in force."""
        if held.row is None:
            columns = dict.fromkeys(COLUMNS[held.type])
            held.row = SimpleNamespace(**columns | EMPTY_LISTS.get(held.type, {}))
        vars(held.row).update(verdict.changes)
        held.version += 1
        gone = isinstance(verdict, Accepted) and verdict.tombstone
        held.is_deleted = gone or getattr(held.row, "purged_at", None) is not None
        held.history = (*held.history, to_history_entry(op, held.version, verdict.changes))
        row.update(version=held.version, changes=verdict.changes)
        self.update_audience(op.subject, held)
        self.changed[op.subject] = held
        if isinstance(verdict, Merged):
            self.make_verdict(row, "merged", None)
            self.open_conflict(op, verdict, held.type)
        else:
            self.make_verdict(row, "applied", None)

    def open_conflict(self, op: Op, verdict: Merged | Contested, type_: str) -> None:
        """What two people changed at once is on record for the desk."""
        subject = str(uuid5(UUID(op.id), "merge"))
        if subject in self.loaded:
            return
        incoming = verdict.incoming if isinstance(verdict, Contested) else verdict.changes
        sides = {"base": verdict.base, "theirs": verdict.theirs, "incoming": incoming}
        about = {"op_id": op.id, "subject": op.subject, "subject_type": type_, "rule": verdict.rule}
        follows = derive_op(op, "merge.open", subject, {**about, **to_json_value(sides)})
        held = self.loaded[subject] = LoadedRecord("merge")
        accepted = judge("merge", None, follows)
        assert isinstance(accepted, Accepted)
        held.row, held.version = SimpleNamespace(**accepted.changes, settled_at=None), 1
        held.history = (to_history_entry(follows, 1, accepted.changes),)
        self.changed[subject] = held

    def update_audience(self, id_: str, held: LoadedRecord) -> None:
        """Who works here decides what phones may see."""
        if held.type == "person" and held.row:
            self.roles[id_] = frozenset(held.row.roles)
            if held.row.active_to:
                self.left[id_] = held.row.active_to
                self.revoke_keys(lambda owner: owner.person == id_)

    def make_verdict(self, row: dict[str, Any], status: str, code: str | None) -> None:
        """The answer, as it is kept and as it goes out."""
        verdict = {"id": row["called"], "status": status, "code": code}
        row.update(status=status, code=code, verdict=verdict)


__all__ = [
    "APPLIED_STATUSES",
    "RECORD_TYPES",
    "LoadedRecord",
    "ParsedOp",
    "Request",
    "ServerModel",
    "parse_op",
]
