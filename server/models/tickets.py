"""Tickets: first responder, handler, and what was promised."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, Index, Select, and_, func, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model
from server.models.directory import Directory
from server.models.registry import StoredType

PHONE_TIMELINE_LENGTH = 40
"""How many timeline entries of a ticket phones receive."""


class Ticket(Model):
    __tablename__ = "ticket"
    __table_args__ = (
        Index(None, "site_id", "opened_at"),
        Index(None, "site_id", "closed_at", "opened_at"),
        Index(None, "site_id", "feedback_at"),
        Index(None, "site_id", "about", "opened_at"),
        Index(None, "site_id", "unit", "opened_at"),
        Index(None, "number"),
        Index(None, "site_id", "purged_at"),
    )

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[str]
    numbers: Mapped[list[str]] = mapped_column(JSON, default=list)
    slip: Mapped[str | None]
    channel: Mapped[str | None]
    matter: Mapped[str | None]
    category: Mapped[str | None]
    contact: Mapped[str | None]
    declined_because: Mapped[str | None]
    details: Mapped[str]
    area: Mapped[str | None]
    unit: Mapped[str | None]
    urgency: Mapped[str]
    voices: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    about_type: Mapped[str | None]
    about: Mapped[str | None]
    photos: Mapped[list[str]] = mapped_column(JSON, default=list)
    photos_here: Mapped[int] = mapped_column(default=0)
    has_items: Mapped[bool] = mapped_column(default=False)
    things: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    opened_at: Mapped[datetime]
    first_responder_id: Mapped[str]
    steward_id: Mapped[str]
    successions: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    co_receiver_ids: Mapped[list[str]] = mapped_column(JSON, default=list)
    handler_id: Mapped[str]
    contractor_id: Mapped[str | None]
    accountable_id: Mapped[str | None]
    given_by_id: Mapped[str | None]
    asked_role: Mapped[str | None]
    asked_trade: Mapped[str | None]
    handed_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    proxy_for_id: Mapped[str | None]
    escalated_at: Mapped[datetime | None]
    escalation: Mapped[str | None]
    promised_at: Mapped[datetime | None]
    followed_at: Mapped[datetime | None]
    acted_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    resolved_by_id: Mapped[str | None]
    resolved_how: Mapped[str | None]
    feedback_at: Mapped[datetime | None]
    feedback_by_id: Mapped[str | None]
    reaction: Mapped[str | None]
    unreachable: Mapped[int] = mapped_column(default=0)
    marks: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    reopened_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    merged_into: Mapped[str | None]
    merged_at: Mapped[datetime | None]
    apart_ids: Mapped[list[str]] = mapped_column(JSON, default=list)
    timeline: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    purged_at: Mapped[datetime | None]
    version: Mapped[int]

    @classmethod
    def open_tickets(cls, site_id: str, *which: ColumnElement[bool]) -> Select[Any]:
        """Open tickets, oldest first."""
        conditions = cls.site_id == site_id, cls.closed_at.is_(None), cls.merged_into.is_(None)
        return select(cls).where(*conditions, *which).order_by(cls.opened_at, cls.id)

    @classmethod
    def count_waiting(cls, site_id: str, now: datetime) -> Select[Any]:
        """K9, K19: how many open tickets nobody has accepted, or whose promise was broken."""
        unaccepted = and_(cls.handed_at.is_not(None), cls.accepted_at.is_(None))
        unanswered = or_(cls.feedback_at.is_(None), cls.resolved_at.is_(None))
        conditions = cls.site_id == site_id, cls.closed_at.is_(None), cls.merged_into.is_(None)
        late = or_(unaccepted, and_(cls.promised_at <= now, unanswered))
        return select(func.count()).select_from(cls).where(*conditions, late)

    @classmethod
    def about_record(cls, site_id: str, id_: str) -> Select[Any]:
        """The tickets about a record, newest first."""
        return cls.newest(site_id).where(cls.about == id_)

    @classmethod
    def told_since(cls, site_id: str, moment: datetime) -> Select[Any]:
        """Tickets that were opened, or that the resident gave feedback about, since a moment."""
        return cls.newest(site_id).where(or_(cls.opened_at >= moment, cls.feedback_at >= moment))

    @classmethod
    def newest(cls, site_id: str) -> Select[Any]:
        """Tickets of a site, newest first."""
        return select(cls).where(cls.site_id == site_id).order_by(cls.opened_at.desc(), cls.id)

    @classmethod
    def by_number(cls, number: str) -> Select[Any]:
        """Tickets with this number; two can share one, though that is very unlikely."""
        return select(cls).where(cls.number == number).order_by(cls.site_id, cls.id)


def phone_body(ticket: Mapping[str, Any], names: Directory) -> dict[str, Any]:
    """The body of a ticket for phones, with the newest part of its timeline."""
    hidden = ("site_id", "version", "purged_at", "successions", "apart_ids")
    shown = {name: value for name, value in ticket.items() if name not in hidden}
    return {
        **shown,
        "timeline": [
            _timeline_entry(line, names) for line in ticket["timeline"][-PHONE_TIMELINE_LENGTH:]
        ],
    }


def _timeline_entry(line: Mapping[str, Any], names: Directory) -> dict[str, Any]:
    firm = names.contractor_name(line.get("contractor_id"))
    to = line.get("to") or firm or names.person_name(line.get("to_id"))
    return {**line, "by": names.person_name(line["by_id"]), "to": to}


RECORDS = {
    "ticket": StoredType(
        Ticket,
        phone_body,
        {
            "area_label": "area",
            "unit_label": "unit",
            "first_responder": "first_responder_id",
            "steward": "steward_id",
            "handler": "handler_id",
            "contractor": "contractor_id",
            "accountable": "accountable_id",
            "proxy_for": "proxy_for_id",
        },
    ),
}
