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
from server.db.prepared import SITE, Read, Row, insert_rows, of_site, replace_rows
from server.models import Aside, Device, Lineage, LoggedOp, Names
from server.models.oplog import STANDING
from server.oplog.hash_chain import left_behind
from server.oplog.redaction import EMPTY, PURGED
from sync import KINDS, Op
from sync.protocol.clock import Moment, correct, parse
from sync.protocol.hash_chain import Chain, compact, deed, hash_of
from sync.protocol.messages import TEXTS, fault
from sync.protocol.op import NAMESPACE, SERVER, id_of
from sync.protocol.redaction import is_suspect, masked
from sync.review.quarantine import ACCEPTED, DISMISSED, MENDED

OPS, LINES = LoggedOp.metadata.tables["op"], Lineage.metadata.tables["lineage"]
PHONES, ASIDES = Device.metadata.tables["device"], Aside.metadata.tables["aside"]
UNSETTLED = ("waiting", "deferred")
ORPHANED, UNSEALED = "no-such-record", "unsealed"
AT_LAST = 2**63

COLUMNS = tuple(OPS.columns.keys())
TOLD = ("id", "status", "hash", "kind", "flags", "verdict")
"""What tells an op that comes again; its text is looked up only if its hash differs."""

BRIEF = Read(of_site(OPS, *(OPS.c[name] for name in TOLD)))
WHOLE, BODY = Read(of_site(OPS)), Read(of_site(OPS, OPS.c.body))
WAITING = Read(of_site(OPS, key="after").where(OPS.c.status == "waiting"))
MINE: Any = bindparam("lineage")
PLACES = Read(of_site(OPS, OPS.c.n, OPS.c.id, OPS.c.hash, key="n").where(OPS.c.lineage == MINE))
CHAIN = Read(
    select(LINES.c.upto, LINES.c.hash, LINES.c.gaps, LINES.c.lost).where(
        LINES.c.site_id == bindparam(SITE), LINES.c.lineage == MINE
    )
)
DECIDED = exists().where(
    ASIDES.c.site_id == OPS.c.site_id,
    ASIDES.c.op_id == OPS.c.id,
    ASIDES.c.outcome.is_not(None),
)
ORPHANS = Read(
    of_site(OPS, key="subject").where(
        OPS.c.code == ORPHANED,
        OPS.c.body != EMPTY,  # of a purged one nothing is left to be judged
        ~DECIDED,
    )
)
"""Ops that came before their record: after a restore phones bring theirs in any order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who hands in a batch. The desk has no device and no chain."""

    received_at: datetime
    sent_at: datetime
    device_id: str | None = None
    lineage: str | None = None
    lost: tuple[int, ...] = ()
    revoked: bool = False
    spoke: bool = True
    """Whether the phone itself is there; of a file that somebody brought it is not."""
    sealed: bool = True
    """Whether it is proven to come from the phone; of a file without its seal it is not."""

    @classmethod
    def desk(cls, now: datetime) -> Sender:
        """The desk, or the server itself: its clock is ours."""
        return cls(received_at=now, sent_at=now)


@dataclass(frozen=True, slots=True)
class Incoming:
    """One op as it came, with what is wrong with its shape."""

    id: str
    raw: dict[str, Any]
    fault: str | None
    whole: str
    n: int | None = None
    """Its place in the chain; a damaged op takes none."""

    @classmethod
    def trusted(cls, raw: dict[str, Any]) -> Incoming:
        """An op of our own, or one that was read before."""
        return cls(raw["id"], raw, None, "")

    @classmethod
    def read(cls, raw: dict[str, Any]) -> Incoming:
        """Read an op; one that arrived damaged or without an id gets one that follows from it."""
        whole = hash_of(raw)
        wrong, id_ = fault(raw, whole), _id(raw)
        if wrong == "hash-mismatch":
            return cls(str(uuid5(UUID(id_ or NAMESPACE), whole)), raw, wrong, whole)
        if id_ is None:
            return cls(str(uuid5(UUID(NAMESPACE), whole)), raw, "malformed", whole, _place(raw))
        return cls(id_, raw, wrong, whole, _place(raw))

    @property
    def stands_for(self) -> dict[str, str] | None:
        """X2, X3: the op that was set aside, where the desk answers for this one in its place."""
        said: dict[str, str] | None = self.raw.get("stands_for") if not self.whole else None
        return said

    @property
    def creates(self) -> bool:
        """Whether it makes a record."""
        kind = None if self.fault else KINDS.get(self.raw["kind"])
        return kind is not None and kind.creates

    @property
    def claimed(self) -> str | None:
        """The hash that it says it has."""
        return _printable(self.raw["hash"], 64) if "hash" in self.raw else None

    @property
    def called(self) -> str | None:
        """The id that the phone knows it by."""
        said = self.raw.get("id")
        return said[:100] if isinstance(said, str) else None

    def unreadable(self) -> Incoming:
        """The same, as one that the database would not take."""
        return replace(self, fault="malformed")

    def op(self, row: dict[str, Any]) -> Op:
        """The op as rules know it."""
        raw = self.raw
        return Op(
            id=self.id,
            kind=raw["kind"],
            subject=id_of(raw["subject"]),
            by=id_of(raw["by"]),
            occurred_at=row["occurred_at"],
            received_at=row["received_at"],
            payload=row["payload"],
            base=raw["base"],
            after=raw["after"],
            v=raw["v"],
        )


