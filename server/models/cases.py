"""Accountability cases: subject, facts, statements and decisions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Select, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model
from server.models.directory import Directory, Label
from server.models.registry import StoredType
from sync.accountability.case_payloads import is_accusing


class Case(Model):
    __tablename__ = "case"
    __table_args__ = (
        Index(None, "site_id", "raised_at"),
        Index(None, "site_id", "subject_id", "raised_at"),
    )

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    category_id: Mapped[str]
    code: Mapped[str]
    label: Mapped[Label] = mapped_column(JSON)
    sub: Mapped[str | None]
    sub_label: Mapped[Label | None] = mapped_column(JSON(none_as_null=True))
    subject_kind: Mapped[str]
    subject_id: Mapped[str | None]
    subject_name: Mapped[str | None]
    answers_id: Mapped[str]
    amount: Mapped[int | None] = mapped_column(BigInteger)
    raised_at: Mapped[datetime]
    raised_by_id: Mapped[str]
    facts: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    happened_at: Mapped[datetime | None]
    found_at: Mapped[datetime | None]
    asked_at: Mapped[datetime | None]
    answer_until: Mapped[datetime | None]
    statement_hours: Mapped[int | None]
    statements: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    stated_at: Mapped[datetime | None]
    heard_at: Mapped[datetime | None]
    finding: Mapped[str | None]
    measures: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[str | None]
    decisions: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    acknowledged_at: Mapped[datetime | None]
    appeals: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    appealed_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    closed_by_id: Mapped[str | None]
    because: Mapped[str | None]
    version: Mapped[int]

    @classmethod
    def for_site(cls, site_id: str) -> Select[Any]:
        """Every case of a site, newest first."""
        return select(cls).where(cls.site_id == site_id).order_by(cls.raised_at.desc(), cls.id)

    @classmethod
    def about(cls, site_id: str, subject_id: str) -> Select[Any]:
        """Every case about a team or a contractor, newest first."""
        return cls.for_site(site_id).where(cls.subject_id == subject_id)


PHONE_FIELDS = (
    *("id", "code", "label", "sub_label", "answers_id", "amount", "asked_at", "answer_until"),
    *("statements", "stated_at", "finding", "measures", "decided_at", "acknowledged_at"),
    *("appeals", "appealed_at"),
)
"""Fields for the subject's phone: of other people's words only facts and decision."""


def phone_body(case: Mapping[str, Any], _: Directory) -> dict[str, Any]:
    """The body of a case for its subject; facts that explain come before those that accuse."""
    inorder = sorted(case["facts"], key=lambda fact: (is_accusing(fact), fact["at"]))
    facts = [{name: fact[name] for name in ("code", "at", "text")} for fact in inorder]
    shown = {name: case[name] for name in PHONE_FIELDS}
    return {**shown, "facts": facts}


RECORDS = {
    "case": StoredType(Case, phone_body, {"decided_by": "decided_by_id"}),
}
