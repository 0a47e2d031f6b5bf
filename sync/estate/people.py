"""People: who works on a site, in which roles, from when to when."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from marshmallow import fields
from marshmallow.validate import ContainsOnly, Length

from sync.estate.places import MASTERS
from sync.protocol.digest import FOREVER, ROLES
from sync.protocol.op import NAME_LENGTH, Accepted, Kind, Nothing, Op, Payload, Refused


class Person(Protocol):
    """What the rules need to know of a person."""

    active_to: datetime | None


class NewPerson(Payload):
    name = fields.String(required=True, validate=Length(min=1, max=NAME_LENGTH))
    roles = fields.List(
        fields.String(), required=True, validate=[Length(min=1), ContainsOnly(ROLES)]
    )
    employee_no = fields.String(allow_none=True, load_default=None, validate=Length(max=20))


def add(_: None, op: Op) -> Accepted:
    """E3: a person works here from the moment of the op."""
    return Accepted({**op.payload, "active_from": op.occurred_at})


def leave(person: Person, op: Op) -> Accepted | Refused:
    """E4: a person leaves once; what they did stays theirs."""
    if person.active_to:
        return Refused("already-left")
    return Accepted({"active_to": op.occurred_at})


def secure(_: Person, __: Op) -> Accepted:
    """E5: a new PIN reaches the phones, though the PIN itself is never in an op."""
    return Accepted({})


def state(person: Any) -> str:
    """Here, or gone."""
    return "left" if person["active_to"] else "here"


def until(_: Any) -> str:
    """Names are needed as long as their work is shown."""
    return FOREVER


KINDS = {
    "person.add": Kind(
        payload=NewPerson,
        rule=add,
        type="person",
        fact=False,
        creates=True,
        roles=MASTERS,
        at_desk=True,
    ),
    "person.leave": Kind(
        payload=Nothing, rule=leave, type="person", fact=False, roles=MASTERS, at_desk=True
    ),
    "person.secure": Kind(payload=Nothing, rule=secure, type="person", fact=False, internal=True),
}
