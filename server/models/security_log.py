"""Entries of the security log, and how often the newest ones were repeated."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Select, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model
from server.models.directory import Directory
from server.models.registry import StoredType


class AccessEntry(Model):
    """What somebody did that concerns access or personal data. `by_id` None: nobody signed in, or
    the server itself. `seals` are digests of rows that are not made of ops."""

    __tablename__ = "access"
    __table_args__ = (
        Index(None, "site_id", "at"),
        Index(None, "site_id", "event", "at"),
        Index(None, "site_id", "device_id", "at"),
        Index(None, "site_id", "by_id", "at"),
        Index(None, "site_id", "about_id", "at"),
    )

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    event: Mapped[str]
    at: Mapped[datetime]
    by_id: Mapped[str | None]
    about_id: Mapped[str | None]
    device_id: Mapped[str | None]
    origin: Mapped[str]
    address: Mapped[str | None]
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    seals: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    count: Mapped[int]
    version: Mapped[int]

    @classmethod
    def newest(cls, site_id: str) -> Select[Any]:
        """The entries of a site, newest first."""
        return select(cls).where(cls.site_id == site_id).order_by(cls.at.desc(), cls.id.desc())


class AccessCount(Model):
    """How often an event of the last minutes was repeated, until that is written to its entry.
    The key is a hash of what is counted together."""

    __tablename__ = "access_count"
    __table_args__ = (Index(None, "site_id", "event", "since"),)

    site_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    event: Mapped[str]
    entry_id: Mapped[str]
    since: Mapped[datetime]
    count: Mapped[int]


def phone_body(entry: Mapping[str, Any], _: Directory) -> dict[str, Any]:
    """No phone receives an entry: its body has its id and event alone."""
    return {"id": entry["id"], "event": entry["event"]}


RECORDS = {
    "access": StoredType(AccessEntry, phone_body),
}
