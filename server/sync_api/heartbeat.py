"""The heartbeat of a phone: what its hello reports is compared with the log, and stored."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import update

from server.auth.devices import DeviceIdentity
from server.db.engine import db, write_transaction
from server.models.access import Device
from server.models.feed import SiteHead
from server.models.oplog import Lineage
from server.oplog import hash_chain
from server.oplog.security_log import log_access
from sync.protocol.clock import format_time, parse_time
from sync.protocol.hash_chain import open_gaps
from sync.work.board import active_phones


def record_heartbeat(
    phone: DeviceIdentity, hello: dict[str, Any], chain: Lineage | None, received_at: datetime
) -> None:
    """Store what a phone reports. `hello` is a loaded `HelloRequest`; `chain` is the lineage that
    it names, None if nothing of it has arrived."""
    report = hello["report"].get(phone.site_id)
    offset = received_at - parse_time(hello["sent_at"])
    values = {
        "seen_at": received_at,
        "lineage": hello["lineage"],
        "offset_ms": round(offset.total_seconds() * 1000),
        "app": hello["app"][:40],
        "report": report,
        "storage": hello["storage"],
    }
    if report is not None and is_fully_synced(chain, report):
        values["clear_at"] = received_at
    known = [hello["log"], *hello["earlier_logs"]] if hello["log"] else []
    mismatch = next((head for head in known if not _log_contains_known_head(phone, head)), None)
    foreign = None if mismatch else _head_of_unknown_epoch(phone, hello["log"])
    if mismatch or foreign:
        values["misfit"] = mismatch or foreign
    with write_transaction():
        db.session.execute(update(Device).where(Device.id == phone.id).values(values))
        # `heard_at` is part of what open desk pages compare to see that something has changed
        site = update(SiteHead).where(SiteHead.site_id == phone.site_id)
        db.session.execute(site.values(heard_at=received_at))
        if mismatch or foreign:
            details = {"action": "unknown_epoch"} if foreign else {}
            log_access("log_mismatch", site_id=phone.site_id, by=None, details=details)


def other_phones(phone: DeviceIdentity) -> list[dict[str, Any]]:
    """S7: the other phones of the site that may still send something: what each is called, its
    last contact, and until when everything made on it has arrived. A blocked phone learns none."""
    if phone.is_revoked:
        return []
    devices = db.session.scalars(Device.for_site(phone.site_id)).all()
    return [
        {
            "label": device.label,
            "seen_at": device.seen_at and format_time(device.seen_at),
            "clear_at": device.clear_at and format_time(device.clear_at),
        }
        for device in active_phones(devices)
        if device.id != phone.id
    ]


def revocation_of(phone: DeviceIdentity) -> dict[str, Any] | None:
    """When and why the phone was removed, for those who hold it; None for one in use."""
    if not phone.is_revoked:
        return None
    device = db.session.get_one(Device, phone.id)
    at = device.lost_at or device.revoked_at
    return {
        "at": at and format_time(at),
        "lost": device.lost_at is not None,
        "because": device.ended_because,
    }


def is_fully_synced(chain: Lineage | None, report: dict[str, Any]) -> bool:
    """Whether every op that the phone has made has arrived, or was declared lost."""
    if chain is None:
        return bool(report["n"] == 0)
    gaps = open_gaps(chain.gaps, chain.lost)
    return bool(report["n"] <= chain.upto and not gaps and not any(report["pending"].values()))


def _log_contains_known_head(phone: DeviceIdentity, known: dict[str, Any]) -> bool:
    """A15, A27. Whether the log still has an end that the phone received. After a restore only what
    is older than the backup can be compared."""
    if known["epoch"] != phone.epoch:
        shared = hash_chain.shared_length(phone.site_id, known["epoch"])
        if shared is None or known["place"] > shared:
            return True
    return hash_chain.contains_link(phone.site_id, known["place"], known["link"])


def _head_of_unknown_epoch(
    phone: DeviceIdentity, known: dict[str, Any] | None
) -> dict[str, Any] | None:
    """A27. The end that the phone received last, if nothing can be compared with it: this database
    never had its epoch, nor has the log its link. None otherwise, and if a mismatch is known."""
    if not known or known["epoch"] == phone.epoch:
        return None
    if hash_chain.shared_length(phone.site_id, known["epoch"]) is not None:
        return None
    is_in_log = hash_chain.contains_link(phone.site_id, known["place"], known["link"])
    has_misfit = db.session.get_one(Device, phone.id).misfit is not None
    return None if is_in_log or has_misfit else known
