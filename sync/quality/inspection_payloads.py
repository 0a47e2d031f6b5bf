"""Payloads of inspections."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf, Range

from sync.protocol.op import (
    MAX_TEXT_LENGTH,
    Id,
    Payload,
)
from sync.protocol.photos import Photos

RESULTS = ("pass", "fail", "na")


MAX_ITEMS = 60


def ItemIdField() -> fields.String:  # noqa: N802 - named like a field type
    """A field for the id of a criterion within its checklist."""
    return fields.String(validate=Length(min=1, max=40))


def ByItemField(value: fields.Field[Any]) -> fields.Dict:  # noqa: N802
    """A field for a value for each of some criteria."""
    return fields.Dict(keys=ItemIdField(), values=value, validate=Length(max=MAX_ITEMS))


class InspectionRecordPayload(Payload):
    """The results of an inspection. `rest` is the result of the criteria that are not named;
    `waive` are the criteria that were fixed on the spot."""

    template_id = Id(required=True)
    edition = fields.Integer(required=True, strict=True, validate=Range(min=1, max=10_000))
    area = Id(allow_none=True, load_default=None)
    person = Id(allow_none=True, load_default=None)
    results = ByItemField(fields.String(validate=OneOf(RESULTS)))
    rest = fields.String(validate=OneOf(RESULTS))
    notes = ByItemField(fields.String(validate=Length(max=MAX_TEXT_LENGTH)))
    shots = ByItemField(Photos())
    photos = Photos()
    waive = fields.List(ItemIdField(), validate=Length(max=MAX_ITEMS))
    responsible_id = Id(allow_none=True)

    @validates_schema
    def validate_subject(self, payload: dict[str, Any], **_: Any) -> None:
        """An inspection is about one area or one person. Raises ValidationError otherwise."""
        if bool(payload["area"]) == bool(payload["person"]):
            raise ValidationError("Name one area or one person.")


class InspectionMakeOfficialPayload(Payload):
    instead_of = Id(allow_none=True, load_default=None)
