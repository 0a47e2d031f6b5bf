"""Ops, kinds of op, and verdicts."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from marshmallow import RAISE, Schema, ValidationError, fields
from marshmallow.validate import Length, Regexp, Validator

from sync.protocol.text import Text

SERVER_AUTHOR_ID = "00000000-0000-0000-0000-000000000000"
"""The author of ops that the server makes by itself: planning, recording that a photo arrived."""

UUID_NAMESPACE = str(uuid5(NAMESPACE_URL, "lodge"))

MAX_LABEL_LENGTH, MAX_NAME_LENGTH, MAX_TEXT_LENGTH = 120, 80, 2000
MAX_LANGUAGES = 20
FIRST_YEAR, LAST_YEAR = 1970, 2199
FIRST_DAY, LAST_DAY = date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31)
"""A clock begins again in 1970 after a flat battery; no time of ours lies in another century."""
LANGUAGE_CODE_VALIDATOR = Regexp(
    r"^[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}\Z", error="A language code is like zh or pt-BR."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Op:
    """One thing that a person did. `occurred_at` is the phone's time, corrected by the server."""

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
    """The records that `Kind.related_fields` names, by id, as they currently are."""
    taken: Container[str] = ()
    """The keys (`RecordType.unique_keys`) of the records of this type, for an op that adds one."""
    sent_v: int | None = None
    """The payload version that was sent, where `judge` has converted the payload to a newer one."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """What the server states of a new record: the fields that `Kind.given_fields` names. No rule
    can derive it, so a replay takes it from the log."""
    arriving: bool = True
    """False while a logged op is judged again. A bound on what people type holds for arriving ops
    only, so that a bound that is introduced later leaves earlier records as they are."""
    dated_at: datetime | None = None
    """What an arriving op is dated, where it may count as of a later time (L10)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """An applied op in a record's history. Later ops are judged against the history."""

    id: str
    kind: str
    by: str
    occurred_at: datetime
    received_at: datetime
    version: int
    fact: bool
    changes: dict[str, Any]
    payload: dict[str, Any]
    v: int = 1
    """The payload version that was sent; `payload` is of the newest version."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The op is accepted, and `changes` are written to its record. A flag marks it for review at
    the desk.

    `followups` are ops that result from this one; one that would create an existing record, or
    change a missing one, is left out. `tombstone`: the record leaves the feed, and phones delete
    it.
    """

    changes: dict[str, Any]
    flag: str | None = None
    followups: tuple[Op, ...] = ()
    tombstone: bool = False
    proposal: dict[str, Any] = field(default_factory=dict)
    """The changes that the desk may apply if it decides against the flagged op."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A decision that a rule forbids: stored in the log, but it changes nothing."""

    code: str


@dataclass(frozen=True, slots=True)
class Quarantined:
    """An op that is malformed, of an unknown kind, or whose rule raised an exception: stored for
    the desk."""

    code: str


@dataclass(frozen=True, slots=True)
class Merged:
    """A decision that is accepted together with somebody else's change to other fields."""

    changes: dict[str, Any]
    base: dict[str, Any]
    theirs: dict[str, Any]
    rule: str
    followups: tuple[Op, ...] = ()


@dataclass(frozen=True, slots=True)
class Contested:
    """A decision in conflict with a change that its author had not seen. The current value
    stands."""

    base: dict[str, Any]
    theirs: dict[str, Any]
    incoming: dict[str, Any]
    rule: str


CLAIMED, PERSON, DESK, SERVER = "claimed", "person", "desk", "server"
"""How sure it is who made an op: the phone says so, its author's key signed it, its author was
signed in at the desk, or the server made it."""

Verdict = Accepted | Merged | Contested | Refused | Quarantined

Rule = Callable[[Any, Op], Accepted | Refused]
Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
Fold = Callable[[Any | None, Sequence[HistoryEntry]], dict[str, Any]]


is_canonical_uuid = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
"""Whether a text is a UUID in lower case with hyphens, the only form that we write."""


def canonical_uuid(text: str) -> str:
    """A UUID as lower-case text, however it was written. Raises ValueError if it is none."""
    return text if is_canonical_uuid(text) else str(UUID(text))


