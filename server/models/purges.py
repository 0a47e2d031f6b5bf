"""Purge runs: when, and how many records, but nothing of their content."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model


class PurgeRun(Model):
    __tablename__ = "purge"

    site_id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    before: Mapped[datetime]
    visits: Mapped[int]
    releases: Mapped[int]
    regulars: Mapped[int]
    photos: Mapped[int]
    asides: Mapped[int]
    held: Mapped[int]

    @classmethod
    def newest(cls, site_id: str) -> Select[Any]:
        """The purge runs of a site, newest first."""
        return select(cls).where(cls.site_id == site_id).order_by(cls.at.desc())
