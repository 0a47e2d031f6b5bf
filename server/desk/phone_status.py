"""The status of phones: their own reports, and gaps, losses and users from the log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from flask_babel import gettext, ngettext
from sqlalchemy import func, select

from server.auth.sessions import current_user
from server.db.engine import db
from server.i18n.locale import moment
from server.models.access import Device
from server.models.feed import SiteHead
from server.models.oplog import Lineage, LoggedOp
from sync.protocol.hash_chain import Ranges, open_gaps
from sync.work.board import SILENT_AFTER, is_report_current, unsent_count

RECENT_OPS = 5_000
"""How many of the newest ops are searched for a phone's users: some days of a busy site."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Missing ops in a phone's chain: numbers `first` to `last`, since a later op arrived."""

    first: int
    last: int
    since: datetime | None


@dataclass(slots=True)
class PhoneStatus:
    """One phone with its gaps and losses."""

    phone: Device
    gaps: list[Gap] = field(default_factory=list)
    lost: Ranges = field(default_factory=list)
    chain_count: int = 0

    @property
    def storage_percent(self) -> int | None:
        """How full the phone's storage is, in per cent."""
        storage = self.phone.storage or {}
        usage, quota = storage.get("usage"), storage.get("quota")
        return round(100 * usage / quota) if quota and usage is not None else None

    @property
    def access_ended_at(self) -> datetime | None:
        return self.phone.lost_at or self.phone.revoked_at

    @property
    def seen_since_access_ended(self) -> bool:
        """Whether the phone made contact after it was blocked; it may still have its records."""
        return bool(
            self.access_ended_at
            and self.phone.seen_at
            and self.phone.seen_at > self.access_ended_at
        )


def phone_statuses(site_id: str, phones: Iterable[Device]) -> list[PhoneStatus]:
    """H1, H3: the status of each phone, with the gaps and reported losses of its chains."""
    statuses = {phone.id: PhoneStatus(phone) for phone in phones}
    chains = select(Lineage).where(Lineage.site_id == site_id).order_by(Lineage.lineage)
    for chain in db.session.scalars(chains):
        report = statuses.get(chain.device_id or "")
        if report:
            report.chain_count += 1
            report.lost += chain.lost
            report.gaps += [_gap(chain, *each) for each in open_gaps(chain.gaps, chain.lost)]
    return list(statuses.values())


def _gap(chain: Lineage, first: int, last: int) -> Gap:
    conditions = LoggedOp.site_id == chain.site_id, LoggedOp.lineage == chain.lineage
    later = select(func.min(LoggedOp.received_at)).where(*conditions, LoggedOp.n > last)
    return Gap(first, last, db.session.scalar(later))


@dataclass(frozen=True, slots=True)
class PhonesNow:
    """How many phones may still send something, and how many of them were silent for too long."""

    now: datetime
    count: int
    silent: int


def phones_now() -> PhonesNow:
    """D3: the phones of the current user's site, for the head of every page."""
    now = datetime.now(UTC)
    phones = db.session.execute(Device.contacts(current_user().site_id)).all()
    silent = sum(now - (phone.seen_at or phone.enrolled_at) > SILENT_AFTER for phone in phones)
    return PhonesNow(now, len(phones), silent)


def init_app(app: Flask) -> None:
    """Let every page say how many phones are silent, and what is unsent and missing of one."""
    app.jinja_env.globals |= {"unsent_text": unsent_text, "gap_text": gap_text}
    app.jinja_env.globals["phones_now"] = phones_now


def unsent_text(phone: Any, now: datetime) -> str:
    """D9: what a phone last reported as still unsent; when its last report is too old, that it is
    not known."""
    if phone.report is None:
        return gettext("not reported")
    count, photos = unsent_count(phone), phone.report.get("photos") or 0
    parts = []
    if count or photos:
        parts.append(ngettext("%(num)d to send", "%(num)d to send", count))
    if photos:
        parts.append(ngettext("%(num)d photo", "%(num)d photos", photos))
    said = ", ".join(parts)
    if parts and (oldest := phone.report.get("oldest")):
        said += " · " + gettext("oldest %(time)s", time=moment(oldest))
    said = said or gettext("nothing")
    return said if is_report_current(phone, now) else f"{gettext('not known; then:')} {said}"


def gap_text(gap: Gap) -> str:
    """Which records of a phone are missing, and since when."""
    count = gap.last - gap.first + 1
    span = gap.first if count == 1 else f"{gap.first}–{gap.last}"
    said = ngettext(
        "%(num)d record is missing: %(span)s",
        "%(num)d records are missing: %(span)s",
        count,
        span=span,
    )
    since = gettext("since %(time)s", time=moment(gap.since)) if gap.since else ""
    return " · ".join(filter(None, (said, since)))


def recent_users(site_id: str) -> dict[str, set[str]]:
    """The people who used each phone in the newest RECENT_OPS ops, by phone."""
    judged = select(SiteHead.judged).where(SiteHead.site_id == site_id).scalar_subquery()
    query: Any = select(LoggedOp.device_id, LoggedOp.by).distinct()
    recent = LoggedOp.site_id == site_id, LoggedOp.place > judged - RECENT_OPS
    users: dict[str, set[str]] = defaultdict(set)
    known = LoggedOp.device_id.is_not(None), LoggedOp.by.is_not(None)
    for device_id, by in db.session.execute(query.where(*recent, *known)):
        users[device_id].add(by)
    return users


def stale_gaps(statuses: Iterable[PhoneStatus], before: datetime) -> list[tuple[PhoneStatus, Gap]]:
    """Gaps that have been open since before a moment, neither filled nor reported lost."""
    return [
        (status, gap)
        for status in statuses
        for gap in status.gaps
        if gap.since and gap.since < before
    ]
