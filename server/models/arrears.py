"""Accounts in arrears: amounts owed, calls, appointments and complaints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Select, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model
from server.models.directory import Directory
from server.models.registry import StoredType
from sync.protocol.clock import parse_time
from sync.service.arrears import owed_cents, state, stated_amounts


class ArrearsAccount(Model):
    """`owed_cents`, `stored_state` and `last_called_at` follow from the other columns: what is
    owed, the state by the rule, and the time of the last call."""

    __tablename__ = "arrears"
    __table_args__ = (
        Index(None, "site_id", "unit"),
        Index(None, "site_id", "stored_state"),
        Index(None, "site_id", "collector_id"),
        Index(None, "site_id", "purged_at"),
    )

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    unit: Mapped[str]
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    batch: Mapped[str]
    listed_at: Mapped[datetime]
    ledger_at: Mapped[datetime]
    collector_id: Mapped[str | None]
    windows: Mapped[list[str]] = mapped_column(JSON, default=list)
    do_not_call: Mapped[bool] = mapped_column(default=False)
    calls: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    called_at: Mapped[datetime | None]
    appointment_at: Mapped[datetime | None]
    paused_by: Mapped[list[str]] = mapped_column(JSON, default=list)
    visit_reason: Mapped[str | None]
    visit_asked_at: Mapped[datetime | None]
    visit_asked_by_id: Mapped[str | None]
    visit_approved_at: Mapped[datetime | None]
    visit_approved_by_id: Mapped[str | None]
    visited_at: Mapped[datetime | None]
    visited_by_id: Mapped[str | None]
    visit_outcome: Mapped[str | None]
    visit_went_in: Mapped[bool | None]
    paid_cents: Mapped[int] = mapped_column(BigInteger, default=0)
    handed_at: Mapped[datetime | None]
    handed_reason: Mapped[str | None]
    owed_cents: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    stored_state: Mapped[str] = mapped_column(default="", server_default="")
    last_called_at: Mapped[datetime | None]
    purged_at: Mapped[datetime | None]
    version: Mapped[int]

    @classmethod
    def for_site(cls, site_id: str) -> Select[Any]:
        """Every account of a site that is not erased."""
        kept = cls.site_id == site_id, cls.purged_at.is_(None)
        return select(cls).where(*kept).order_by(cls.listed_at, cls.id)


DERIVED: Mapping[str, Callable[[Any], Any]] = {
    "owed_cents": lambda account: owed_cents(vars(account)),
    "stored_state": lambda account: state(vars(account)),
    "last_called_at": lambda account: (
        parse_time(account.calls[-1]["at"]) if account.calls else None
    ),
}


def phone_body(account: Mapping[str, Any], names: Directory) -> dict[str, Any]:
    """The body of an account for phones."""
    hidden = ("site_id", "version", "purged_at", *DERIVED)
    shown = {name: value for name, value in account.items() if name not in hidden}
    calls = [{**call, "by": names.person_name(call["by_id"])} for call in account["calls"][-10:]]
    return {
        **shown,
        "stated": stated_amounts(account["lines"]),
        "calls": calls,
    }


RECORDS = {
    "arrears": StoredType(
        ArrearsAccount,
        phone_body,
        {"unit_label": "unit", "collector": "collector_id"},
        derived=DERIVED,
    ),
}
