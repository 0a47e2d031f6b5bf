"""Tasks: one occurrence of a duty at one place."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Select, String, cast, func, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model
from server.models.directory import Directory
from server.models.registry import StoredType


class Task(Model):
    __tablename__ = "task"
    __table_args__ = (
        Index(None, "site_id", "window_end"),
        Index(None, "site_id", "done_at", "window_end"),
        Index(None, "site_id", "responsible_id", "window_end"),
        Index(None, "site_id", "area_id", "window_end"),
        Index(None, "site_id", "code", "window_end"),
        Index(None, "site_id", "unit_id"),
    )

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    schedule_id: Mapped[str | None]
    code: Mapped[str]
    label: Mapped[dict[str, str]] = mapped_column(JSON)
    area_id: Mapped[str]
    unit_id: Mapped[str | None]
    responsible_id: Mapped[str | None]
    role: Mapped[str]
    window_start: Mapped[datetime]
    window_end: Mapped[datetime]
    needs_confirmation: Mapped[bool]
    items: Mapped[list[dict[str, str]]] = mapped_column(JSON, default=list)
    standing: Mapped[bool] = mapped_column(default=False)
    grace: Mapped[int] = mapped_column(default=0)
    planned_at: Mapped[datetime | None]
    assigned_by_id: Mapped[str | None]
    reassigned_by_id: Mapped[str | None]
    reason: Mapped[str | None]
    ticked: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    confirmed: Mapped[list[dict[str, str]]] = mapped_column(JSON, default=list)
    done_at: Mapped[datetime | None]
    done_by_id: Mapped[str | None]
    done_received_at: Mapped[datetime | None]
    helper_ids: Mapped[list[str]] = mapped_column(JSON, default=list)
    note: Mapped[str | None]
    agent: Mapped[str | None]
    dose: Mapped[str | None]
    method: Mapped[str | None]
    firm: Mapped[str | None]
    notice: Mapped[str | None]
    skipped_at: Mapped[datetime | None]
    skip_reason: Mapped[str | None]
    cancelled_at: Mapped[datetime | None]
    cancelled_by_id: Mapped[str | None]
    cancel_reason: Mapped[str | None]
    disposition: Mapped[str | None]
    disposition_note: Mapped[str | None]
    disposed_at: Mapped[datetime | None]
    disposed_by_id: Mapped[str | None]
    photos: Mapped[list[str]] = mapped_column(JSON, default=list)
    photos_here: Mapped[int] = mapped_column(default=0)
    version: Mapped[int]

    @classmethod
    def between(cls, site_id: str, start: datetime, end: datetime) -> Select[Any]:
        """Tasks whose window overlaps a period, earliest end first."""
        return (
            select(cls)
            .where(cls.site_id == site_id, cls.window_end > start, cls.window_start < end)
            .order_by(cls.window_end, cls.id)
        )

    @classmethod
    def done_between(cls, site_id: str, code: str, start: datetime, end: datetime) -> Select[Any]:
        """Tasks whose code begins with `code` that were done in a period, the earliest first."""
        done = cls.done_at >= start, cls.done_at < end, cls.cancelled_at.is_(None)
        query = select(cls).where(cls.site_id == site_id, cls.code.startswith(code), *done)
        return query.order_by(cls.done_at, cls.id)

    @classmethod
    def unfinished_between(cls, site_id: str, start: datetime, end: datetime) -> Select[Any]:
        """Tasks whose window ended in a period and that are neither done nor cancelled."""
        ended = cls.window_end > start, cls.window_end <= end
        undone = cls.done_at.is_(None), cls.cancelled_at.is_(None)
        query = select(cls).where(cls.site_id == site_id, *ended, *undone)
        return query.order_by(cls.window_end.desc(), cls.area_id, cls.id)

    @classmethod
    def count_untouched(cls, site_id: str, start: datetime, end: datetime) -> Any:
        """How many tasks of a period nobody began, skipped, cancelled or decided about, though they
        were planned in time: rows of the end of the window, its grace, and the count."""
        ended = cls.window_end > start, cls.window_end <= end
        left = (cls.done_at, cls.skipped_at, cls.cancelled_at, cls.planned_at, cls.disposition)
        untouched = [column.is_(None) for column in left]
        conditions = cls.site_id == site_id, *ended, *untouched, cast(cls.ticked, String) == "{}"
        query: Any = select(cls.window_end, cls.grace, func.count())
        return query.where(*conditions).group_by(cls.window_end, cls.grace)


DESK_ONLY_FIELDS = ("disposition", "disposition_note", "disposed_at", "disposed_by_id")
"""Fields about missed tasks that phones do not receive."""


def phone_body(task: Mapping[str, Any], names: Directory) -> dict[str, Any]:
    """The body of a task for phones."""
    hidden = (
        "site_id",
        "version",
        "schedule_id",
        "helper_ids",
        "done_received_at",
        "reassigned_by_id",
        *DESK_ONLY_FIELDS,
    )
    shown = {name: value for name, value in task.items() if name not in hidden}
    return {
        **shown,
        "received_at": task["done_received_at"],
        "confirmed_by": [
            names.person_name(confirmation["by_id"]) for confirmation in task["confirmed"]
        ],
        "ticked": {
            item: {**tick, "by": names.person_name(tick["by_id"])}
            for item, tick in task["ticked"].items()
        },
    }


RECORDS = {
    "task": StoredType(
        Task,
        phone_body,
        {
            "area": "area_id",
            "unit": "unit_id",
            "responsible": "responsible_id",
            "done_by": "done_by_id",
            "assigned_by": "assigned_by_id",
            "helpers": "helper_ids",
        },
    ),
}
