"""Payloads of arrears. Amounts are whole cents. No list of outcomes cuts off water, power, heat or
gas, and no payload has a field for a photo of a home."""

from __future__ import annotations

from typing import Any

from marshmallow import fields
from marshmallow.validate import Length, NoneOf, OneOf, Range, Regexp

from sync.protocol.normalise import parse_hours
from sync.protocol.op import (
    MAX_LABEL_LENGTH,
    MAX_NAME_LENGTH,
    MAX_TEXT_LENGTH,
    Id,
    PastMoment,
    Payload,
    PlannedMoment,
)

CALL_OUTCOMES = ("reached", "unreachable", "wrong_number", "would_not_talk")
VISIT_OUTCOMES = ("met", "not_home", "would_not_talk")
MAX_CENTS = 10**11
MAX_LINES = 200

CENTS_VALIDATOR = Regexp(r"^-?\d{1,11}\Z", error="An amount is a whole number of cents.")
HOURS_VALIDATOR = Regexp(
    r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d\Z", error="Hours look like 09:00-11:30."
)


class HoursField(fields.String):
    """A span of hours: 09:00-11:30, or any other way of writing it that is clear."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        return parse_hours(text) or text


class ArrearsLineSchema(Payload):
    """One amount owed: for what, for which period, how much. A credit is negative."""

    what = fields.String(required=True, validate=Length(min=1, max=MAX_LABEL_LENGTH))
    period = fields.String(required=True, validate=Length(max=40))
    cents = fields.Integer(
        required=True, strict=True, validate=[Range(min=-MAX_CENTS, max=MAX_CENTS), NoneOf([0])]
    )


def ArrearsLines() -> fields.List[object]:  # noqa: N802 - named like a field type
    """A field for everything owed, line by line."""
    return fields.List(
        fields.Nested(ArrearsLineSchema), required=True, validate=Length(max=MAX_LINES)
    )


class ArrearsListPayload(Payload):
    unit = Id(required=True)
    lines = ArrearsLines()
    batch = fields.String(required=True, validate=Length(min=1, max=MAX_LABEL_LENGTH))


class ArrearsRelistPayload(Payload):
    """`payments_included`: whether the ledger has taken account of the payments that were recorded
    here. If it is absent, it has."""

    lines = ArrearsLines()
    batch = fields.String(required=True, validate=Length(min=1, max=MAX_LABEL_LENGTH))
    payments_included = fields.Boolean()


class ArrearsAssignPayload(Payload):
    collector_id = Id(required=True)


class ArrearsPreferPayload(Payload):
    """When a resident accepts calls. No other habits are recorded."""

    windows = fields.List(HoursField(validate=HOURS_VALIDATOR), validate=Length(max=4))
    do_not_call = fields.Boolean()


class ArrearsCallPayload(Payload):
    """U2, U11: `told` are the items that were named in the call, with their cents at that time."""

    outcome = fields.String(required=True, validate=OneOf(CALL_OUTCOMES))
    told = fields.Dict(
        keys=fields.String(validate=Length(min=1, max=MAX_LABEL_LENGTH + 50)),
        values=fields.String(validate=CENTS_VALIDATOR),
        validate=Length(max=MAX_LINES),
    )
    itemised = fields.Boolean()
    appointment_at = PlannedMoment(allow_none=True)
    override_reason = fields.String(allow_none=True, validate=Length(max=MAX_LABEL_LENGTH))
    note = fields.String(allow_none=True, validate=Length(max=MAX_TEXT_LENGTH))


class ArrearsAppointPayload(Payload):
    appointment_at = PlannedMoment(required=True)


class ArrearsDisputePayload(Payload):
    details = fields.String(required=True, validate=Length(min=1, max=MAX_TEXT_LENGTH))
    contact = fields.String(allow_none=True, validate=Length(max=MAX_LABEL_LENGTH))


class ArrearsResumePayload(Payload):
    ticket = Id(required=True)


class ArrearsReasonPayload(Payload):
    reason = fields.String(required=True, validate=Length(min=1, max=MAX_LABEL_LENGTH))


class ArrearsVisitPayload(Payload):
    outcome = fields.String(required=True, validate=OneOf(VISIT_OUTCOMES))
    apologised = fields.Boolean()
    went_in = fields.Boolean()
    in_at = PastMoment(allow_none=True)
    out_at = PastMoment(allow_none=True)
    note = fields.String(allow_none=True, validate=Length(max=MAX_LABEL_LENGTH))


class ArrearsPayPayload(Payload):
    cents = fields.Integer(required=True, strict=True, validate=Range(min=1, max=MAX_CENTS))
    receipt = fields.String(allow_none=True, validate=Length(max=MAX_NAME_LENGTH))
