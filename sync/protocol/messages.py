"""Marshmallow schemas of the requests and responses of `/sync`."""

from __future__ import annotations

from marshmallow import fields
from marshmallow.validate import Length, OneOf, Range, Regexp

from sync.protocol.labels import CERTAINTIES
from sync.protocol.message_fields import MAX_PAGE, CountField, MessageSchema, NameField, TimeField
from sync.protocol.op import Id
from sync.protocol.signatures import MAX_SIGNATURE_LENGTH

MIN_APP_VERSION = "1"


VERDICT_STATUSES = (
    "applied",
    "merged",
    "contested",
    "refused",
    "quarantined",
    "held",
    "waiting",
    "deferred",
    "fork",
)


RESET_REASONS = ("new", "epoch", "scope", "floor", "digest", "schema")


class EnrolRequest(MessageSchema):
    code = NameField(required=True)
    label = NameField(load_default="")
    model = NameField(load_default="")
    lineage = NameField(required=True)


class EnrolResponse(MessageSchema):
    sync = fields.String()
    device = fields.String()
    token = fields.String()
    site = fields.String()
    label = fields.String()
    people = fields.List(fields.Dict())


class KeyProofSchema(MessageSchema):
    """A key that the phone has, and its signature: of the key that follows it, or of itself."""

    credential = NameField(required=True)
    sig = fields.String(required=True, validate=Length(max=MAX_SIGNATURE_LENGTH))


class PersonSchema(MessageSchema):
    id = fields.String()
    name = fields.String()
    roles = fields.List(fields.String())


class UnlockRequest(MessageSchema):
    """Who types a PIN is named by id, or by their staff number; without either, nobody is found."""

    person = Id(allow_none=True, load_default=None)
    staff_number = NameField(allow_none=True, load_default=None)
    pin = NameField(required=True)
    public_key = fields.String(required=True, validate=Length(max=200))
    sent_at = TimeField(required=True)
    previous = fields.Nested(KeyProofSchema, allow_none=True, load_default=None)


class UnlockResponse(MessageSchema):
    sync = fields.String()
    credential = fields.String()
    person = fields.Nested(PersonSchema)
    roles = fields.List(fields.String())
    scope = fields.String()
    pin_must_change = fields.Boolean()
    """The credential proves nothing until the PIN is changed."""
    draft_secret = fields.String()
    """Seals the drafts of this person on phones."""


class PinRequest(MessageSchema):
    person = Id(required=True)
    pin = NameField(required=True)
    new_pin = NameField(required=True)
    sent_at = TimeField(required=True)
    key = fields.Nested(KeyProofSchema, allow_none=True, load_default=None)
    """The one that the person keeps; each other key of theirs is revoked."""


class PinResponse(MessageSchema):
    sync = fields.String()
    credential = fields.String(allow_none=True)
    """The one that was kept; None: the phone has to register a key with the new PIN."""
    person = fields.Nested(PersonSchema)


class LineageReportSchema(MessageSchema):
    n = CountField(load_default=0)
    hash = fields.String(allow_none=True, validate=Length(max=64))
    pending = fields.Dict(keys=NameField(), values=CountField(), load_default=dict)
    oldest = TimeField(allow_none=True, load_default=None)
    photos = CountField(load_default=0)
    photo_bytes = CountField(load_default=0)


class StorageSchema(MessageSchema):
    usage = CountField(allow_none=True)
    quota = CountField(allow_none=True)
    persisted = fields.Boolean(allow_none=True)


class KnownHeadSchema(MessageSchema):
    """The newest log entry of which the server informed the phone, and the epoch of the database
    then."""

    place = CountField(required=True)
    link = fields.String(required=True, validate=Regexp(r"^[0-9a-f]{64}\Z"))
    epoch = NameField(required=True)


MAX_EARLIER_LOGS = 8
"""Of so many earlier epochs a phone names the newest link that it received."""


