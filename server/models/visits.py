"""Visits: expected, current and past visitors."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, Index, Select, false, func, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model
from server.models.directory import Directory
from server.models.registry import StoredType
from sync.protocol.normalise import name_key, plate_key


class Visit(Model):
    __tablename__ = "visit"
    __table_args__ = (
        Index(None, "site_id", "departed_at"),
        Index(None, "site_id", "arrived_at"),
        Index(None, "site_id", "host_unit"),
        Index(None, "site_id", "retained_from"),
        Index(None, "site_id", "purged_at"),
    )

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    visitor: Mapped[str]
    purpose: Mapped[str]
    host_unit: Mapped[str | None]
    host_person: Mapped[str | None]
    firm: Mapped[str | None]
    phone: Mapped[str | None]
    plate: Mapped[str | None]
    plate_key: Mapped[str] = mapped_column(default="", server_default="")
    name_key: Mapped[str] = mapped_column(default="", server_default="")
    note: Mapped[str | None]
    party_size: Mapped[int | None]
    id_checked: Mapped[bool]
    expected_at: Mapped[datetime | None]
    expected_by_id: Mapped[str | None]
    expected_from: Mapped[datetime | None]
    expected_until: Mapped[datetime | None]
    expected_minutes: Mapped[int | None]
    arrived_at: Mapped[datetime | None]
    arrived_by_id: Mapped[str | None]
    due_at: Mapped[datetime | None]
    departed_at: Mapped[datetime | None]
    departed_by_id: Mapped[str | None]
    presumed: Mapped[bool] = mapped_column(default=False)
    refused_at: Mapped[datetime | None]
    refused_by_id: Mapped[str | None]
    refuse_reason: Mapped[str | None]
    steps: Mapped[list[str]] = mapped_column(JSON, default=list)
    held_at: Mapped[datetime | None]
    held_by_id: Mapped[str | None]
    hold_reason: Mapped[str | None]
    retained_from: Mapped[datetime | None]
    purged_at: Mapped[datetime | None]
    photos: Mapped[list[str]] = mapped_column(JSON, default=list)
    photos_here: Mapped[int] = mapped_column(default=0)
    version: Mapped[int]

    @classmethod
    def not_purged(cls, site_id: str) -> Select[Any]:
        """Every visit that is not purged."""
        return select(cls).where(cls.site_id == site_id, cls.purged_at.is_(None))

    @classmethod
    def inside(cls, site_id: str) -> Select[Any]:
        """Visitors without a recorded departure, longest first."""
        conditions = cls.arrived_at.is_not(None), cls.departed_at.is_(None)
        return cls.not_purged(site_id).where(*conditions).order_by(cls.arrived_at, cls.id)

    @classmethod
    def count_overdue(cls, site_id: str, now: datetime) -> Select[Any]:
        """How many visitors are inside although their time is over."""
        inside = cls.purged_at.is_(None), cls.arrived_at.is_not(None), cls.departed_at.is_(None)
        conditions = cls.site_id == site_id, *inside, cls.due_at < now
        return select(func.count()).select_from(cls).where(*conditions)

    @classmethod
    def expected(cls, site_id: str) -> Select[Any]:
        """Pre-registered visits that were neither admitted nor refused, by expected time."""
        open_ = cls.arrived_at.is_(None), cls.departed_at.is_(None), cls.refused_at.is_(None)
        when = func.coalesce(cls.expected_from, cls.expected_until, cls.expected_at)
        return cls.not_purged(site_id).where(*open_).order_by(when, cls.id)

    @classmethod
    def search(
        cls,
        site_id: str,
        *,
        plate: str = "",
        who: str = "",
        unit: str = "",
        since: datetime | None = None,
        before: datetime | None = None,
    ) -> Select[Any]:
        """Visits by plate (any part), person (visitor or host), home and time, newest first.

        Finds everybody who was inside at any moment between `since` and `before`.
        """
        query = cls.not_purged(site_id)
        if plate:
            query = query.where(_contains(cls.plate_key, plate_key(plate)))
        if who:
            query = query.where(_contains(cls.name_key, name_key(who)))
        if unit:
            query = query.where(cls.host_unit == unit)
        if since:
            query = query.where(or_(cls.departed_at.is_(None), cls.departed_at >= since))
        if before:
            query = query.where(func.coalesce(cls.arrived_at, cls.expected_at) < before)
        return query.order_by(func.coalesce(cls.arrived_at, cls.expected_at).desc(), cls.id)


def _contains(column: Mapped[str], part: str) -> ColumnElement[bool]:
    """Whether a key contains this one; what is empty, such as a plate of signs, is in none."""
    return column.contains(part, autoescape=True) if part else false()


HIDDEN = frozenset(
    {"site_id", "version", "purged_at", "retained_from", "hold_reason", "held_by_id"}
    | {"plate_key", "name_key"}
)
"""Columns that phones do not get."""


def phone_body(visit: Mapping[str, Any], _: Directory) -> dict[str, Any]:
    """The body of a visit for phones."""
    return {name: value for name, value in visit.items() if name not in HIDDEN}


RECORDS = {
    "visit": StoredType(
        Visit,
        phone_body,
        {
            "host_unit_label": "host_unit",
            "expected_by": "expected_by_id",
            "arrived_by": "arrived_by_id",
            "departed_by": "departed_by_id",
            "refused_by": "refused_by_id",
        },
        derived={
            "plate_key": lambda visit: plate_key(visit.plate),
            "name_key": lambda visit: f"{name_key(visit.visitor)}\n{name_key(visit.host_person)}",
        },
    ),
}
