"""Payloads of patrols: routes, planned rounds, and what happens at a checkpoint."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf, Range

from sync.protocol.clock import SITE_ZONE
from sync.protocol.op import (
    MAX_LABEL_LENGTH,
    MAX_TEXT_LENGTH,
    Id,
    LocalizedLabel,
    Moment,
    Payload,
)
from sync.protocol.photos import Photos
from sync.work.dispositions import DISPOSITIONS, needs_note
from sync.work.recurrence_fields import (
    DaysField,
    RruleField,
    WindowField,
    ZoneField,
)

SCAN_METHODS = ("qr", "code", "manual")


class RouteAddPayload(Payload):
    """The checkpoints of a route, and when it is due."""

    label = LocalizedLabel(required=True)
    points = fields.List(Id(), required=True, validate=Length(min=1, max=200))
    fastest = fields.Integer(strict=True, load_default=0, validate=Range(min=0, max=3600))
    rrule = RruleField(allow_none=True, load_default=None)
    rdate = DaysField(load_default=list)
    exdate = DaysField(load_default=list)
    window = WindowField(allow_none=True, load_default=None)
    workdays_only = fields.Boolean(load_default=False)
    dtstart = Moment(required=True)
    tzid = ZoneField(load_default=str(SITE_ZONE))
    responsible_id = Id(allow_none=True, load_default=None)
    active = fields.Boolean(load_default=False)


class RouteChangePayload(Payload):
    label = LocalizedLabel()
    points = fields.List(Id(), validate=Length(min=1, max=200))
    fastest = fields.Integer(strict=True, validate=Range(min=0, max=3600))
    rrule = RruleField(allow_none=True)
    window = WindowField(allow_none=True)
    responsible_id = Id(allow_none=True)
    active = fields.Boolean()


class RoundPointSchema(Payload):
    """A checkpoint of a round. `seals` are the SHA-256 of the tokens of its valid labels."""

    checkpoint = Id(required=True)
    area_id = Id(required=True)
    label = LocalizedLabel(required=True)
    code = fields.String(required=True, validate=Length(max=10))
    seals = fields.List(fields.String(validate=Length(equal=64)), validate=Length(max=10))


class RoundPlanPayload(Payload):
    """`planned_at` is given where the round is planned only after its window began."""

    route_id = Id(required=True)
    label = LocalizedLabel(required=True)
    points = fields.List(fields.Nested(RoundPointSchema), required=True, validate=Length(max=200))
    fastest = fields.Integer(strict=True, load_default=0, validate=Range(min=0, max=3600))
    responsible_id = Id(allow_none=True, load_default=None)
    window_start = Moment(required=True)
    window_end = Moment(required=True)
    planned_at = Moment()


class RoundAmendPayload(Payload):
    """What changed in the route of a round, or in the labels of its checkpoints."""

    label = LocalizedLabel()
    points = fields.List(fields.Nested(RoundPointSchema), validate=Length(max=200))
    fastest = fields.Integer(strict=True, validate=Range(min=0, max=3600))
    responsible_id = Id(allow_none=True)
    window_end = Moment()
    cancelled_at = Moment(allow_none=True)


class RoundScanPayload(Payload):
    checkpoint = Id(required=True)
    method = fields.String(required=True, validate=OneOf(SCAN_METHODS))
    token = fields.String(validate=Length(max=64))
    note = fields.String(validate=Length(max=MAX_TEXT_LENGTH))
    photos = Photos()


class RoundFinePayload(Payload):
    checkpoint = Id(required=True)


class RoundSkipPayload(Payload):
    checkpoint = Id(required=True)
    reason = fields.String(required=True, validate=Length(min=1, max=MAX_LABEL_LENGTH))


class MovedScanSchema(Payload):
    """A scan that is moved, as its op recorded it, and why. `scan` is the id of that op."""

    scan = Id(required=True)
    checkpoint = Id(required=True)
    by_id = Id(required=True)
    at = Moment(required=True)
    method = fields.String(required=True, validate=OneOf(SCAN_METHODS))
    token = fields.String(validate=Length(max=64))
    note = fields.String(validate=Length(max=MAX_TEXT_LENGTH))
    because = fields.String(required=True, validate=Length(min=1, max=MAX_LABEL_LENGTH))


class RoundMovePayload(MovedScanSchema):
    """`to` is the patrol that the scan belongs to; None: it belongs to none."""

    to = Id(required=True, allow_none=True)


class RoundTakePayload(MovedScanSchema):
    """`source` is the patrol or the scan outside a patrol from which the scan came."""

    source = Id(required=True)


class RoundDisposePayload(Payload):
    """A decision about missed checkpoints of one patrol."""

    checkpoints = fields.List(Id(), required=True, validate=Length(min=1, max=200))
    disposition = fields.String(required=True, validate=OneOf(DISPOSITIONS))
    note = fields.String(allow_none=True, load_default=None, validate=Length(max=MAX_TEXT_LENGTH))

    @validates_schema
    def validate_note(self, payload: dict[str, Any], **_: Any) -> None:
        """N9: an excuse and an accountability case need a note. Raises ValidationError without
        one."""
        if needs_note(payload["disposition"]) and not (payload["note"] or "").strip():
            raise ValidationError("Say the reason, or what the case is about.")
