"""Taking in what a phone could not send: through the one door, as if the phone had pushed it."""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from server.db.engine import db
from server.models import Device, Lineage
from server.oplog.receive import post, receive
from server.oplog.triage import Sender
from server.photos import uploads
from sync.protocol.clock import iso
from sync.protocol.messages import OPS
from sync.review.outbox_imports import Parcel, Wrong


@dataclass(frozen=True, slots=True)
class Taken:
    """Every op with its answer, and how the photos fared."""

    phone: Device
    answers: list[tuple[dict[str, Any], dict[str, Any]]]
    photos: int
    unusable: int
    sealed: bool


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


def is_sealed(parcel: Parcel, phone: Device) -> bool:
    """X9: whether the phone itself wrote the file: the key is what only it and we have of its
    token."""
    seal = hmac.new(bytes.fromhex(phone.token_hash), parcel.sealed, "sha256").hexdigest()
    return hmac.compare_digest(seal.encode(), str(parcel.seal).encode("utf-8", "replace"))


def take_in(site_id: str, parcel: Parcel, phone: Device, by: str) -> Taken:
    """X6, X9: each op gets the answer that the phone would get, now and when it sends them itself;
    without the seal they wait for the desk, and say nothing of the phone's chain."""
    now, sealed = datetime.now(UTC), is_sealed(parcel, phone)
    _write_down(site_id, parcel, by, sealed=sealed)
    sender = Sender(
        received_at=now,
        sent_at=now - timedelta(milliseconds=phone.offset_ms or 0),  # its clock, as last heard
        device_id=phone.id,
        lineage=parcel.lineage if sealed else None,
        lost=parcel.lost if sealed else (),
        revoked=bool(phone.revoked_at or phone.lost_at),
        spoke=False,
        sealed=sealed,
    )
    answers: list[dict[str, Any]] = []
    for start in range(0, max(len(parcel.ops), 1), OPS):
        taken = receive(site_id, parcel.ops[start : start + OPS], sender)
        uploads.tell_records(site_id, taken.photos)
        answers += taken.answers
    kept = [False] if sender.revoked else [_keep(site_id, shot) for shot in parcel.photos]
    pairs = list(zip(parcel.ops, answers, strict=True))
    return Taken(phone, pairs, sum(kept), len(kept) - sum(kept), sealed)


def _write_down(site_id: str, parcel: Parcel, by: str, *, sealed: bool) -> None:
    """Before anything is taken: nothing comes in of which nobody knows who brought it."""
    counts = {"ops": len(parcel.ops), "pictures": len(parcel.photos)}
    told = {"device_id": parcel.device, "exported_at": iso(parcel.exported_at), "sealed": sealed}
    post(site_id, "parcel.take", None, {**told, **counts}, by=by)


def _keep(site_id: str, shot: dict[str, Any]) -> bool:
    """A photo, or False where its bytes are none; one that is here already is fine."""
    sha256 = shot["sha256"]
    if uploads.here(site_id, sha256):
        return True
    try:
        whole = base64.b64decode(shot["data"], validate=True)
        return not uploads.let_go(site_id, sha256) and uploads.take(site_id, sha256, whole, None)
    except (binascii.Error, ValueError):  # Unusable is one, and says why to a phone
        return False
