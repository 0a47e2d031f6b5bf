"""Outbox files that were imported at the desk."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Index, Select, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model
from server.models.directory import Directory
from server.models.registry import StoredType


class OutboxImport(Model):
    """Who imported a file, and when. The ops of the file are in the log."""

    __tablename__ = "parcel"
    __table_args__ = (Index(None, "site_id", "device_id"),)

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    device_id: Mapped[str]
    exported_at: Mapped[datetime]
    ops: Mapped[int]
    pictures: Mapped[int]
    sealed: Mapped[bool]
    taken_at: Mapped[datetime]
    taken_by_id: Mapped[str]
    version: Mapped[int]

    @classmethod
    def for_device(cls, site_id: str, device_id: str) -> Select[Any]:
        """Imports of one device, newest first."""
        query = select(cls).where(cls.site_id == site_id, cls.device_id == device_id)
        return query.order_by(cls.taken_at.desc(), cls.id)


def phone_body(parcel: Mapping[str, Any], _: Directory) -> dict[str, Any]:
    """The body of an import, with the name of the person who did it."""
    return {name: value for name, value in parcel.items() if name not in ("site_id", "version")}


RECORDS = {
    "parcel": StoredType(OutboxImport, phone_body, {"taken_by": "taken_by_id"}),
}
