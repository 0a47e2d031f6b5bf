"""Shifts: who is or was on duty, and hand-overs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Select, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model
from server.models.directory import Directory
from server.models.registry import StoredType


class Shift(Model):
    __tablename__ = "shift"
    __table_args__ = (
        Index(None, "site_id", "opened_at"),
        Index(None, "site_id", "person_id", "opened_at"),
        Index(None, "site_id", "closed_at", "handed_over_at", "opened_at"),
    )

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[str]
    opened_at: Mapped[datetime]
    uniform: Mapped[bool]
    note: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    closed_by_id: Mapped[str | None]
    unsent: Mapped[int | None]
    open_items: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    handed_over_at: Mapped[datetime | None]
    handed_to_id: Mapped[str | None]
    handover_note: Mapped[str | None]
    items: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    taken_over_at: Mapped[datetime | None]
    taken_over_by_id: Mapped[str | None]
    version: Mapped[int]

    @classmethod
    def since(cls, site_id: str, moment: datetime) -> Select[Any]:
        """Shifts that began after a moment, newest first."""
        return (
            select(cls)
            .where(cls.site_id == site_id, cls.opened_at >= moment)
            .order_by(cls.opened_at.desc(), cls.id)
        )


def phone_body(shift: Mapping[str, Any], _: Directory) -> dict[str, Any]:
    """The body of a shift for phones."""
    return {name: value for name, value in shift.items() if name not in ("site_id", "version")}


RECORDS = {
    "shift": StoredType(
        Shift,
        phone_body,
        {"person": "person_id", "handed_to": "handed_to_id", "taken_over_by": "taken_over_by_id"},
    ),
}
