"""Lists over tickets (who has to do what), computed whenever they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from sync.protocol.likeness import names_same_home, shares_words
from sync.service.tickets import is_complete, missing_steps

DUE_SOON = timedelta(hours=24)
SAME_MATTER_WINDOW = timedelta(hours=72)
"""A matter that nobody has dealt with is reported again within this time."""


class ListedTicket(Protocol):
    """The fields of a ticket that the lists read."""

    handler_id: str
    steward_id: str
    asked_role: str | None
    handed_at: datetime | None
    accepted_at: datetime | None
    proxy_for_id: str | None
    escalated_at: datetime | None
    promised_at: datetime | None
    feedback_at: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None
    merged_into: str | None


def is_open(ticket: ListedTicket) -> bool:
    """Whether somebody still has something to do for the ticket."""
    return not (ticket.merged_into or is_complete(vars(ticket)))


def open_handler_id(ticket: ListedTicket) -> str | None:
    """K20: the one person who handles an open ticket."""
    return ticket.handler_id if is_open(ticket) else None


def open_steward_id(ticket: ListedTicket) -> str | None:
    """K20: the one person who answers to the resident for an open ticket."""
    return ticket.steward_id if is_open(ticket) else None


def awaits_acceptance(ticket: ListedTicket) -> bool:
    """K9: whether the ticket was transferred and nobody has accepted it."""
    return is_open(ticket) and bool(ticket.handed_at) and not ticket.accepted_at


def is_promise_kept(ticket: ListedTicket) -> bool:
    """K19: whether the resident was informed and the work is done."""
    return bool(ticket.feedback_at) and bool(ticket.resolved_at)


def is_breached(ticket: ListedTicket, now: datetime) -> bool:
    """K19: whether the promised time has passed without feedback, whoever handles the ticket."""
    waiting = is_open(ticket) and ticket.promised_at is not None and not is_promise_kept(ticket)
    return bool(waiting and ticket.promised_at and ticket.promised_at <= now)


def is_due_soon(ticket: ListedTicket, now: datetime) -> bool:
    """K19: whether feedback was promised within the next day."""
    waiting = is_open(ticket) and ticket.promised_at is not None and not is_promise_kept(ticket)
    return bool(waiting and ticket.promised_at and now < ticket.promised_at <= now + DUE_SOON)


def held_for_on_duty(
    tickets: Iterable[ListedTicket], on_duty: Mapping[str, Any]
) -> list[ListedTicket]:
    """K11: tickets that were received on behalf of somebody who is now on duty."""
    return [t for t in tickets if is_open(t) and t.proxy_for_id in on_duty]


TICKET_LISTS: dict[str, Callable[[ListedTicket, str, datetime], bool]] = {
    "answering": lambda ticket, me, _: open_steward_id(ticket) == me,
    "handling": lambda ticket, me, _: open_handler_id(ticket) == me,
    "breached": lambda ticket, _, now: is_breached(ticket, now),
    "soon": lambda ticket, _, now: is_due_soon(ticket, now),
    "waiting": lambda ticket, _, __: awaits_acceptance(ticket),
    "held": lambda ticket, _, __: is_open(ticket) and bool(ticket.proxy_for_id),
    "escalated": lambda ticket, _, __: is_open(ticket) and bool(ticket.escalated_at),
    "open": lambda ticket, _, __: is_open(ticket),
}
"""The lists of the desk, in the order in which the page shows them."""


def missing_steps_if_open(ticket: Any) -> list[str]:
    """K10: the steps that an open ticket still needs; none for a closed or merged one."""
    return missing_steps(vars(ticket)) if is_open(ticket) else []


def possible_duplicates(
    ticket: Any, others: Iterable[Any], home_label: Callable[[str | None], str] = lambda _: ""
) -> list[Any]:
    """K17, K25: open tickets that may be the same matter: opened within `SAME_MATTER_WINDOW` for
    the same contact, or for the same place with a word or the category in common, and not told
    apart yet.

    `home_label` returns the label of a home: a home's number in a text is a place too.
    """
    return [
        other
        for other in others
        if other.id != ticket.id
        and is_open(other)
        and not are_apart(ticket, other)
        and abs(other.opened_at - ticket.opened_at) <= SAME_MATTER_WINDOW
        and _is_alike(ticket, other, home_label)
    ]


def are_apart(one: Any, other: Any) -> bool:
    """K25: whether somebody told two tickets apart."""
    ids = [*(getattr(one, "apart_ids", None) or ()), *(getattr(other, "apart_ids", None) or ())]
    return one.id in ids or other.id in ids


def _is_alike(one: Any, other: Any, home_label: Callable[[str | None], str]) -> bool:
    if one.contact and one.contact == other.contact:
        return True
    same_record = any(getattr(one, n) and getattr(one, n) == getattr(other, n) for n in PLACES)
    places = [
        f"{each.details} {each.contact or ''} {home_label(each.unit)}" for each in (one, other)
    ]
    words = [f"{each.details} {CATEGORY_WORDS.get(each.category, '')}" for each in (one, other)]
    return (same_record or names_same_home(*places)) and shares_words(*words)


PLACES = ("unit", "area")
CATEGORY_WORDS = {
    "broken": "broken 坏了",
    "dirty": "dirty 脏了",
    "leaking": "leaking leak 漏水",
    "dangerous": "dangerous 危险",
}
"""How people write what a category says."""
