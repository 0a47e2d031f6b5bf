"""Reports of rain or snow."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Select, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model
from server.models.directory import Directory
from server.models.registry import StoredType


class WeatherReport(Model):
    __tablename__ = "weather"
    __table_args__ = (Index(None, "site_id", "reported_at"),)

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    sort: Mapped[str]
    areas: Mapped[list[str]] = mapped_column(JSON)
    event: Mapped[str]
    reported_at: Mapped[datetime]
    reported_by_id: Mapped[str]
    version: Mapped[int]

    @classmethod
    def newest(cls, site_id: str) -> Select[Any]:
        """Reports of a site, newest first."""
        query = select(cls).where(cls.site_id == site_id)
        return query.order_by(cls.reported_at.desc(), cls.id)


def phone_body(weather: Mapping[str, Any], _: Directory) -> dict[str, Any]:
    """The body of a report for phones."""
    return {name: value for name, value in weather.items() if name not in ("site_id", "version")}


RECORDS = {
    "weather": StoredType(WeatherReport, phone_body, {"reported_by": "reported_by_id"}),
}
