"""Payloads of visits. No field can hold the number of an identity document."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf, Range

from sync.protocol.op import MAX_LABEL_LENGTH, MAX_NAME_LENGTH, Id, Payload, PlannedMoment

PURPOSES = ("business", "family", "service", "other")
STEPS = ("greeted", "seated", "answered", "soothed", "guided", "farewell")
"""The steps of a reception at the gate or desk, in their order. None of them is required."""

MAX_MINUTES = 7 * 24 * 60
"""The longest planned stay in minutes: a week."""


class VisitArrivePayload(Payload):
    """There is no field for the number of an identity document, only whether one was checked."""

    visitor = fields.String(required=True, validate=Length(min=1, max=MAX_NAME_LENGTH))
    purpose = fields.String(required=True, validate=OneOf(PURPOSES))
    host_unit = Id(allow_none=True)
    host_person = fields.String(allow_none=True, validate=Length(max=MAX_NAME_LENGTH))
    firm = fields.String(allow_none=True, validate=Length(max=MAX_NAME_LENGTH))
    phone = fields.String(allow_none=True, validate=Length(max=20))
    plate = fields.String(allow_none=True, validate=Length(max=12))
    party_size = fields.Integer(strict=True, validate=Range(min=1, max=500))
    id_checked = fields.Boolean()
    expected_minutes = fields.Integer(strict=True, validate=Range(min=1, max=MAX_MINUTES))
    note = fields.String(allow_none=True, validate=Length(max=MAX_LABEL_LENGTH))
    steps = fields.List(fields.String(validate=OneOf(STEPS)), validate=Length(max=len(STEPS)))


class VisitExpectPayload(VisitArrivePayload):
    """A pre-registered visitor. Only the gate can record that a document was checked."""

    class Meta(Payload.Meta):
        exclude = ("id_checked", "steps")

    expected_from = PlannedMoment(allow_none=True)
    expected_until = PlannedMoment(allow_none=True)

    @validates_schema
    def validate_times(self, payload: dict[str, Any], **_: Any) -> None:
        """V6: a visit ends after it begins. Raises ValidationError otherwise."""
        start, end = payload.get("expected_from"), payload.get("expected_until")
        if start and end and end <= start:
            raise ValidationError("A visit ends after it begins.")


def assume_one_person(payload: dict[str, Any]) -> dict[str, Any]:
    """V16: up to version 1 a visit had one person where nobody had said how many."""
    return {"party_size": 1, **payload}


class VisitAdmitPayload(Payload):
    id_checked = fields.Boolean()
    expected_minutes = fields.Integer(strict=True, validate=Range(min=1, max=MAX_MINUTES))


class VisitReasonPayload(Payload):
    reason = fields.String(required=True, validate=Length(min=1, max=MAX_LABEL_LENGTH))


class VisitAttendPayload(Payload):
    step = fields.String(required=True, validate=OneOf(STEPS))


class VisitAmendPayload(Payload):
    visitor = fields.String(validate=Length(min=1, max=MAX_NAME_LENGTH))
    purpose = fields.String(validate=OneOf(PURPOSES))
    host_unit = Id(allow_none=True)
    host_person = fields.String(allow_none=True, validate=Length(max=MAX_NAME_LENGTH))
    firm = fields.String(allow_none=True, validate=Length(max=MAX_NAME_LENGTH))
    phone = fields.String(allow_none=True, validate=Length(max=20))
    plate = fields.String(allow_none=True, validate=Length(max=12))
    party_size = fields.Integer(strict=True, validate=Range(min=1, max=500))
    note = fields.String(allow_none=True, validate=Length(max=MAX_LABEL_LENGTH))
