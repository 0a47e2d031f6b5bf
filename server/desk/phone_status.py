"""What each phone says of itself, and what the log knows of it: holes, losses, whose hands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from server.db.engine import db
from server.models.access import Device
from server.models.feed import SiteHead
from server.models.oplog import Lineage, LoggedOp
from sync.protocol.hash_chain import Ranges, open_gaps

RECENT_OPS = 5_000
"""How many of the newest ops tell in whose hands a phone is: some days of a busy site."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Ops that are missing in the middle of a chain, since a later one came."""

    first: int
    last: int
    since: datetime | None


@dataclass(slots=True)
class PhoneStatus:
    """One phone as the desk reads it."""

    phone: Device
    gaps: list[Gap] = field(default_factory=list)
    lost: Ranges = field(default_factory=list)
    chain_count: int = 0

    @property
    def storage_percent(self) -> int | None:
        """How full the phone's storage is, in per cent."""
        told = self.phone.storage or {}
        usage, quota = told.get("usage"), told.get("quota")
        return round(100 * usage / quota) if quota and usage is not None else None

    @property
    def access_ended_at(self) -> datetime | None:
        return self.phone.lost_at or self.phone.revoked_at

    @property
    def seen_since_access_ended(self) -> bool:
        """Whether it has spoken since it was cut off; that alone clears nothing."""
        return bool(
            self.access_ended_at
            and self.phone.seen_at
            and self.phone.seen_at > self.access_ended_at
        )


def phone_statuses(site_id: str, phones: Iterable[Device]) -> list[PhoneStatus]:
    """H1, H3: every phone with the holes of its chains, and what it confessed to have lost."""
    found = {phone.id: PhoneStatus(phone) for phone in phones}
    chains = select(Lineage).where(Lineage.site_id == site_id).order_by(Lineage.lineage)
    for chain in db.session.scalars(chains):
        report = found.get(chain.device_id or "")
        if report:
            report.chain_count += 1
            report.lost += chain.lost
            report.gaps += [_gap(chain, *each) for each in open_gaps(chain.gaps, chain.lost)]
    return list(found.values())


def _gap(chain: Lineage, first: int, last: int) -> Gap:
    mine = LoggedOp.site_id == chain.site_id, LoggedOp.lineage == chain.lineage
    later = select(func.min(LoggedOp.received_at)).where(*mine, LoggedOp.n > last)
    return Gap(first, last, db.session.scalar(later))


def recent_users(site_id: str) -> dict[str, set[str]]:
    """Who worked on which phone lately."""
    judged = select(SiteHead.judged).where(SiteHead.site_id == site_id).scalar_subquery()
    who: Any = select(LoggedOp.device_id, LoggedOp.by).distinct()
    lately = LoggedOp.site_id == site_id, LoggedOp.place > judged - RECENT_OPS
    found: dict[str, set[str]] = defaultdict(set)
    known = LoggedOp.device_id.is_not(None), LoggedOp.by.is_not(None)
    for device_id, by in db.session.execute(who.where(*lately, *known)):
        found[device_id].add(by)
    return found


def stale_gaps(found: Iterable[PhoneStatus], before: datetime) -> list[tuple[PhoneStatus, Gap]]:
    """Holes that nobody filled or confessed for too long."""
    return [(one, gap) for one in found for gap in one.gaps if gap.since and gap.since < before]
