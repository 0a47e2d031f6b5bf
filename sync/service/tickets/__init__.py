"""Tickets: the first responder stays responsible until the resident has an answer."""

from __future__ import annotations

from typing import Any

from sync.protocol.clock import FOREVER, format_time
from sync.protocol.feature import Feature, RecordType
from sync.protocol.roles import FRONT_DESK_ROLES, role_mask
from sync.protocol.text import _l
from sync.service.tickets.folding import fold
from sync.service.tickets.kinds import KINDS
from sync.service.tickets.labels import FIELDS, STATES, VALUES
from sync.service.tickets.payloads import (
    CHANNELS,
    ESCALATIONS,
    MATTERS,
    RATED_QUALITIES,
    RATINGS,
    REACTIONS,
    URGENCIES,
)
from sync.service.tickets.rules import ticket_number
from sync.service.tickets.ticket_state import MAX_CONTACT_TRIES, missing_steps


def state(ticket: Any) -> str:
    """K8: the state of a ticket."""
    if ticket["merged_into"]:
        return "merged"
    if ticket["closed_at"]:
        return "closed"
    if ticket["has_items"] and not ticket["things"]:
        return "draft"
    if ticket["resolved_at"]:
        return "resolved"
    if ticket["proxy_for_id"]:
        return "proxy_held"
    if ticket["handed_at"] and not ticket["accepted_at"]:
        return "escalated" if ticket["escalated_at"] == ticket["handed_at"] else "handed_over"
    return "in_progress" if ticket["accepted_at"] else "received"


def visible_until(ticket: Any) -> str:
    """Phones show a ticket as long as it is open."""
    ended = ticket["merged_at"] or ticket["closed_at"]
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
            audience=lambda ticket, roles_of: role_mask(
                FRONT_DESK_ROLES.union(
                    {ticket["asked_role"]}, *map(roles_of, involved_person_ids(ticket))
                )
            ),
            states=STATES,
        ),
    },
    kinds=KINDS,
    fields=FIELDS,
    values=VALUES,
)


__all__ = [
    "CHANNELS",
    "ESCALATIONS",
    "FEATURE",
    "KINDS",
    "MATTERS",
    "MAX_CONTACT_TRIES",
    "RATED_QUALITIES",
    "RATINGS",
    "REACTIONS",
    "URGENCIES",
    "fold",
    "involved_person_ids",
    "missing_steps",
    "state",
    "ticket_number",
    "visible_until",
]
