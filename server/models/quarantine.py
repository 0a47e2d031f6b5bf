"""Quarantined ops and what the desk decided about them."""

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
"""Statuses of ops that the desk has to decide about. The others have an answer, or will get one."""

DECIDABLE = (*NEEDS_DECISION, "waiting", "deferred")
"""Statuses of ops that the desk may decide about, also before what they wait for has arrived."""


class QuarantinedOp(Model):
    """What the desk made of a quarantined op; created when the desk first opens it."""

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
    def undecided_clauses(cls, site_id: str) -> tuple[ColumnElement[bool], ...]:
        """The conditions under which an op waits for a decision."""
        waits = LoggedOp.status.in_(NEEDS_DECISION), LoggedOp.device_id.is_not(None)
        return LoggedOp.site_id == site_id, *waits, ~_has_decision()

    @classmethod
    def undecided(cls, site_id: str) -> Select[Any]:
        """Ops that wait for a decision, oldest first."""
        return select(LoggedOp).where(*cls.undecided_clauses(site_id)).order_by(LoggedOp.in_order())

    @classmethod
    def count_undecided(cls, site_id: str, before: datetime | None = None) -> Select[Any]:
        """How many ops wait for a decision, or have waited since before a moment."""
        waiting = select(func.count()).select_from(LoggedOp).where(*cls.undecided_clauses(site_id))
        return waiting.where(LoggedOp.received_at < before) if before else waiting

    @classmethod
    def count_waiting(cls, site_id: str, before: datetime) -> Select[Any]:
        """How many ops have waited since before a moment for an op that did not arrive."""
        since = LoggedOp.status == "waiting", LoggedOp.received_at < before
        conditions = LoggedOp.site_id == site_id, *since, ~_has_decision()
        return select(func.count()).select_from(LoggedOp).where(*conditions)

    @classmethod
    def refused_or_waiting(cls, site_id: str) -> Select[Any]:
        """Refused and waiting ops without a decision."""
        rest = LoggedOp.not_applied(site_id).where(LoggedOp.status.not_in(NEEDS_DECISION))
        return rest.where(~_has_decision())

    @classmethod
    def decided(cls, site_id: str) -> Select[Any, Any]:
        """Decided ops, newest first, each with its decision."""
        both = select(cls, LoggedOp).join(
            LoggedOp, (LoggedOp.site_id == cls.site_id) & (LoggedOp.id == cls.op_id)
        )
        query = both.where(cls.site_id == site_id, cls.outcome.is_not(None))
        return query.order_by(cls.settled_at.desc(), cls.id)


def _has_decision() -> ColumnElement[bool]:
    conditions = QuarantinedOp.site_id == LoggedOp.site_id, QuarantinedOp.op_id == LoggedOp.id
    return exists().where(*conditions, QuarantinedOp.outcome.is_not(None))


def phone_body(aside: Mapping[str, Any], _: Directory) -> dict[str, Any]:
    """The body of a decision, with the name of the person who made it."""
    return {name: value for name, value in aside.items() if name not in ("site_id", "version")}


RECORDS = {
    "aside": StoredType(QuarantinedOp, phone_body, {"settled_by": "settled_by_id"}),
}
