"""Tickets: the first responder stays responsible until the resident has an answer."""

from __future__ import annotations

from typing import Any

from sync.protocol.clock import FOREVER, format_time
from sync.protocol.feature import Feature, RecordType
from sync.protocol.roles import FRONT_DESK_ROLES, OUTSIDE_ROLES, role_mask
from sync.protocol.text import _l
from sync.service.tickets.folding import fold
from sync.service.tickets.kinds import KINDS
from sync.service.tickets.labels import FIELDS, STATES, VALUES
from sync.service.tickets.payloads import (
    CATEGORIES,
    CHANNELS,
    ESCALATIONS,
    MATTERS,
    NUMBER_PATTERN,
    RATED_QUALITIES,
    RATINGS,
    REACTIONS,
    URGENCIES,
)
from sync.service.tickets.rules import ticket_number
from sync.service.tickets.ticket_state import (
    MAX_CONTACT_TRIES,
    is_complete,
    is_feedback_complete,
    missing_steps,
)


def state(ticket: Any) -> str:
    """K8: the state of a ticket."""
    if ticket["merged_into"]:
        return "merged"
    if is_complete(ticket):
        return "closed"
    if ticket["has_items"] and not ticket["things"]:
        return "draft"
    if ticket["resolved_at"]:
        return "informed" if is_feedback_complete(ticket) else "resolved"
    if ticket["proxy_for_id"]:
        return "proxy_held"
    if ticket["handed_at"] and not ticket["accepted_at"]:
        return "escalated" if ticket["escalated_at"] == ticket["handed_at"] else "handed_over"
    return "in_progress" if ticket["accepted_at"] else "received"


def visible_until(ticket: Any) -> str:
    """Phones show a ticket as long as it is open."""
    ended = ticket["merged_at"] or ticket["closed_at"]
    if not ended and is_complete(ticket):
        ended = ticket["feedback_at"] or ticket["resolved_at"]
    return format_time(ended) if ended else FOREVER


def involved_person_ids(ticket: Any) -> list[str]:
    """K20: the people on whose lists a ticket is, and whose phones therefore have it."""
    names = ("first_responder_id", "steward_id", "handler_id", "proxy_for_id")
    return [*(ticket[name] for name in names if ticket[name]), *ticket["co_receiver_ids"]]


FEATURE = Feature(
    types={
        "ticket": RecordType(
            label=_l("Ticket"),
            state=state,
            visible_until=visible_until,
            fold=fold,
            audience=lambda ticket, _: role_mask(
                FRONT_DESK_ROLES | {ticket["asked_role"]} - OUTSIDE_ROLES
            ),
            people=involved_person_ids,
            states=STATES,
        ),
    },
    kinds=KINDS,
    fields=FIELDS,
    values=VALUES,
)


PROGRESS_STEPS = ("received", "in_hand", "done", "answered")
"""How far a ticket is, as a resident is told."""

PROGRESS_BY_STATE = {
    "draft": "received",
    "received": "received",
    "handed_over": "received",
    "escalated": "received",
    "proxy_held": "received",
    "in_progress": "in_hand",
    "resolved": "done",
    "informed": "done",
    "closed": "answered",
}
"""K21: nothing is in hand before somebody has accepted it."""


__all__ = [
    "CATEGORIES",
    "CHANNELS",
    "ESCALATIONS",
    "FEATURE",
    "KINDS",
    "MATTERS",
    "MAX_CONTACT_TRIES",
    "NUMBER_PATTERN",
    "PROGRESS_BY_STATE",
    "PROGRESS_STEPS",
    "RATED_QUALITIES",
    "RATINGS",
    "REACTIONS",
    "URGENCIES",
    "fold",
    "involved_person_ids",
    "is_complete",
    "missing_steps",
    "state",
    "ticket_number",
    "visible_until",
]
