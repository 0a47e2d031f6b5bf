"""Lost property: cases about items missing from a home."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, Index, Select, exists, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model
from server.models.directory import Directory
from server.models.registry import StoredType
from sync.service.lost_property.folding import COLUMN_BY_KIND, case_timeline

JsonRows = list[dict[str, Any]]

LATEST_LIST_FIELDS = ("entries", "parties", "unheard")
"""Fields of the newest list only: phones do not receive earlier lists."""


class LostProperty(Model):
    __tablename__ = "lost"
    __table_args__ = (
        Index(None, "site_id", "opened_at"),
        Index(None, "site_id", "next_action_at"),
        Index(None, "site_id", "unit"),
        Index(None, "site_id", "purged_at"),
    )

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    item: Mapped[str]
    details: Mapped[str | None]
    last_seen_at: Mapped[datetime | None]
    last_seen_where: Mapped[str | None]
    unit: Mapped[str | None]
    holds_personal_data: Mapped[bool]
    urgency: Mapped[str]
    channel: Mapped[str | None]
    contact: Mapped[str | None]
    declined_because: Mapped[str | None]
    ticket: Mapped[str]
    opened_at: Mapped[datetime]
    first_responder_id: Mapped[str]
    lists: Mapped[JsonRows] = mapped_column(JSON, default=list)
    asked: Mapped[JsonRows] = mapped_column(JSON, default=list)
    statements: Mapped[JsonRows] = mapped_column(JSON, default=list)
    offers: Mapped[JsonRows] = mapped_column(JSON, default=list)
    handed: Mapped[JsonRows] = mapped_column(JSON, default=list)
    found: Mapped[JsonRows] = mapped_column(JSON, default=list)
    returned: Mapped[JsonRows] = mapped_column(JSON, default=list)
    told: Mapped[JsonRows] = mapped_column(JSON, default=list)
    steps: Mapped[JsonRows] = mapped_column(JSON, default=list)
    next_action: Mapped[str | None]
    next_action_at: Mapped[datetime]
    next_by_id: Mapped[str]
    contractor_id: Mapped[str | None]
    accountable_id: Mapped[str | None]
    contracted_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    closing_note: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    closed_by_id: Mapped[str | None]
    photos: Mapped[list[str]] = mapped_column(JSON, default=list)
    photos_here: Mapped[int] = mapped_column(default=0)
    purged_at: Mapped[datetime | None]
    version: Mapped[int]

    @classmethod
    def open_cases(cls, site_id: str) -> Select[Any]:
        """Open cases, the most overdue next action first."""
        conditions = cls.site_id == site_id, cls.closed_at.is_(None)
        return select(cls).where(*conditions).order_by(cls.next_action_at, cls.id)

    @classmethod
    def of_home(
        cls, site_id: str, home: ColumnElement[Any], since: ColumnElement[Any]
    ) -> ColumnElement[bool]:
        """Q12: whether what was known of a home at `since` is evidence of a case: of an open one,
        or of a closed one whose own term is not over, unless it is from after its end."""
        is_before_end = or_(cls.closed_at.is_(None), since <= cls.closed_at)
        return exists().where(
            cls.site_id == site_id, cls.unit == home, cls.purged_at.is_(None), is_before_end
        )


def phone_body(case: Mapping[str, Any], names: Directory) -> dict[str, Any]:
    """The body of a case for phones: its state and its timeline."""
    hidden = ("site_id", "version", "purged_at", *COLUMN_BY_KIND.values())
    shown = {name: value for name, value in case.items() if name not in hidden}
    return {
        **shown,
        "timeline": [_timeline_entry(line, case, names) for line in case_timeline(case)],
    }


def _timeline_entry(
    line: dict[str, Any], case: Mapping[str, Any], names: Directory
) -> dict[str, Any]:
    newest = line["kind"] == "compile" and line["id"] == case["lists"][-1]["id"]
    shown = (
        line
        if newest
        else {name: value for name, value in line.items() if name not in LATEST_LIST_FIELDS}
    )
    return {**shown, "by": names.person_name(line["by_id"])}


RECORDS = {
    "lost": StoredType(
        LostProperty,
        phone_body,
        {
            "unit_label": "unit",
            "first_responder": "first_responder_id",
            "next_by": "next_by_id",
            "closed_by": "closed_by_id",
            "accountable": "accountable_id",
            "contractor_name": "contractor_id",
        },
    ),
}