class HelloRequest(MessageSchema):
    lineage = NameField(required=True)
    sent_at = TimeField(required=True)
    app = NameField(load_default="?")
    kinds = fields.Dict(keys=NameField(), values=fields.List(CountField()), load_default=dict)
    report = fields.Dict(
        keys=NameField(), values=fields.Nested(LineageReportSchema), load_default=dict
    )
    storage = fields.Nested(StorageSchema, load_default=dict)
    log = fields.Nested(KnownHeadSchema, allow_none=True, load_default=None)
    earlier_logs = fields.List(
        fields.Nested(KnownHeadSchema), load_default=list, validate=Length(max=MAX_EARLIER_LOGS)
    )


class LogHeadSchema(MessageSchema):
    """The number of the newest entry in the site's log, and its hash."""

    place = fields.Integer()
    link = fields.String()


class RevocationSchema(MessageSchema):
    """When the desk removed a phone, whether it was reported lost, and why in the desk's words."""

    at = fields.String()
    lost = fields.Boolean()
    because = fields.String(allow_none=True)


class HelloResponse(MessageSchema):
    sync = fields.String()
    epoch = fields.String()
    received_at = fields.String()
    sent_at = fields.String()
    min_app = fields.String()
    token = fields.String()
    """The next token of this phone, now and then; the old one is valid until the next hello."""
    lock = fields.Dict(keys=fields.String(), values=fields.Integer())
    """Seconds after which the phone locks itself: in the `background`, and `idle`."""
    revoked = fields.Nested(RevocationSchema, allow_none=True)
    accepts = fields.Dict(keys=fields.String(), values=fields.List(fields.Integer()))
    limits = fields.Dict(keys=fields.String(), values=fields.Integer())
    backup_watermark = fields.String(allow_none=True)
    credentials = fields.Dict(keys=fields.String(), values=fields.String())
    """The credential of each person on this phone that the server knows."""
    log = fields.Nested(LogHeadSchema)
    sites = fields.Dict(keys=fields.String(), values=fields.Dict())


class PushRequest(MessageSchema):
    """A batch of ops. They are validated one by one, so that an invalid op does not block the
    others."""

    lineage = NameField(required=True)
    sent_at = TimeField(required=True)
    lost = fields.List(CountField(), load_default=list, validate=Length(max=1000))
    ops = fields.List(fields.Dict(), required=True)


class VerdictSchema(MessageSchema):
    id = fields.String(allow_none=True)
    status = fields.String(validate=OneOf(VERDICT_STATUSES))
    code = fields.String()
    text = fields.String()
    seq = fields.Integer()
    version = fields.Integer()
    merge = fields.String()
    at = fields.String()
    """The corrected time of the op, if it is not the phone's own."""


class ReceiptSchema(MessageSchema):
    upto = fields.Integer()
    hash = fields.String(allow_none=True)


class PushResponse(MessageSchema):
    sync = fields.String()
    epoch = fields.String()
    verdicts = fields.List(fields.Nested(VerdictSchema))
    receipt = fields.Nested(ReceiptSchema)
    log = fields.Nested(LogHeadSchema)
    limits = fields.Dict(keys=fields.String(), values=fields.Integer())


class PullRequest(MessageSchema):
    cursor = fields.String(allow_none=True, load_default=None, validate=Length(max=1000))
    limit = fields.Integer(strict=True, load_default=MAX_PAGE, validate=Range(min=1))
    digest = fields.String(allow_none=True, load_default=None, validate=Length(max=16))
    """The phone's own digest of its records, sent only if it differs from the server's."""


class RecordChangeSchema(MessageSchema):
    type = fields.String()
    id = fields.String()
    version = fields.Integer()
    deleted = fields.Boolean()
    record = fields.Dict(allow_none=True)
    certainty = fields.Dict(keys=fields.String(), values=fields.String(validate=OneOf(CERTAINTIES)))
    """How sure it is who did something to the record: by id of the person, and by id and time where
    that differs. Absent where phones do not show it."""
    drop = fields.Boolean()
    """Instead of `deleted` and `record`: the phone need not hold the record any more."""


class PullResponse(MessageSchema):
    sync = fields.String()
    epoch = fields.String()
    changes = fields.List(fields.Nested(RecordChangeSchema))
    cursor = fields.String()
    more = fields.Boolean()
    head = fields.Integer()
    digest = fields.String()
    reset = fields.String(validate=OneOf(RESET_REASONS))
