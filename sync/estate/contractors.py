"""Contractors: firms that work on the site, each with one of our managers who is accountable."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from marshmallow import fields
from marshmallow.validate import Length

from sync.protocol.clock import FOREVER
from sync.protocol.feature import Feature, RecordType
from sync.protocol.op import (
    MAX_LABEL_LENGTH,
    MAX_NAME_LENGTH,
    MAX_TEXT_LENGTH,
    Accepted,
    EmptyPayload,
    Id,
    Kind,
    Op,
    Payload,
    Refused,
)
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l, _lp


class ContractorLike(Protocol):
    """The fields of a contractor that the rules read."""

    ended_at: datetime | None
    accountable_id: str


class AgreementSchema(Payload):
    """What the contractor may do with personal data that it learns on the site."""

    purpose = fields.String(required=True, validate=Length(min=1, max=MAX_LABEL_LENGTH))
    term = fields.String(required=True, validate=Length(min=1, max=MAX_LABEL_LENGTH))
    kinds = fields.String(required=True, validate=Length(min=1, max=MAX_LABEL_LENGTH))


class ContractorAddPayload(Payload):
    name = fields.String(required=True, validate=Length(min=1, max=MAX_NAME_LENGTH))
    service = fields.String(required=True, validate=Length(min=1, max=MAX_LABEL_LENGTH))
    contact = fields.String(allow_none=True, validate=Length(max=MAX_LABEL_LENGTH))
    contract_ref = fields.String(allow_none=True, validate=Length(max=MAX_LABEL_LENGTH))
    accountable_id = Id(required=True)
    agreement = fields.Nested(AgreementSchema, allow_none=True)
    note = fields.String(allow_none=True, validate=Length(max=MAX_TEXT_LENGTH))


class ContractorChangePayload(ContractorAddPayload):
    name = fields.String(validate=Length(min=1, max=MAX_NAME_LENGTH))
    service = fields.String(validate=Length(min=1, max=MAX_LABEL_LENGTH))
    accountable_id = Id()


def add(_: None, op: Op) -> Accepted | Refused:
    """Y1: a contractor needs one of our managers who is accountable for its work."""
    return (
        Accepted(dict(op.payload)) if _has_accountable_person(op) else Refused("needs-accountable")
    )


def change(contractor: ContractorLike, op: Op) -> Accepted | Refused:
    """Y2: the accountable manager may change, but there is always one until the contract ends."""
    if contractor.ended_at:
        return Refused("contract-ended")
    if not op.payload:
        return Refused("nothing-changed")
    if "accountable_id" in op.payload and not _has_accountable_person(op):
        return Refused("needs-accountable")
    return Accepted(dict(op.payload))


def end(contractor: ContractorLike, op: Op) -> Accepted | Refused:
    """Y2: a contract ends once; what was done under it stays."""
    return (
        Refused("contract-ended") if contractor.ended_at else Accepted({"ended_at": op.occurred_at})
    )


def _has_accountable_person(op: Op) -> bool:
    """Whether the named person has a desk role and still works here."""
    person = op.related.get(op.payload["accountable_id"])
    return bool(person and not person.active_to and DESK_ROLES & set(person.roles))


def state(contractor: Any) -> str:
    """Whether the contract is active or ended."""
    return "ended" if contractor["ended_at"] else "active"


def visible_until(_: Any) -> str:
    """Contractors never leave the feed, because phones show their names beside their work."""
    return FOREVER


def decision_kind(payload: type[Payload], rule: Any, **kwargs: Any) -> Kind:
    """A kind of decision about a contractor."""
    return Kind(
        payload=payload,
        rule=rule,
        type="contractor",
        fact=False,
        roles=DESK_ROLES,
        from_desk_only=True,
        related_fields=("accountable_id",),
        **kwargs,
    )


KINDS = {
    "contractor.add": decision_kind(
        ContractorAddPayload, add, creates=True, label=_l("Contractor added")
    ),
    "contractor.change": decision_kind(
        ContractorChangePayload, change, label=_l("Contractor changed")
    ),
    "contractor.end": decision_kind(EmptyPayload, end, label=_l("Contract ended")),
}


FEATURE = Feature(
    types={
        "contractor": RecordType(
            label=_l("Contractor"),
            state=state,
            visible_until=visible_until,
            states={"active": _lp("record in use", "in use"), "ended": _l("contract ended")},
        ),
    },
    kinds=KINDS,
    fields={
        "name": _lp("contractor", "Contractor name"),
        "service": _l("Service"),
        "contract_ref": _l("Contract"),
        "agreement": _l("Personal data agreement"),
    },
    sentences={
        "contractor.add": (_l("%(who)s added the contractor; %(accountable_id)s answers for it"),),
        "contractor.change": (_l("%(who)s changed %(changes)s"),),
        "contractor.end": (_l("%(who)s ended the contract"),),
    },
)
