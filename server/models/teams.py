"""Teams, with their leaders and members over time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Select, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model
from server.models.directory import Directory
from server.models.registry import StoredType


class Team(Model):
    __tablename__ = "team"

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    leader_id: Mapped[str]
    member_ids: Mapped[list[str]] = mapped_column(JSON, default=list)
    memberships: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    ended_at: Mapped[datetime | None]
    version: Mapped[int]

    @classmethod
    def for_site(cls, site_id: str) -> Select[Any]:
        """Every team of a site, past ones last, by name."""
        return select(cls).where(cls.site_id == site_id).order_by(cls.ended_at, cls.name, cls.id)


def phone_body(team: Mapping[str, Any], names: Directory) -> dict[str, Any]:
    """The body of a team. No phone receives it."""
    shown = {name: value for name, value in team.items() if name not in ("site_id", "version")}
    return {**shown, "leader": names.person_name(team["leader_id"])}


RECORDS = {
    "team": StoredType(Team, phone_body),
}
