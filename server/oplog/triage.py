"""What comes in: known already, out of its chain, or set aside before any rule sees it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import bindparam, exists, select, update

from server.db.engine import db
from server.db.prepared import (
    SITE_PARAM,
    PreparedSelect,
    Row,
    insert_rows,
    replace_rows,
    select_by_ids,
)
from server.models.access import Device
from server.models.directory import Directory
from server.models.oplog import APPLIED_STATUSES, Lineage, LoggedOp
from server.models.quarantine import QuarantinedOp
from server.oplog.hash_chain import previous_positions
from server.oplog.redaction import EMPTY_BODY, PURGED_FLAG
from sync import KINDS, Op
from sync.protocol.clock import CorrectedTime, correct_times, parse_time
from sync.protocol.hash_chain import LineageState, content_hash, dump_json, op_content
from sync.protocol.messages import op_error
from sync.protocol.op import SERVER_AUTHOR_ID, UUID_NAMESPACE, canonical_uuid
from sync.protocol.redaction import mask_id_numbers, may_contain_id_number
from sync.protocol.refusals import refusal_text
from sync.review.quarantine import ACCEPTED, CORRECTED, DISMISSED

OP_TABLE, LINEAGE_TABLE = LoggedOp.metadata.tables["op"], Lineage.metadata.tables["lineage"]
DEVICE_TABLE, QUARANTINE_TABLE = (
    Device.metadata.tables["device"],
    QuarantinedOp.metadata.tables["aside"],
)
PENDING_STATUSES = ("waiting", "deferred")
NO_SUCH_RECORD, UNSIGNED = "no-such-record", "unsealed"
AFTER_ALL_PLACES = 2**63

OP_COLUMNS = tuple(OP_TABLE.columns.keys())
IDENTITY_COLUMNS = ("id", "status", "hash", "kind", "flags", "verdict")
"""What tells an op that comes again; its text is looked up only if its hash differs."""

IDENTITIES_BY_ID = PreparedSelect(
    select_by_ids(OP_TABLE, *(OP_TABLE.c[name] for name in IDENTITY_COLUMNS))
)
OPS_BY_ID, BODY_BY_ID = (
    PreparedSelect(select_by_ids(OP_TABLE)),
    PreparedSelect(select_by_ids(OP_TABLE, OP_TABLE.c.body)),
)
WAITING_OPS_BY_DEPENDENCY = PreparedSelect(
    select_by_ids(OP_TABLE, key="after").where(OP_TABLE.c.status == "waiting")
)
LINEAGE_PARAM: Any = bindparam("lineage")
OPS_BY_CHAIN_NUMBER = PreparedSelect(
    select_by_ids(OP_TABLE, OP_TABLE.c.n, OP_TABLE.c.id, OP_TABLE.c.hash, key="n").where(
        OP_TABLE.c.lineage == LINEAGE_PARAM
    )
)
CHAIN_BY_LINEAGE = PreparedSelect(
    select(
        LINEAGE_TABLE.c.upto, LINEAGE_TABLE.c.hash, LINEAGE_TABLE.c.gaps, LINEAGE_TABLE.c.lost
    ).where(
        LINEAGE_TABLE.c.site_id == bindparam(SITE_PARAM), LINEAGE_TABLE.c.lineage == LINEAGE_PARAM
    )
)
HAS_DESK_DECISION = exists().where(
    QUARANTINE_TABLE.c.site_id == OP_TABLE.c.site_id,
    QUARANTINE_TABLE.c.op_id == OP_TABLE.c.id,
    QUARANTINE_TABLE.c.outcome.is_not(None),
)
ORPHANS_BY_SUBJECT = PreparedSelect(
    select_by_ids(OP_TABLE, key="subject").where(
        OP_TABLE.c.code == NO_SUCH_RECORD,
        OP_TABLE.c.body != EMPTY_BODY,  # of a purged one nothing is left to be judged
        ~HAS_DESK_DECISION,
    )
)
"""Ops that came before their record: after a restore phones bring theirs in any order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Who hands in a batch. The desk has no device and no chain."""

    received_at: datetime
    sent_at: datetime
    device_id: str | None = None
    lineage: str | None = None
    lost: tuple[int, ...] = ()
    revoked: bool = False
    is_live: bool = True
    """Whether the phone itself is there; of a file that somebody brought it is not."""
    signed: bool = True
    """Whether it is proven to come from the phone; of a file without its seal it is not."""

    @classmethod
    def for_desk(cls, now: datetime) -> Source:
        """The desk, or the server itself: its clock is ours."""
        return cls(received_at=now, sent_at=now)


@dataclass(frozen=True, slots=True)
class IncomingOp:
    """One op as it came, with what is wrong with its shape."""

    id: str
    raw: dict[str, Any]
    fault: str | None
    content_hash: str
    n: int | None = None
    """Its place in the chain; a damaged op takes none."""

    @classmethod
    def from_trusted(cls, raw: dict[str, Any]) -> IncomingOp:
        """An op of our own, or one that was read before."""
        return cls(raw["id"], raw, None, "")

    @classmethod
    def parse(cls, raw: dict[str, Any]) -> IncomingOp:
        """Read an op; one that arrived damaged or without an id gets one that follows from it."""
        whole = content_hash(raw)
        wrong, id_ = op_error(raw, whole), _parse_id(raw)
        if wrong == "hash-mismatch":
            return cls(str(uuid5(UUID(id_ or UUID_NAMESPACE), whole)), raw, wrong, whole)
        if id_ is None:
            return cls(
                str(uuid5(UUID(UUID_NAMESPACE), whole)),
                raw,
                "malformed",
                whole,
                _parse_chain_number(raw),
            )
        return cls(id_, raw, wrong, whole, _parse_chain_number(raw))

    @property
    def replacement_for(self) -> dict[str, str] | None:
        """X2, X3: the op that was set aside, where the desk answers for this one in its place."""
        said: dict[str, str] | None = self.raw.get("stands_for") if not self.content_hash else None
        return said

    @property
    def creates_record(self) -> bool:
        """Whether it makes a record."""
        kind = None if self.fault else KINDS.get(self.raw["kind"])
        return kind is not None and kind.creates

    @property
    def claimed_hash(self) -> str | None:
        """The hash that it says it has."""
        return _printable(self.raw["hash"], 64) if "hash" in self.raw else None

    @property
    def claimed_id(self) -> str | None:
        """The id that the phone knows it by."""
        said = self.raw.get("id")
        return said[:100] if isinstance(said, str) else None

    def as_malformed(self) -> IncomingOp:
        """The same, as one that the database would not take."""
        return replace(self, fault="malformed")

    def to_op(self, row: dict[str, Any]) -> Op:
        """The op as rules know it."""
        raw = self.raw
        return Op(
            id=self.id,
            kind=raw["kind"],
            subject=canonical_uuid(raw["subject"]),
            by=canonical_uuid(raw["by"]),
            occurred_at=row["occurred_at"],
            received_at=row["received_at"],
            payload=row["payload"],
            base=raw["base"],
            after=raw["after"],
            v=raw["v"],
        )


class Triage:
    """Holds a batch against the log: what is known, forked, waiting, or not for us."""

    def __init__(self, site_id: str, incoming: list[IncomingOp], sender: Source) -> None:
        self.site_id, self.source = site_id, sender
        self.ops = incoming if sender.signed else [replace(one, n=None) for one in incoming]
        self.connection = db.session.connection()
        self.chain, self.chain_is_stored = self._load_chain()
        self.rows_by_id: dict[str, dict[str, Any]] = {}
        self.chain_entries: dict[int, tuple[str, str | None]] = {}
        self.waiting_by_dependency: dict[str, list[dict[str, Any]]] = {}
        self.orphans_by_subject: dict[str, list[dict[str, Any]]] = {}
        self._load_known_ops()
        self._separate_unsigned_ids()
        self._load_orphans()
        sound = [one.raw for one in self.ops if one.fault is None and one.content_hash]
        self.moments = correct_times(sound, sent_at=sender.sent_at, received_at=sender.received_at)
        self.chain.mark_lost(sender.lost)

    def _load_chain(self) -> tuple[LineageState, bool]:
        if self.source.lineage is None:
            return LineageState(), False
        found = self._fetch(CHAIN_BY_LINEAGE, lineage=self.source.lineage)
        return (LineageState(*found[0]), True) if found else (LineageState(), False)

    def _load_known_ops(self) -> None:
        ids = [one.id for one in self.ops]
        afters = [after for one in self.ops if isinstance(after := one.raw.get("after"), str)]
        known = [
            dict(zip(IDENTITY_COLUMNS, row, strict=True))
            for row in self._fetch(IDENTITIES_BY_ID, ids=ids + afters)
        ]
        self.rows_by_id.update({row["id"]: row for row in known})
        unsettled = [
            row["id"] for row in known if row["status"] in PENDING_STATUSES or is_unsigned(row)
        ]
        whole = self._fetch_rows(OPS_BY_ID, unsettled) + self._fetch_rows(
            WAITING_OPS_BY_DEPENDENCY, ids + afters
        )
        for row in {row["id"]: row for row in whole}.values():
            self.rows_by_id[row["id"]] = row
            if row["status"] == "waiting" and not self._is_decided_by_desk(row):
                self.waiting_by_dependency.setdefault(row["after"], []).append(row)
        if self.source.lineage:
            self._load_chain_entries()

    def _separate_unsigned_ids(self) -> None:
        """X9: what a file without a seal says under an id stands in nobody's way, and replaces
        nothing: where somebody says something else under that id, each has an id of its own."""
        for place, one in enumerate(self.ops):
            stored = self.rows_by_id.get(one.id)
            if stored is None or (self.source.signed and not is_unsigned(stored)):
                continue
            if (
                one.content_hash
                and one.fault != "hash-mismatch"
                and not self._has_same_content(one, stored)
            ):
                apart = str(uuid5(UUID(one.id), one.content_hash))
                self.ops[place] = replace(one, id=apart)
                self.rows_by_id.update(
                    {row["id"]: row for row in self._fetch_rows(OPS_BY_ID, [apart])}
                )

    def _load_orphans(self) -> None:
        made = [canonical_uuid(one.raw["subject"]) for one in self.ops if one.creates_record]
        for row in self._fetch_rows(ORPHANS_BY_SUBJECT, made):
            self.orphans_by_subject.setdefault(row["subject"], []).append(row)

    def _fetch_rows(self, what: PreparedSelect, ids: list[str]) -> list[dict[str, Any]]:
        """Whole rows of the log; no query for none."""
        found = self._fetch(what, ids=ids) if ids else []
        return [dict(zip(OP_COLUMNS, row, strict=True)) for row in found]

    def _fetch(self, what: PreparedSelect, **asked: Any) -> list[Row]:
        return what.fetch_all(self.connection, site=self.site_id, **asked)

    def _load_chain_entries(self) -> None:
        numbers = sorted({n for one in self.ops if one.n for n in (one.n - 1, one.n)})
        found = self._fetch(OPS_BY_CHAIN_NUMBER, lineage=self.source.lineage, ids=numbers)
        self.chain_entries.update({n: (id_, hash_) for n, id_, hash_ in found})

    def subjects(self) -> Iterable[str]:
        """The records that the batch is about, and those of ops that waited for it."""
        for one in self.ops:
            known = self.rows_by_id.get(one.id)
            if one.fault is None and (known is None or self.can_be_rejudged(one)):
                yield canonical_uuid(one.raw["subject"])
        for rows in self.waiting_by_dependency.values():
            yield from (row["subject"] for row in rows)

    def answer_if_known(self, one: IncomingOp) -> dict[str, Any] | None:
        """H4: same id and same deed: the stored answer, word for word. Otherwise a fork."""
        stored = self.rows_by_id.get(one.id)
        if stored is not None:
            return self._stored_answer(one, stored)
        if one.n is not None and self._is_fork(one):
            return self._fork_answer(one)
        return None

    def _stored_answer(self, one: IncomingOp, stored: dict[str, Any]) -> dict[str, Any] | None:
        if (
            one.fault == "hash-mismatch"
            or not one.content_hash
            or self._has_same_content(one, stored)
        ):
            if self.can_be_rejudged(one):
                return None
            if one.n is not None:
                self.chain.record_op(one.n, one.raw["hash"])
            answer: dict[str, Any] = stored["verdict"]
            if stored["status"] == "deferred" and self._is_decided_by_desk(stored):
                said = {"code": "already-settled", "text": refusal_text("already-settled")}
                return {**answer, "status": "held", **said}  # so that it is not offered for ever
            return answer
        return self._fork_answer(one)

    def _has_same_content(self, one: IncomingOp, stored: dict[str, Any]) -> bool:
        if one.claimed_hash == stored["hash"]:
            return True
        if PURGED_FLAG in stored["flags"]:  # what it said is not there to be compared any more
            return bool(one.raw.get("kind") == stored["kind"])
        return op_content(mask_id_numbers(one.raw)) == op_content(
            json.loads(self._stored_body(stored))
        )

    def _stored_body(self, stored: dict[str, Any]) -> str:
        """The text of a logged op: at hand if it came in this very batch."""
        if "body" not in stored:
            ((stored["body"],),) = self._fetch(BODY_BY_ID, ids=[stored["id"]])
        return str(stored["body"])

    def can_be_rejudged(self, one: IncomingOp) -> bool:
        """Whether an op that was too new for us can be judged by now, or one that a file without a
        seal brought comes from the phone itself."""
        stored = self.rows_by_id.get(one.id)
        if stored is None or not self.source.signed or self._is_decided_by_desk(stored):
            return False
        return is_unsigned(stored) or (stored["status"] == "deferred" and not self._is_too_new(one))

    def _is_decided_by_desk(self, stored: dict[str, Any]) -> bool:
        """X11: whether the desk has decided about what waited: then nothing judges it once more.

        That somebody did not believe a file does not bind the phone itself.
        """
        if not (is_unsigned(stored) or stored["status"] in PENDING_STATUSES):
            return False
        mine = (
            QUARANTINE_TABLE.c.site_id == self.site_id,
            QUARANTINE_TABLE.c.op_id == stored["id"],
        )
        final = (ACCEPTED, CORRECTED) if is_unsigned(stored) else (ACCEPTED, CORRECTED, DISMISSED)
        which = select(QUARANTINE_TABLE.c.id).where(*mine, QUARANTINE_TABLE.c.outcome.in_(final))
        return self.connection.execute(which).first() is not None

    def _is_fork(self, one: IncomingOp) -> bool:
        assert one.n is not None
        if one.n in self.chain_entries:
            return True
        before = self.chain_entries.get(one.n - 1)
        return before is not None and one.fault is None and before[1] != one.raw["prev"]

    def _fork_answer(self, one: IncomingOp) -> dict[str, Any]:
        return {
            "id": one.claimed_id,
            "status": "fork",
            "code": "forked",
            "text": refusal_text("forked"),
        }

    def exclusion_reason(self, one: IncomingOp, names: Directory) -> tuple[str, str] | None:
        """Why an op is not judged: damaged, its author or phone gone, too new, or too early."""
        if not self.source.signed:
            return ("quarantined" if one.fault else "held", UNSIGNED)
        if one.fault:
            return ("quarantined", one.fault)
        if self.source.revoked:
            return ("held", "revoked")
        if self._is_too_new(one):
            return ("deferred", "newer")
        by, from_phone = one.raw["by"], self.source.device_id is not None
        if from_phone and not KINDS[one.raw["kind"]].from_phones:
            return ("quarantined", "not-for-phones")
        if (by != SERVER_AUTHOR_ID or from_phone) and not one.replacement_for:
            left = names.left_at.get(by)
            if by not in names.people or (left and self._moment(one).occurred_at >= left):
                return ("held", "left")
        after = one.raw["after"]
        if after and (
            after not in self.rows_by_id or self.rows_by_id[after]["status"] in PENDING_STATUSES
        ):
            return ("waiting", "waiting")
        return None

    def _is_too_new(self, one: IncomingOp) -> bool:
        kind = KINDS.get(one.raw.get("kind", ""))
        return one.fault is None and (kind is None or one.raw["v"] > kind.payload_version)

    def _moment(self, one: IncomingOp) -> CorrectedTime:
        now = CorrectedTime(self.source.received_at, 0)
        if said := one.replacement_for:
            return CorrectedTime(parse_time(said["occurred_at"]), 0, (said["how"],))
        return now if one.fault else self.moments.get(one.raw["id"], now)

    def new_row(self, one: IncomingOp) -> dict[str, Any]:
        """The row of the log for an op that is new to us."""
        if one.n is not None:
            self.chain.record_op(one.n, _printable(one.raw.get("hash"), 64))
        moment, sound = self._moment(one), one.fault is None
        raw, body = _mask_identity_numbers(one.raw)
        get = raw.get if sound else dict[str, Any]().get
        waited = self.rows_by_id.get(one.id)
        return {
            **self._base_row(one.id, moment.occurred_at),
            "lineage": self.source.lineage if one.n is not None else None,
            "n": one.n,
            "hash": one.claimed_hash,
            "kind": _printable(raw.get("kind"), 50),
            "v": get("v", 1),
            "subject": canonical_uuid(raw["subject"]) if sound else None,
            "by": canonical_uuid(raw["by"]) if sound else None,
            "at": get("at"),
            "uncertainty_ms": moment.uncertainty_ms,
            "base": get("base"),
            "after": get("after"),
            "body": body,
            "payload": get("payload", {}),
            "fact": bool(sound and (kind := KINDS.get(raw["kind"])) and kind.fact),
            "flags": [*moment.flags, *(["masked"] if raw is not one.raw else [])],
            "verdict": {"id": one.claimed_id},
            "moved": previous_positions(waited) if waited else None,
        }

    def consequence_row(self, op: Op) -> dict[str, Any]:
        """The row of the log for a consequence: nobody sent it."""
        raw = {"id": op.id, "kind": op.kind, "v": op.v, "subject": op.subject, "base": None}
        raw |= {"after": None, "by": op.by, "payload": op.payload}
        return {
            **self._base_row(op.id, op.occurred_at),
            **{"kind": op.kind, "v": op.v, "subject": op.subject, "by": op.by},
            **{"body": dump_json(raw), "payload": op.payload},
            "fact": KINDS[op.kind].fact,
        }

    def _base_row(self, id_: str, occurred_at: datetime) -> dict[str, Any]:
        absent = dict.fromkeys(
            ("lineage", "n", "hash", "subject", "subject_type", "by", "at", "base", "after")
        )
        return {
            **absent,
            "site_id": self.site_id,
            "id": id_,
            "device_id": self.source.device_id,
            "occurred_at": occurred_at,
            "received_at": self.source.received_at,
            "uncertainty_ms": 0,
            "status": "applied",
            "code": None,
            "version": None,
            "fact": False,
            "changes": {},
            "flags": [],
            "merge_id": None,
            "verdict": {"id": id_},
            "moved": None,
        }

    def register(self, one: IncomingOp, row: dict[str, Any]) -> None:
        """What comes later in the same batch may depend on this one."""
        self.rows_by_id[one.id] = row
        if one.n is not None:
            self.chain_entries[one.n] = (one.id, row["hash"])
        if row["status"] == "waiting":
            self.waiting_by_dependency.setdefault(row["after"], []).append(row)
        if row["code"] == NO_SUCH_RECORD:
            self.orphans_by_subject.setdefault(row["subject"], []).append(row)

    def pop_released_by(self, row: dict[str, Any]) -> list[dict[str, Any]]:
        """H5: ops that waited for this one, or came before the record that it makes; once."""
        kind = KINDS.get(row["kind"])
        made = row["status"] in APPLIED_STATUSES and kind is not None and kind.creates
        found = self._pop_waiting_for(row["id"])
        found += self.orphans_by_subject.pop(row["subject"], []) if made else []
        return sorted(
            found, key=lambda early: early.get("place", AFTER_ALL_PLACES)
        )  # of this batch: none yet

    def _pop_waiting_for(self, id_: str) -> list[dict[str, Any]]:
        """Ops that waited for this one, once."""
        arrived = self.rows_by_id.get(id_)
        settled = arrived and arrived["status"] not in PENDING_STATUSES
        return self.waiting_by_dependency.pop(id_, []) if settled else []

    def save_chain(self) -> None:
        """How far we have come along this phone's chain, and that it has spoken."""
        if not self.source.lineage:
            return
        if self.source.is_live:
            phone = update(DEVICE_TABLE).where(DEVICE_TABLE.c.id == self.source.device_id)
            self.connection.execute(phone.values(seen_at=self.source.received_at))
        key = {"site_id": self.site_id, "lineage": self.source.lineage}
        chain = self.chain
        state = {"upto": chain.upto, "hash": chain.hash, "gaps": chain.gaps, "lost": chain.lost}
        row = {**key, "device_id": self.source.device_id, **state}
        if self.chain_is_stored:
            replace_rows(LINEAGE_TABLE, ("site_id", "lineage"), [row])
        else:
            insert_rows(LINEAGE_TABLE, [row])


def is_unsigned(row: dict[str, Any]) -> bool:
    """Whether a row of the log came in a file without a seal, and was not proven since."""
    return bool(row["verdict"].get("code") == UNSIGNED)


def _mask_identity_numbers(raw: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """V5: an op as it is kept, and its text: the same, unless somebody wrote an identity number."""
    body = dump_json(raw)
    if not may_contain_id_number(body) or (clean := mask_id_numbers(raw)) == raw:
        return raw, body
    return clean, dump_json(clean)


def _parse_id(raw: dict[str, Any]) -> str | None:
    try:
        return canonical_uuid(raw["id"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _parse_chain_number(raw: dict[str, Any]) -> int | None:
    n = raw.get("n")
    return n if isinstance(n, int) and not isinstance(n, bool) and 0 < n < 2**53 else None


def _printable(value: Any, most: int) -> str:
    """What a damaged op says of itself, in signs that every database takes."""
    text = str(value)
    if not (text.isascii() and text.isprintable()):
        text = "".join(sign if sign.isascii() and sign.isprintable() else "?" for sign in text)
    return text[:most]
