"""People: who works on a site, in which roles, from when to when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

from marshmallow import fields
from marshmallow.validate import Length, OneOf

from sync.estate.places import MASTER_DATA_ROLES
from sync.protocol.clock import FOREVER
from sync.protocol.feature import Feature, RecordType
from sync.protocol.op import (
    MAX_NAME_LENGTH,
    Accepted,
    EmptyPayload,
    Id,
    Kind,
    Op,
    Payload,
    Refused,
)
from sync.protocol.roles import ROLE_LABELS, ROLES, TRADE_LABELS, TRADES
from sync.protocol.text import _l


class PersonLike(Protocol):
    """The fields of a person that the rules read."""

    id: str
    roles: list[str]
    trades: list[str]
    contractor_id: str | None
    active_to: datetime | None


def RoleList(**more: Any) -> fields.List[Any]:  # noqa: N802 - named like a field type
    """A field for the roles of a person."""
    each = fields.String(validate=OneOf(ROLES))
    return fields.List(each, validate=Length(min=1, max=50), **more)


def TradeList(**more: Any) -> fields.List[Any]:  # noqa: N802
    """A field for the trades of a repair worker."""
    each = fields.String(validate=OneOf(TRADES))
    return fields.List(each, validate=Length(max=len(TRADES)), **more)


class PersonAddPayload(Payload):
    """`contractor_id`: the firm of a contractor's worker."""

    name = fields.String(required=True, validate=Length(min=1, max=MAX_NAME_LENGTH))
    roles = RoleList(required=True)
    trades = TradeList()
    contractor_id = Id()
    employee_no = fields.String(allow_none=True, load_default=None, validate=Length(max=20))


class PersonRevisePayload(Payload):
    """What changes. `contractor_id`: None for somebody who works for no firm any more."""

    roles = RoleList()
    trades = TradeList()
    contractor_id = Id(allow_none=True)


def add(_: None, op: Op) -> Accepted | Refused:
    """E3, E21: a person works here from the time of the op."""
    error = _binding_error(op, op.payload)
    return Refused(error) if error else Accepted({**op.payload, "active_from": op.occurred_at})


def revise(person: PersonLike, op: Op) -> Accepted | Refused:
    """E21: somebody who works here gets other roles, trades or another firm, never by
    themselves."""
    if person.active_to:
        return Refused("already-left")
    if op.by == person.id:
        return Refused("own-roles")
    before = {name: getattr(person, name) for name in PersonRevisePayload().fields}
    changes = {name: value for name, value in op.payload.items() if value != before[name]}
    if not changes:
        return Refused("nothing-changed")
    error = _binding_error(op, {**before, **changes})
    return Refused(error) if error else Accepted(changes)


def _binding_error(op: Op, person: Mapping[str, Any]) -> str | None:
    """E21: only a repair worker has trades, and only a contractor's worker a firm: one of ours
    whose contract has not ended. The code of a refusal, or None."""
    if person.get("trades") and "repair" not in person["roles"]:
        return "trade-without-repair"
    if person.get("contractor_id") and "contractor_worker" not in person["roles"]:
        return "firm-without-contractor-worker"
    named = op.payload.get("contractor_id")
    firm = op.related.get(named) if named else None
    if named and not hasattr(firm, "agreement"):
        return "no-such-record"
    return "contract-ended" if firm and firm.ended_at else None


def known_trades(roles: Iterable[str], trades: Iterable[str] | None) -> frozenset[str]:
    """E21: what somebody does as a repair worker: their trades, or everything if they have none."""
    if "repair" not in roles:
        return frozenset()
    return frozenset(trades or TRADES)


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
        related_fields=("contractor_id",),
        label=_l("Person added"),
    ),
    "person.revise": Kind(
        payload=PersonRevisePayload,
        rule=revise,
        type="person",
        fact=False,
        roles=MASTER_DATA_ROLES,
        from_desk_only=True,
        related_fields=("contractor_id",),
        label=_l("Roles or contractor of a person changed"),
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
    fields={"employee_no": _l("Staff number"), "trades": _l("Trades")},
    values={"roles": ROLE_LABELS, "trade": TRADE_LABELS},
    sentences={
        "person.add": (_l("%(who)s added %(name)s: %(roles)s"),),
        "person.revise": (_l("%(who)s changed %(changes)s"),),
        "person.leave": (_l("%(who)s noted that they have left"),),
        "person.secure": (_l("The account was given a new credential"),),
    },
)
