"""Visits: who came to see whom, from the gate to the gate."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from marshmallow import fields
from marshmallow.validate import Length, OneOf, Range

from sync.clock import iso
from sync.feed import DESK, FOREVER
from sync.op import NAME_LENGTH, Accepted, Entry, Id, Kind, Nothing, Op, Payload
from sync.photos import photos_of

PURPOSES = ("business", "family", "service", "other")


class Visit(Protocol):
    """What the rules need to know of a visit."""

    arrived_at: datetime
    departed_at: datetime | None


class Arrival(Payload):
    """There is no field for the number of an identity document, only whether one was seen."""

    visitor = fields.String(required=True, validate=Length(min=1, max=NAME_LENGTH))
    purpose = fields.String(required=True, validate=OneOf(PURPOSES))
    host_unit = Id(allow_none=True)
    phone = fields.String(allow_none=True, validate=Length(max=20))
    plate = fields.String(allow_none=True, validate=Length(max=12))
    party_size = fields.Integer(strict=True, validate=Range(min=1, max=500))
    id_checked = fields.Boolean()


class Amendment(Payload):
    visitor = fields.String(validate=Length(min=1, max=NAME_LENGTH))
    purpose = fields.String(validate=OneOf(PURPOSES))
    host_unit = Id(allow_none=True)
    phone = fields.String(allow_none=True, validate=Length(max=20))
    plate = fields.String(allow_none=True, validate=Length(max=12))
    party_size = fields.Integer(strict=True, validate=Range(min=1, max=500))


def arrive(_: None, op: Op) -> Accepted:
    """V1: an arrival begins a visit; without a departure the visitor counts as inside."""
    return Accepted(
        {"party_size": 1, "id_checked": False, **op.payload, "arrived_at": op.occurred_at}
    )


def depart(visit: Visit, op: Op) -> Accepted:
    """V2, V3: the earliest departure after the arrival counts; others are only noted."""
    if visit.departed_at:
        return Accepted({}, flag="left-again")
    return Accepted({}, flag="left-before-arriving" if op.occurred_at < visit.arrived_at else None)


def amend(_: Visit, op: Op) -> Accepted:
    """V4: the desk's own correction writes the fields that it names."""
    return Accepted(dict(op.payload))


def fold(_: Any, history: Sequence[Entry]) -> dict[str, Any]:
    """V2: arrival and departure in the order of their times, however they arrived."""
    arrival = next((entry for entry in history if entry.kind == "visit.arrive"), None)
    if arrival is None:
        return {}
    departures = [entry for entry in history if entry.kind == "visit.depart"]
    plausible = [entry for entry in departures if entry.occurred_at >= arrival.occurred_at]
    left = next(iter(plausible or departures), None)
    photos = [sha256 for entry in history for sha256 in photos_of(entry)]
    return {
        "arrived_at": arrival.occurred_at,
        "arrived_by_id": arrival.by,
        "departed_at": left and max(left.occurred_at, arrival.occurred_at),
        "departed_by_id": left and left.by,
        "photos": list(dict.fromkeys(photos)),
    }


def state(visit: Any) -> str:
    """Inside until somebody saw the visitor leave."""
    return "departed" if visit["departed_at"] else "inside"


def until(visit: Any) -> str:
    """A phone cares for a visitor while inside."""
    return iso(visit["departed_at"]) if visit["departed_at"] else FOREVER


KINDS = {
    "visit.arrive": Kind(
        payload=Arrival,
        rule=arrive,
        type="visit",
        fact=True,
        creates=True,
        shows={
            "state": "inside",
            "arrived_at": "$at",
            "arrived_by_id": "$by",
            "arrived_by": "$by_name",
            "departed_at": None,
            "until": FOREVER,
        },
    ),
    "visit.depart": Kind(
        payload=Nothing,
        rule=depart,
        type="visit",
        fact=True,
        shows={"state": "departed", "departed_at": "$at", "departed_by": "$by_name"},
    ),
    "visit.amend": Kind(
        payload=Amendment, at_desk=True, rule=amend, type="visit", fact=False, roles=DESK
    ),
}
