"""Gate passes: goods that leave through the gate, and who approved it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Select, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model
from server.models.directory import Directory
from server.models.registry import StoredType


class GatePass(Model):
    __tablename__ = "release"
    __table_args__ = (
        Index(None, "site_id", "recorded_at"),
        Index(None, "site_id", "visit", "recorded_at"),
        Index(None, "site_id", "purged_at"),
    )

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    visit: Mapped[str | None]
    what: Mapped[str]
    quantity: Mapped[int | None]
    carrier: Mapped[str | None]
    host_unit: Mapped[str | None]
    agreed_by: Mapped[str | None]
    recorded_at: Mapped[datetime]
    recorded_by_id: Mapped[str]
    passed_at: Mapped[datetime | None]
    passed_by_id: Mapped[str | None]
    purged_at: Mapped[datetime | None]
    photos: Mapped[list[str]] = mapped_column(JSON, default=list)
    photos_here: Mapped[int] = mapped_column(default=0)
    version: Mapped[int]

    @classmethod
    def for_visit(cls, site_id: str, visit: str) -> Select[Any]:
        """Gate passes of one visit, oldest first."""
        query = select(cls).where(cls.site_id == site_id, cls.visit == visit)
        return query.order_by(cls.recorded_at, cls.id)


def phone_body(note: Mapping[str, Any], _: Directory) -> dict[str, Any]:
    """The body of a gate pass for phones."""
    hidden = ("site_id", "version", "purged_at")
    return {name: value for name, value in note.items() if name not in hidden}


RECORDS = {
    "release": StoredType(
        GatePass,
        phone_body,
        {
            "host_unit_label": "host_unit",
            "recorded_by": "recorded_by_id",
            "passed_by": "passed_by_id",
        },
    ),
}