class Sorter:
    """Holds a batch against the log: what is known, forked, waiting, or not for us."""

    def __init__(self, site_id: str, incoming: list[Incoming], sender: Sender) -> None:
        self.site_id, self.sender = site_id, sender
        self.incoming = incoming if sender.sealed else [replace(one, n=None) for one in incoming]
        self.connection = db.session.connection()
        self.chain, self.chain_known = self._load_chain()
        self.log: dict[str, dict[str, Any]] = {}
        self.places: dict[int, tuple[str, str | None]] = {}
        self.waiting: dict[str, list[dict[str, Any]]] = {}
        self.orphans: dict[str, list[dict[str, Any]]] = {}
        self._load_log()
        self._keep_apart()
        self._load_orphans()
        sound = [one.raw for one in self.incoming if one.fault is None and one.whole]
        self.moments = correct(sound, sent_at=sender.sent_at, received_at=sender.received_at)
        self.chain.confess(sender.lost)

    def _load_chain(self) -> tuple[Chain, bool]:
        if self.sender.lineage is None:
            return Chain(), False
        found = self._read(CHAIN, lineage=self.sender.lineage)
        return (Chain(*found[0]), True) if found else (Chain(), False)

    def _load_log(self) -> None:
        ids = [one.id for one in self.incoming]
        afters = [after for one in self.incoming if isinstance(after := one.raw.get("after"), str)]
        known = [dict(zip(TOLD, row, strict=True)) for row in self._read(BRIEF, ids=ids + afters)]
        self.log.update({row["id"]: row for row in known})
        unsettled = [row["id"] for row in known if row["status"] in UNSETTLED or is_unsealed(row)]
        whole = self._rows(WHOLE, unsettled) + self._rows(WAITING, ids + afters)
        for row in {row["id"]: row for row in whole}.values():
            self.log[row["id"]] = row
            if row["status"] == "waiting" and not self._is_decided(row):
                self.waiting.setdefault(row["after"], []).append(row)
        if self.sender.lineage:
            self._load_places()

    def _keep_apart(self) -> None:
        """X9: what a file without a seal says under an id stands in nobody's way, and replaces
        nothing: where somebody says something else under that id, each has an id of its own."""
        for place, one in enumerate(self.incoming):
            stored = self.log.get(one.id)
            if stored is None or (self.sender.sealed and not is_unsealed(stored)):
                continue
            if one.whole and one.fault != "hash-mismatch" and not self._same(one, stored):
                apart = str(uuid5(UUID(one.id), one.whole))
                self.incoming[place] = replace(one, id=apart)
                self.log.update({row["id"]: row for row in self._rows(WHOLE, [apart])})

    def _load_orphans(self) -> None:
        made = [id_of(one.raw["subject"]) for one in self.incoming if one.creates]
        for row in self._rows(ORPHANS, made):
            self.orphans.setdefault(row["subject"], []).append(row)

    def _rows(self, what: Read, ids: list[str]) -> list[dict[str, Any]]:
        """Whole rows of the log; no query for none."""
        found = self._read(what, ids=ids) if ids else []
        return [dict(zip(COLUMNS, row, strict=True)) for row in found]

    def _read(self, what: Read, **asked: Any) -> list[Row]:
        return what.rows(self.connection, site=self.site_id, **asked)

    def _load_places(self) -> None:
        numbers = sorted({n for one in self.incoming if one.n for n in (one.n - 1, one.n)})
        found = self._read(PLACES, lineage=self.sender.lineage, ids=numbers)
        self.places.update({n: (id_, hash_) for n, id_, hash_ in found})

    def subjects(self) -> Iterable[str]:
        """The records that the batch is about, and those of ops that waited for it."""
        for one in self.incoming:
            known = self.log.get(one.id)
            if one.fault is None and (known is None or self.offered_again(one)):
                yield id_of(one.raw["subject"])
        for rows in self.waiting.values():
            yield from (row["subject"] for row in rows)

    def known(self, one: Incoming) -> dict[str, Any] | None:
        """H4: same id and same deed: the stored answer, word for word. Otherwise a fork."""
        stored = self.log.get(one.id)
        if stored is not None:
            return self._stored(one, stored)
        if one.n is not None and self._forks(one):
            return self._fork(one)
        return None

    def _stored(self, one: Incoming, stored: dict[str, Any]) -> dict[str, Any] | None:
        if one.fault == "hash-mismatch" or not one.whole or self._same(one, stored):
            if self.offered_again(one):
                return None
            if one.n is not None:
                self.chain.take(one.n, one.raw["hash"])
            answer: dict[str, Any] = stored["verdict"]
            if stored["status"] == "deferred" and self._is_decided(stored):
                said = {"code": "already-settled", "text": TEXTS["already-settled"]}
                return {**answer, "status": "held", **said}  # so that it is not offered for ever
            return answer
        return self._fork(one)

    def _same(self, one: Incoming, stored: dict[str, Any]) -> bool:
        if one.claimed == stored["hash"]:
            return True
        if PURGED in stored["flags"]:  # what it said is not there to be compared any more
            return bool(one.raw.get("kind") == stored["kind"])
        return deed(masked(one.raw)) == deed(json.loads(self._said(stored)))

    def _said(self, stored: dict[str, Any]) -> str:
        """The text of a logged op: at hand if it came in this very batch."""
        if "body" not in stored:
            ((stored["body"],),) = self._read(BODY, ids=[stored["id"]])
        return str(stored["body"])

    def offered_again(self, one: Incoming) -> bool:
        """Whether an op that was too new for us can be judged by now, or one that a file without a
        seal brought comes from the phone itself."""
        stored = self.log.get(one.id)
        if stored is None or not self.sender.sealed or self._is_decided(stored):
            return False
        return is_unsealed(stored) or (stored["status"] == "deferred" and not self._too_new(one))

    def _is_decided(self, stored: dict[str, Any]) -> bool:
        """X11: whether the desk has decided about what waited: then nothing judges it once more.

        That somebody did not believe a file does not bind the phone itself.
        """
        if not (is_unsealed(stored) or stored["status"] in UNSETTLED):
            return False
        mine = (ASIDES.c.site_id == self.site_id, ASIDES.c.op_id == stored["id"])
        final = (ACCEPTED, MENDED) if is_unsealed(stored) else (ACCEPTED, MENDED, DISMISSED)
        which = select(ASIDES.c.id).where(*mine, ASIDES.c.outcome.in_(final))
        return self.connection.execute(which).first() is not None

    def _forks(self, one: Incoming) -> bool:
        assert one.n is not None
        if one.n in self.places:
            return True
        before = self.places.get(one.n - 1)
        return before is not None and one.fault is None and before[1] != one.raw["prev"]

    def _fork(self, one: Incoming) -> dict[str, Any]:
        return {
            "id": one.called,
            "status": "fork",
            "code": "forked",
            "text": TEXTS["forked"],
        }

    def aside(self, one: Incoming, names: Names) -> tuple[str, str] | None:
        """Why an op is not judged: damaged, its author or phone gone, too new, or too early."""
        if not self.sender.sealed:
            return ("quarantined" if one.fault else "held", UNSEALED)
        if one.fault:
            return ("quarantined", one.fault)
        if self.sender.revoked:
            return ("held", "revoked")
        if self._too_new(one):
            return ("deferred", "newer")
        by, from_phone = one.raw["by"], self.sender.device_id is not None
        if from_phone and not KINDS[one.raw["kind"]].from_phones:
            return ("quarantined", "not-for-phones")
        if (by != SERVER or from_phone) and not one.stands_for:
            left = names.left.get(by)
            if by not in names.people or (left and self._moment(one).occurred_at >= left):
                return ("held", "left")
        after = one.raw["after"]
        if after and (after not in self.log or self.log[after]["status"] in UNSETTLED):
            return ("waiting", "waiting")
        return None

    def _too_new(self, one: Incoming) -> bool:
        kind = KINDS.get(one.raw.get("kind", ""))
        return one.fault is None and (kind is None or one.raw["v"] > kind.v)

    def _moment(self, one: Incoming) -> Moment:
        now = Moment(self.sender.received_at, 0)
        if said := one.stands_for:
            return Moment(parse(said["occurred_at"]), 0, (said["how"],))
        return now if one.fault else self.moments.get(one.raw["id"], now)

    def row(self, one: Incoming) -> dict[str, Any]:
        """The row of the log for an op that is new to us."""
        if one.n is not None:
            self.chain.take(one.n, _printable(one.raw.get("hash"), 64))
        moment, sound = self._moment(one), one.fault is None
        raw, body = _kept(one.raw)
        get = raw.get if sound else dict[str, Any]().get
        waited = self.log.get(one.id)
        return {
            **self._frame(one.id, moment.occurred_at),
            "lineage": self.sender.lineage if one.n is not None else None,
            "n": one.n,
            "hash": one.claimed,
            "kind": _printable(raw.get("kind"), 50),
            "v": get("v", 1),
            "subject": id_of(raw["subject"]) if sound else None,
            "by": id_of(raw["by"]) if sound else None,
            "at": get("at"),
            "uncertainty_ms": moment.uncertainty_ms,
            "base": get("base"),
            "after": get("after"),
            "body": body,
            "payload": get("payload", {}),
            "fact": bool(sound and (kind := KINDS.get(raw["kind"])) and kind.fact),
            "flags": [*moment.flags, *(["masked"] if raw is not one.raw else [])],
            "verdict": {"id": one.called},
            "moved": left_behind(waited) if waited else None,
        }

    def own_row(self, op: Op) -> dict[str, Any]:
        """The row of the log for a consequence: nobody sent it."""
        raw = {"id": op.id, "kind": op.kind, "v": op.v, "subject": op.subject, "base": None}
        raw |= {"after": None, "by": op.by, "payload": op.payload}
        return {
            **self._frame(op.id, op.occurred_at),
            **{"kind": op.kind, "v": op.v, "subject": op.subject, "by": op.by},
            **{"body": compact(raw), "payload": op.payload},
            "fact": KINDS[op.kind].fact,
        }

    def _frame(self, id_: str, occurred_at: datetime) -> dict[str, Any]:
        absent = dict.fromkeys(
            ("lineage", "n", "hash", "subject", "subject_type", "by", "at", "base", "after")
        )
        return {
            **absent,
            "site_id": self.site_id,
            "id": id_,
            "device_id": self.sender.device_id,
            "occurred_at": occurred_at,
            "received_at": self.sender.received_at,
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

    def remember(self, one: Incoming, row: dict[str, Any]) -> None:
        """What comes later in the same batch may depend on this one."""
        self.log[one.id] = row
        if one.n is not None:
            self.places[one.n] = (one.id, row["hash"])
        if row["status"] == "waiting":
            self.waiting.setdefault(row["after"], []).append(row)
        if row["code"] == ORPHANED:
            self.orphans.setdefault(row["subject"], []).append(row)

    def released_by(self, row: dict[str, Any]) -> list[dict[str, Any]]:
        """H5: ops that waited for this one, or came before the record that it makes; once."""
        kind = KINDS.get(row["kind"])
        made = row["status"] in STANDING and kind is not None and kind.creates
        found = self._waiting_for(row["id"])
        found += self.orphans.pop(row["subject"], []) if made else []
        return sorted(
            found, key=lambda early: early.get("place", AT_LAST)
        )  # of this batch: none yet

    def _waiting_for(self, id_: str) -> list[dict[str, Any]]:
        """Ops that waited for this one, once."""
        arrived = self.log.get(id_)
        settled = arrived and arrived["status"] not in UNSETTLED
        return self.waiting.pop(id_, []) if settled else []

    def keep_chain(self) -> None:
        """How far we have come along this phone's chain, and that it has spoken."""
        if not self.sender.lineage:
            return
        if self.sender.spoke:
            phone = update(PHONES).where(PHONES.c.id == self.sender.device_id)
            self.connection.execute(phone.values(seen_at=self.sender.received_at))
        key = {"site_id": self.site_id, "lineage": self.sender.lineage}
        chain = self.chain
        state = {"upto": chain.upto, "hash": chain.hash, "gaps": chain.gaps, "lost": chain.lost}
        row = {**key, "device_id": self.sender.device_id, **state}
        if self.chain_known:
            replace_rows(LINES, ("site_id", "lineage"), [row])
        else:
            insert_rows(LINES, [row])


def is_unsealed(row: dict[str, Any]) -> bool:
    """Whether a row of the log came in a file without a seal, and was not proven since."""
    return bool(row["verdict"].get("code") == UNSEALED)


def _kept(raw: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """V5: an op as it is kept, and its text: the same, unless somebody wrote an identity number."""
    body = compact(raw)
    if not is_suspect(body) or (clean := masked(raw)) == raw:
        return raw, body
    return clean, compact(clean)


def _id(raw: dict[str, Any]) -> str | None:
    try:
        return id_of(raw["id"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _place(raw: dict[str, Any]) -> int | None:
    n = raw.get("n")
    return n if isinstance(n, int) and not isinstance(n, bool) and 0 < n < 2**53 else None


def _printable(value: Any, most: int) -> str:
    """What a damaged op says of itself, in signs that every database takes."""
    text = str(value)
    if not (text.isascii() and text.isprintable()):
        text = "".join(sign if sign.isascii() and sign.isprintable() else "?" for sign in text)
    return text[:most]
