"""Payloads of lost property.

No field describes a search of anybody's things, and no outcome sends a resident elsewhere or asks
for proof [E5, E6, E10].
"""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf

from sync.protocol.op import (
    MAX_LABEL_LENGTH,
    MAX_NAME_LENGTH,
    MAX_TEXT_LENGTH,
    Id,
    PastMoment,
    Payload,
    PlannedMoment,
)
from sync.protocol.photos import Photos

CHANNELS = ("in_person", "phone", "message", "letter", "on_round", "other")
POLICE_ANSWERS = ("yes", "no", "undecided")
OUTCOMES = ("returned", "police", "informed")
"""How a case may end: the item is returned, with the police, or the resident knows the whole
result."""

MAX_ENTRIES = 200
MAX_PARTY_LENGTH = 36 + 1 + MAX_NAME_LENGTH


def OptionalText(max_length: int = MAX_LABEL_LENGTH, **kwargs: Any) -> fields.String:  # noqa: N802
    """A field for a text that may be left out."""
    return fields.String(allow_none=True, validate=Length(max=max_length), **kwargs)


def RequiredText(max_length: int = MAX_LABEL_LENGTH) -> fields.String:  # noqa: N802
    """A field for a text that is required."""
    return fields.String(required=True, validate=Length(min=1, max=max_length))


class LostOpenPayload(Payload):
    item = RequiredText(MAX_NAME_LENGTH)
    details = OptionalText(MAX_TEXT_LENGTH)
    last_seen_at = PastMoment(allow_none=True)
    last_seen_where = OptionalText()
    unit = Id(allow_none=True)
    holds_personal_data = fields.Boolean(load_default=False)
    channel = fields.String(allow_none=True, validate=OneOf(CHANNELS))
    contact = OptionalText()
    declined_because = OptionalText()
    ticket = Id(allow_none=True)
    next_action = OptionalText()
    next_action_at = PlannedMoment(allow_none=True)
    photos = Photos()


class LostAmendPayload(Payload):
    item = fields.String(validate=Length(min=1, max=MAX_NAME_LENGTH))
    details = OptionalText(MAX_TEXT_LENGTH)
    last_seen_where = OptionalText()
    unit = Id(allow_none=True)


class LostContactPayload(Payload):
    """How to reach the resident, or the reason why they did not say."""

    contact = OptionalText()
    declined_because = OptionalText()

    @validates_schema
    def validate_contact(self, payload: dict[str, Any], **_: Any) -> None:
        """Q1: one of both. Raises ValidationError without either."""
        if not payload.get("contact") and not payload.get("declined_because"):
            raise ValidationError("Say how to reach the resident, or why that was not given.")


class LostCompilePayload(Payload):
    """The people who were in the home as known at that time: entries by id, names by party.

    `purposes` are the codes of what the entries were for, by id.
    """

    unit = Id(allow_none=True)
    since = PastMoment(required=True)
    before = PastMoment(required=True)
    entries = fields.Dict(
        keys=Id(),
        values=fields.String(validate=Length(max=2 * MAX_LABEL_LENGTH)),
        validate=Length(max=MAX_ENTRIES),
    )
    purposes = fields.Dict(
        keys=Id(),
        values=fields.String(validate=Length(max=MAX_LABEL_LENGTH)),
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
    """`answer_until`: by when this person is to give a statement."""

    party = RequiredText(MAX_PARTY_LENGTH)
    name = OptionalText(MAX_NAME_LENGTH)
    answer_until = PlannedMoment()


class LostStatePayload(Payload):
    """A person's statement, or that they declined to give one."""

    party = RequiredText(MAX_PARTY_LENGTH)
    name = OptionalText(MAX_NAME_LENGTH)
    said = OptionalText(MAX_TEXT_LENGTH)
    declined = fields.Boolean()

    @validates_schema
    def validate_statement(self, payload: dict[str, Any], **_: Any) -> None:
        """Q4: a statement has a text, or the person declined. Raises ValidationError without
        either."""
        if not (payload.get("said") or "").strip() and not payload.get("declined"):
            raise ValidationError("Write what was said, or that the person declined.")


class LostContractOutPayload(Payload):
    contractor = Id(required=True)
    note = OptionalText(MAX_TEXT_LENGTH)


class LostOfferPolicePayload(Payload):
    answer = fields.String(required=True, validate=OneOf(POLICE_ANSWERS))


class LostToPolicePayload(Payload):
    """Q10: only the police may search things or rooms, so no payload describes a search."""

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
    next_action_at = PlannedMoment(required=True)


class LostClosePayload(Payload):
    outcome = fields.String(required=True, validate=OneOf(OUTCOMES))
    closing_note = OptionalText(MAX_TEXT_LENGTH)


class LostReopenPayload(Payload):
    reason = RequiredText()
