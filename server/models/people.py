"""People of a site, with their roles."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Select, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model
from server.models.directory import Directory
from server.models.registry import StoredType


class Person(Model):
    __tablename__ = "person"

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True, index=True)
    name: Mapped[str]
    employee_no: Mapped[str | None]
    roles: Mapped[list[str]] = mapped_column(JSON)
    trades: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    contractor_id: Mapped[str | None]
    active_from: Mapped[datetime]
    active_to: Mapped[datetime | None]
    version: Mapped[int]

    @classmethod
    def for_site(cls, site_id: str) -> Select[Any]:
        """Everybody who works or worked at a site."""
        return select(cls).where(cls.site_id == site_id).order_by(cls.name)


def phone_body(person: Mapping[str, Any], _: Directory) -> dict[str, Any]:
    """The body of a person for phones. Nothing in it helps to guess a PIN."""
    return {
        "id": person["id"],
        "name": person["name"],
        "roles": person["roles"],
        "trades": person["trades"],
        "contractor_id": person["contractor_id"],
        "active": person["active_to"] is None,
    }


RECORDS = {
    "person": StoredType(Person, phone_body),
}
