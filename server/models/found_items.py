"""Found items: custody, notices and return."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model
from server.models.directory import Directory
from server.models.registry import StoredType

JsonRows = list[dict[str, Any]]


class FoundItem(Model):
    __tablename__ = "find"
    __table_args__ = (
        Index(None, "site_id", "found_at"),
        Index(None, "site_id", "ended_at", "found_at"),
        Index(None, "site_id", "purged_at"),
    )

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    what: Mapped[str]
    condition: Mapped[str | None]
    area: Mapped[str | None]
    found_where: Mapped[str | None]
    finder: Mapped[str | None]
    found_at: Mapped[datetime]
    found_by_id: Mapped[str]
    notices: Mapped[JsonRows] = mapped_column(JSON, default=list)
    chain: Mapped[JsonRows] = mapped_column(JSON, default=list)
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[str | None]
    ended_how: Mapped[str | None]
    ended_with: Mapped[str | None]
    receipt: Mapped[str | None]
    photos: Mapped[list[str]] = mapped_column(JSON, default=list)
    photos_here: Mapped[int] = mapped_column(default=0)
    purged_at: Mapped[datetime | None]
    version: Mapped[int]


def phone_body(find: Mapping[str, Any], names: Directory) -> dict[str, Any]:
    """The body of a found item for phones."""
    hidden = ("site_id", "version", "purged_at")
    shown = {name: value for name, value in find.items() if name not in hidden}
    return {
        **shown,
        **{name: _add_author_names(find[name], names) for name in ("notices", "chain")},
    }


def _add_author_names(lines: JsonRows, names: Directory) -> JsonRows:
    return [{**line, "by": names.person_name(line["by_id"])} for line in lines]


RECORDS = {
    "find": StoredType(
        FoundItem,
        phone_body,
        {"area_label": "area", "found_by": "found_by_id", "ended_by": "ended_by_id"},
    ),
}
