"""Importing a phone file: its ops go through the same processing as a push."""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from server.db.engine import db
from server.models.access import Device
from server.models.oplog import Lineage
from server.oplog.incoming import Source
from server.oplog.op_row import Answer
from server.oplog.receive import receive_ops, submit
from server.photos import uploads
from sync.protocol.clock import format_time
from sync.protocol.message_fields import MAX_OPS
from sync.review.outbox_imports import InvalidOutboxFile, OutboxFile


@dataclass(frozen=True, slots=True)
class ImportResult:
    """The verdict of each op, and how many photos were stored or rejected."""

    phone: Device
    answers: list[tuple[dict[str, Any], Answer]]
    accepted_photos: int
    rejected_photos: int
    signed: bool


def exporting_device(site_id: str, parcel: OutboxFile) -> Device | InvalidOutboxFile:
    """X5: the phone that made the file, or why the file is rejected: another site or phone."""
    if parcel.site != site_id:
        return InvalidOutboxFile("other-site")
    phone = db.session.get(Device, parcel.device)
    if phone is None or phone.site_id != site_id:
        return InvalidOutboxFile("unknown-phone")
    chain = db.session.get(Lineage, (site_id, parcel.lineage))
    if chain and chain.device_id != phone.id:
        return InvalidOutboxFile("other-phone")
    return phone


def is_signed(parcel: OutboxFile, phone: Device) -> bool:
    """X9: whether the phone itself signed the file: HMAC-SHA256 with the hash of its token, or of
    the next one."""
    return any(
        _fits(parcel, token_hash) for token_hash in (phone.token_hash, phone.next_token_hash)
    )


def _fits(parcel: OutboxFile, token_hash: str | None) -> bool:
    if token_hash is None:
        return False
    seal = hmac.new(bytes.fromhex(token_hash), parcel.signed_bytes, "sha256").hexdigest()
    return hmac.compare_digest(seal.encode(), str(parcel.seal).encode("utf-8", "replace"))


def import_outbox(site_id: str, parcel: OutboxFile, phone: Device, by: str) -> ImportResult:
    """X6, X9: each op gets the verdict that the phone would get, now and when it sends it itself.

    Ops of an unsigned file are quarantined and do not count for the phone's chain.
    """
    now, sealed = datetime.now(UTC), is_signed(parcel, phone)
    _record_import(site_id, parcel, by, sealed=sealed)
    sender = Source(
        received_at=now,
        sent_at=now - timedelta(milliseconds=phone.offset_ms or 0),  # by the phone's clock
        device_id=phone.id,
        lineage=parcel.lineage if sealed else None,
        lost=parcel.lost_numbers if sealed else (),
        revoked=bool(phone.revoked_at or phone.lost_at),
        is_live=False,
        signed=sealed,
    )
    answers: list[Answer] = []
    for start in range(0, max(len(parcel.ops), 1), MAX_OPS):
        answers += receive_ops(site_id, parcel.ops[start : start + MAX_OPS], sender).answers
    stored = [False] if sender.revoked else [_store_photo(site_id, shot) for shot in parcel.photos]
    pairs = list(zip(parcel.ops, answers, strict=True))
    return ImportResult(phone, pairs, sum(stored), len(stored) - sum(stored), sealed)


def _record_import(site_id: str, parcel: OutboxFile, by: str, *, sealed: bool) -> None:
    """Record who imports the file, before any of its ops."""
    counts = {"ops": len(parcel.ops), "pictures": len(parcel.photos)}
    details = {
        "device_id": parcel.device,
        "exported_at": format_time(parcel.exported_at),
        "sealed": sealed,
    }
    submit(site_id, "parcel.take", None, {**details, **counts}, by=by)


def _store_photo(site_id: str, shot: dict[str, Any]) -> bool:
    """Store a photo of the file. False if it is not a valid photo; True if it is already stored."""
    sha256 = shot["sha256"]
    if uploads.find_photo(site_id, sha256):
        return True
    try:
        content = base64.b64decode(shot["data"], validate=True)
        return not uploads.belongs_to_purged_only(site_id, sha256) and uploads.add_piece(
            site_id, sha256, content, None
        )
    except (binascii.Error, ValueError):  # InvalidPhoto is a ValueError
        return False
