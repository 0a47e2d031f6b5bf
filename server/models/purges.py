"""Purge runs: when, and how many records, but nothing of their content."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Select, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model


class PurgeRun(Model):
    """What one run erased: records by type, photos, ops that were never applied (`asides`); `held`
    are the records whose time was over, but that a case needs."""

    __tablename__ = "purge"

    site_id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    records: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    photos: Mapped[int]
    asides: Mapped[int]
    held: Mapped[int]

    @classmethod
    def newest(cls, site_id: str) -> Select[Any]:
        """The purge runs of a site, newest first."""
        return select(cls).where(cls.site_id == site_id).order_by(cls.at.desc())
