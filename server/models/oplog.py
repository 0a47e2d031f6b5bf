"""The op log: every op with its verdict, and the state of each device's chain."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, Index, Select, Text, UniqueConstraint, select, text
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model

APPLIED_STATUSES = ("applied", "merged")
NOT_APPLIED_STATUSES = ("quarantined", "held", "waiting", "refused", "deferred")


class LoggedOp(Model):
    """An op as it arrived, and its verdict. Only redaction changes stored rows.

    `digest` and `link` chain it to the op before it, see `server.oplog.hash_chain`. `moved` are the
    positions that it had while it waited for another op. `proof` says how sure it is who made it
    (a constant of `sync.protocol.op`; None for an op of a version that did not know), `credential`
    is the id of the key that signed it.
    """

    __tablename__ = "op"
    __table_args__ = (
        UniqueConstraint("site_id", "lineage", "n"),
        Index(None, "site_id", "subject", "place"),
        Index(None, "site_id", "status", "place"),
        Index(None, "site_id", "place"),
        Index(
            "ix_op_site_id_calls",
            "site_id",
            "occurred_at",
            sqlite_where=text("kind = 'arrears.call'"),
            postgresql_where=text("kind = 'arrears.call'"),
        ),
    )

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    place: Mapped[int]
    lineage: Mapped[str | None]
    n: Mapped[int | None]
    hash: Mapped[str | None]
    kind: Mapped[str]
    v: Mapped[int]
    subject: Mapped[str | None]
    subject_type: Mapped[str | None]
    by: Mapped[str | None]
    device_id: Mapped[str | None]
    at: Mapped[str | None]
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime]
    uncertainty_ms: Mapped[int]
    base: Mapped[int | None]
    after: Mapped[str | None]
    body: Mapped[str] = mapped_column(Text)
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    status: Mapped[str]
    code: Mapped[str | None]
    version: Mapped[int | None]
    fact: Mapped[bool]
    changes: Mapped[dict[str, Any]] = mapped_column(JSON)
    flags: Mapped[list[str]] = mapped_column(JSON)
    merge_id: Mapped[str | None]
    verdict: Mapped[dict[str, Any]] = mapped_column(JSON)
    digest: Mapped[str] = mapped_column(server_default="")
    link: Mapped[str] = mapped_column(server_default="")
    moved: Mapped[list[list[Any]] | None] = mapped_column(JSON(none_as_null=True))
    proof: Mapped[str | None]
    credential: Mapped[str | None]

    @classmethod
    def in_order(cls) -> ColumnElement[int]:
        """The order of judgement for a few rows of the log. Sorted by the bare column, SQLite goes
        through the whole log of the site in that order instead of finding the rows first."""
        return cls.place + 0

    @classmethod
    def for_subject(cls, site_id: str, subject: str) -> Select[Any]:
        """Every op about one record, in the order of judgement."""
        return select(cls).where(cls.site_id == site_id, cls.subject == subject).order_by(cls.place)

    @classmethod
    def not_applied(cls, site_id: str) -> Select[Any]:
        """Ops that were not applied, newest first."""
        return (
            select(cls)
            .where(cls.site_id == site_id, cls.status.in_(NOT_APPLIED_STATUSES))
            .order_by(cls.in_order().desc())
        )


class Lineage(Model):
    """What has arrived of one chain of one device."""

    __tablename__ = "lineage"

    site_id: Mapped[str] = mapped_column(primary_key=True)
    lineage: Mapped[str] = mapped_column(primary_key=True)
    device_id: Mapped[str | None]
    upto: Mapped[int]
    hash: Mapped[str | None]
    gaps: Mapped[list[list[int]]] = mapped_column(JSON)
    lost: Mapped[list[list[int]]] = mapped_column(JSON)
