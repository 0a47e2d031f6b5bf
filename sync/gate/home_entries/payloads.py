"""Payloads of home entries. None has a field for a photo of the inside of a home."""

from __future__ import annotations

from marshmallow import fields
from marshmallow.validate import Length, OneOf

from sync.protocol.op import (
    MAX_LABEL_LENGTH,
    MAX_NAME_LENGTH,
    MAX_TEXT_LENGTH,
    Id,
    PastMoment,
    Payload,
)

ACKNOWLEDGEMENTS = ("none", "verbal", "signature")


class EntryEndPayload(Payload):
    """The end of a home entry."""

    resident_present = fields.Boolean()
    second_person = fields.String(allow_none=True, validate=Length(max=MAX_NAME_LENGTH))
    acknowledgement = fields.String(validate=OneOf(ACKNOWLEDGEMENTS))
    remarks = fields.String(allow_none=True, validate=Length(max=MAX_TEXT_LENGTH))


class EntryBeginPayload(EntryEndPayload):
    """The worker: one of our staff by id, or a contractor's worker by name.

    Without either, the worker is the author of the op.
    """

    unit = Id(required=True)
    purpose = fields.String(required=True, validate=Length(min=1, max=MAX_LABEL_LENGTH))
    worker_id = Id(allow_none=True)
    worker = fields.String(allow_none=True, validate=Length(max=MAX_NAME_LENGTH))
    contractor = Id(allow_none=True)
    ticket = Id(allow_none=True)
    visit = Id(allow_none=True)


class EntryExitPayload(EntryBeginPayload):
    """Somebody who was seen leaving a home. Whoever saw it may not know what they did there."""

    purpose = fields.String(allow_none=True, validate=Length(max=MAX_LABEL_LENGTH))


class EntryTellPayload(EntryBeginPayload):
    """A home entry that is recorded afterwards, with the times that its author knows."""

    in_at = PastMoment(allow_none=True)
    out_at = PastMoment(allow_none=True)


class EntryAmendPayload(Payload):
    """What is corrected of who was there."""

    worker = fields.String(allow_none=True, validate=Length(max=MAX_NAME_LENGTH))
    second_person = fields.String(allow_none=True, validate=Length(max=MAX_NAME_LENGTH))


class EntryLeftPayload(EntryEndPayload):
    out_at = PastMoment(required=True)


class EntryStrikePayload(Payload):
    reason = fields.String(required=True, validate=Length(min=1, max=MAX_LABEL_LENGTH))


class EntryJoinPayload(Payload):
    """`into`: the entry that this exit belongs to."""

    into = Id(required=True)


class EntryAbsorbPayload(EntryEndPayload):
    """What a joined record knew: `entry` is its id, `out_by_id` who saw the exit."""

    entry = Id(required=True)
    out_at = PastMoment(allow_none=True)
    out_by_id = Id(allow_none=True)
    worker_id = Id(allow_none=True)
    worker = fields.String(allow_none=True, validate=Length(max=MAX_NAME_LENGTH))
    contractor = Id(allow_none=True)
    ticket = Id(allow_none=True)
    visit = Id(allow_none=True)


class EntryReleasePayload(Payload):
    entry = Id(required=True)
