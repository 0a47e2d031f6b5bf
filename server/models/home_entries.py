"""Home entries: who was in which home, and when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Index, Select, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model
from server.models.directory import Directory
from server.models.registry import StoredType
from sync.gate.home_entries import party_key


class HomeEntry(Model):
    __tablename__ = "entry"
    __table_args__ = (Index(None, "site_id", "unit", "in_at"), Index(None, "site_id", "in_at"))

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    unit: Mapped[str]
    purpose: Mapped[str]
    worker_id: Mapped[str | None]
    worker: Mapped[str | None]
    contractor: Mapped[str | None]
    ticket: Mapped[str | None]
    visit: Mapped[str | None]
    in_at: Mapped[datetime]
    out_at: Mapped[datetime | None]
    out_by_id: Mapped[str | None]
    afterwards: Mapped[bool] = mapped_column(default=False)
    recorded_at: Mapped[datetime]
    recorded_by_id: Mapped[str]
    received_at: Mapped[datetime]
    resident_present: Mapped[bool | None]
    second_person: Mapped[str | None]
    acknowledgement: Mapped[str | None]
    remarks: Mapped[str | None]
    struck_at: Mapped[datetime | None]
    struck_by_id: Mapped[str | None]
    struck_because: Mapped[str | None]
    version: Mapped[int]

    @classmethod
    def inside(cls, site_id: str) -> Select[Any]:
        """Entries without a recorded end, longest first."""
        conditions = cls.site_id == site_id, cls.out_at.is_(None), cls.struck_at.is_(None)
        return select(cls).where(*conditions).order_by(cls.in_at, cls.id)

    @classmethod
    def search(
        cls,
        site_id: str,
        *,
        unit: str = "",
        who: str = "",
        since: datetime | None = None,
        before: datetime | None = None,
        names: Directory | None = None,
    ) -> Select[Any]:
        """J5: entries into a home that overlap a period, newest first."""
        query = select(cls).where(cls.site_id == site_id)
        if unit:
            query = query.where(cls.unit == unit)
        if who:
            people = [id_ for id_, name in (names.people if names else {}).items() if who in name]
            firms = [id_ for id_, n in (names.contractors if names else {}).items() if who in n]
            named = cls.worker.contains(who, autoescape=True)
            by_id = or_(cls.worker_id.in_(people), cls.contractor.in_(firms))
            query = query.where(or_(named, by_id))
        if since:
            query = query.where(or_(cls.out_at.is_(None), cls.out_at >= since))
        if before:
            query = query.where(cls.in_at < before)
        return query.order_by(cls.in_at.desc(), cls.id)


def phone_body(entry: Mapping[str, Any], names: Directory) -> dict[str, Any]:
    """The body of a home entry for phones."""
    hidden = ("site_id", "version", "received_at", "out_by_id", "struck_by_id")
    shown = {name: value for name, value in entry.items() if name not in hidden}
    return {
        **shown,
        "party": party_key(entry),
        "who": names.person_name(entry["worker_id"]) or entry["worker"],
        "unit_label": names.unit_label(entry["unit"]),
        "contractor_name": names.contractor_name(entry["contractor"]),
        "recorded_by": names.person_name(entry["recorded_by_id"]),
        "out_by": names.person_name(entry["out_by_id"]),
    }


RECORDS = {
    "entry": StoredType(HomeEntry, phone_body),
}
