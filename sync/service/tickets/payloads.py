"""Payloads of tickets.

Every list of outcomes is closed, and none of them sends a resident elsewhere [F3].
"""

from __future__ import annotations

import re
from typing import Any

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf, Range, Regexp

from sync.protocol.op import MAX_LABEL_LENGTH, MAX_NAME_LENGTH, MAX_TEXT_LENGTH, Id, Payload
from sync.protocol.photos import Photos
from sync.protocol.roles import ROLES, TRADES

CHANNELS = ("in_person", "phone", "message", "letter", "on_round", "other")
MATTERS = ("business", "enquiry", "report", "complaint")
CATEGORIES = ("broken", "dirty", "leaking", "dangerous", "other")
"""What is wrong, as one tap says it."""

VOICES = ("greeted", "answered", "farewell")
"""V17: what whoever received a resident says that they did: greeted, answered, said goodbye."""

FOUND_BY_US = "on_round"
"""The channel of a ticket that no resident asked for."""

NUMBER_PATTERN = re.compile(r"[1-9][0-9]{6}")
"""A number that the server gives: easy to say, and no telephone number."""

SLIP_PATTERN = r"^[0-9]{4}[A-Z2-7]{16}\Z"
"""The code of a slip: four check digits, and what its QR code has in addition."""

URGENCIES = ("normal", "urgent")
REACTIONS = ("satisfied", "unsatisfied", "unreachable")
ESCALATIONS = ("unclear", "urgent", "major")
RATED_QUALITIES = ("reception", "guidance", "patience", "language")
"""What a resident may be asked about how they were received [F15]."""

RATINGS = ("good", "fair", "poor")


def LongText(min_length: int = 1, **kwargs: Any) -> fields.String:  # noqa: N802 - named like a field
    """A field for a text that somebody wrote."""
    return fields.String(validate=Length(min=min_length, max=MAX_TEXT_LENGTH), **kwargs)


class TicketOpenPayload(Payload):
    """What is known of a matter when it is received. What is left out was not asked for yet.

    `number` and `slip` are the next of the phone's block of numbers.
    """

    channel = fields.String(allow_none=True, validate=OneOf(CHANNELS))
    matter = fields.String(allow_none=True, validate=OneOf(MATTERS))
    category = fields.String(allow_none=True, validate=OneOf(CATEGORIES))
    contact = fields.String(allow_none=True, validate=Length(max=MAX_LABEL_LENGTH))
    declined_because = fields.String(allow_none=True, validate=Length(max=MAX_LABEL_LENGTH))
    details = fields.String(load_default="", validate=Length(max=MAX_TEXT_LENGTH))
    area = Id(allow_none=True)
    unit = Id(allow_none=True)
    urgency = fields.String(validate=OneOf(URGENCIES))
    about_type = fields.String(validate=Length(max=20))
    about = Id(allow_none=True)
    promised_at = fields.AwareDateTime(allow_none=True)
    has_items = fields.Boolean()
    item = fields.String(allow_none=True, validate=Length(max=MAX_NAME_LENGTH))
    condition = fields.String(allow_none=True, validate=Length(max=MAX_LABEL_LENGTH))
    quantity = fields.Integer(allow_none=True, strict=True, validate=Range(min=1, max=9999))
    holder = fields.String(allow_none=True, validate=Length(max=MAX_NAME_LENGTH))
    done_on_the_spot = LongText()
    reaction = fields.String(validate=OneOf(("satisfied", "unsatisfied")))
    voices = fields.List(fields.String(validate=OneOf(VOICES)), validate=Length(max=len(VOICES)))
    photos = Photos()
    number = fields.String(validate=Regexp(rf"^{NUMBER_PATTERN.pattern}\Z"))
    slip = fields.String(validate=Regexp(SLIP_PATTERN))

    @validates_schema
    def validate_subject(self, payload: dict[str, Any], **_: Any) -> None:
        """K2: a category, details or a photo. Raises ValidationError without any of them."""
        is_described = payload["details"].strip() or payload.get("photos")
        if not is_described and not payload.get("category"):
            raise ValidationError("Say what it is about, or add a photo.")


