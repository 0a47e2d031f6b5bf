"""Scans of checkpoint labels outside a patrol."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Select, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model
from server.models.directory import Directory, Label
from server.models.registry import StoredType


class Scan(Model):
    __tablename__ = "scan"
    __table_args__ = (Index(None, "site_id", "at"),)

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    checkpoint: Mapped[str]
    label: Mapped[Label] = mapped_column(JSON, default=dict)
    area_id: Mapped[str | None]
    at: Mapped[datetime]
    by_id: Mapped[str]
    method: Mapped[str]
    token: Mapped[str | None]
    note: Mapped[str | None]
    moved_to: Mapped[str | None]
    photos: Mapped[list[str]] = mapped_column(JSON, default=list)
    photos_here: Mapped[int] = mapped_column(default=0)
    version: Mapped[int]

    @classmethod
    def between(cls, site_id: str, start: datetime, end: datetime) -> Select[Any]:
        """Scans of a period, earliest first."""
        in_period = cls.at >= start, cls.at < end
        return select(cls).where(cls.site_id == site_id, *in_period).order_by(cls.at, cls.id)


def phone_body(scan: Mapping[str, Any], _: Directory) -> dict[str, Any]:
    """The body of a scan for phones, without the token of the label."""
    return {n: v for n, v in scan.items() if n not in ("site_id", "version", "token")}


RECORDS = {
    "scan": StoredType(Scan, phone_body, {"by": "by_id"}),
}
