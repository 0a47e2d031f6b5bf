"""Contractors and our own manager who is accountable for each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Select, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model
from server.models.directory import Directory
from server.models.registry import StoredType


class Contractor(Model):
    __tablename__ = "contractor"

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    service: Mapped[str]
    contact: Mapped[str | None]
    contract_ref: Mapped[str | None]
    accountable_id: Mapped[str]
    agreement: Mapped[dict[str, str] | None] = mapped_column(JSON(none_as_null=True))
    note: Mapped[str | None]
    ended_at: Mapped[datetime | None]
    version: Mapped[int]

    @classmethod
    def for_site(cls, site_id: str) -> Select[Any]:
        """Every contractor of a site, past ones included, by name."""
        return select(cls).where(cls.site_id == site_id).order_by(cls.ended_at, cls.name, cls.id)


def phone_body(firm: Mapping[str, Any], _: Directory) -> dict[str, Any]:
    """The body of a contractor for phones: its name and the accountable manager."""
    shown = ("id", "name", "service", "accountable_id", "ended_at")
    return {
        **{name: firm[name] for name in shown},
    }


RECORDS = {
    "contractor": StoredType(Contractor, phone_body, {"accountable": "accountable_id"}),
}
