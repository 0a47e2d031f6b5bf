"""Taking in what a phone could not send: through the one door, as if the phone had pushed it."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from server import oplog, photos
from server.db import db
from server.incoming import Sender
from server.tables import Device, Lineage
from sync.envelope import OPS
from sync.parcels import Parcel, Wrong

log = structlog.get_logger("lodge.parcels")


@dataclass(frozen=True, slots=True)
class Taken:
    """Every op with its answer, and how the photos fared."""

    phone: Device
    answers: list[tuple[dict[str, Any], dict[str, Any]]]
    photos: int
    unusable: int


def sender_of(site_id: str, parcel: Parcel) -> Device | Wrong:
    """X5: whose file it is; one of another site, or of a phone that is not ours, is refused."""
    if parcel.site != site_id:
        return Wrong("other-site")
    phone = db.session.get(Device, parcel.device)
    if phone is None or phone.site_id != site_id:
        return Wrong("unknown-phone")
    chain = db.session.get(Lineage, (site_id, parcel.lineage))
    if chain and chain.device_id != phone.id:
        return Wrong("other-phone")
    return phone


def take_in(site_id: str, parcel: Parcel, phone: Device, by: str) -> Taken:
    """X6: each op gets the answer that the phone would get, now and when it sends them itself."""
    now = datetime.now(UTC)
    sender = Sender(
        received_at=now,
        sent_at=now - timedelta(milliseconds=phone.offset_ms or 0),  # its clock, as last heard
        device_id=phone.id,
        lineage=parcel.lineage,
        lost=parcel.lost,
        revoked=bool(phone.revoked_at or phone.lost_at),
        spoke=False,
    )
    answers: list[dict[str, Any]] = []
    for start in range(0, max(len(parcel.ops), 1), OPS):
        taken = oplog.receive(site_id, parcel.ops[start : start + OPS], sender)
        photos.tell_records(site_id, taken.photos)
        answers += taken.answers
    kept = [False] if sender.revoked else [_keep(site_id, shot) for shot in parcel.photos]
    counts = {"ops": len(answers), "photos": sum(kept)}
    log.info("outbox taken in", site=site_id, device=phone.id, by=by, **counts)
    pairs = list(zip(parcel.ops, answers, strict=True))
    return Taken(phone, pairs, sum(kept), len(parcel.photos) - sum(kept))


def _keep(site_id: str, shot: dict[str, Any]) -> bool:
    """A photo, or False where its bytes are none; one that is here already is fine."""
    sha256 = shot["sha256"]
    if photos.here(site_id, sha256):
        return True
    try:
        whole = base64.b64decode(shot["data"], validate=True)
        return not photos.let_go(site_id, sha256) and photos.take(site_id, sha256, whole, None)
    except (binascii.Error, ValueError):  # Unusable is one, and says why to a phone
        return False
