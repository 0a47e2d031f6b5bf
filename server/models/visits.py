"""Visits: expected, current and past visitors."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Select, func, or_, select
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
    def count_overdue(cls, site_id: str, now: datetime) -> Select[Any]:
        """How many visitors are inside although their time is over."""
        inside = cls.purged_at.is_(None), cls.arrived_at.is_not(None), cls.departed_at.is_(None)
        conditions = cls.site_id == site_id, *inside, cls.due_at < now
        return select(func.count()).select_from(cls).where(*conditions)

    @classmethod
    def search(cls, site_id: str, *, unit: str, since: datetime, before: datetime) -> Select[Any]:
        """Visits to a home of everybody who was inside at any moment between two times, newest
        first."""
        begun = func.coalesce(cls.arrived_at, cls.expected_at)
        is_then = or_(cls.departed_at.is_(None), cls.departed_at >= since), begun < before
        query = cls.not_purged(site_id).where(cls.host_unit == unit, *is_then)
        return query.order_by(begun.desc(), cls.id)


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
