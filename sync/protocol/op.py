"""Ops, kinds of op, and verdicts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from marshmallow import RAISE, Schema, fields
from marshmallow.validate import Length, Regexp, Validator

from sync.protocol.text import Text

SERVER_AUTHOR_ID = "00000000-0000-0000-0000-000000000000"
"""Author of what the server does by itself: planning, noting that a photo came."""

UUID_NAMESPACE = str(uuid5(NAMESPACE_URL, "lodge"))

MAX_LABEL_LENGTH, MAX_NAME_LENGTH, MAX_TEXT_LENGTH = 120, 80, 2000
MAX_LANGUAGES = 20
LANGUAGE_CODE_VALIDATOR = Regexp(
    r"^[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}\Z", error="A language code is like zh or pt-BR."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Op:
    """One thing a person did; `occurred_at` is the phone's time, corrected by the server."""

    id: str
    kind: str
    subject: str
    by: str
    occurred_at: datetime
    received_at: datetime
    payload: dict[str, Any] = field(default_factory=dict)
    base: int | None = None
    after: str | None = None
    v: int = 1
    related: Mapping[str, Any] = field(default_factory=dict)
    """Other records that the rule asked to see, by id, as they stand: see `Kind.related_fields`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """An op that stands in a record's history: what later ops are judged against."""

    id: str
    kind: str
    by: str
    occurred_at: datetime
    received_at: datetime
    version: int
    fact: bool
    changes: dict[str, Any]
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The op stands; these fields of its record change. A flag asks for a look.

    `followups` are ops that result from this one; one that would create an existing record, or
    change a missing one, is left out.
    `tombstone`: the record leaves the feed, and phones delete it.
    """

    changes: dict[str, Any]
    flag: str | None = None
    followups: tuple[Op, ...] = ()
    tombstone: bool = False
    proposal: dict[str, Any] = field(default_factory=dict)
    """What the desk may put in force if it decides against the flag."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A decision that a rule forbids: kept in the log, changes nothing."""

    code: str


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Malformed, of unknown shape, or its rule crashed: kept for the desk."""

    code: str


@dataclass(frozen=True, slots=True)
class Merged:
    """Stands together with somebody's change to other fields."""

    changes: dict[str, Any]
    base: dict[str, Any]
    theirs: dict[str, Any]
    rule: str
    followups: tuple[Op, ...] = ()


@dataclass(frozen=True, slots=True)
class Contested:
    """Overlaps a decision that its author had not seen; the current value stands."""

    base: dict[str, Any]
    theirs: dict[str, Any]
    incoming: dict[str, Any]
    rule: str


Verdict = Accepted | Merged | Contested | Refused | Quarantined

Rule = Callable[[Any, Op], Accepted | Refused]
Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
Fold = Callable[[Any | None, Sequence[HistoryEntry]], dict[str, Any]]


is_canonical_uuid = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
"""Whether a text is a UUID in the one way in which we write it."""


def canonical_uuid(said: str) -> str:
    """A UUID as its lower-case text, however it was written; raises ValueError for no UUID."""
    return said if is_canonical_uuid(said) else str(UUID(said))


class Id(fields.UUID):
    """A UUID, kept as its lower-case text in every layer."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, str) and is_canonical_uuid(value):
            return value
        return str(super()._deserialize(value, attr, data, **kwargs))


class Payload(Schema):
    """A payload: unknown fields are refused, every string is bounded."""

    class Meta:
        unknown = RAISE


class EmptyPayload(Payload):
    """A payload with nothing in it."""


class LocalizedLabel(fields.Dict):
    """A text in some languages, by their codes: {"zh": "1号楼", "en": "Building 1"}.

    There is at least one, and none is empty, unless it `may_be_empty`. Whoever reads another
    language sees one that is there. `validators` hold for each text.
    """

    def __init__(
        self,
        max_length: int = MAX_LABEL_LENGTH,
        validators: Sequence[Validator] = (),
        may_be_empty: bool = False,
        **more: Any,
    ) -> None:
        least = 0 if may_be_empty else 1
        super().__init__(
            keys=fields.String(validate=LANGUAGE_CODE_VALIDATOR),
            values=fields.String(validate=[Length(min=least, max=max_length), *validators]),
            validate=Length(min=least, max=MAX_LANGUAGES),
            **more,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of op: its name for people, its payload, and the rule that judges it.

    `type` is the record type that it changes; None: any.
    `fact`: it tells what happened and is never refused for its content; otherwise a decision.
    `creates`: it makes a new record.
    `roles` may decide it; empty: anybody. `forbidden_roles` may never do it, whatever other role
    they have: a matter of law.
    `optimistic_patch` is what a phone changes in the record before the verdict. `$at`, `$by` and
    `$by_name` stand for the op's time and author, any other `$name` for that field of the payload.
    The key `scans.$point` reaches inside, `confirmed+` appends to a list, `confirmed-` removes its
    last entry. `overlay_payload`: the payload's fields are laid over the record as well.
    `related_fields` are fields of the payload with the ids of other records that the rule reads.
    `conflicts_with` are fields whose unseen change contests the decision although it writes others.
    `ignore_base`: judged by the current record, whatever version its author saw.
    `from_desk_only`: accepted from the desk alone. `from_server_only`: from the server alone.
    `upcasters[n]` turns a payload of version n into one of n + 1: pure, and kept for ever.
    """

    label: Text
    payload: type[Schema]
    rule: Rule
    type: str | None
    fact: bool
    creates: bool = False
    roles: frozenset[str] = frozenset()
    forbidden_roles: frozenset[str] = frozenset()
    optimistic_patch: dict[str, Any] = field(default_factory=dict)
    conflicts_with: frozenset[str] = frozenset()
    related_fields: tuple[str, ...] = ()
    overlay_payload: bool = True
    from_server_only: bool = False
    from_desk_only: bool = False
    ignore_base: bool = False
    payload_version: int = 1
    upcasters: Mapping[int, Upcaster] = field(default_factory=dict)

    def upcast(self, v: int, payload: dict[str, Any]) -> dict[str, Any]:
        """X7: a payload of version `v` in the newest version. The log keeps it as it came."""
        for version in range(v, self.payload_version):
            payload = self.upcasters[version](payload)
        return payload

    def related_ids(self, payload: Mapping[str, Any]) -> list[str]:
        """The ids of the other records that the rule reads."""
        named = [payload.get(name) for name in self.related_fields]
        return [str(id_) for ids in named for id_ in (ids if isinstance(ids, list) else [ids])]

    @property
    def accepted_versions(self) -> list[int]:
        """Every payload version that is accepted: all that were ever released."""
        return list(range(1, self.payload_version + 1))

    @property
    def from_phones(self) -> bool:
        """Whether phones may send it."""
        return not (self.from_server_only or self.from_desk_only)


def derive_op(parent: Op, kind: str, subject: str, payload: dict[str, Any]) -> Op:
    """An op that follows from another; its id is derived, so that receiving twice is harmless."""
    return Op(
        id=str(uuid5(UUID(parent.id), f"{kind}|{subject}")),
        kind=kind,
        subject=subject,
        by=parent.by,
        occurred_at=parent.occurred_at,
        received_at=parent.received_at,
        payload=payload,
    )
