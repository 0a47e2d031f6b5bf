"""Conflicts between ops, and how the desk settled them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Select, func, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model
from server.models.directory import Directory
from server.models.registry import StoredType


class Conflict(Model):
    __tablename__ = "merge"
    __table_args__ = (
        Index(None, "site_id", "settled_at"),
        Index(None, "site_id", "opened_at"),
    )

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    op_id: Mapped[str]
    subject: Mapped[str]
    subject_type: Mapped[str]
    rule: Mapped[str]
    base: Mapped[dict[str, Any]] = mapped_column(JSON)
    theirs: Mapped[dict[str, Any]] = mapped_column(JSON)
    incoming: Mapped[dict[str, Any]] = mapped_column(JSON)
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    opened_at: Mapped[datetime]
    taken: Mapped[str | None]
    settled_at: Mapped[datetime | None]
    settled_by_id: Mapped[str | None]
    more_op_ids: Mapped[list[str]] = mapped_column(JSON, default=list)
    note: Mapped[str | None]
    version: Mapped[int]

    @classmethod
    def count_unsettled(cls, site_id: str) -> Select[Any]:
        """How many conflicts are not settled yet."""
        waiting = cls.site_id == site_id, cls.settled_at.is_(None)
        return select(func.count()).select_from(cls).where(*waiting)

    @classmethod
    def unsettled(cls, site_id: str) -> Select[Any]:
        """Conflicts that are not settled yet, oldest first."""
        return (
            select(cls)
            .where(cls.site_id == site_id, cls.settled_at.is_(None))
            .order_by(cls.opened_at, cls.id)
        )


def phone_body(merge: Mapping[str, Any], _: Directory) -> dict[str, Any]:
    """The body of a conflict, with the name of the person who settled it."""
    return {name: value for name, value in merge.items() if name not in ("site_id", "version")}


RECORDS = {
    "merge": StoredType(Conflict, phone_body, {"settled_by": "settled_by_id"}),
}
