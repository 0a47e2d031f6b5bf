"""Closed months: what became of every task that was not done in time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Select, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model
from server.models.directory import Directory
from server.models.registry import StoredType


class ClosedMonth(Model):
    __tablename__ = "month"

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    month: Mapped[str]
    closed_at: Mapped[datetime]
    closed_by_id: Mapped[str]
    counts: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    version: Mapped[int]

    @classmethod
    def for_site(cls, site_id: str) -> Select[Any]:
        """The closed months of a site, newest first."""
        return select(cls).where(cls.site_id == site_id).order_by(cls.month.desc())


def phone_body(month: Mapping[str, Any], _: Directory) -> dict[str, Any]:
    """The body of a closed month. No phone receives it."""
    return {name: value for name, value in month.items() if name not in ("site_id", "version")}


RECORDS = {
    "month": StoredType(ClosedMonth, phone_body),
}
