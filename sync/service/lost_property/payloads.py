"""What people say of something that was lost in a home.

There is no field for looking through anybody's things, and no outcome that sends a resident
elsewhere or asks them for a proof (E5, E6, E10).
"""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf

from sync.protocol.op import MAX_LABEL_LENGTH, MAX_NAME_LENGTH, MAX_TEXT_LENGTH, Id, Payload
from sync.protocol.photos import Photos

CHANNELS = ("in_person", "phone", "message", "letter", "on_round", "other")
POLICE_ANSWERS = ("yes", "no", "undecided")
OUTCOMES = ("returned", "police", "informed")
"""How a case may end: with its owner, with the police, or with a resident who knows it all."""

MAX_ENTRIES = 200
MAX_PARTY_LENGTH = 36 + 1 + MAX_NAME_LENGTH


def OptionalText(most: int = MAX_LABEL_LENGTH, **more: Any) -> fields.String:  # noqa: N802
    """A text that may be left out."""
    return fields.String(allow_none=True, validate=Length(max=most), **more)


def RequiredText(most: int = MAX_LABEL_LENGTH) -> fields.String:  # noqa: N802
    """A text that has to be there."""
    return fields.String(required=True, validate=Length(min=1, max=most))


class LostOpenPayload(Payload):
    item = RequiredText(MAX_NAME_LENGTH)
    details = OptionalText(MAX_TEXT_LENGTH)
    last_seen_at = fields.AwareDateTime(allow_none=True)
    last_seen_where = OptionalText()
    unit = Id(allow_none=True)
    holds_personal_data = fields.Boolean(load_default=False)
    channel = fields.String(load_default="in_person", validate=OneOf(CHANNELS))
    contact = OptionalText()
    declined_because = OptionalText()
    ticket = Id(allow_none=True)
    next_action = OptionalText()
    next_action_at = fields.AwareDateTime(allow_none=True)
    photos = Photos()

    @validates_schema
    def validate_contact(self, opening: dict[str, Any], **_: Any) -> None:
        """Q1: how to reach the resident, or why that was not given."""
        if not opening.get("contact") and not opening.get("declined_because"):
            raise ValidationError("Say how to reach the resident, or why that was not given.")


class LostCompilePayload(Payload):
    """Who was in the home, as known at that moment: entries by id, people by party."""

    unit = Id(allow_none=True)
    since = fields.AwareDateTime(required=True)
    before = fields.AwareDateTime(required=True)
    entries = fields.Dict(
        keys=Id(),
        values=fields.String(validate=Length(max=2 * MAX_LABEL_LENGTH)),
        validate=Length(max=MAX_ENTRIES),
    )
    parties = fields.Dict(
        keys=fields.String(validate=Length(max=MAX_PARTY_LENGTH)),
        values=fields.String(validate=Length(max=MAX_NAME_LENGTH)),
        validate=Length(max=MAX_ENTRIES),
    )
    unheard = fields.List(
        fields.String(validate=Length(max=MAX_LABEL_LENGTH)), validate=Length(max=99)
    )


class LostAskPayload(Payload):
    party = RequiredText(MAX_PARTY_LENGTH)
    name = OptionalText(MAX_NAME_LENGTH)


class LostStatePayload(Payload):
    """What somebody said, or that they did not want to say anything."""

    party = RequiredText(MAX_PARTY_LENGTH)
    name = OptionalText(MAX_NAME_LENGTH)
    said = OptionalText(MAX_TEXT_LENGTH)
    declined = fields.Boolean()

    @validates_schema
    def validate_statement(self, statement: dict[str, Any], **_: Any) -> None:
        """Q4: words, or that there are none."""
        if not (statement.get("said") or "").strip() and not statement.get("declined"):
            raise ValidationError("Write what was said, or that the person declined.")


class LostContractOutPayload(Payload):
    contractor = Id(required=True)
    note = OptionalText(MAX_TEXT_LENGTH)


class LostOfferPolicePayload(Payload):
    answer = fields.String(required=True, validate=OneOf(POLICE_ANSWERS))


class LostToPolicePayload(Payload):
    """Q10: only the police look through things or rooms; no payload here tells of such a look."""

    station = RequiredText(MAX_NAME_LENGTH)
    officer = OptionalText(MAX_NAME_LENGTH)
    receipt = OptionalText()
    handed_by = OptionalText(MAX_NAME_LENGTH)


class LostFindPayload(Payload):
    where = RequiredText()
    note = OptionalText(MAX_TEXT_LENGTH)
    photos = Photos()


class LostReturnPayload(Payload):
    to = RequiredText(MAX_NAME_LENGTH)
    note = OptionalText(MAX_TEXT_LENGTH)


class LostTellPayload(Payload):
    said = RequiredText(MAX_TEXT_LENGTH)


class LostNextPayload(Payload):
    next_action = RequiredText()
    next_action_at = fields.AwareDateTime(required=True)


class LostClosePayload(Payload):
    outcome = fields.String(required=True, validate=OneOf(OUTCOMES))
    closing_note = OptionalText(MAX_TEXT_LENGTH)


class LostReopenPayload(Payload):
    reason = RequiredText()
