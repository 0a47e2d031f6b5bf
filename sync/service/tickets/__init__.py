"""Tickets: the first responder stays responsible until the resident has an answer."""

from __future__ import annotations

from typing import Any

from sync.protocol.clock import FOREVER, format_time
from sync.protocol.feature import Feature, PersonalData, RecordType
from sync.protocol.roles import FRONT_DESK_ROLES, role_mask
from sync.protocol.scope import trade_key
from sync.protocol.text import _l
from sync.service.tickets.folding import fold
from sync.service.tickets.kinds import KINDS
from sync.service.tickets.labels import FIELDS, SENTENCES, STATES, VALUES
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
from sync.service.tickets.personal_data import REDACTED_VALUES
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


def audience(ticket: Any, _: Any) -> int:
    """K24: the front desk sees every ticket, and everybody with the role that it waits for; of the
    repair workers those with the trade, if one is named. W8: no contractor's worker."""
    waits_for = set() if ticket["asked_trade"] else {ticket["asked_role"]} - {"contractor_worker"}
    return role_mask(FRONT_DESK_ROLES | waits_for)


def asked_groups(ticket: Any) -> list[str]:
    """K24: the trade that a ticket waits for."""
    return [trade_key(ticket["asked_trade"])] if ticket["asked_trade"] else []


FEATURE = Feature(
    types={
        "ticket": RecordType(
            label=_l("Ticket"),
            shows_authors=True,
            state=state,
            visible_until=visible_until,
            fold=fold,
            audience=audience,
            people=involved_person_ids,
            groups=asked_groups,
            personal=PersonalData(
                term="ticket_days",
                ended=("closed_at", "merged_at"),
                why=_l("Until the yearly report it can be asked what was promised and done."),
                home_field="unit",
            ),
            redacted_values=REDACTED_VALUES,
            states=STATES,
        ),
    },
    kinds=KINDS,
    fields=FIELDS,
    values=VALUES,
    sentences=SENTENCES,
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
