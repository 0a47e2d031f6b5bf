"""Photos: an op names them by hash; the bytes follow on their own."""

from __future__ import annotations

import re
from itertools import chain
from typing import Any, Protocol

from marshmallow import fields
from marshmallow.validate import Length, Range, Regexp

from sync.protocol.op import Accepted, Entry, Kind, Op, Payload

NAMED = re.compile(r"^[0-9a-f]{64}\Z")
SHA256 = Regexp(NAMED, error="A photo is named by its SHA-256, 64 hex digits.")
MOST_BYTES = 4 * 1024 * 1024
MOST_AT_ONCE = 9


def Photos() -> fields.List[str]:  # noqa: N802 - reads as the field type that it is
    """A field that names up to nine photos."""
    return fields.List(fields.String(validate=SHA256), validate=Length(max=MOST_AT_ONCE))


class Pictured(Protocol):
    """What the rules need to know of a record that has photos."""

    photos_here: int


class Attachment(Payload):
    sha256 = fields.String(required=True, validate=SHA256)
    bytes = fields.Integer(required=True, strict=True, validate=Range(min=1, max=MOST_BYTES))
    captured_at = fields.AwareDateTime(required=True)


class Arrival(Payload):
    sha256 = fields.String(required=True, validate=SHA256)
    here = fields.Integer(required=True, strict=True)


def attach(_: Any, __: Op) -> Accepted:
    """P1: a photo belongs to the record that its op names, whenever its bytes come."""
    return Accepted({})


def arrive(record: Pictured, op: Op) -> Accepted:
    """P2: the record shows how many of its photos are here; that number never falls."""
    return Accepted({"photos_here": max(record.photos_here, op.payload["here"])})


def photos_of(entry: Entry) -> list[str]:
    """Every photo that an op brings."""
    attached = [entry.payload["sha256"]] if entry.kind == "photo.attach" else []
    shots = chain.from_iterable(entry.payload.get("shots", {}).values())
    return [*entry.payload.get("photos", ()), *shots, *attached]


KINDS = {
    "photo.attach": Kind(payload=Attachment, rule=attach, type=None, fact=True),
    "photo.arrive": Kind(payload=Arrival, rule=arrive, type=None, fact=False, internal=True),
}
