"""People: who works on a site, in which roles, from when to when."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from marshmallow import fields
from marshmallow.validate import Length, OneOf

from sync.estate.places import MASTER_DATA_ROLES
from sync.protocol.clock import FOREVER
from sync.protocol.feature import Feature, RecordType
from sync.protocol.op import MAX_NAME_LENGTH, Accepted, EmptyPayload, Kind, Op, Payload, Refused
from sync.protocol.roles import ROLE_LABELS, ROLES
from sync.protocol.text import _l


class PersonLike(Protocol):
    """The field of a person that the rules read."""

    active_to: datetime | None


class PersonAddPayload(Payload):
    name = fields.String(required=True, validate=Length(min=1, max=MAX_NAME_LENGTH))
    roles = fields.List(
        fields.String(validate=OneOf(ROLES)), required=True, validate=Length(min=1, max=50)
    )
    employee_no = fields.String(allow_none=True, load_default=None, validate=Length(max=20))


def add(_: None, op: Op) -> Accepted:
    """E3: a person works here from the time of the op."""
    return Accepted({**op.payload, "active_from": op.occurred_at})


def leave(person: PersonLike, op: Op) -> Accepted | Refused:
    """E4: a person leaves once; what they did remains theirs."""
    if person.active_to:
        return Refused("already-left")
    return Accepted({"active_to": op.occurred_at})


def accept_pin_change(_: PersonLike, __: Op) -> Accepted:
    """E5: a new PIN makes a new version of the record, so that it reaches the phones.

    The PIN itself is never in an op.
    """
    return Accepted({})


def state(person: Any) -> str:
    """Whether the person works here or has left."""
    return "left" if person["active_to"] else "here"


def visible_until(_: Any) -> str:
    """People never leave the feed, because phones show their names beside their work."""
    return FOREVER


KINDS = {
    "person.add": Kind(
        payload=PersonAddPayload,
        rule=add,
        type="person",
        fact=False,
        creates=True,
        roles=MASTER_DATA_ROLES,
        from_desk_only=True,
        label=_l("Person added"),
    ),
    "person.leave": Kind(
        payload=EmptyPayload,
        rule=leave,
        type="person",
        fact=False,
        roles=MASTER_DATA_ROLES,
        from_desk_only=True,
        label=_l("Person left the staff"),
    ),
    "person.secure": Kind(
        payload=EmptyPayload,
        rule=accept_pin_change,
        type="person",
        fact=False,
        from_server_only=True,
        label=_l("PIN or password changed"),
    ),
}


FEATURE = Feature(
    types={
        "person": RecordType(
            label=_l("Person"),
            state=state,
            visible_until=visible_until,
            states={"here": _l("works here"), "left": _l("left the staff")},
        ),
    },
    kinds=KINDS,
    fields={"employee_no": _l("Staff number")},
    values={"roles": ROLE_LABELS},
)
