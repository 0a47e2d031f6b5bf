"""Outbox imports: the unsent ops of a phone as one file that somebody brings to the desk."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from marshmallow import ValidationError, fields
from marshmallow.validate import Equal, Length, Regexp

from sync.protocol.clock import FOREVER, parse_time
from sync.protocol.feature import Feature, RecordType
from sync.protocol.json_codec import canonical_json
from sync.protocol.message_fields import (
    MAX_BYTES,
    MAX_DEPTH,
    CountField,
    MessageSchema,
    NameField,
    TimeField,
)
from sync.protocol.op import Accepted, Id, Kind, Op, Payload
from sync.protocol.op_validation import json_depth
from sync.protocol.photos import SHA256_PATTERN
from sync.protocol.roles import DESK_ONLY_AUDIENCE, DESK_ROLES
from sync.protocol.text import _l

MAX_FILE_BYTES = 32 * 1024 * 1024
"""Enough for a hundred photos, or the ops of a phone of a month. A phone splits a larger outbox
into several files."""

FORMAT_VERSION = 1
MAX_FILE_OPS = 20_000
MAX_FILE_PHOTOS = 1_000
MAX_FILE_LOST = 1_000


class OutboxPhotoSchema(MessageSchema):
    sha256 = fields.String(required=True, validate=Regexp(SHA256_PATTERN))
    bytes = CountField(required=True)
    data = fields.String(required=True)


class OutboxFileSchema(MessageSchema):
    """An outbox file. Ops are not validated here: each is received and answered on its own."""

    lodge = fields.String(required=True, validate=Equal("outbox"))
    format = fields.Integer(required=True, strict=True)
    site = NameField(required=True)
    device = NameField(required=True)
    lineage = NameField(required=True)
    exported_at = TimeField(required=True)
    lost = fields.List(CountField(), load_default=list, validate=Length(max=MAX_FILE_LOST))
    ops = fields.List(fields.Dict(), required=True, validate=Length(max=MAX_FILE_OPS))
    photos = fields.List(
        fields.Nested(OutboxPhotoSchema), load_default=list, validate=Length(max=MAX_FILE_PHOTOS)
    )
    seal = fields.Raw(load_default=None)


@dataclass(frozen=True, slots=True)
class OutboxFile:
    """The content of an outbox file. `signed_bytes` is what its seal signs."""

    site: str
    device: str
    lineage: str
    exported_at: datetime
    lost_numbers: tuple[int, ...]
    ops: list[dict[str, Any]]
    photos: list[dict[str, Any]]
    seal: Any
    signed_bytes: bytes


@dataclass(frozen=True, slots=True)
class InvalidOutboxFile:
    """The code of the reason why a file cannot be imported. Nothing was changed."""

    code: str


_outbox_schema = OutboxFileSchema()


def read_outbox_file(raw: bytes) -> OutboxFile | InvalidOutboxFile:
    """X5: a file that is too big, too deep, cut short, newer or no outbox is refused as a whole."""
    if len(raw) > MAX_FILE_BYTES:
        return InvalidOutboxFile("too-big")
    try:
        content = json.loads(raw)
    except RecursionError:
        return InvalidOutboxFile("too-deep")
    except ValueError:
        return InvalidOutboxFile("cut-short" if raw.lstrip()[:1] == b"{" else "no-outbox")
    if json_depth(content) > MAX_DEPTH:
        return InvalidOutboxFile("too-deep")  # a phone never sends anything so deep
    if not isinstance(content, dict) or content.get("lodge") != "outbox":
        return InvalidOutboxFile("no-outbox")
    if type(content.get("format")) is int and content["format"] > FORMAT_VERSION:
        return InvalidOutboxFile("newer-file")
    try:
        loaded = _outbox_schema.load(content)
    except ValidationError:
        return InvalidOutboxFile("damaged")
    if any(len(json.dumps(op)) > MAX_BYTES for op in loaded["ops"]):
        return InvalidOutboxFile("damaged")  # a phone never makes an op that is too big to send
    copied = {n: loaded[n] for n in ("site", "device", "lineage", "ops", "photos", "seal")}
    exported_at, lost_numbers = parse_time(loaded["exported_at"]), tuple(loaded["lost"])
    return OutboxFile(
        **copied,
        exported_at=exported_at,
        lost_numbers=lost_numbers,
        signed_bytes=_signed_bytes(content),
    )


def _signed_bytes(content: dict[str, Any]) -> bytes:
    """The signed content: ops and photos are represented by their hashes, which are checked
    later."""
    ops = [op.get("hash") for op in content["ops"]]
    photos = [photo["sha256"] for photo in content.get("photos", ())]
    fields_ = {name: value for name, value in content.items() if name != "seal"}
    return canonical_json({**fields_, "ops": ops, "photos": photos})


class ParcelTakePayload(Payload):
    device_id = Id(required=True)
    exported_at = TimeField(required=True)
    ops = CountField(required=True)
    pictures = CountField(required=True)
    sealed = fields.Boolean(required=True)


def take(_: None, op: Op) -> Accepted:
    """X10: an import is recorded with its author, the phone and the number of ops and photos."""
    fields_ = {**op.payload, "exported_at": parse_time(op.payload["exported_at"])}
    return Accepted({**fields_, "taken_at": op.occurred_at, "taken_by_id": op.by})


def state(_: Any) -> str:
    """An import has a single state."""
    return "taken"


def visible_until(_: Any) -> str:
    """An import never leaves the feed; only the desk sees it."""
    return FOREVER


KINDS = {
    "parcel.take": Kind(
        payload=ParcelTakePayload,
        rule=take,
        type="parcel",
        fact=False,
        creates=True,
        roles=DESK_ROLES,
        from_desk_only=True,
        label=_l("Phone file imported"),
    )
}


FEATURE = Feature(
    types={
        "parcel": RecordType(
            label=_l("Phone file"),
            state=state,
            visible_until=visible_until,
            audience=lambda _, __: DESK_ONLY_AUDIENCE,
            states={"taken": _l("imported")},
        ),
    },
    kinds=KINDS,
    fields={
        "device_id": _l("Phone"),
        "exported_at": _l("Exported at"),
        "ops": _l("Records"),
        "pictures": _l("Photos"),
        "sealed": _l("Signed by the phone"),
    },
    sentences={
        "parcel.take": (_l("%(who)s imported a phone's file: %(ops)s records"),),
    },
)
