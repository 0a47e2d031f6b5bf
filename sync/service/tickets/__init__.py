"""Tickets: who is asked first stays answerable until the resident has had an answer."""

from __future__ import annotations

from typing import Any

from sync.protocol.clock import iso
from sync.protocol.digest import DESK, EVERYONE, FOREVER, FRONT
from sync.protocol.op import Kind, Nothing
from sync.service.tickets.folding import TRIES, fold, missing
from sync.service.tickets.payloads import (
    CHANNELS,
    ESCALATIONS,
    MARKS,
    MATTERS,
    QUALITIES,
    REACTIONS,
    URGENCIES,
    Absence,
    Absorption,
    Enquiry,
    Escalation,
    Feedback,
    Handover,
    Item,
    Merger,
    Opening,
    Passing,
    Promise,
    Reason,
    Resolution,
    Revision,
    Succession,
    Words,
    Yielding,
)
from sync.service.tickets.rules import (
    absorb,
    act,
    amend,
    feed_back,
    give_way,
    merge,
    note,
    number,
    open_,
    receive,
    revise,
    succeed,
)


def state(ticket: Any) -> str:
    """K8: where a matter stands. What its handler and its first responder owe follows from it."""
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


def until(ticket: Any) -> str:
    """A phone cares for a ticket as long as it is open."""
    ended = ticket["merged_at"] or ticket["closed_at"]
    return iso(ended) if ended else FOREVER


def concerned(ticket: Any) -> list[str]:
    """K20: whose lists a matter is on: their phones have it."""
    named = ("first_responder_id", "steward_id", "handler_id", "proxy_for_id")
    return [*(ticket[name] for name in named if ticket[name]), *ticket["co_receiver_ids"]]


def line(kind: str, **more: Any) -> dict[str, Any]:
    """What a phone adds to the timeline at once."""
    said = {"at": "$at", "by_id": "$by", "by": "$by_name", "kind": kind, **more}
    return {"timeline+": said, "acted_at": "$at"}


def fact(payload: Any, rule: Any, shows: dict[str, Any], **more: Any) -> Kind:
    """A kind that tells what happened to a matter."""
    return Kind(
        payload=payload, rule=rule, type="ticket", fact=True, flat=False, shows=shows, **more
    )


def decision(payload: Any, rule: Any, **more: Any) -> Kind:
    """A kind that says what shall be."""
    return Kind(payload=payload, rule=rule, type="ticket", fact=False, **more)


BEGUN = {
    "state": "received",
    "number": "T-$code",
    "opened_at": "$at",
    "first_responder_id": "$by",
    "first_responder": "$by_name",
    "steward_id": "$by",
    "steward": "$by_name",
    "handler_id": "$by",
    "handler": "$by_name",
    "resolved_how": "$done_on_the_spot",
    "reaction": "$reaction",
    "things": {},
    "until": FOREVER,
    **line("open"),
}
GIVEN = {
    "state": "handed_over",
    "handler_id": "$handler_id",
    "handler": None,
    "asked_role": "$role",
    "contractor_id": "$contractor_id",
    "given_by_id": "$by",
    "handed_at": "$at",
    "accepted_at": None,
    "proxy_for_id": None,
    **line("hand_over", text="$reason", to_id="$handler_id", role="$role"),
}
TAKEN = {"state": "in_progress", "accepted_at": "$at", "handler_id": "$by", "handler": "$by_name"}
HELD = {"state": "proxy_held", "proxy_for_id": "$for_id", "handler_id": "$by"}
RAISED = {
    "state": "escalated",
    "handler_id": "$to_id",
    "handler": None,
    "escalation": "$reason",
    "escalated_at": "$at",
    "handed_at": "$at",
    "accepted_at": None,
}
THING: dict[str, Any] = {
    "condition": "$condition",
    "quantity": "$quantity",
    "returned_at": None,
    "chain": [],
}

KINDS = {
    "ticket.open": Kind(
        payload=Opening,
        rule=open_,
        type="ticket",
        fact=True,
        creates=True,
        roles=EVERYONE,
        shows=BEGUN,
    ),
    "ticket.hand_over": fact(Handover, act, GIVEN),
    "ticket.accept": fact(Nothing, receive, {**TAKEN, **line("accept")}),
    "ticket.give_back": fact(
        Reason,
        receive,
        {**TAKEN, "handler_id": None, "handler": None, **line("give_back", text="$reason")},
    ),
    "ticket.hold": fact(Absence, act, {**HELD, **line("hold", to_id="$for_id")}),
    "ticket.escalate": fact(
        Escalation, act, {**RAISED, **line("escalate", text="$reason", to_id="$to_id")}
    ),
    "ticket.follow": fact(Words, note, {"followed_at": "$at", **line("follow", text="$text")}),
    "ticket.promise": fact(Promise, act, {"promised_at": "$promised_at", **line("promise")}),
    "ticket.resolve": fact(
        Resolution,
        act,
        {
            "state": "resolved",
            "resolved_at": "$at",
            "resolved_how": "$how",
            "reaction": None,
            **line("resolve", text="$how"),
        },
    ),
    "ticket.feed_back": fact(
        Feedback,
        feed_back,
        {
            "feedback_at": "$at",
            "reaction": "$reaction",
            **line("feed_back", reaction="$reaction", text="$note"),
        },
    ),
    "ticket.enquire": fact(
        Enquiry, note, {"followed_at": "$at", **line("enquire", text="$answered", who="$who")}
    ),
    "ticket.register": fact(
        Item, note, {"has_items": True, "things.$item": THING, **line("register", text="$item")}
    ),
    "ticket.pass_on": fact(Passing, note, line("pass_on", text="$item", to="$to")),
    "ticket.return_item": fact(
        Passing,
        note,
        {"things.$item.returned_at": "$at", **line("return_item", text="$item", to="$to")},
    ),
    "ticket.reopen": fact(
        Reason,
        note,
        {
            "state": "received",
            "closed_at": None,
            "resolved_at": None,
            "until": FOREVER,
            **line("reopen", text="$reason"),
        },
    ),
    "ticket.revise": decision(Revision, revise),
    "ticket.merge": decision(Merger, merge, roles=FRONT, looks_at=("other_id",)),
    "ticket.amend": decision(Revision, amend, at_desk=True, roles=FRONT),
    "ticket.succeed": decision(Succession, succeed, at_desk=True, roles=DESK, looks_at=("to_id",)),
    "ticket.absorb": decision(Absorption, absorb, internal=True),
    "ticket.give_way": decision(Yielding, give_way, internal=True),
}

__all__ = [
    "CHANNELS",
    "ESCALATIONS",
    "KINDS",
    "MARKS",
    "MATTERS",
    "QUALITIES",
    "REACTIONS",
    "TRIES",
    "URGENCIES",
    "concerned",
    "fold",
    "missing",
    "number",
    "state",
    "until",
]
