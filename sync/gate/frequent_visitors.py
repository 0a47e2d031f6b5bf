"""Frequent visitors, so that the gate can let in a returning visitor with two taps.

Phones delete a visit after three days, but a postman comes every week. The server therefore derives
a small record from the visits that it still stores: who, what for, which home, which plate, how
often. It has the same purpose as the visits and is erased with the last of them, so it needs no
separate consent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from marshmallow import fields
from marshmallow.validate import Length, OneOf, Range

from sync.protocol.clock import FOREVER
from sync.protocol.erasure import amend_kind
from sync.protocol.feature import Feature, PersonalData, RecordType
from sync.protocol.op import (
    MAX_NAME_LENGTH,
    Accepted,
    EmptyPayload,
    Id,
    Kind,
    Moment,
    Op,
    Payload,
    Refused,
)
from sync.protocol.roles import FRONT_DESK_ROLES, role_mask
from sync.protocol.text import _l

PURPOSES = ("business", "family", "service", "other")
MIN_VISITS = 2
"""Somebody with this many visits within the retention period is a frequent visitor."""

MAX_REGULARS = 30
"""The length of the gate's list. Only those with the most visits are on it."""

REDACTED_VALUES: dict[str, Any] = {"visitor": "*", "host_unit": None, "firm": None, "plate": None}
"""The personal data of a frequent visitor, with the values that replace it when it is erased."""


class VisitSummary(Protocol):
    """The fields of a visit that are read to find frequent visitors."""

    id: str
    visitor: str
    purpose: str
    host_unit: str | None
    firm: str | None
    plate: str | None
    arrived_at: datetime | None


@dataclass(frozen=True, slots=True)
class FrequentVisitor:
    """Somebody with several visits. `latest_visit` has their current details."""

    latest_visit: VisitSummary
    visit_count: int

    @property
    def key(self) -> tuple[str, str, str | None]:
        return visitor_key(self.latest_visit)


class RegularPayload(Payload):
    visitor = fields.String(required=True, validate=Length(min=1, max=MAX_NAME_LENGTH))
    purpose = fields.String(required=True, validate=OneOf(PURPOSES))
    host_unit = Id(allow_none=True, load_default=None)
    firm = fields.String(allow_none=True, load_default=None, validate=Length(max=MAX_NAME_LENGTH))
    plate = fields.String(allow_none=True, load_default=None, validate=Length(max=12))
    times = fields.Integer(required=True, strict=True, validate=Range(min=1, max=1_000_000))
    last_at = Moment(required=True)


class RegularAmendPayload(Payload):
    visitor = fields.String(validate=Length(min=1, max=MAX_NAME_LENGTH))
    host_unit = Id(allow_none=True)
    firm = fields.String(allow_none=True, validate=Length(max=MAX_NAME_LENGTH))
    plate = fields.String(allow_none=True, validate=Length(max=12))


def visitor_key(visit: Any) -> tuple[str, str, str | None]:
    """What identifies a visitor: name, purpose and home visited."""
    return visit.visitor, visit.purpose, visit.host_unit


def frequent_visitors(visits: Iterable[VisitSummary]) -> list[FrequentVisitor]:
    """V15: visitors with at least `MIN_VISITS` visits, those with the most visits first."""
    by_person: dict[tuple[str, str, str | None], list[VisitSummary]] = {}
    for visit in sorted((v for v in visits if v.arrived_at), key=lambda v: (v.arrived_at, v.id)):
        by_person.setdefault(visitor_key(visit), []).append(visit)
    frequent = [
        FrequentVisitor(own_visits[-1], len(own_visits))
        for own_visits in by_person.values()
        if len(own_visits) >= MIN_VISITS
    ]
    return sorted(
        frequent,
        key=lambda visitor: (
            -visitor.visit_count,
            visitor.latest_visit.visitor,
            visitor.latest_visit.id,
        ),
    )[:MAX_REGULARS]


def note(_: Any, op: Op) -> Accepted:
    """V15: the server creates the record of a frequent visitor from the stored visits."""
    return Accepted(dict(op.payload))


def renew(regular: Any, op: Op) -> Accepted | Refused:
    """V15: a further visit updates the record."""
    return Refused("purged") if regular.purged_at else Accepted(dict(op.payload))


def purge(_: Any, op: Op) -> Accepted:
    """V12: without a visit within the retention period, the record is erased."""
    return Accepted({**REDACTED_VALUES, "purged_at": op.occurred_at}, tombstone=True)


def state(regular: Any) -> str:
    """Whether the record is in use or erased."""
    return "purged" if regular["purged_at"] else "known"


def visible_until(_: Any) -> str:
    """Phones at the gate show the record until it is erased."""
    return FOREVER


def server_kind(payload: type[Payload], rule: Any, **kwargs: Any) -> Kind:
    """A kind of op that only the server makes."""
    return Kind(
        payload=payload, rule=rule, type="regular", fact=False, from_server_only=True, **kwargs
    )


KINDS = {
    "regular.note": server_kind(
        RegularPayload, note, creates=True, label=_l("Frequent visitor added")
    ),
    "regular.renew": server_kind(RegularPayload, renew, label=_l("Frequent visitor seen again")),
    "regular.amend": amend_kind("regular", RegularAmendPayload, _l("Frequent visitor corrected")),
    "regular.purge": server_kind(EmptyPayload, purge, label=_l("Frequent visitor erased")),
}


FEATURE = Feature(
    types={
        "regular": RecordType(
            label=_l("Frequent visitor"),
            state=state,
            visible_until=visible_until,
            audience=lambda _, __: role_mask(FRONT_DESK_ROLES | {"guard"}),
            personal=PersonalData(
                term="retention_days",
                ended=("last_at",),
                why=_l("Who comes often is let in quickly. It goes with the last visit."),
                home_field="host_unit",
            ),
            redacted_values=REDACTED_VALUES,
            states={"known": _l("frequent visitor"), "purged": _l("erased")},
        ),
    },
    kinds=KINDS,
    fields={"times": _l("Number of visits"), "last_at": _l("Last visit")},
    values={
        "purpose": {
            "business": _l("business"),
            "family": _l("family or friends"),
            "service": _l("home service"),
            "other": _l("other"),
        }
    },
    sentences={
        "regular.note": (_l("A frequent visitor: %(visitor)s, %(times)s visits"),),
        "regular.renew": (_l("%(visitor)s came again, %(times)s visits by now"),),
        "regular.amend": (_l("%(who)s corrected %(changes)s"),),
        "regular.purge": (_l("Personal data was erased, as its time was over"),),
    },
)
