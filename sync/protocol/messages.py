"""Marshmallow schemas of the requests and responses of `/sync`, and the checks of a raw op."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields
from marshmallow.validate import Length, OneOf, Range, Regexp

from sync.protocol.clock import parse_time
from sync.protocol.op import Id

MAX_OPS, MAX_BYTES, MAX_PAGE = 200, 1_000_000, 500
LIMITS = {"ops": MAX_OPS, "bytes": MAX_BYTES, "page": MAX_PAGE}
MAX_DEPTH = 16
MIN_APP_VERSION = "1"
MAX_SAFE_INTEGER = 2**53
"""JavaScript represents every whole number up to this one exactly."""

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


class MessageSchema(Schema):
    """A message. Unknown fields are ignored, so an old server accepts messages of a newer app."""

    class Meta:
        unknown = EXCLUDE


def CountField(**kwargs: Any) -> fields.Integer:  # noqa: N802 - named like a field type
    """A field for a whole number that JavaScript represents exactly."""
    return fields.Integer(strict=True, validate=Range(min=0, max=MAX_SAFE_INTEGER), **kwargs)


def NameField(**kwargs: Any) -> fields.String:  # noqa: N802
    """A field for a text of 1 to 100 characters without control characters."""
    return fields.String(validate=Regexp(r"^[^\x00-\x1f\x7f\ud800-\udfff]{1,100}\Z"), **kwargs)


def TimeField(**kwargs: Any) -> fields.String:  # noqa: N802
    """A field for a time with an offset from UTC, stored as the text that was sent."""
    return fields.String(validate=_validate_time, metadata={"format": "date-time"}, **kwargs)


def _validate_time(text: str) -> None:
    try:
        moment = parse_time(text)
    except (ValueError, OverflowError):
        moment = None
    # a clock restarts at 1970 after a flat battery, so that year is valid
    if moment is None or not 1970 <= moment.year < 2900:
        raise ValidationError("Not a time with an offset, like 2026-11-24T10:30:05+08:00.")


class OpSchema(Schema):
    """One op as phones send it."""

    class Meta:
        unknown = RAISE

    id = Id(required=True)
    n = fields.Integer(required=True, strict=True, validate=Range(min=1, max=MAX_SAFE_INTEGER))
    prev = fields.String(required=True, allow_none=True, validate=Length(max=64))
    hash = fields.String(required=True, validate=Regexp(r"^[0-9a-f]{64}\Z"))
    kind = fields.String(required=True, validate=Regexp(r"^[a-z_]{1,20}\.[a-z_]{1,20}\Z"))
    v = fields.Integer(required=True, strict=True, validate=Range(min=1, max=10_000))
    subject = Id(required=True)
    base = CountField(required=True, allow_none=True)
    after = Id(required=True, allow_none=True)
    by = Id(required=True)
    at = TimeField(required=True)
    mono = fields.Integer(strict=True, allow_none=True, validate=Range(min=0, max=10**12))
    boot = fields.String(allow_none=True, validate=Length(max=64))
    payload = fields.Dict(required=True, keys=fields.String())


class EnrolRequest(MessageSchema):
    code = NameField(required=True)
    label = NameField(required=True)
    lineage = NameField(required=True)


class EnrolResponse(MessageSchema):
    sync = fields.String()
    device = fields.String()
    token = fields.String()
    site = fields.String()
    people = fields.List(fields.Dict())


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


class LogHeadSchema(MessageSchema):
    """The number of the newest entry in the site's log, and its hash."""

    place = fields.Integer()
    link = fields.String()


class HelloResponse(MessageSchema):
    sync = fields.String()
    epoch = fields.String()
    received_at = fields.String()
    sent_at = fields.String()
    min_app = fields.String()
    accepts = fields.Dict(keys=fields.String(), values=fields.List(fields.Integer()))
    limits = fields.Dict(keys=fields.String(), values=fields.Integer())
    backup_watermark = fields.String(allow_none=True)
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


class PullResponse(MessageSchema):
    sync = fields.String()
    epoch = fields.String()
    changes = fields.List(fields.Nested(RecordChangeSchema))
    cursor = fields.String()
    more = fields.Boolean()
    head = fields.Integer()
    digest = fields.String()
    reset = fields.String(validate=OneOf(RESET_REASONS))


_op_schema = OpSchema()


def op_error(raw: Mapping[str, Any], computed_hash: str) -> str | None:
    """B1: why an op cannot be judged ("hash-mismatch" or "malformed"), or None if it can.

    `computed_hash` is the hash of the op as received. It is checked first, because an op that was
    damaged on the way is often malformed too.
    """
    if computed_hash != raw.get("hash", computed_hash):
        return "hash-mismatch"
    valid = _is_valid(raw) and is_portable_json(raw["payload"])
    return None if valid else "malformed"


def _is_valid(raw: Mapping[str, Any]) -> bool:
    try:
        _op_schema.load(raw)
    except (ValidationError, ValueError, TypeError):
        return False
    return True


def is_portable_json(value: Any) -> bool:
    """Whether a value has the same JSON text in every language: no floats, no integers beyond
    `MAX_SAFE_INTEGER`, no NUL, no lone surrogates."""
    if isinstance(value, str):
        return "\x00" not in value and not any("\ud800" <= c <= "\udfff" for c in value)
    if isinstance(value, dict):
        return all(
            is_portable_json(name) and is_portable_json(inner) for name, inner in value.items()
        )
    if isinstance(value, list):
        return all(map(is_portable_json, value))
    if isinstance(value, int):
        return abs(value) <= MAX_SAFE_INTEGER
    return not isinstance(value, float)


def json_depth(value: Any) -> int:
    """How many levels lists and objects are nested, up to `MAX_DEPTH` + 1. Iterative, so that deep
    input cannot exhaust the stack."""
    deepest, stack = 0, [(value, 1)]
    while stack and deepest <= MAX_DEPTH:
        inner, level = stack.pop()
        if isinstance(inner, dict | list):
            deepest = max(deepest, level)
            parts = inner.values() if isinstance(inner, dict) else inner
            stack.extend((part, level + 1) for part in parts)
    return deepest
