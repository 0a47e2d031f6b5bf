"""What people say of an account in arrears. Amounts are whole cents; no list of outcomes here cuts
off water, power, heat or gas, and no payload has room for a photo of somebody's home."""

from __future__ import annotations

from marshmallow import fields
from marshmallow.validate import Length, OneOf, Range, Regexp

from sync.protocol.op import LABEL_LENGTH, NAME_LENGTH, TEXT_LENGTH, Id, Payload

CALLS = ("reached", "unreachable", "wrong_number", "would_not_talk")
VISITS = ("met", "not_home", "would_not_talk")
MOST_CENTS = 10**11
MOST_LINES = 200

CENTS = Regexp(r"^\d{1,11}\Z", error="An amount is a whole number of cents.")
HOURS = Regexp(
    r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d\Z", error="Hours look like 09:00-11:30."
)


class Line(Payload):
    """One thing owed: what for, which period, how much."""

    what = fields.String(required=True, validate=Length(min=1, max=LABEL_LENGTH))
    period = fields.String(required=True, validate=Length(max=40))
    cents = fields.Integer(required=True, strict=True, validate=Range(min=1, max=MOST_CENTS))


def Lines() -> fields.List[object]:  # noqa: N802 - reads as the field that it is
    """Everything owed, line by line."""
    return fields.List(fields.Nested(Line), required=True, validate=Length(max=MOST_LINES))


class Listing(Payload):
    unit = Id(required=True)
    lines = Lines()
    batch = fields.String(required=True, validate=Length(min=1, max=LABEL_LENGTH))


class Relisting(Payload):
    lines = Lines()
    batch = fields.String(required=True, validate=Length(min=1, max=LABEL_LENGTH))


class Assignment(Payload):
    collector_id = Id(required=True)


class Preference(Payload):
    """When a customer accepts calls; nothing else is kept about how they live."""

    windows = fields.List(fields.String(validate=HOURS), validate=Length(max=4))
    do_not_call = fields.Boolean()


class Call(Payload):
    """U2, U11: `told` is what was named on the phone and its cents, as it stood at that moment."""

    outcome = fields.String(required=True, validate=OneOf(CALLS))
    told = fields.Dict(
        keys=fields.String(validate=Length(min=1, max=LABEL_LENGTH + 50)),
        values=fields.String(validate=CENTS),
        validate=Length(max=MOST_LINES),
    )
    itemised = fields.Boolean()
    appointment_at = fields.AwareDateTime(allow_none=True)
    override_reason = fields.String(allow_none=True, validate=Length(max=LABEL_LENGTH))
    note = fields.String(allow_none=True, validate=Length(max=TEXT_LENGTH))


class Appointment(Payload):
    appointment_at = fields.AwareDateTime(required=True)


class Complaint(Payload):
    details = fields.String(required=True, validate=Length(min=1, max=TEXT_LENGTH))
    contact = fields.String(allow_none=True, validate=Length(max=LABEL_LENGTH))


class Resumption(Payload):
    ticket = Id(required=True)


class Reason(Payload):
    reason = fields.String(required=True, validate=Length(min=1, max=LABEL_LENGTH))


class Visit(Payload):
    outcome = fields.String(required=True, validate=OneOf(VISITS))
    apologised = fields.Boolean()
    note = fields.String(allow_none=True, validate=Length(max=LABEL_LENGTH))


class Payment(Payload):
    cents = fields.Integer(required=True, strict=True, validate=Range(min=1, max=MOST_CENTS))
    receipt = fields.String(allow_none=True, validate=Length(max=NAME_LENGTH))
