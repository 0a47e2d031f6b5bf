"""Checklists: their current criteria and every earlier edition."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Select, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model
from server.models.directory import Directory
from server.models.registry import StoredType


class Checklist(Model):
    __tablename__ = "template"

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str]
    clause: Mapped[str | None]
    label: Mapped[dict[str, str]] = mapped_column(JSON)
    about: Mapped[str]
    area_kinds: Mapped[list[str]] = mapped_column(JSON, default=list)
    roles: Mapped[list[str]] = mapped_column(JSON, default=list)
    items: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    versions: Mapped[dict[str, list[dict[str, Any]]]] = mapped_column(JSON, default=dict)
    edition: Mapped[int]
    retired_at: Mapped[datetime | None]
    version: Mapped[int]

    @classmethod
    def for_site(cls, site_id: str) -> Select[Any]:
        """Every checklist of a site, retired ones last."""
        return (
            select(cls)
            .where(cls.site_id == site_id)
            .order_by(cls.retired_at.is_not(None), cls.code, cls.id)
        )


def phone_body(template: Mapping[str, Any], _: Directory) -> dict[str, Any]:
    """The body of a checklist for phones: the newest edition only."""
    hidden = ("site_id", "version", "versions")
    return {name: value for name, value in template.items() if name not in hidden}


RECORDS = {
    "template": StoredType(Checklist, phone_body),
}
