"""The state of a ticket while its facts are folded, and the steps that it still needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

MAX_CONTACT_TRIES = 3
"""How often a resident is tried before a ticket may close without being reached (our choice)."""


@dataclass(slots=True)
class TicketState:
    """The state of a ticket after the facts folded so far."""

    first_responder_id: str
    opened_at: datetime
    handler_id: str
    stewards: frozenset[str]
    contractor_id: str | None = None
    accountable_id: str | None = None
    given_by_id: str | None = None
    asked_role: str | None = None
    handed_at: datetime | None = None
    accepted_at: datetime | None = None
    proxy_for_id: str | None = None
    escalated_at: datetime | None = None
    escalation: str | None = None
    promised_at: datetime | None = None
    followed_at: datetime | None = None
    acted_at: datetime | None = None
    resolved_at: datetime | None = None
    resolved_by_id: str | None = None
    resolved_how: str | None = None
    feedback_at: datetime | None = None
    feedback_by_id: str | None = None
    reaction: str | None = None
    unreachable: int = 0
    marks: dict[str, str] = field(default_factory=dict)
    reopened_at: datetime | None = None
    closed_at: datetime | None = None
    has_items: bool = False
    things: dict[str, dict[str, Any]] = field(default_factory=dict)


def missing_steps(ticket: Any) -> list[str]:
    """K10: what a ticket still needs before it closes, in the order in which it is done."""
    missing = []
    if ticket["has_items"] and not ticket["things"]:
        missing.append("item")
    if not ticket["resolved_at"]:
        missing.append("resolution")
    if ticket["handed_at"] and not ticket["followed_at"]:
        missing.append("follow-up")
    if any(not thing.get("returned_at") for thing in ticket["things"].values()):
        missing.append("return")
    if not _is_feedback_complete(ticket["reaction"], ticket["unreachable"]):
        missing.append("feedback")
    return missing


def close_if_complete(ticket: TicketState, at: datetime) -> None:
    """K10: a ticket closes by itself once no step is missing, and never before."""
    if not ticket.closed_at and not missing_steps({n: getattr(ticket, n) for n in FOLDED_FIELDS}):
        ticket.closed_at = at


def _is_feedback_complete(reaction: str | None, tries: int) -> bool:
    return reaction == "satisfied" or (reaction == "unreachable" and tries >= MAX_CONTACT_TRIES)


FOLDED_FIELDS = tuple(name for name in TicketState.__dataclass_fields__ if name != "stewards")
