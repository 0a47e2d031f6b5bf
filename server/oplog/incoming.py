"""Ops as they arrive, before anything is known about them but their own shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NotRequired, TypedDict
from uuid import UUID, uuid5

from server.oplog.op_row import OpRow
from sync import KINDS, Op
from sync.protocol.hash_chain import content_hash
from sync.protocol.op import (
    CLAIMED,
    DESK,
    PERSON,
    SERVER,
    SERVER_AUTHOR_ID,
    UUID_NAMESPACE,
    canonical_uuid,
)
from sync.protocol.op_validation import op_error

DERIVED_VERSION = 5
"""The version of UUIDs that are computed from a name. Phones make version 7."""
MAX_HASH_LENGTH, MAX_ID_LENGTH, MAX_KIND_LENGTH = 64, 100, 50
"""Characters that are stored of a damaged op's own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Who sends a batch. The desk has no device and no lineage."""

    received_at: datetime
    sent_at: datetime
    """By the sender's own clock."""
    device_id: str | None = None
    lineage: str | None = None
    lost: tuple[int, ...] = ()
    """Chain numbers that the phone declares lost."""
    revoked: bool = False
    is_live: bool = True
    """False for a file exported from the phone and imported by somebody else."""
    signed: bool = True
    """Whether the ops are proven to come from the phone; a file without its signature is not."""

    @classmethod
    def for_desk(cls, now: datetime) -> Source:
        """The desk, or the server itself: its clock is the server's."""
        return cls(received_at=now, sent_at=now)


class NewOp(TypedDict):
    """An op of the desk or the server, see `make_op`: it belongs to no phone's chain."""

    id: str
    kind: str
    v: int
    subject: str
    base: int | None
    after: str | None
    by: str
    payload: dict[str, Any]
    stands_for: NotRequired[Replacement]


class Replacement(TypedDict):
    """Which quarantined op an op replaces, by whose decision, and when that op happened."""

    op: str
    how: str
    occurred_at: str
    proof: str
    """How sure it is that its author made it."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What the signature of an op says: the credential that made it, if it is known."""

    credential_id: str | None = None
    is_proof: bool = False
    """Whether that credential proves its person: it was activated, and not revoked since."""
    is_revoked: bool = False
    is_wrong: bool = False
    """Whether its author has keys on this phone, and none of them made it."""
    key_since: datetime | None = None
    """When the key was registered first."""


@dataclass(frozen=True, slots=True)
class IncomingOp:
    """One op as it arrived, and what is wrong with its shape."""

    id: str
    raw: Mapping[str, Any]
    fault: str | None
    """Why it cannot be judged (a verdict code), or None."""
    content_hash: str
    """The hash of what arrived; empty for an op made by this server."""
    n: int | None = None
    """Its number in the phone's chain; None for a damaged op, which takes no number."""
    signature: Signature = Signature()

    @classmethod
    def from_trusted(cls, raw: Mapping[str, Any]) -> IncomingOp:
        """An op made by this server, or one that was parsed before."""
        return cls(raw["id"], raw, None, "")

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> IncomingOp:
        """Check an op's shape. A damaged op, or one without a usable id, gets an id derived from
        its content, so that receiving it twice stores it once."""
        hash_ = content_hash(raw)
        fault, id_ = op_error(raw, hash_), _parse_id(raw)
        if fault == "hash-mismatch":
            return cls(str(uuid5(UUID(id_ or UUID_NAMESPACE), hash_)), raw, fault, hash_)
        if id_ is None:
            id_, fault = str(uuid5(UUID(UUID_NAMESPACE), hash_)), "malformed"
        return cls(id_, raw, fault, hash_, _parse_chain_number(raw))

    @property
    def is_trusted(self) -> bool:
        return not self.content_hash

    @property
    def replacement(self) -> Replacement | None:
        """X2, X3. Set where the desk had this op judged in place of a quarantined one."""
        found: Replacement | None = self.raw.get("stands_for") if self.is_trusted else None
        return found

    @property
    def proof(self) -> str:
        """L3. How sure it is that its author made it: a constant of `sync.protocol.op`."""
        if self.replacement:
            return self.replacement["proof"]
        if self.is_trusted:
            return SERVER if self.raw["by"] == SERVER_AUTHOR_ID else DESK
        return PERSON if self.signature.is_proof else CLAIMED

    @property
    def creates_record(self) -> bool:
        kind = None if self.fault else KINDS.get(self.raw["kind"])
        return kind is not None and kind.creates

    @property
    def claimed_hash(self) -> str | None:
        """The hash that the op states, made printable."""
        return printable(self.raw["hash"], MAX_HASH_LENGTH) if "hash" in self.raw else None

    @property
    def claimed_id(self) -> str | None:
        """The id that the op states: the one that its sender expects in the answer."""
        id_ = self.raw.get("id")
        return id_[:MAX_ID_LENGTH] if isinstance(id_, str) else None

    def as_malformed(self) -> IncomingOp:
        """The same op, to be quarantined because the database refused it."""
        return replace(self, fault="malformed")

    def to_op(self, row: OpRow, dated_at: datetime | None = None) -> Op:
        """The op as rules see it, with times and payload of its log row. `dated_at` is what it was
        dated, if it counts as of a later time (L10)."""
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
            dated_at=dated_at,
        )


def printable(value: Any, max_length: int) -> str:
    """Text of a damaged op in printable ASCII, which every database stores."""
    text = str(value)
    if not (text.isascii() and text.isprintable()):
        text = "".join(char if char.isascii() and char.isprintable() else "?" for char in text)
    return text[:max_length]


def _parse_id(raw: Mapping[str, Any]) -> str | None:
    """The id that an op states; None if it is none, or if it is of the version of the ids that the
    server derives: an op could take the id of one that the server is going to make."""
    try:
        id_ = canonical_uuid(raw["id"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return None if UUID(id_).version == DERIVED_VERSION else id_


def _parse_chain_number(raw: Mapping[str, Any]) -> int | None:
    n = raw.get("n")
    return n if isinstance(n, int) and not isinstance(n, bool) and 0 < n < 2**53 else None