class Id(fields.UUID):
    """A field for a UUID, which stays lower-case text in every layer."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, str) and is_canonical_uuid(value):
            return value
        return str(super()._deserialize(value, attr, data, **kwargs))


class Moment(fields.AwareDateTime):
    """A field for a time with an offset from UTC, in a year that a calendar of today may show.

    `past` and `ahead`: how far before and after its op a time that somebody types may lie. An
    arriving decision with a time beyond is refused, a fact is flagged (`implausible_times`).
    """

    def __init__(
        self, *, past: timedelta | None = None, ahead: timedelta | None = None, **more: Any
    ) -> None:
        super().__init__(**more)
        self.past, self.ahead = past, ahead

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> datetime:
        moment = super()._deserialize(value, attr, data, **kwargs)
        if not FIRST_YEAR <= moment.year <= LAST_YEAR:
            raise ValidationError(f"A year lies between {FIRST_YEAR} and {LAST_YEAR}.")
        return moment


def PlannedMoment(**more: Any) -> Moment:  # noqa: N802 - named like a field type
    """A field for a time that somebody plans: not long past, not decades ahead."""
    return Moment(past=timedelta(days=366), ahead=timedelta(days=3653), **more)


def PastMoment(**more: Any) -> Moment:  # noqa: N802
    """A field for a time that somebody remembers: within ten years, not far ahead."""
    return Moment(past=timedelta(days=3653), ahead=timedelta(days=366), **more)


def implausible_times(schema: Schema, payload: Mapping[str, Any], at: datetime) -> list[str]:
    """B20: the fields of a loaded payload whose time lies too far from that of its op."""
    return [
        name
        for name, field_ in schema.fields.items()
        if isinstance(field_, Moment)
        and (moment := payload.get(name))
        and (
            (field_.past and moment < at - field_.past)
            or (field_.ahead and moment > at + field_.ahead)
        )
    ]


class Payload(Schema):
    """A payload. Unknown fields are refused, and every string has a maximum length."""

    class Meta:
        unknown = RAISE


class EmptyPayload(Payload):
    """A payload without fields."""


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
    """A kind of op: its label, its payload, and the rule that judges it.

    `type` is the type of record that it changes; None: any.
    `fact`: it states what happened and is never refused for its content; otherwise it is a
    decision.
    `creates`: it creates a new record.
    `roles` may make the decision; empty: everybody. `forbidden_roles` never may, whatever other
    role they have, because the law forbids it.
    `optimistic_patch` is what a phone changes in the record before the verdict. `$at`, `$by` and
    `$by_name` stand for the op's time and author, any other `$name` for that field of the payload,
    `$a|$b` for the first that is there. The key `scans.$point` sets an entry of a nested object,
    `confirmed+` appends to a list, `confirmed-` removes its last entry. `overlay_payload`: the
    payload's fields are laid over the record as well.
    `proof`: `person` needs the signature of its author's key, or the author's session at the desk;
    `claimed` stands without. None: `person` for a decision that needs a role, else `claimed`.
    `personal`: its author speaks for themself alone, so nobody takes it over.
    `not_before` is the field of the record with the time since when there is something to confirm
    or to approve: an op of an earlier time is refused.
    `related_fields` are fields of the payload with the ids of other records that the rule reads.
    `more_related` derives further ids from the op, whose payload is not validated yet.
    `reads_author`: the rule reads the person who made the op, only to flag it.
    `related_columns` are fields of the record with the ids of further records that the rule reads.
    `conflicts_with` are fields whose unseen change contests the decision although it writes
    others.
    `ignore_base`: judged by the current record, whatever version its author saw.
    `given_fields` are fields of the record that the server fills in before the rule is asked.
    `numbered`: phones put the next number of their block, and its slip's code, into the payload.
    `from_desk_only`: accepted from the desk alone. `from_server_only`: from the server alone.
    `upcasters[n]` converts a payload of version n to n + 1. It is pure and is never removed.
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
    more_related: Callable[[Op], list[str]] | None = None
    reads_author: bool = False
    related_columns: tuple[str, ...] = ()
    overlay_payload: bool = True
    given_fields: tuple[str, ...] = ()
    numbered: bool = False
    from_server_only: bool = False
    from_desk_only: bool = False
    proof: str | None = None
    personal: bool = False
    not_before: str | None = None
    ignore_base: bool = False
    payload_version: int = 1
    upcasters: Mapping[int, Upcaster] = field(default_factory=dict)

    def upcast(self, v: int, payload: dict[str, Any]) -> dict[str, Any]:
        """X7: a payload of version `v`, converted to the newest version. The log stores it as it
        was sent."""
        for version in range(v, self.payload_version):
            payload = self.upcasters[version](payload)
        return payload

    def related_ids(self, payload: Mapping[str, Any]) -> list[str]:
        """The ids of the other records that the rule reads."""
        values = [payload.get(name) for name in self.related_fields]
        return [str(id_) for ids in values for id_ in (ids if isinstance(ids, list) else [ids])]

    @property
    def needs_proof(self) -> bool:
        """L3. Whether an op of this kind is held unless its author is proven."""
        if self.proof is None:
            return not self.fact and bool(self.roles)
        return self.proof == PERSON

    @property
    def counts_when_proven(self) -> bool:
        """L10. Whether an op of this kind counts as of when its author was proven, if it is dated
        before: what speaks for its author, and what confirms or approves something."""
        return self.proof == PERSON or self.not_before is not None

    @property
    def accepted_versions(self) -> list[int]:
        """Every payload version that is accepted: all that were ever released."""
        return list(range(1, self.payload_version + 1))

    @property
    def from_phones(self) -> bool:
        """Whether phones may send ops of this kind."""
        return not (self.from_server_only or self.from_desk_only)


def derive_op(parent: Op, kind: str, subject: str, payload: dict[str, Any]) -> Op:
    """An op that results from another. Its id is derived, so receiving the parent twice makes no
    second op."""
    return Op(
        id=str(uuid5(UUID(parent.id), f"{kind}|{subject}")),
        kind=kind,
        subject=subject,
        by=parent.by,
        occurred_at=parent.occurred_at,
        received_at=parent.received_at,
        payload=payload,
    )
