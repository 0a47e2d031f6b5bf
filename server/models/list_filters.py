"""Filters of lists at the desk: those whose words stand in no address, and saved views."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, Delete, Index, Select, delete, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model

KEEP_UNNAMED = timedelta(days=30)
"""For how long a filter without a name can be sent to a colleague."""


class ListFilter(Model):
    """What a list is filtered by, under a short id. With a `name` it is a saved view, of
    `owner_id` alone or, without one, of the whole site.

    `digest` finds the filter with the same values. `every` ("week", "month"): a file of `format` is
    written that often; `written_at` is when it was last, `failure` why it could not be.
    """

    __tablename__ = "list_filter"
    __table_args__ = (Index(None, "site_id", "list_name", "name"), Index(None, "site_id", "digest"))

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    list_name: Mapped[str]
    values: Mapped[dict[str, str]] = mapped_column(JSON)
    digest: Mapped[str]
    name: Mapped[str | None]
    owner_id: Mapped[str | None]
    made_by_id: Mapped[str]
    made_at: Mapped[datetime]
    every: Mapped[str | None]
    format: Mapped[str | None]
    language: Mapped[str | None]
    written_at: Mapped[datetime | None]
    failure: Mapped[str | None]

    @classmethod
    def views(cls, site_id: str, list_name: str, person_id: str) -> Select[Any]:
        """The saved views of a list that somebody sees: their own and those of the site."""
        mine = or_(cls.owner_id.is_(None), cls.owner_id == person_id)
        named = cls.site_id == site_id, cls.list_name == list_name, cls.name.is_not(None)
        return select(cls).where(*named, mine).order_by(cls.made_at, cls.id)

    @classmethod
    def same(cls, site_id: str, list_name: str, digest: str) -> Select[Any]:
        """The filter without a name that has the same values."""
        wanted = cls.list_name == list_name, cls.digest == digest, cls.name.is_(None)
        return select(cls).where(cls.site_id == site_id, *wanted)

    @classmethod
    def scheduled(cls, site_id: str) -> Select[Any]:
        """The saved views that are written to files."""
        return select(cls).where(cls.site_id == site_id, cls.every.is_not(None)).order_by(cls.id)

    @classmethod
    def expired(cls, now: datetime) -> Delete:
        """Deletes filters without a name that are too old."""
        return delete(cls).where(cls.name.is_(None), cls.made_at < now - KEEP_UNNAMED)
