"""Payloads of inspections."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf, Range

from sync.protocol.op import (
    MAX_TEXT_LENGTH,
    Id,
    Payload,
    PlannedMoment,
)
from sync.protocol.photos import Photos

RESULTS = ("pass", "fail", "na")
ACTIONS = ("rectify", "fixed", "noted")
"""What follows from a failed criterion: a corrective action, nothing because it was fixed on the
spot, or nothing."""
MAX_PERFORMERS = 30

MAX_ITEMS = 60


def ItemIdField(**kwargs: Any) -> fields.String:  # noqa: N802 - named like a field type
    """A field for the id of a criterion within its checklist."""
    return fields.String(validate=Length(min=1, max=40), **kwargs)


def ByItemField(value: fields.Field[Any]) -> fields.Dict:  # noqa: N802
    """A field for a value for each of some criteria."""
    return fields.Dict(keys=ItemIdField(), values=value, validate=Length(max=MAX_ITEMS))


class InspectionRecordPayload(Payload):
    """The results of an inspection. `rest` is the result of the criteria that are not named.

    `actions` says what follows from each failed criterion, and `rest_action` from those that it
    does not name; without either nothing follows. `assign` says who puts a criterion right.
    `performers` did the work that is inspected, and `task_id` is the task that it was.
    """

    template_id = Id(required=True)
    edition = fields.Integer(required=True, strict=True, validate=Range(min=1, max=10_000))
    area = Id(allow_none=True, load_default=None)
    person = Id(allow_none=True, load_default=None)
    results = ByItemField(fields.String(validate=OneOf(RESULTS)))
    rest = fields.String(validate=OneOf(RESULTS))
    notes = ByItemField(fields.String(validate=Length(max=MAX_TEXT_LENGTH)))
    shots = ByItemField(Photos())
    photos = Photos()
    actions = ByItemField(fields.String(validate=OneOf(ACTIONS)))
    rest_action = fields.String(validate=OneOf(ACTIONS))
    assign = ByItemField(Id())
    responsible_id = Id(allow_none=True)
    performers = fields.List(Id(), validate=Length(max=MAX_PERFORMERS))
    task_id = Id(allow_none=True)

    @validates_schema
    def validate_subject(self, payload: dict[str, Any], **_: Any) -> None:
        """An inspection is about one area or one person. Raises ValidationError otherwise."""
        if bool(payload["area"]) == bool(payload["person"]):
            raise ValidationError("Name one area or one person.")


def actions_from_waived(payload: dict[str, Any]) -> dict[str, Any]:
    """Version 1 to 2: every failed criterion made a corrective action unless it was in `waive`."""
    kept = {name: value for name, value in payload.items() if name != "waive"}
    waived = payload.get("waive")
    named = {"actions": dict.fromkeys(waived, "fixed")} if waived else {}
    return {**kept, **named, "rest_action": "rectify"}


class InspectionRectifyPayload(Payload):
    item = ItemIdField(required=True)
    responsible_id = Id(allow_none=True)
    due_at = PlannedMoment(allow_none=True)


class InspectionMakeOfficialPayload(Payload):
    instead_of = Id(allow_none=True, load_default=None)
