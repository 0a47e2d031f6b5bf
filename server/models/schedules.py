"""Schedules: a recurring duty, its places, recurrence and responsible person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Select, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model
from server.models.directory import Directory
from server.models.registry import StoredType
from sync.protocol.normalise import natural_key


class Schedule(Model):
    __tablename__ = "schedule"

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str]
    clause: Mapped[str]
    label: Mapped[dict[str, str]] = mapped_column(JSON)
    area_kind: Mapped[str]
    per_unit: Mapped[bool]
    items: Mapped[list[Any]] = mapped_column(JSON)
    area_ids: Mapped[list[str]] = mapped_column(JSON, default=list)
    rrule: Mapped[str | None]
    rdate: Mapped[list[str]] = mapped_column(JSON, default=list)
    exdate: Mapped[list[str]] = mapped_column(JSON, default=list)
    window: Mapped[str | None]
    grace: Mapped[int] = mapped_column(default=0)
    standing: Mapped[bool] = mapped_column(default=False)
    workdays_only: Mapped[bool] = mapped_column(default=False)
    dtstart: Mapped[datetime]
    tzid: Mapped[str]
    responsible_id: Mapped[str | None]
    role: Mapped[str]
    active: Mapped[bool]
    needs_confirmation: Mapped[bool]
    before: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    sort_key: Mapped[str] = mapped_column(default="", server_default="")
    """The natural order of the codes: CL-05/2 before CL-05/10."""
    version: Mapped[int]

    @classmethod
    def for_site(cls, site_id: str) -> Select[Any]:
        """The schedules of a site, by code."""
        return select(cls).where(cls.site_id == site_id).order_by(cls.code)


def phone_body(schedule: Mapping[str, Any], _: Directory) -> dict[str, Any]:
    """The body of a schedule, with the name of the responsible person."""
    hidden = ("site_id", "version", "before", "sort_key")
    return {name: value for name, value in schedule.items() if name not in hidden}


RECORDS = {
    "schedule": StoredType(
        Schedule,
        phone_body,
        {"responsible": "responsible_id"},
        derived={"sort_key": lambda schedule: natural_key(schedule.code)},
    ),
}
