"""Places: sites, areas, homes, checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import JSON, Index, false
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model
from server.models.directory import Directory
from server.models.registry import StoredType
from sync.estate.disclosure_details import DETAILS_LABELS
from sync.protocol.normalise import natural_key

Label = dict[str, str]

KEPT_DAYS = ("entry_days", "ticket_days", "find_days", "lost_days", "arrears_days")
NOT_FOR_PHONES = ("site_id", "version", "two_step", "sort_key", *KEPT_DAYS, *DETAILS_LABELS)


class Site(Model):
    __tablename__ = "site"

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    label: Mapped[Label] = mapped_column(JSON)
    retention_days: Mapped[int] = mapped_column(default=30)
    visit_minutes: Mapped[int] = mapped_column(default=480)
    silent_hours: Mapped[int] = mapped_column(default=4, server_default="4")
    statement_hours: Mapped[int] = mapped_column(default=24, server_default="24")
    two_step: Mapped[bool] = mapped_column(default=False, server_default=false())
    notice_contact: Mapped[Label | None] = mapped_column(JSON(none_as_null=True))
    notice_text: Mapped[Label | None] = mapped_column(JSON(none_as_null=True))
    company: Mapped[str | None]
    company_licence: Mapped[str | None]
    project_head: Mapped[str | None]
    project_phone: Mapped[str | None]
    complaint_phone: Mapped[str | None]
    fee_items: Mapped[str | None]
    quality_terms: Mapped[str | None]
    fund_use: Mapped[str | None]
    common_income: Mapped[str | None]
    entry_days: Mapped[int] = mapped_column(default=90, server_default="90")
    ticket_days: Mapped[int] = mapped_column(default=365, server_default="365")
    find_days: Mapped[int] = mapped_column(default=365, server_default="365")
    lost_days: Mapped[int] = mapped_column(default=365, server_default="365")
    arrears_days: Mapped[int] = mapped_column(default=1095, server_default="1095")
    version: Mapped[int]


class Area(Model):
    __tablename__ = "area"

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    parent_id: Mapped[str | None]
    kind: Mapped[str]
    label: Mapped[Label] = mapped_column(JSON)
    code: Mapped[str | None]
    ordinal: Mapped[int]
    version: Mapped[int]


class Unit(Model):
    """A home. `sort_key` gives the natural order of the labels: 1-2-101 before 1-10-101."""

    __tablename__ = "unit"
    __table_args__ = (Index(None, "site_id", "sort_key"),)

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    area_id: Mapped[str]
    label: Mapped[Label] = mapped_column(JSON)
    sort_key: Mapped[str] = mapped_column(default="", server_default="")
    occupied: Mapped[bool]
    version: Mapped[int]


class Checkpoint(Model):
    __tablename__ = "checkpoint"

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    area_id: Mapped[str]
    route: Mapped[Label] = mapped_column(JSON)
    label: Mapped[Label] = mapped_column(JSON)
    ordinal: Mapped[int]
    code: Mapped[str] = mapped_column(default="")
    serial: Mapped[int] = mapped_column(default=1)
    version: Mapped[int]


def phone_body(place: Mapping[str, Any], _: Directory) -> dict[str, Any]:
    """The body of a place for phones: its columns, without those of the desk."""
    return {name: value for name, value in place.items() if name not in NOT_FOR_PHONES}


def label_sort_key(label: Label) -> str:
    """The key to sort by, from the same language of every label."""
    return natural_key(label[min(label)]) if label else ""


RECORDS = {
    "site": StoredType(Site, phone_body),
    "area": StoredType(Area, phone_body),
    "unit": StoredType(
        Unit, phone_body, derived={"sort_key": lambda unit: label_sort_key(unit.label)}
    ),
    "checkpoint": StoredType(Checkpoint, phone_body),
}
