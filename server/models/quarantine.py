"""What was set aside, and what the desk made of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Index, Select, exists, func, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model
from server.models.directory import Directory
from server.models.oplog import LoggedOp
from server.models.registry import StoredType

NEEDS_DECISION = ("quarantined", "held")
"""What a person decides about, where a phone sent it: whoever sits at the desk is told at once.

The rest is answered, or waits for something that will come."""

DECIDABLE = (*NEEDS_DECISION, "waiting", "deferred")
"""What a person may decide about: what something may come for yet is not asked about, as long as it
may come, but it can be accepted without it."""


class QuarantinedOp(Model):
    """It begins with the first look of the desk; the op itself is in the log from the start."""

    __tablename__ = "aside"
    __table_args__ = (Index(None, "site_id", "op_id"),)

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    op_id: Mapped[str]
    opened_at: Mapped[datetime]
    outcome: Mapped[str | None]
    instead_id: Mapped[str | None]
    reason: Mapped[str | None]
    settled_at: Mapped[datetime | None]
    settled_by_id: Mapped[str | None]
    version: Mapped[int]

    @classmethod
    def undecided(cls, site_id: str) -> Select[Any]:
        """Ops that wait for somebody at the desk, the oldest first."""
        return select(LoggedOp).where(*_undecided_clauses(site_id)).order_by(LoggedOp.place)

    @classmethod
    def count_undecided(cls, site_id: str, before: datetime | None = None) -> Select[Any]:
        """How many wait, or have waited since before a moment."""
        waiting = select(func.count()).select_from(LoggedOp).where(*_undecided_clauses(site_id))
        return waiting.where(LoggedOp.received_at < before) if before else waiting

    @classmethod
    def count_waiting(cls, site_id: str, before: datetime) -> Select[Any]:
        """How many have waited since before a moment for an op that did not come."""
        since = LoggedOp.status == "waiting", LoggedOp.received_at < before
        mine = LoggedOp.site_id == site_id, *since, ~_has_decision()
        return select(func.count()).select_from(LoggedOp).where(*mine)

    @classmethod
    def refused_or_waiting(cls, site_id: str) -> Select[Any]:
        """What was answered, or waits for something, and nobody decided about."""
        rest = LoggedOp.not_applied(site_id).where(LoggedOp.status.not_in(NEEDS_DECISION))
        return rest.where(~_has_decision())

    @classmethod
    def decided(cls, site_id: str) -> Select[Any, Any]:
        """What the desk decided about, the newest first, each with its op."""
        both = select(cls, LoggedOp).join(
            LoggedOp, (LoggedOp.site_id == cls.site_id) & (LoggedOp.id == cls.op_id)
        )
        mine = both.where(cls.site_id == site_id, cls.outcome.is_not(None))
        return mine.order_by(cls.settled_at.desc(), cls.id)


def _undecided_clauses(site_id: str) -> tuple[ColumnElement[bool], ...]:
    waits = LoggedOp.status.in_(NEEDS_DECISION), LoggedOp.device_id.is_not(None)
    return LoggedOp.site_id == site_id, *waits, ~_has_decision()


def _has_decision() -> ColumnElement[bool]:
    mine = QuarantinedOp.site_id == LoggedOp.site_id, QuarantinedOp.op_id == LoggedOp.id
    return exists().where(*mine, QuarantinedOp.outcome.is_not(None))


def phone_body(aside: Mapping[str, Any], names: Directory) -> dict[str, Any]:
    """What became of it, with the name of whoever decided."""
    shown = {name: value for name, value in aside.items() if name not in ("site_id", "version")}
    return {**shown, "settled_by": names.person_name(aside["settled_by_id"])}


RECORDS = {
    "aside": StoredType(QuarantinedOp, phone_body),
}
