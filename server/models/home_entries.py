"""Home entries: who was in which home, and when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Index, Select, and_, func, or_, select, true
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model
from server.models.directory import Directory
from server.models.registry import StoredType
from sync.gate.home_entries import MAX_STAY, party_key


class HomeEntry(Model):
    __tablename__ = "entry"
    __table_args__ = (
        Index(None, "site_id", "unit", "in_at"),
        Index(None, "site_id", "in_at"),
        Index(None, "site_id", "out_at"),
        Index(None, "site_id", "joined_at"),
        Index(None, "site_id", "ticket"),
        Index(None, "site_id", "visit"),
        Index(None, "site_id", "purged_at"),
    )

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    unit: Mapped[str]
    purpose: Mapped[str | None]
    worker_id: Mapped[str | None]
    worker: Mapped[str | None]
    contractor: Mapped[str | None]
    ticket: Mapped[str | None]
    visit: Mapped[str | None]
    in_at: Mapped[datetime | None]
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
    joined_to: Mapped[str | None]
    joined_at: Mapped[datetime | None]
    joined_by_id: Mapped[str | None]
    purged_at: Mapped[datetime | None]
    version: Mapped[int]

    @property
    def known_at(self) -> datetime:
        """The earliest time at which the worker is known to have been in the home."""
        return self.in_at or self.out_at or self.recorded_at

    @classmethod
    def by_time(cls) -> ColumnElement[datetime]:
        """`known_at` in a query."""
        return func.coalesce(cls.in_at, cls.out_at, cls.recorded_at)

    @classmethod
    def valid(cls, site_id: str) -> Select[Any]:
        """Entries that were neither voided nor joined with another one, oldest first."""
        conditions = cls.site_id == site_id, cls.struck_at.is_(None), cls.joined_to.is_(None)
        return select(cls).where(*conditions).order_by(cls.by_time(), cls.id)

    @classmethod
    def unpaired(cls, site_id: str, since: datetime) -> Select[Any]:
        """J7: entries without an end, and the exits since a moment that may be theirs."""
        return cls.valid(site_id).where(or_(cls.out_at.is_(None), cls.out_at >= since))

    @classmethod
    def joined_since(cls, site_id: str, moment: datetime) -> Select[Any]:
        """J7: exits that were joined with their entry since a moment, newest first."""
        conditions = cls.site_id == site_id, cls.joined_at >= moment
        return select(cls).where(*conditions).order_by(cls.joined_at.desc(), cls.id)

    @classmethod
    def linked(cls, site_id: str, *, ticket: str = "", visit: str = "") -> Select[Any]:
        """The valid entries that belong to a ticket or a visit, oldest first."""
        which = cls.ticket == ticket if ticket else cls.visit == visit
        return cls.valid(site_id).where(which)

    @classmethod
    def overlaps(cls, since: datetime | None, before: datetime | None) -> ColumnElement[bool]:
        """J5, J8: whether an entry may overlap a period. Where the time of one end is not known,
        the worker may have been there `MAX_STAY` before the other."""
        overlap: list[ColumnElement[bool]] = []
        if since:
            is_open = cls.out_at.is_(None) & or_(cls.in_at.is_not(None), cls.recorded_at >= since)
            overlap.append(or_(is_open, cls.out_at >= since))
        if before:
            is_possible = cls.in_at.is_(None) & (cls.by_time() < before + MAX_STAY)
            overlap.append(or_(cls.in_at < before, is_possible))
        return and_(true(), *overlap)

    @classmethod
    def search(cls, site_id: str, *, unit: str, since: datetime, before: datetime) -> Select[Any]:
        """J5, J8: entries into a home that may overlap a period, newest first."""
        ours = cls.site_id == site_id, cls.joined_to.is_(None), cls.unit == unit
        query = select(cls).where(*ours, cls.overlaps(since, before))
        return query.order_by(cls.by_time().desc(), cls.id)


def phone_body(entry: Mapping[str, Any], names: Directory) -> dict[str, Any]:
    """The body of a home entry for phones."""
    hidden = ("site_id", "version", "purged_at", "received_at", "struck_by_id", "joined_by_id")
    shown = {name: value for name, value in entry.items() if name not in hidden}
    return {
        **shown,
        "party": party_key(entry),
        "who": names.person_name(entry["worker_id"]) or entry["worker"],
    }


RECORDS = {
    "entry": StoredType(
        HomeEntry,
        phone_body,
        {
            "unit_label": "unit",
            "contractor_name": "contractor",
            "recorded_by": "recorded_by_id",
            "out_by": "out_by_id",
        },
    ),
}
