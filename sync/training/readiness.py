"""Readiness: what each person knows, since when, and by when to look again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Protocol

from marshmallow import fields
from marshmallow.validate import Length, OneOf, Range

from sync.protocol.clock import iso, parse
from sync.protocol.op import TEXT_LENGTH, Accepted, Id, Kind, Op, Payload
from sync.training.curriculum import ITEMS, MONTHS, MOST_MONTHS, refresh_on

SOON = timedelta(days=30)
AFTER = timedelta(days=30)
"""How long a phone still tells that something has to be refreshed."""


class Attest(Protocol):
    """What the report needs to know of an attestation."""

    person: str
    item: str
    refresh_on: str
    of_self: bool


class Session(Protocol):
    """What the report needs to know of a training session."""

    cards: list[str]
    acknowledged: Mapping[str, Mapping[str, str]]


class Attestation(Payload):
    person = Id(required=True)
    item = fields.String(required=True, validate=OneOf(tuple(ITEMS)))
    months = fields.Integer(
        strict=True, load_default=MONTHS, validate=Range(min=1, max=MOST_MONTHS)
    )
    note = fields.String(allow_none=True, load_default=None, validate=Length(max=TEXT_LENGTH))


@dataclass(frozen=True, slots=True)
class Standing:
    """One person and one item: missing, ready, soon to be refreshed, or overdue."""

    word: str
    refresh_on: date | None = None


def attest(_: None, op: Op) -> Accepted:
    """Z8: somebody else has seen it; what a person says of the own work is kept, not counted."""
    said = op.payload
    of_self = op.by == said["person"]
    changes = {
        **said,
        "attested_at": op.occurred_at,
        "attested_by_id": op.by,
        "refresh_on": refresh_on(op.occurred_at, said["months"]).isoformat(),
        "of_self": of_self,
    }
    return Accepted(changes, flag="own-word" if of_self else None)


def matrix(
    people: Iterable[str], attests: Iterable[Attest], sessions: Iterable[Session], today: date
) -> dict[str, dict[str, Standing]]:
    """Z9: every person beside every item; of several dates the farthest counts."""
    farthest: dict[tuple[str, str], str] = {}
    for person, item, day in (*_attested(attests), *_taught(sessions)):
        farthest[person, item] = max(day, farthest.get((person, item), day))
    return {
        person: {item: _standing(farthest.get((person, item)), today) for item in ITEMS}
        for person in people
    }


def _attested(attests: Iterable[Attest]) -> Iterable[tuple[str, str, str]]:
    return ((one.person, one.item, one.refresh_on) for one in attests if not one.of_self)


def _taught(sessions: Iterable[Session]) -> Iterable[tuple[str, str, str]]:
    """What a session taught counts for whoever signed for it, and for nobody else."""
    for session in sessions:
        groups = {card.partition(":")[0] for card in session.cards}
        for item, (_, teaching) in ITEMS.items():
            if groups & teaching:
                for person, signed in session.acknowledged.items():
                    yield person, item, signed["refresh_on"]


def _standing(day: str | None, today: date) -> Standing:
    if day is None:
        return Standing("missing")
    due = date.fromisoformat(day)
    word = "overdue" if due < today else "soon" if due - today <= SOON else "ready"
    return Standing(word, due)


def state(readiness: Any) -> str:
    """Whether it counts."""
    return "own_word" if readiness["of_self"] else "attested"


def until(readiness: Any) -> str:
    """A phone tells it until a month after it had to be refreshed."""
    return iso(parse(f"{readiness['refresh_on']}T00:00:00+08:00") + AFTER)


KINDS = {
    "readiness.attest": Kind(
        payload=Attestation, rule=attest, type="readiness", fact=True, creates=True, at_desk=True
    ),
}
