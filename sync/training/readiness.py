"""Readiness: which skills each person has, and when each has to be refreshed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Protocol

from marshmallow import fields
from marshmallow.validate import Length, OneOf, Range

from sync.protocol.clock import format_time, parse_time
from sync.protocol.feature import Feature, RecordType
from sync.protocol.op import MAX_TEXT_LENGTH, Accepted, Id, Kind, Op, Payload
from sync.protocol.roles import DESK_ROLES, role_mask
from sync.protocol.text import Texts, _l, _lp
from sync.training.curriculum import (
    DEFAULT_VALID_MONTHS,
    MAX_VALID_MONTHS,
    TRAINING_ITEMS,
    refresh_date,
)

DUE_SOON = timedelta(days=30)
VISIBLE_AFTER_DUE = timedelta(days=30)
"""How long after the due date phones still show that a skill has to be refreshed."""


class AttestationLike(Protocol):
    """The fields of an attestation that the report reads."""

    person: str
    item: str
    refresh_on: str
    of_self: bool


class SessionLike(Protocol):
    """The fields of a training session that the report reads."""

    cards: list[str]
    acknowledged: Mapping[str, Mapping[str, str]]


class ReadinessAttestPayload(Payload):
    person = Id(required=True)
    item = fields.String(required=True, validate=OneOf(tuple(TRAINING_ITEMS)))
    months = fields.Integer(
        strict=True, load_default=DEFAULT_VALID_MONTHS, validate=Range(min=1, max=MAX_VALID_MONTHS)
    )
    note = fields.String(allow_none=True, load_default=None, validate=Length(max=MAX_TEXT_LENGTH))


@dataclass(frozen=True, slots=True)
class ItemReadiness:
    """A person's status for one skill: "missing", "ready", "soon" (to be refreshed) or
    "overdue"."""

    status: str
    refresh_on: date | None = None


def attest(_: None, op: Op) -> Accepted:
    """Z8: somebody else confirms a skill; a confirmation of oneself is stored and flagged."""
    payload = op.payload
    of_self = op.by == payload["person"]
    changes = {
        **payload,
        "attested_at": op.occurred_at,
        "attested_by_id": op.by,
        "refresh_on": refresh_date(op.occurred_at, payload["months"]).isoformat(),
        "of_self": of_self,
    }
    return Accepted(changes, flag="own-word" if of_self else None)


def readiness_matrix(
    people: Iterable[str],
    attestations: Iterable[AttestationLike],
    sessions: Iterable[SessionLike],
    today: date,
) -> dict[str, dict[str, ItemReadiness]]:
    """Z9: the status of every person for every skill. Of several dates the latest counts."""
    latest: dict[tuple[str, str], str] = {}
    for person, item, day in (*_attested_dates(attestations), *_session_dates(sessions)):
        latest[person, item] = max(day, latest.get((person, item), day))
    return {
        person: {
            item: _item_readiness(latest.get((person, item)), today) for item in TRAINING_ITEMS
        }
        for person in people
    }


def _attested_dates(attestations: Iterable[AttestationLike]) -> Iterable[tuple[str, str, str]]:
    return (
        (attestation.person, attestation.item, attestation.refresh_on)
        for attestation in attestations
        if not attestation.of_self
    )


def _session_dates(sessions: Iterable[SessionLike]) -> Iterable[tuple[str, str, str]]:
    """A session trains whoever signed for it, and nobody else."""
    for session in sessions:
        groups = {card.partition(":")[0] for card in session.cards}
        for item, (_, teaching_groups) in TRAINING_ITEMS.items():
            if groups & teaching_groups:
                for person, signature in session.acknowledged.items():
                    yield person, item, signature["refresh_on"]


def _item_readiness(day: str | None, today: date) -> ItemReadiness:
    if day is None:
        return ItemReadiness("missing")
    due = date.fromisoformat(day)
    status = "overdue" if due < today else "soon" if due - today <= DUE_SOON else "ready"
    return ItemReadiness(status, due)


def state(readiness: Any) -> str:
    """Whether somebody else confirmed the skill or only the person."""
    return "own_word" if readiness["of_self"] else "attested"


def visible_until(readiness: Any) -> str:
    """Phones show a confirmation until a month after its refresh date."""
    return format_time(parse_time(f"{readiness['refresh_on']}T00:00:00+08:00") + VISIBLE_AFTER_DUE)


KINDS = {
    "readiness.attest": Kind(
        payload=ReadinessAttestPayload,
        rule=attest,
        type="readiness",
        fact=True,
        creates=True,
        from_desk_only=True,
        label=_l("Skill confirmed"),
    ),
}


VALUES: Mapping[str, Texts] = {
    "item": {
        "etiquette": _l("Etiquette"),
        "services": _l("Services"),
        "standards": _l("Quality standards"),
        "fees": _l("Fees"),
        "posts": _l("Job roles"),
        "company": _l("The company"),
        "estates": _l("Estates"),
        "responsibility": _l("Sense of responsibility"),
    },
    "status": {
        "ready": _lp("readiness", "ready"),
        "soon": _l("refresh soon"),
        "overdue": _l("refresh overdue"),
        "missing": _l("not trained yet"),
    },
}

FEATURE = Feature(
    types={
        "readiness": RecordType(
            label=_l("Readiness"),
            state=state,
            visible_until=visible_until,
            audience=lambda _, __: role_mask(DESK_ROLES),
            people=lambda readiness: [readiness["person"]],
            states={"attested": _l("confirmed"), "own_word": _l("self-confirmed only")},
        ),
    },
    kinds=KINDS,
    fields={
        "item": _lp("readiness", "Skill"),
        "months": _l("Valid for (months)"),
        "attested_at": _l("Confirmed at"),
        "attested_by_id": _l("Confirmed by"),
        "refresh_on": _l("Refresh by"),
    },
    values=VALUES,
    sentences={
        "readiness.attest": (_l("%(who)s confirmed a skill of %(person)s"),),
    },
)
