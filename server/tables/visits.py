"""Visits: who is inside, and who was."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Select, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db import Model
from server.tables.names import Names


class Visit(Model):
    __tablename__ = "visit"
    __table_args__ = (Index(None, "site_id", "departed_at"),)

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    visitor: Mapped[str]
    purpose: Mapped[str]
    host_unit: Mapped[str | None]
    phone: Mapped[str | None]
    plate: Mapped[str | None]
    party_size: Mapped[int]
    id_checked: Mapped[bool]
    arrived_at: Mapped[datetime]
    arrived_by_id: Mapped[str]
    departed_at: Mapped[datetime | None]
    departed_by_id: Mapped[str | None]
    photos: Mapped[list[str]] = mapped_column(JSON, default=list)
    photos_here: Mapped[int] = mapped_column(default=0)
    version: Mapped[int]

    @classmethod
    def inside(cls, site_id: str) -> Select[Any]:
        """Visitors whom nobody has seen leave, longest first."""
        return (
            select(cls)
            .where(cls.site_id == site_id, cls.departed_at.is_(None))
            .order_by(cls.arrived_at, cls.id)
        )


def body(visit: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """A visit as phones show it."""
    shown = {name: value for name, value in visit.items() if name not in ("site_id", "version")}
    return {
        **shown,
        "host_unit_label": names.unit(visit["host_unit"]),
        "arrived_by": names.person(visit["arrived_by_id"]),
        "departed_by": names.person(visit["departed_by_id"]),
    }