class TicketRevisePayload(Payload):
    channel = fields.String(validate=OneOf(CHANNELS))
    matter = fields.String(validate=OneOf(MATTERS))
    category = fields.String(allow_none=True, validate=OneOf(CATEGORIES))
    declined_because = fields.String(allow_none=True, validate=Length(max=MAX_LABEL_LENGTH))
    details = LongText()
    urgency = fields.String(validate=OneOf(URGENCIES))
    area = Id(allow_none=True)
    unit = Id(allow_none=True)
    contact = fields.String(allow_none=True, validate=Length(max=MAX_LABEL_LENGTH))


class TicketHandOverPayload(Payload):
    """The receiver: a person, everybody with a role, or a contractor with an accountable manager.
    `trade`: of the repair workers, those with this trade."""

    handler_id = Id()
    role = fields.String(validate=OneOf(ROLES))
    trade = fields.String(validate=OneOf(TRADES))
    contractor_id = Id()
    accountable_id = Id()
    reason = LongText()

    @validates_schema
    def validate_receiver(self, payload: dict[str, Any], **_: Any) -> None:
        """K7: exactly one receiver, and no contractor without an accountable manager.

        Raises ValidationError otherwise.
        """
        if len({"handler_id", "role", "contractor_id"} & payload.keys()) != 1:
            raise ValidationError("Name one person, one post or one firm.")
        if ("contractor_id" in payload) != ("accountable_id" in payload):
            raise ValidationError("Name who of ours answers for the firm.")
        if "trade" in payload and payload.get("role") != "repair":
            raise ValidationError("Only repair workers have a trade.")


class TicketHoldPayload(Payload):
    for_id = Id(required=True)
    reason = LongText()


class TicketEscalatePayload(Payload):
    to_id = Id(required=True)
    reason = fields.String(required=True, validate=OneOf(ESCALATIONS))
    note = LongText()


class TicketReasonPayload(Payload):
    reason = LongText(required=True)


class TicketFollowPayload(Payload):
    text = LongText(required=True)


class TicketPromisePayload(Payload):
    promised_at = fields.AwareDateTime(required=True)


class TicketInformPayload(Payload):
    """An interim answer. `because`: why somebody who is not responsible gave it."""

    said = LongText(required=True)
    promised_at = fields.AwareDateTime(allow_none=True)
    because = LongText()


class TicketResolvePayload(Payload):
    how = LongText()
    photos = Photos()


class TicketFeedBackPayload(Payload):
    """The resident's response. `because`: why somebody who is not responsible gave the feedback."""

    reaction = fields.String(required=True, validate=OneOf(REACTIONS))
    note = LongText()
    because = LongText()
    marks = fields.Dict(
        keys=fields.String(validate=OneOf(RATED_QUALITIES)),
        values=fields.String(validate=OneOf(RATINGS)),
        validate=Length(max=len(RATED_QUALITIES)),
    )


class TicketEnquirePayload(Payload):
    who = fields.String(allow_none=True, validate=Length(max=MAX_NAME_LENGTH))
    answered = LongText(required=True)


class TicketRegisterPayload(Payload):
    """An item that belongs to the ticket. Its name identifies it within the ticket."""

    item = fields.String(required=True, validate=Length(min=1, max=MAX_NAME_LENGTH))
    condition = fields.String(allow_none=True, validate=Length(max=MAX_LABEL_LENGTH))
    quantity = fields.Integer(strict=True, validate=Range(min=1, max=9999))
    holder = fields.String(allow_none=True, validate=Length(max=MAX_NAME_LENGTH))
    photos = Photos()


class TicketPassItemPayload(Payload):
    item = fields.String(required=True, validate=Length(min=1, max=MAX_NAME_LENGTH))
    to = fields.String(required=True, validate=Length(min=1, max=MAX_NAME_LENGTH))


class TicketMergePayload(Payload):
    other_id = Id(required=True)


class TicketKeepApartPayload(Payload):
    """`apart` false takes it back."""

    other_id = Id(required=True)
    apart = fields.Boolean(load_default=True)


class TicketAbsorbPayload(Payload):
    """What the earlier ticket takes over from the later one."""

    from_id = Id(required=True)
    numbers = fields.List(fields.String(validate=Length(max=20)), validate=Length(max=50))
    receiver_ids = fields.List(Id(), validate=Length(max=50))


class TicketConcludePayload(Payload):
    """The end of the lost-property case that a ticket belongs to."""

    outcome = fields.String(required=True, validate=Length(max=20))


class TicketGiveWayPayload(Payload):
    into_id = Id(required=True)


class TicketSucceedPayload(Payload):
    from_id = Id(required=True)
    to_id = Id(required=True)
