"""Payloads of tasks."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf, Range

from sync.protocol.op import (
    MAX_LABEL_LENGTH,
    MAX_TEXT_LENGTH,
    Id,
    LocalizedLabel,
    Moment,
    Payload,
    PlannedMoment,
)
from sync.protocol.photos import Photos
from sync.work.dispositions import DISPOSITIONS, needs_note

MAX_ITEMS = 20


class TaskPlanPayload(Payload):
    """`planned_at` is given where the task is planned only after its window began."""

    schedule_id = Id(required=True, allow_none=True)
    code = fields.String(required=True, validate=Length(max=20))
    label = LocalizedLabel(required=True)
    area_id = Id(required=True)
    unit_id = Id(allow_none=True, load_default=None)
    responsible_id = Id(allow_none=True, load_default=None)
    role = fields.String(load_default="cleaner", validate=Length(max=20))
    window_start = Moment(required=True)
    window_end = PlannedMoment(required=True)
    needs_confirmation = fields.Boolean(load_default=False)
    items = fields.List(LocalizedLabel(), load_default=list, validate=Length(max=MAX_ITEMS))
    standing = fields.Boolean(load_default=False)
    grace = fields.Integer(strict=True, load_default=0, validate=Range(min=0, max=10080))
    planned_at = Moment()


class TaskReplanPayload(Payload):
    """What changed in the schedule of a task that is not finished.

    `planned_at` is given where a cancelled task is required again only after its window began.
    """

    label = LocalizedLabel()
    responsible_id = Id(allow_none=True)
    window_end = PlannedMoment()
    needs_confirmation = fields.Boolean()
    items = fields.List(LocalizedLabel(), validate=Length(max=MAX_ITEMS))
    grace = fields.Integer(strict=True, validate=Range(min=0, max=10080))
    planned_at = Moment()


class TaskReassignPayload(Payload):
    responsible_id = Id(required=True)


class TaskAssignPayload(Payload):
    """In version 1, the record did not say that a task arrived late."""

    label = fields.String(required=True, validate=Length(min=1, max=MAX_LABEL_LENGTH))
    area_id = Id(required=True)
    responsible_id = Id(required=True)
    window_end = PlannedMoment(required=True)
    reason = fields.String(required=True, validate=Length(min=1, max=MAX_LABEL_LENGTH))


class TaskCompletePayload(Payload):
    """The fields after the photos are the record of pest control [C10]: what was used, how much,
    how and by which firm, and how residents were told beforehand."""

    note = fields.String(validate=Length(max=MAX_TEXT_LENGTH))
    photos = Photos()
    agent = fields.String(validate=Length(max=MAX_LABEL_LENGTH))
    dose = fields.String(validate=Length(max=MAX_LABEL_LENGTH))
    method = fields.String(validate=Length(max=MAX_LABEL_LENGTH))
    firm = fields.String(validate=Length(max=MAX_LABEL_LENGTH))
    notice = fields.String(validate=Length(max=MAX_LABEL_LENGTH))


class TaskTickPayload(Payload):
    """`leaves` is the state of the task that the phone showed after the tap."""

    item = fields.Integer(required=True, strict=True, validate=Range(min=0, max=MAX_ITEMS - 1))
    leaves = fields.String(validate=OneOf(("open", "partial", "done")))


class TaskDisposePayload(Payload):
    disposition = fields.String(required=True, validate=OneOf(DISPOSITIONS))
    note = fields.String(allow_none=True, load_default=None, validate=Length(max=MAX_TEXT_LENGTH))

    @validates_schema
    def validate_note(self, payload: dict[str, Any], **_: Any) -> None:
        """T14: an excuse and an accountability case need a note. Raises ValidationError without
        one."""
        if needs_note(payload["disposition"]) and not (payload["note"] or "").strip():
            raise ValidationError("Say the reason, or what the case is about.")


class TaskReasonPayload(Payload):
    reason = fields.String(required=True, validate=Length(min=1, max=MAX_LABEL_LENGTH))


class TaskAmendPayload(Payload):
    note = fields.String(allow_none=True, validate=Length(max=MAX_TEXT_LENGTH))
    cancelled_at = Moment(allow_none=True)
    cancelled_by_id = Id(allow_none=True)
    cancel_reason = fields.String(allow_none=True, validate=Length(max=MAX_LABEL_LENGTH))
    responsible_id = Id(allow_none=True)
