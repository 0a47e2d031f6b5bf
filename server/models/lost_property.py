"""Lost property: the file of something that is gone from a home."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Select, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model
from server.models.directory import Names
from sync.service.lost_property.folding import COLUMNS, story

Lines = list[dict[str, Any]]

BULKY = ("entries", "parties", "unheard")
"""What a phone gets of the newest list alone."""


class Lost(Model):
    __tablename__ = "lost"
    __table_args__ = (
        Index(None, "site_id", "opened_at"),
        Index(None, "site_id", "next_action_at"),
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
    channel: Mapped[str]
    contact: Mapped[str | None]
    declined_because: Mapped[str | None]
    ticket: Mapped[str]
    opened_at: Mapped[datetime]
    first_responder_id: Mapped[str]
    lists: Mapped[Lines] = mapped_column(JSON, default=list)
    asked: Mapped[Lines] = mapped_column(JSON, default=list)
    statements: Mapped[Lines] = mapped_column(JSON, default=list)
    offers: Mapped[Lines] = mapped_column(JSON, default=list)
    handed: Mapped[Lines] = mapped_column(JSON, default=list)
    found: Mapped[Lines] = mapped_column(JSON, default=list)
    returned: Mapped[Lines] = mapped_column(JSON, default=list)
    told: Mapped[Lines] = mapped_column(JSON, default=list)
    steps: Mapped[Lines] = mapped_column(JSON, default=list)
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
    version: Mapped[int]

    @classmethod
    def open(cls, site_id: str) -> Select[Any]:
        """Cases that go on, the most overdue next action first."""
        mine = cls.site_id == site_id, cls.closed_at.is_(None)
        return select(cls).where(*mine).order_by(cls.next_action_at, cls.id)

    @classmethod
    def ended(cls, site_id: str) -> Select[Any]:
        """Cases that were closed, the newest first."""
        mine = cls.site_id == site_id, cls.closed_at.is_not(None)
        return select(cls).where(*mine).order_by(cls.closed_at.desc(), cls.id)


def body(case: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """A case as phones show it: where it stands and all that was said."""
    hidden = ("site_id", "version", *COLUMNS.values())
    shown = {name: value for name, value in case.items() if name not in hidden}
    return {
        **shown,
        "unit_label": names.unit(case["unit"]),
        "first_responder": names.person(case["first_responder_id"]),
        "next_by": names.person(case["next_by_id"]),
        "closed_by": names.person(case["closed_by_id"]),
        "accountable": names.person(case["accountable_id"]),
        "contractor_name": names.contractor(case["contractor_id"]),
        "timeline": [_short(line, case, names) for line in story(case)],
    }


def _short(line: dict[str, Any], case: Mapping[str, Any], names: Names) -> dict[str, Any]:
    newest = line["kind"] == "compile" and line["id"] == case["lists"][-1]["id"]
    kept = line if newest else {name: said for name, said in line.items() if name not in BULKY}
    return {**kept, "by": names.person(line["by_id"])}
