"""Rectifications: what must be corrected, by whom and when, and who verified it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Select, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model
from server.models.directory import Directory
from server.models.registry import StoredType


class Rectification(Model):
    __tablename__ = "rectification"
    __table_args__ = (Index(None, "site_id", "due_at"), Index(None, "site_id", "inspection_id"))

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    inspection_id: Mapped[str]
    item: Mapped[str]
    code: Mapped[str]
    label: Mapped[dict[str, str]] = mapped_column(JSON)
    critical: Mapped[bool]
    area: Mapped[str | None]
    person: Mapped[str | None]
    responsible_id: Mapped[str | None]
    due_at: Mapped[datetime]
    raised_by_id: Mapped[str]
    failed_at: Mapped[datetime]
    failures: Mapped[int]
    finding: Mapped[str | None]
    before: Mapped[list[str]] = mapped_column(JSON, default=list)
    after: Mapped[list[str]] = mapped_column(JSON, default=list)
    done_at: Mapped[datetime | None]
    done_by_id: Mapped[str | None]
    note: Mapped[str | None]
    verified_at: Mapped[datetime | None]
    verified_by_id: Mapped[str | None]
    photos: Mapped[list[str]] = mapped_column(JSON, default=list)
    photos_here: Mapped[int] = mapped_column(default=0)
    version: Mapped[int]

    @classmethod
    def unverified(cls, site_id: str) -> Select[Any]:
        """Rectifications that are not verified yet, earliest due first."""
        return (
            select(cls)
            .where(cls.site_id == site_id, cls.verified_at.is_(None))
            .order_by(cls.due_at, cls.id)
        )

    @classmethod
    def for_inspection(cls, site_id: str, inspection_id: str) -> Select[Any]:
        """Rectifications that one inspection raised."""
        query = select(cls).where(cls.site_id == site_id, cls.inspection_id == inspection_id)
        return query.order_by(cls.item)


def phone_body(found: Mapping[str, Any], _: Directory) -> dict[str, Any]:
    """The body of a rectification for phones."""
    return {name: value for name, value in found.items() if name not in ("site_id", "version")}


RECORDS = {
    "rectification": StoredType(
        Rectification,
        phone_body,
        {
            "area_label": "area",
            "person_name": "person",
            "responsible": "responsible_id",
            "raised_by": "raised_by_id",
            "done_by": "done_by_id",
            "verified_by": "verified_by_id",
        },
    ),
}
