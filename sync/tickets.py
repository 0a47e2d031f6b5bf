"""Tickets: who is asked first stays answerable until the resident has had an answer."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, Protocol
from uuid import UUID

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf

from sync.clock import iso
from sync.feed import EVERYONE, FOREVER, FRONT
from sync.op import LABEL_LENGTH, TEXT_LENGTH, Accepted, Entry, Id, Kind, Op, Payload, Refused
from sync.photos import Photos, photos_of

CHANNELS = ("in_person", "phone", "message", "letter", "on_round", "other")
MATTERS = ("business", "enquiry", "report", "complaint")
URGENCIES = ("normal", "urgent")


class Ticket(Protocol):
    """What the rules need to know of a ticket."""

    handler_id: str
    first_responder_id: str


class Opening(Payload):
    channel = fields.String(required=True, validate=OneOf(CHANNELS))
    matter = fields.String(required=True, validate=OneOf(MATTERS))
    contact = fields.String(allow_none=True, validate=Length(max=LABEL_LENGTH))
    declined_because = fields.String(allow_none=True, validate=Length(max=LABEL_LENGTH))
    details = fields.String(required=True, validate=Length(max=TEXT_LENGTH))
    area = Id(allow_none=True)
    urgency = fields.String(validate=OneOf(URGENCIES))
    about_type = fields.String(validate=Length(max=20))
    about = Id(allow_none=True)
    done_on_the_spot = fields.String(validate=Length(min=1, max=TEXT_LENGTH))
    photos = Photos()

    @validates_schema
    def reachable(self, opening: dict[str, Any], **_: Any) -> None:
        """K2: how to reach the resident, or why that was not given."""
        if not opening.get("contact") and not opening.get("declined_because"):
            raise ValidationError("Say how to reach the resident, or why that was not given.")
        if not opening["details"].strip() and not opening.get("photos"):
            raise ValidationError("Say what it is about, or add a photo.")


class Revision(Payload):
    details = fields.String(validate=Length(min=1, max=TEXT_LENGTH))
    urgency = fields.String(validate=OneOf(URGENCIES))
    area = Id(allow_none=True)
    contact = fields.String(allow_none=True, validate=Length(max=LABEL_LENGTH))


class Handover(Payload):
    handler_id = Id(required=True)


class Amendment(Revision):
    handler_id = Id()


def open_(_: None, op: Op) -> Accepted:
    """K1, K2: any employee opens a ticket and is its first responder for ever."""
    told = {name: said for name, said in op.payload.items() if name != "done_on_the_spot"}
    return Accepted(
        {
            "urgency": "normal",
            **told,
            "number": number(op.subject),
            "opened_at": op.occurred_at,
            "first_responder_id": op.by,
            "handler_id": op.by,
        }
    )


def revise(_: Ticket, op: Op) -> Accepted | Refused:
    """K3: a revision carries only what it changes."""
    return Accepted(dict(op.payload)) if op.payload else Refused("nothing-changed")


def hand_over(ticket: Ticket, op: Op) -> Accepted | Refused:
    """K4: the handler changes, the first responder never does."""
    if ticket.handler_id == op.payload["handler_id"]:
        return Refused("same-handler")
    return Accepted({"handler_id": op.payload["handler_id"]})


def amend(_: Ticket, op: Op) -> Accepted:
    """K5: what the desk settled is written as it stands."""
    return Accepted(dict(op.payload))


def number(subject: str) -> str:
    """The one number a resident is told, on the spot and for the life of the matter."""
    return "T-" + base64.b32encode(UUID(subject).bytes[-5:]).decode().rstrip("=")


def fold(_: Any, history: Sequence[Entry]) -> dict[str, Any]:
    """K1: the first responder is the author of the opening."""
    opening = next((entry for entry in history if entry.kind == "ticket.open"), None)
    if opening is None:
        return {}
    photos = [sha256 for entry in history for sha256 in photos_of(entry)]
    return {
        "opened_at": opening.occurred_at,
        "first_responder_id": opening.by,
        **_settled(opening),
        "photos": list(dict.fromkeys(photos)),
    }


def _settled(opening: Entry) -> dict[str, Any]:
    """K6: what was put right on the spot is settled from the beginning, and says how."""
    how = opening.payload.get("done_on_the_spot")
    return {"settled_at": opening.occurred_at, "settled_how": how} if how else {}


def state(ticket: Any) -> str:
    """Settled when it was put right on the spot; nothing else closes a ticket yet."""
    return "settled" if ticket["settled_at"] else "open"


def until(ticket: Any) -> str:
    """A phone cares for a ticket as long as it is open."""
    return iso(ticket["settled_at"]) if ticket["settled_at"] else FOREVER


KINDS = {
    "ticket.open": Kind(
        payload=Opening,
        rule=open_,
        type="ticket",
        fact=True,
        creates=True,
        roles=EVERYONE,
        shows={
            "state": "open",
            "number": "T-$code",
            "opened_at": "$at",
            "first_responder_id": "$by",
            "first_responder": "$by_name",
            "handler_id": "$by",
            "handler": "$by_name",
            "settled_how": "$done_on_the_spot",
            "until": FOREVER,
        },
    ),
    "ticket.revise": Kind(payload=Revision, rule=revise, type="ticket", fact=False),
    "ticket.hand_over": Kind(
        payload=Handover, rule=hand_over, type="ticket", fact=False, roles=FRONT
    ),
    "ticket.amend": Kind(
        payload=Amendment, at_desk=True, rule=amend, type="ticket", fact=False, roles=FRONT
    ),
}
