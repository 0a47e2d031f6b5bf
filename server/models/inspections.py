"""Inspections, with the criteria of the checklist edition that was used."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Select, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model
from server.models.directory import Directory
from server.models.registry import StoredType


class Inspection(Model):
    __tablename__ = "inspection"
    __table_args__ = (
        Index(None, "site_id", "inspected_at"),
        Index(None, "site_id", "slot", "inspected_at"),
    )

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    template_id: Mapped[str]
    edition: Mapped[int]
    code: Mapped[str]
    label: Mapped[dict[str, str]] = mapped_column(JSON)
    criteria: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    area: Mapped[str | None]
    person: Mapped[str | None]
    assessor_id: Mapped[str]
    inspected_at: Mapped[datetime]
    day: Mapped[str]
    slot: Mapped[str]
    of_self: Mapped[bool]
    results: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    notes: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    shots: Mapped[dict[str, list[str]]] = mapped_column(JSON, default=dict)
    score: Mapped[int | None]
    gained: Mapped[int]
    possible: Mapped[int]
    formula: Mapped[str]
    critical: Mapped[list[str]] = mapped_column(JSON, default=list)
    actions: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    performers: Mapped[list[str]] = mapped_column(JSON, default=list)
    task_id: Mapped[str | None]
    official_at: Mapped[datetime | None]
    official_by_id: Mapped[str | None]
    photos: Mapped[list[str]] = mapped_column(JSON, default=list)
    photos_here: Mapped[int] = mapped_column(default=0)
    version: Mapped[int]

    @classmethod
    def since(cls, site_id: str, moment: datetime) -> Select[Any]:
        """Inspections since a moment, newest first."""
        return (
            select(cls)
            .where(cls.site_id == site_id, cls.inspected_at >= moment)
            .order_by(cls.inspected_at.desc(), cls.id)
        )

    @classmethod
    def same_slot(cls, site_id: str, slot: str) -> Select[Any]:
        """Every inspection of the same subject on the same day, earliest first."""
        return (
            select(cls)
            .where(cls.site_id == site_id, cls.slot == slot)
            .order_by(cls.inspected_at, cls.id)
        )


def phone_body(inspection: Mapping[str, Any], _: Directory) -> dict[str, Any]:
    """The body of an inspection for phones."""
    hidden = ("site_id", "version", "slot")
    return {name: value for name, value in inspection.items() if name not in hidden}


RECORDS = {
    "inspection": StoredType(
        Inspection,
        phone_body,
        {"area_label": "area", "person_name": "person", "assessor": "assessor_id"},
    ),
}
