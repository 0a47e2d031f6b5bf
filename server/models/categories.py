"""Accountability categories, and who has acknowledged them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Select, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model
from server.models.directory import Directory, Label
from server.models.registry import StoredType


class CaseCategory(Model):
    __tablename__ = "category"

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str]
    label: Mapped[Label] = mapped_column(JSON)
    text: Mapped[Label] = mapped_column(JSON)
    subs: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    with_amount: Mapped[bool]
    clause: Mapped[str | None]
    seeded: Mapped[bool]
    published_at: Mapped[datetime | None]
    deactivated_at: Mapped[datetime | None]
    acknowledged: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    version: Mapped[int]

    @classmethod
    def for_site(cls, site_id: str) -> Select[Any]:
        """Every category of a site, ordered by code."""
        return select(cls).where(cls.site_id == site_id).order_by(cls.code)

    @classmethod
    def of_clause(cls, site_id: str, clause: str) -> Select[Any]:
        """The category that a clause of the rulebook names."""
        return cls.for_site(site_id).where(cls.clause == clause)

    @classmethod
    def in_force(cls, site_id: str) -> Select[Any]:
        """Published categories that are in use: a case can be opened in them."""
        return cls.for_site(site_id).where(
            cls.published_at.is_not(None), cls.deactivated_at.is_(None)
        )


def phone_body(category: Mapping[str, Any], _: Directory) -> dict[str, Any]:
    """The body of a category for phones."""
    hidden = ("site_id", "version", "seeded", "with_amount")
    return {name: value for name, value in category.items() if name not in hidden}


RECORDS = {
    "category": StoredType(CaseCategory, phone_body),
}
