"""The state of a ticket while its facts are folded, and the steps that it still needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sync.service.tickets.payloads import FOUND_BY_US

MAX_CONTACT_TRIES = 3
"""How often a resident is tried before a ticket may close without being reached (our choice)."""


@dataclass(slots=True)
class TicketState:
    """The state of a ticket after the facts folded so far."""

    first_responder_id: str
    opened_at: datetime
    handler_id: str
    stewards: frozenset[str]
    channel: str | None = None
    matter: str | None = None
    contact: str | None = None
    declined_because: str | None = None
    is_awaited: bool = True
    """Whether somebody waits for feedback; of an opening of version 1, always."""
    needs_follow_up: bool = False
    """Whether feedback of payload version 1 was given, after which a follow-up was needed too."""
    contractor_id: str | None = None
    accountable_id: str | None = None
    given_by_id: str | None = None
    asked_role: str | None = None
    asked_trade: str | None = None
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
    missing = _unasked(ticket)
    if ticket["has_items"] and not ticket["things"]:
        missing.append("item")
    if not ticket["resolved_at"]:
        missing.append("resolution")
    if ticket["handed_at"] and not ticket["followed_at"] and not is_feedback_complete(ticket):
        missing.append("follow-up")
    if any(not thing.get("returned_at") for thing in ticket["things"].values()):
        missing.append("return")
    if not is_feedback_complete(ticket):
        missing.append("feedback")
    return missing


def _unasked(ticket: Any) -> list[str]:
    """K2: what the resident was not asked yet. Nobody is asked about what we found ourselves."""
    if ticket.get("channel") == FOUND_BY_US:
        return []
    missing = [] if ticket.get("matter") else ["matter"]
    is_answered = ticket.get("contact") or ticket.get("declined_because")
    return missing if is_answered else [*missing, "contact"]


def close_if_complete(ticket: TicketState, at: datetime) -> None:
    """K10: a ticket closes by itself once no step is missing, and never before."""
    if ticket.closed_at or (ticket.needs_follow_up and ticket.handed_at and not ticket.followed_at):
        return
    if not missing_steps(vars_of(ticket)):
        ticket.closed_at = at


def vars_of(ticket: TicketState) -> dict[str, Any]:
    """The fields of a state by name."""
    return {name: getattr(ticket, name) for name in STATE_FIELDS}


def is_feedback_complete(ticket: Any) -> bool:
    """K10: whether the resident is satisfied, was told everything, or could not be reached, or
    nobody waits for feedback."""
    reaction = ticket["reaction"]
    if reaction in ("satisfied", "informed", "not_needed"):
        return True
    if reaction == "unreachable" and ticket["unreachable"] >= MAX_CONTACT_TRIES:
        return True
    return not (ticket["is_awaited"] if "is_awaited" in ticket else is_awaited(ticket))


def is_awaited(ticket: Any) -> bool:
    """K6: whether somebody waits for feedback: not on what we found ourselves outside a home."""
    is_asked = ticket.get("channel") != FOUND_BY_US
    return bool(is_asked or ticket.get("contact") or ticket.get("unit"))


def is_complete(ticket: Any) -> bool:
    """K10: whether a ticket is over: closed, or nothing is missing any more."""
    return bool(ticket["closed_at"]) or not missing_steps(ticket)


STATE_FIELDS = tuple(TicketState.__dataclass_fields__)
KNOWN_FIELDS = ("channel", "matter", "contact", "declined_because")
"""Fields of the state that facts do not change."""

FOLDED_FIELDS = tuple(
    name
    for name in STATE_FIELDS
    if name not in (*KNOWN_FIELDS, "stewards", "is_awaited", "needs_follow_up")
)
