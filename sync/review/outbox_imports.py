"""Parcels: what a phone has not sent, as one file that somebody carries to the desk."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from marshmallow import ValidationError, fields
from marshmallow.validate import Equal, Length, Regexp

from sync.protocol.clock import parse
from sync.protocol.digest import DESK, FOREVER
from sync.protocol.hash_chain import canonical
from sync.protocol.messages import BYTES, DEPTH, Count, Message, Name, Time, depth
from sync.protocol.op import Accepted, Id, Kind, Op, Payload
from sync.protocol.photos import NAMED

MOST_BYTES = 32 * 1024 * 1024
"""A hundred photos, or as many ops as a phone makes in a month. A phone writes several files rather
than one that is larger."""

FORMAT = 1
MOST_OPS = 20_000
MOST_PHOTOS = 1_000
MOST_LOST = 1_000


class Shot(Message):
    sha256 = fields.String(required=True, validate=Regexp(NAMED))
    bytes = Count(required=True)
    data = fields.String(required=True)


class Outbox(Message):
    """Ops go on as they are: each is read, and answered, by itself."""

    lodge = fields.String(required=True, validate=Equal("outbox"))
    format = fields.Integer(required=True, strict=True)
    site = Name(required=True)
    device = Name(required=True)
    lineage = Name(required=True)
    exported_at = Time(required=True)
    lost = fields.List(Count(), load_default=list, validate=Length(max=MOST_LOST))
    ops = fields.List(fields.Dict(), required=True, validate=Length(max=MOST_OPS))
    photos = fields.List(fields.Nested(Shot), load_default=list, validate=Length(max=MOST_PHOTOS))
    seal = fields.Raw(load_default=None)


@dataclass(frozen=True, slots=True)
class Parcel:
    """What a file holds; `sealed` is the text that its seal is about."""

    site: str
    device: str
    lineage: str
    exported_at: datetime
    lost: tuple[int, ...]
    ops: list[dict[str, Any]]
    photos: list[dict[str, Any]]
    seal: Any
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Wrong:
    """Why a file is not taken in; nothing was changed."""

    code: str


_outbox = Outbox()


def unpacked(raw: bytes) -> Parcel | Wrong:
    """X5: a file that is too big, too deep, cut short, newer or no outbox is refused as a whole."""
    if len(raw) > MOST_BYTES:
        return Wrong("too-big")
    try:
        said = json.loads(raw)
    except RecursionError:
        return Wrong("too-deep")
    except ValueError:
        return Wrong("cut-short" if raw.lstrip()[:1] == b"{" else "no-outbox")
    if depth(said) > DEPTH:
        return Wrong("too-deep")  # nothing that a phone could ever send
    if not isinstance(said, dict) or said.get("lodge") != "outbox":
        return Wrong("no-outbox")
    if type(said.get("format")) is int and said["format"] > FORMAT:
        return Wrong("newer-file")
    try:
        read = _outbox.load(said)
    except ValidationError:
        return Wrong("damaged")
    if any(len(json.dumps(op)) > BYTES for op in read["ops"]):
        return Wrong("damaged")  # no phone makes an op that it could never send
    named = {n: read[n] for n in ("site", "device", "lineage", "ops", "photos", "seal")}
    exported_at, lost = parse(read["exported_at"]), tuple(read["lost"])
    return Parcel(**named, exported_at=exported_at, lost=lost, sealed=_sealed(said))


def _sealed(said: dict[str, Any]) -> bytes:
    """Ops by their hash and photos by their name: each is held against that when it is taken."""
    ops = [op.get("hash") for op in said["ops"]]
    photos = [shot["sha256"] for shot in said.get("photos", ())]
    told = {name: value for name, value in said.items() if name != "seal"}
    return canonical({**told, "ops": ops, "photos": photos})


class Taking(Payload):
    device_id = Id(required=True)
    exported_at = Time(required=True)
    ops = Count(required=True)
    pictures = Count(required=True)
    sealed = fields.Boolean(required=True)


def take(_: None, op: Op) -> Accepted:
    """X10: whoever takes in a file is written down, with the phone and how much was in it."""
    told = {**op.payload, "exported_at": parse(op.payload["exported_at"])}
    return Accepted({**told, "taken_at": op.occurred_at, "taken_by_id": op.by})


def state(_: Any) -> str:
    """It has been taken in, and that is all."""
    return "taken"


def until(_: Any) -> str:
    """Never on a phone, so it does not matter how long."""
    return FOREVER


KINDS = {
    "parcel.take": Kind(
        payload=Taking, rule=take, type="parcel", fact=False, creates=True, roles=DESK, at_desk=True
    )
}
