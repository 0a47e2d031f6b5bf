"""Tickets: who was asked first, and who has the matter in hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Select, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db import Model
from server.tables.names import Names


class Ticket(Model):
    __tablename__ = "ticket"
    __table_args__ = (Index(None, "site_id", "opened_at"),)

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[str]
    channel: Mapped[str]
    matter: Mapped[str]
    contact: Mapped[str | None]
    declined_because: Mapped[str | None]
    details: Mapped[str]
    area: Mapped[str | None]
    urgency: Mapped[str]
    about_type: Mapped[str | None]
    about: Mapped[str | None]
    photos: Mapped[list[str]] = mapped_column(JSON, default=list)
    photos_here: Mapped[int] = mapped_column(default=0)
    settled_at: Mapped[datetime | None]
    settled_how: Mapped[str | None]
    opened_at: Mapped[datetime]
    first_responder_id: Mapped[str]
    handler_id: Mapped[str]
    version: Mapped[int]

    @classmethod
    def newest(cls, site_id: str) -> Select[Any]:
        """Tickets of a site, the newest first."""
        return select(cls).where(cls.site_id == site_id).order_by(cls.opened_at.desc(), cls.id)


def body(ticket: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """A ticket as phones show it."""
    shown = {name: value for name, value in ticket.items() if name not in ("site_id", "version")}
    return {
        **shown,
        "area_label": names.area(ticket["area"]),
        "first_responder": names.person(ticket["first_responder_id"]),
        "handler": names.person(ticket["handler_id"]),
    }
