"""Parcels: what a phone has not sent, as one file that somebody carries to the desk."""

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
from sync.protocol.messages import (
    MAX_BYTES,
    MAX_DEPTH,
    CountField,
    MessageSchema,
    NameField,
    TimeField,
    json_depth,
)
from sync.protocol.op import Accepted, Id, Kind, Op, Payload
from sync.protocol.photos import SHA256_PATTERN
from sync.protocol.roles import DESK_ONLY_AUDIENCE, DESK_ROLES
from sync.protocol.text import _l

MAX_FILE_BYTES = 32 * 1024 * 1024
"""A hundred photos, or as many ops as a phone makes in a month. A phone writes several files rather
than one that is larger."""

FORMAT_VERSION = 1
MAX_FILE_OPS = 20_000
MAX_FILE_PHOTOS = 1_000
MAX_FILE_LOST = 1_000


class OutboxPhotoSchema(MessageSchema):
    sha256 = fields.String(required=True, validate=Regexp(SHA256_PATTERN))
    bytes = CountField(required=True)
    data = fields.String(required=True)


class OutboxFileSchema(MessageSchema):
    """Ops go on as they are: each is read, and answered, by itself."""

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
    """What a file holds; `sealed` is the text that its seal is about."""

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
    """Why a file is not taken in; nothing was changed."""

    code: str


_outbox_schema = OutboxFileSchema()


def read_outbox_file(raw: bytes) -> OutboxFile | InvalidOutboxFile:
    """X5: a file that is too big, too deep, cut short, newer or no outbox is refused as a whole."""
    if len(raw) > MAX_FILE_BYTES:
        return InvalidOutboxFile("too-big")
    try:
        said = json.loads(raw)
    except RecursionError:
        return InvalidOutboxFile("too-deep")
    except ValueError:
        return InvalidOutboxFile("cut-short" if raw.lstrip()[:1] == b"{" else "no-outbox")
    if json_depth(said) > MAX_DEPTH:
        return InvalidOutboxFile("too-deep")  # nothing that a phone could ever send
    if not isinstance(said, dict) or said.get("lodge") != "outbox":
        return InvalidOutboxFile("no-outbox")
    if type(said.get("format")) is int and said["format"] > FORMAT_VERSION:
        return InvalidOutboxFile("newer-file")
    try:
        read = _outbox_schema.load(said)
    except ValidationError:
        return InvalidOutboxFile("damaged")
    if any(len(json.dumps(op)) > MAX_BYTES for op in read["ops"]):
        return InvalidOutboxFile("damaged")  # no phone makes an op that it could never send
    named = {n: read[n] for n in ("site", "device", "lineage", "ops", "photos", "seal")}
    exported_at, lost = parse_time(read["exported_at"]), tuple(read["lost"])
    return OutboxFile(
        **named, exported_at=exported_at, lost_numbers=lost, signed_bytes=_signed_bytes(said)
    )


def _signed_bytes(said: dict[str, Any]) -> bytes:
    """Ops by their hash and photos by their name: each is held against that when it is taken."""
    ops = [op.get("hash") for op in said["ops"]]
    photos = [shot["sha256"] for shot in said.get("photos", ())]
    told = {name: value for name, value in said.items() if name != "seal"}
    return canonical_json({**told, "ops": ops, "photos": photos})


class ParcelTakePayload(Payload):
    device_id = Id(required=True)
    exported_at = TimeField(required=True)
    ops = CountField(required=True)
    pictures = CountField(required=True)
    sealed = fields.Boolean(required=True)


def take(_: None, op: Op) -> Accepted:
    """X10: whoever takes in a file is written down, with the phone and how much was in it."""
    told = {**op.payload, "exported_at": parse_time(op.payload["exported_at"])}
    return Accepted({**told, "taken_at": op.occurred_at, "taken_by_id": op.by})


def state(_: Any) -> str:
    """It has been taken in, and that is all."""
    return "taken"


def visible_until(_: Any) -> str:
    """Never on a phone, so it does not matter how long."""
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
            states={},
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
)
