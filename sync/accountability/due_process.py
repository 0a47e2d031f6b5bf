"""Due process: the conditions under which somebody may decide about another person."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Protocol

from sync.protocol.clock import parse_time
from sync.protocol.op import Op

PERSONAL_SUBJECTS = ("person", "manager")
"""Subjects who must have acknowledged the category themselves."""


class CaseLike(Protocol):
    """The fields of a case that the rules read."""

    category_id: str
    subject_kind: str
    answers_id: str
    facts: list[dict[str, Any]]
    happened_at: datetime | None
    asked_at: datetime | None
    answer_until: datetime | None
    statement_hours: int | None
    stated_at: datetime | None
    heard_at: datetime | None
    decided_at: datetime | None
    decisions: list[dict[str, Any]]
    acknowledged_at: datetime | None
    appealed_at: datetime | None
    closed_at: datetime | None


def is_after_decision(case: CaseLike, moment: datetime | None) -> bool:
    """Whether a moment is at or after the latest decision."""
    return bool(case.decided_at and moment and moment >= case.decided_at)


def is_reopened(case: CaseLike) -> bool:
    """A11: whether an appeal or a late statement has reopened the decided case."""
    return is_after_decision(case, case.appealed_at) or is_after_decision(case, case.heard_at)


def decision_error(case: CaseLike, op: Op) -> str | None:
    """A5, A8: the refusal code that prevents a decision, or None."""
    category, site = (op.related.get(op.payload[name]) for name in ("category_id", "site_id"))
    if op.by == case.answers_id:
        return "own-case"
    if case.closed_at and not is_reopened(case):
        return "already-closed"
    if case.happened_at is None:
        return "no-facts"
    return _category_error(case, category, op) or _hearing_error(case, site, op.occurred_at)


def _category_error(case: CaseLike, category: Any, op: Op) -> str | None:
    """A5: a category applies to what happened after it was published and the subject had read
    it."""
    happened_at = case.happened_at
    if category is None or op.payload["category_id"] != case.category_id or happened_at is None:
        return "other-category"
    if category.published_at > happened_at:
        return "published-later"
    read_at = category.acknowledged.get(case.answers_id)
    if case.subject_kind in PERSONAL_SUBJECTS and (
        read_at is None or parse_time(read_at) > happened_at
    ):
        return "not-acknowledged"
    return None


def _hearing_error(case: CaseLike, site: Any, now: datetime) -> str | None:
    """A8: the subject gave a statement, or was asked long enough ago."""
    hours = case.statement_hours
    if hours is None:  # asked by an older version, which did not note what applied then
        hours = getattr(site, "statement_hours", None)
    if case.asked_at is None or case.answer_until is None or hours is None:
        return "not-asked"
    if case.stated_at and case.stated_at >= case.asked_at:
        return None
    due_at = max(case.answer_until, case.asked_at + timedelta(hours=hours))
    return "statement-waits" if now < due_at else None
