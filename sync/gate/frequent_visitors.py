"""Regulars: visitors who come again and again, so that the gate lets them in with two taps.

Phones forget a visit after three days, the postman comes every week. So the server itself draws a
small record from the visits that it still keeps: who, what for, to whom, which plate, how often.
It serves the purpose of the visit alone and is kept no longer than the last of these visits, so
it needs no consent of its own, and it goes in the same purge.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from marshmallow import fields
from marshmallow.validate import Length, OneOf, Range

from sync.protocol.clock import FOREVER
from sync.protocol.feature import Feature, RecordType
from sync.protocol.op import MAX_NAME_LENGTH, Accepted, EmptyPayload, Id, Kind, Op, Payload, Refused
from sync.protocol.roles import FRONT_DESK_ROLES, role_mask
from sync.protocol.text import _l

PURPOSES = ("business", "family", "service", "other")
MIN_VISITS = 2
"""Somebody who came this often within the time of keeping is a regular."""

MAX_REGULARS = 30
"""The gate's list stays short: those who come most."""

REDACTED_VALUES: dict[str, Any] = {"visitor": "*", "host_unit": None, "firm": None, "plate": None}
"""What of a regular is somebody's, and what stands there once it is purged."""


class VisitSummary(Protocol):
    """What is read of a visit to find the regulars."""

    id: str
    visitor: str
    purpose: str
    host_unit: str | None
    firm: str | None
    plate: str | None
    arrived_at: datetime | None


@dataclass(frozen=True, slots=True)
class FrequentVisitor:
    """Somebody who came more than once, as the newest visit has them."""

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
    times = fields.Integer(required=True, strict=True, validate=Range(min=1))
    last_at = fields.AwareDateTime(required=True)


def visitor_key(visit: Any) -> tuple[str, str, str | None]:
    """Whose visits are those of one person: the same name, for the same, to the same home."""
    return visit.visitor, visit.purpose, visit.host_unit


def frequent_visitors(visits: Iterable[VisitSummary]) -> list[FrequentVisitor]:
    """V15: who came at least twice, those who come most first."""
    by_person: dict[tuple[str, str, str | None], list[VisitSummary]] = {}
    for visit in sorted((v for v in visits if v.arrived_at), key=lambda v: (v.arrived_at, v.id)):
        by_person.setdefault(visitor_key(visit), []).append(visit)
    found = [
        FrequentVisitor(came[-1], len(came))
        for came in by_person.values()
        if len(came) >= MIN_VISITS
    ]
    return sorted(found, key=lambda r: (-r.visit_count, r.latest_visit.visitor, r.latest_visit.id))[
        :MAX_REGULARS
    ]


def note(_: Any, op: Op) -> Accepted:
    """V15: the server draws a regular from the visits that it still keeps."""
    return Accepted(dict(op.payload))


def renew(regular: Any, op: Op) -> Accepted | Refused:
    """V15: another visit makes the record newer."""
    return Refused("purged") if regular.purged_at else Accepted(dict(op.payload))


def purge(_: Any, op: Op) -> Accepted:
    """V12: whoever has not come within the time of keeping is no regular any more."""
    return Accepted({**REDACTED_VALUES, "purged_at": op.occurred_at}, tombstone=True)


def state(regular: Any) -> str:
    """Known until purged."""
    return "purged" if regular["purged_at"] else "known"


def visible_until(_: Any) -> str:
    """The gate wants to know them for as long as they are known at all."""
    return FOREVER


def server_kind(payload: type[Payload], rule: Any, **more: Any) -> Kind:
    """A kind that only the server does."""
    return Kind(
        payload=payload, rule=rule, type="regular", fact=False, from_server_only=True, **more
    )


KINDS = {
    "regular.note": server_kind(
        RegularPayload, note, creates=True, label=_l("Frequent visitor added")
    ),
    "regular.renew": server_kind(RegularPayload, renew, label=_l("Frequent visitor seen again")),
    "regular.purge": server_kind(EmptyPayload, purge, label=_l("Frequent visitor erased")),
}


FEATURE = Feature(
    types={
        "regular": RecordType(
            label=_l("Frequent visitor"),
            state=state,
            visible_until=visible_until,
            audience=lambda _, __: role_mask(FRONT_DESK_ROLES | {"guard"}),
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
)
