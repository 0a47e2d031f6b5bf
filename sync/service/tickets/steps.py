"""How each kind of fact changes the state of a ticket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sync.protocol.clock import as_datetime, format_time
from sync.protocol.op import HistoryEntry
from sync.service.tickets.payloads import FOUND_BY_US
from sync.service.tickets.ticket_state import (
    TicketState,
    close_if_complete,
    is_awaited,
    is_complete,
    vars_of,
)


def initial_state(opening: HistoryEntry, record: Any) -> TicketState:
    """The state of a ticket after its opening. `record` is the ticket, for its successions."""
    payload, at = opening.payload, opening.occurred_at
    known: dict[str, Any] = payload if record is None else vars(record)
    ticket = TicketState(
        first_responder_id=opening.by,
        opened_at=at,
        handler_id=opening.by,
        stewards=frozenset({opening.by, *(getattr(record, "successions", None) or {}).values()}),
        promised_at=as_datetime(payload.get("promised_at")),
        channel=known.get("channel"),
        matter=known.get("matter"),
        contact=known.get("contact"),
        declined_because=known.get("declined_because"),
        is_awaited=opening.v == 1 or is_awaited(known),
        has_items=any(payload.get(name) for name in ("has_items", "item", "quantity", "holder")),
    )
    if payload.get("item"):
        _register(ticket, opening)
    if payload.get("done_on_the_spot"):
        _resolve_on_the_spot(ticket, opening)
    return ticket


def _resolve_on_the_spot(ticket: TicketState, opening: HistoryEntry) -> None:
    """K6: resolved on the spot. Where nobody asked, nobody waits for feedback."""
    payload, at = opening.payload, opening.occurred_at
    ticket.resolved_at = ticket.acted_at = at
    ticket.resolved_by_id, ticket.resolved_how = opening.by, payload["done_on_the_spot"]
    reaction = payload.get("reaction")
    if opening.v == 1 and payload.get("channel") == FOUND_BY_US:
        reaction = "satisfied"
    elif not reaction and not ticket.is_awaited:
        reaction = "not_needed"
    if reaction:
        _apply_reaction(ticket, opening, reaction)
    close_if_complete(ticket, at)


def _hand_over(ticket: TicketState, entry: HistoryEntry) -> bool:
    """K4, K7: a receiver is named; until they accept, the ticket waits for them."""
    if ticket.closed_at:
        return False
    payload = entry.payload
    ticket.given_by_id, ticket.handed_at = ticket.handler_id, entry.occurred_at
    ticket.accepted_at = ticket.proxy_for_id = None
    ticket.contractor_id = canonical_id(payload.get("contractor_id"))
    ticket.accountable_id = canonical_id(payload.get("accountable_id"))
    ticket.asked_role, ticket.asked_trade = payload.get("role"), payload.get("trade")
    ticket.handler_id = (
        canonical_id(payload.get("handler_id")) or ticket.accountable_id or ticket.handler_id
    )
    ticket.resolved_at = None
    return _mark_acted(ticket, entry)


def _accept(ticket: TicketState, entry: HistoryEntry) -> bool:
    """K9: the named person accepts, or one of the people with the named role."""
    waits = ticket.handed_at and not ticket.accepted_at and not ticket.closed_at
    if not waits or (ticket.asked_role is None and entry.by != ticket.handler_id):
        return False
    ticket.accepted_at, ticket.handler_id = entry.occurred_at, entry.by
    ticket.asked_role = ticket.asked_trade = None
    return _mark_acted(ticket, entry)


def _give_back(ticket: TicketState, entry: HistoryEntry) -> bool:
    """K9: a transferred ticket goes back to whoever transferred it."""
    is_handler = entry.by == ticket.handler_id or ticket.asked_role
    if ticket.closed_at or not ticket.given_by_id or not is_handler:
        return False
    ticket.handler_id, ticket.given_by_id = ticket.given_by_id, None
    ticket.asked_role = ticket.asked_trade = None
    ticket.contractor_id = ticket.accountable_id = None
    ticket.accepted_at = entry.occurred_at
    return True


def _hold(ticket: TicketState, entry: HistoryEntry) -> bool:
    """K11: received on behalf of somebody absent; the receiver handles it."""
    if ticket.closed_at:
        return False
    ticket.handler_id, ticket.proxy_for_id = entry.by, canonical_id(entry.payload["for_id"])
    ticket.asked_role = ticket.asked_trade = None
    ticket.accepted_at = entry.occurred_at
    return True


def _escalate(ticket: TicketState, entry: HistoryEntry) -> bool:
    """K12: a leader becomes the handler; the first responder stays."""
    if ticket.closed_at:
        return False
    ticket.given_by_id, ticket.handler_id = (
        ticket.handler_id,
        str(canonical_id(entry.payload["to_id"])),
    )
    ticket.escalated_at = ticket.handed_at = entry.occurred_at
    ticket.escalation = entry.payload["reason"]
    ticket.accepted_at = ticket.proxy_for_id = None
    ticket.asked_role = ticket.asked_trade = None
    return _mark_acted(ticket, entry)


def _follow(ticket: TicketState, entry: HistoryEntry) -> bool:
    ticket.followed_at = entry.occurred_at
    return True


def _inform(ticket: TicketState, entry: HistoryEntry) -> bool:
    """K22: an interim answer shows that the ticket is followed, and may promise another time."""
    promised_at = as_datetime(entry.payload.get("promised_at"))
    if ticket.closed_at:
        return False
    ticket.followed_at, ticket.promised_at = entry.occurred_at, promised_at or ticket.promised_at
    return True


def _promise(ticket: TicketState, entry: HistoryEntry) -> bool:
    ticket.promised_at = as_datetime(entry.payload["promised_at"])
    return not ticket.closed_at


def _resolve(ticket: TicketState, entry: HistoryEntry) -> bool:
    if ticket.closed_at:
        return False
    ticket.resolved_at, ticket.resolved_by_id = entry.occurred_at, entry.by
    ticket.resolved_how = entry.payload.get("how")
    ticket.reaction, ticket.unreachable = None, 0
    ticket.accepted_at = ticket.accepted_at or entry.occurred_at
    return _mark_acted(ticket, entry)


def _feed_back(ticket: TicketState, entry: HistoryEntry) -> bool:
    """K10, K13: feedback counts only after the work, from whoever is responsible or with a
    reason."""
    is_unexplained = entry.by not in ticket.stewards and not entry.payload.get("because")
    if ticket.closed_at or not ticket.resolved_at or is_unexplained:
        return False
    _apply_reaction(ticket, entry, entry.payload["reaction"])
    if entry.v == 1:
        ticket.needs_follow_up = True
    else:
        ticket.followed_at = ticket.followed_at or entry.occurred_at
    return True


def _conclude(ticket: TicketState, entry: HistoryEntry) -> bool:
    """Q11: the case of the ticket has ended, after the resident was told everything."""
    if ticket.closed_at:
        return False
    ticket.resolved_at, ticket.resolved_by_id = entry.occurred_at, entry.by
    ticket.resolved_how = entry.payload["outcome"]
    _apply_reaction(ticket, entry, "informed")
    ticket.followed_at = ticket.followed_at or entry.occurred_at
    return _mark_acted(ticket, entry)


def _apply_reaction(ticket: TicketState, entry: HistoryEntry, reaction: str) -> None:
    ticket.feedback_at, ticket.feedback_by_id = entry.occurred_at, entry.by
    ticket.reaction = reaction
    ticket.marks = dict(entry.payload.get("marks") or {})
    if reaction == "unreachable":
        ticket.unreachable += 1
    if reaction == "unsatisfied":
        ticket.resolved_at, ticket.unreachable = None, 0


def _enquire(ticket: TicketState, entry: HistoryEntry) -> bool:
    """K14: an answered question is part of the timeline, whether the ticket is open or closed."""
    if not ticket.closed_at:
        ticket.followed_at = entry.occurred_at
    return True


def _register(ticket: TicketState, entry: HistoryEntry) -> bool:
    """K15: an item is registered with its condition and who has it now. The ticket is open until
    the item is returned."""
    payload = entry.payload
    ticket.closed_at = None
    item = ticket.things.get(payload["item"], {"chain": []})
    holder = payload.get("holder")
    link = {"at": format_time(entry.occurred_at), "by_id": entry.by, "to": holder}
    ticket.things[payload["item"]] = {
        **item,
        "condition": payload.get("condition") or item.get("condition"),
        "quantity": payload.get("quantity") or item.get("quantity") or 1,
        "chain": [*item["chain"], link],
        "returned_at": None,
    }
    ticket.has_items = True
    return True


def _pass_item(ticket: TicketState, entry: HistoryEntry) -> bool:
    """K15: each person who takes the item is a link in its chain of custody."""
    item = ticket.things.get(entry.payload["item"])
    if item is None:
        return False
    link = {"at": format_time(entry.occurred_at), "by_id": entry.by, "to": entry.payload["to"]}
    ticket.things[entry.payload["item"]] = {**item, "chain": [*item["chain"], link]}
    return True


def _return_item(ticket: TicketState, entry: HistoryEntry) -> bool:
    """K15: the chain of custody ends with the return of the item."""
    if not _pass_item(ticket, entry):
        return False
    ticket.things[entry.payload["item"]]["returned_at"] = format_time(entry.occurred_at)
    return True


def _reopen(ticket: TicketState, entry: HistoryEntry) -> bool:
    """K16: a reopened ticket stays the same ticket, handled by its first responder."""
    is_over = ticket.closed_at or (entry.v > 1 and is_complete(vars_of(ticket)))
    if not is_over:
        return False
    ticket.closed_at = ticket.resolved_at = ticket.reaction = None
    ticket.reopened_at, ticket.unreachable = entry.occurred_at, 0
    ticket.handler_id, ticket.contractor_id = ticket.first_responder_id, None
    ticket.accountable_id = ticket.given_by_id = ticket.handed_at = None
    ticket.accepted_at = entry.occurred_at
    return True


def _mark_acted(ticket: TicketState, entry: HistoryEntry) -> bool:
    ticket.acted_at = ticket.acted_at or entry.occurred_at
    return True


def canonical_id(value: Any) -> str | None:
    """A UUID in lower case, or None. A payload in the log may have it in capitals."""
    return str(UUID(str(value))) if value else None


STEP_HANDLERS: dict[str, Callable[[TicketState, HistoryEntry], bool]] = {
    "ticket.hand_over": _hand_over,
    "ticket.accept": _accept,
    "ticket.give_back": _give_back,
    "ticket.hold": _hold,
    "ticket.escalate": _escalate,
    "ticket.follow": _follow,
    "ticket.inform": _inform,
    "ticket.promise": _promise,
    "ticket.resolve": _resolve,
    "ticket.feed_back": _feed_back,
    "ticket.conclude": _conclude,
    "ticket.enquire": _enquire,
    "ticket.register": _register,
    "ticket.pass_on": _pass_item,
    "ticket.return_item": _return_item,
    "ticket.reopen": _reopen,
}
