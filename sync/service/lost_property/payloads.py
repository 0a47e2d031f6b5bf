"""What people say of something that was lost in a home.

There is no field for looking through anybody's things, and no outcome that sends a resident
elsewhere or asks them for a proof (E5, E6, E10).
"""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf

from sync.protocol.op import LABEL_LENGTH, NAME_LENGTH, TEXT_LENGTH, Id, Payload
from sync.protocol.photos import Photos

CHANNELS = ("in_person", "phone", "message", "letter", "on_round", "other")
ANSWERS = ("yes", "no", "undecided")
OUTCOMES = ("returned", "police", "informed")
"""How a case may end: with its owner, with the police, or with a resident who knows it all."""

MOST_ENTRIES = 200
PARTY_LENGTH = 36 + 1 + NAME_LENGTH


def Words(most: int = LABEL_LENGTH, **more: Any) -> fields.String:  # noqa: N802
    """A text that may be left out."""
    return fields.String(allow_none=True, validate=Length(max=most), **more)


def Said(most: int = LABEL_LENGTH) -> fields.String:  # noqa: N802
    """A text that has to be there."""
    return fields.String(required=True, validate=Length(min=1, max=most))


class Opening(Payload):
    item = Said(NAME_LENGTH)
    details = Words(TEXT_LENGTH)
    last_seen_at = fields.AwareDateTime(allow_none=True)
    last_seen_where = Words()
    unit = Id(allow_none=True)
    holds_personal_data = fields.Boolean(load_default=False)
    channel = fields.String(load_default="in_person", validate=OneOf(CHANNELS))
    contact = Words()
    declined_because = Words()
    ticket = Id(allow_none=True)
    next_action = Words()
    next_action_at = fields.AwareDateTime(allow_none=True)
    photos = Photos()

    @validates_schema
    def reachable(self, opening: dict[str, Any], **_: Any) -> None:
        """Q1: how to reach the resident, or why that was not given."""
        if not opening.get("contact") and not opening.get("declined_because"):
            raise ValidationError("Say how to reach the resident, or why that was not given.")


class List(Payload):
    """Who was in the home, as known at that moment: entries by id, people by party."""

    unit = Id(allow_none=True)
    since = fields.AwareDateTime(required=True)
    before = fields.AwareDateTime(required=True)
    entries = fields.Dict(
        keys=Id(),
        values=fields.String(validate=Length(max=2 * LABEL_LENGTH)),
        validate=Length(max=MOST_ENTRIES),
    )
    parties = fields.Dict(
        keys=fields.String(validate=Length(max=PARTY_LENGTH)),
        values=fields.String(validate=Length(max=NAME_LENGTH)),
        validate=Length(max=MOST_ENTRIES),
    )
    unheard = fields.List(fields.String(validate=Length(max=LABEL_LENGTH)), validate=Length(max=99))


class Asking(Payload):
    party = Said(PARTY_LENGTH)
    name = Words(NAME_LENGTH)


class Statement(Payload):
    """What somebody said, or that they did not want to say anything."""

    party = Said(PARTY_LENGTH)
    name = Words(NAME_LENGTH)
    said = Words(TEXT_LENGTH)
    declined = fields.Boolean()

    @validates_schema
    def told(self, statement: dict[str, Any], **_: Any) -> None:
        """Q4: words, or that there are none."""
        if not (statement.get("said") or "").strip() and not statement.get("declined"):
            raise ValidationError("Write what was said, or that the person declined.")


class ContractOut(Payload):
    contractor = Id(required=True)
    note = Words(TEXT_LENGTH)


class Offer(Payload):
    answer = fields.String(required=True, validate=OneOf(ANSWERS))


class HandingOver(Payload):
    """Q10: only the police look through things or rooms; no payload here tells of such a look."""

    station = Said(NAME_LENGTH)
    officer = Words(NAME_LENGTH)
    receipt = Words()
    handed_by = Words(NAME_LENGTH)


class Finding(Payload):
    where = Said()
    note = Words(TEXT_LENGTH)
    photos = Photos()


class Return(Payload):
    to = Said(NAME_LENGTH)
    note = Words(TEXT_LENGTH)


class Telling(Payload):
    said = Said(TEXT_LENGTH)


class Step(Payload):
    next_action = Said()
    next_action_at = fields.AwareDateTime(required=True)


class Closing(Payload):
    outcome = fields.String(required=True, validate=OneOf(OUTCOMES))
    closing_note = Words(TEXT_LENGTH)


class Reason(Payload):
    reason = Said()
