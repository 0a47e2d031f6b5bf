"""Photos: an op names them by their hash; the bytes are uploaded separately."""

from __future__ import annotations

import re
from itertools import chain
from typing import Any, Protocol

from marshmallow import fields
from marshmallow.validate import Length, Range, Regexp

from sync.protocol.feature import Feature
from sync.protocol.op import Accepted, HistoryEntry, Kind, Moment, Op, Payload
from sync.protocol.text import _l

SHA256_PATTERN = re.compile(r"^[0-9a-f]{64}\Z")
SHA256_VALIDATOR = Regexp(SHA256_PATTERN, error="A photo is named by its SHA-256, 64 hex digits.")
MAX_PHOTO_BYTES = 4 * 1024 * 1024
MAX_PHOTOS_PER_OP = 9
MAX_PHOTOS_OF_RECORD = 1_000_000


def Photos() -> fields.List[str]:  # noqa: N802 - named like a field type
    """A field that names up to nine photos by their SHA-256."""
    return fields.List(
        fields.String(validate=SHA256_VALIDATOR), validate=Length(max=MAX_PHOTOS_PER_OP)
    )


class RecordWithPhotos(Protocol):
    """The field of a record with photos that the rules read."""

    photos_here: int


class PhotoAttachPayload(Payload):
    sha256 = fields.String(required=True, validate=SHA256_VALIDATOR)
    bytes = fields.Integer(required=True, strict=True, validate=Range(min=1, max=MAX_PHOTO_BYTES))
    captured_at = Moment(required=True)


class PhotoArrivePayload(Payload):
    """`digest` is the SHA-256 of the bytes as the server stores them, without metadata."""

    sha256 = fields.String(required=True, validate=SHA256_VALIDATOR)
    here = fields.Integer(
        required=True, strict=True, validate=Range(min=0, max=MAX_PHOTOS_OF_RECORD)
    )
    digest = fields.String(allow_none=True, load_default=None, validate=SHA256_VALIDATOR)


def attach(_: Any, __: Op) -> Accepted:
    """P1: a photo belongs to the record that its op names, whenever its bytes arrive."""
    return Accepted({})


def arrive(record: RecordWithPhotos, op: Op) -> Accepted:
    """P2: a record states how many of its photos have arrived; the number never decreases."""
    return Accepted({"photos_here": max(record.photos_here, op.payload["here"])})


def photos_of(entry: HistoryEntry) -> list[str]:
    """The SHA-256 of every photo that an op names."""
    attached = [entry.payload["sha256"]] if entry.kind == "photo.attach" else []
    shots = chain.from_iterable(entry.payload.get("shots", {}).values())
    return [*entry.payload.get("photos", ()), *shots, *attached]


KINDS = {
    "photo.attach": Kind(
        payload=PhotoAttachPayload, rule=attach, type=None, fact=True, label=_l("Photo added")
    ),
    "photo.arrive": Kind(
        payload=PhotoArrivePayload,
        rule=arrive,
        type=None,
        fact=False,
        from_server_only=True,
        label=_l("Photo received"),
    ),
}


FEATURE = Feature(
    kinds=KINDS,
    fields={
        "sha256": _l("Photo"),
        "captured_at": _l("Taken at"),
        "bytes": _l("File size (bytes)"),
        "here": _l("Received"),
        "digest": _l("Digest of the stored photo"),
    },
    sentences={
        "photo.attach": (_l("%(who)s added a photo"),),
        "photo.arrive": (_l("The photo arrived"),),
    },
)
