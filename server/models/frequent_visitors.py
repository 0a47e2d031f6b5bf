"""Frequent visitors."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model
from server.models.directory import Directory
from server.models.registry import StoredType


class FrequentVisitor(Model):
    __tablename__ = "regular"

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    visitor: Mapped[str]
    purpose: Mapped[str]
    host_unit: Mapped[str | None]
    firm: Mapped[str | None]
    plate: Mapped[str | None]
    times: Mapped[int]
    last_at: Mapped[datetime]
    purged_at: Mapped[datetime | None]
    version: Mapped[int]

    @classmethod
    def not_purged(cls, site_id: str) -> Select[Any]:
        """Frequent visitors that are not purged, most visits first."""
        query = select(cls).where(cls.site_id == site_id, cls.purged_at.is_(None))
        return query.order_by(cls.times.desc(), cls.id)


def phone_body(regular: Mapping[str, Any], _: Directory) -> dict[str, Any]:
    """The body of a frequent visitor for phones."""
    hidden = ("site_id", "version", "purged_at")
    return {name: value for name, value in regular.items() if name not in hidden}


RECORDS = {
    "regular": StoredType(FrequentVisitor, phone_body, {"host_unit_label": "host_unit"}),
}
