"""Tickets: the first responder stays responsible until the resident has an answer."""

from __future__ import annotations

from typing import Any

from sync.protocol.clock import FOREVER, format_time
from sync.protocol.feature import Feature, RecordType
from sync.protocol.op import EmptyPayload, Kind
from sync.protocol.roles import ALL_ROLES, DESK_ROLES, FRONT_DESK_ROLES, role_mask
from sync.protocol.text import _l
from sync.service.tickets.folding import MAX_CONTACT_TRIES, fold, missing_steps
from sync.service.tickets.labels import FIELDS, STATES, VALUES
from sync.service.tickets.payloads import (
    CHANNELS,
    ESCALATIONS,
    MATTERS,
    RATED_QUALITIES,
    RATINGS,
    REACTIONS,
    URGENCIES,
    TicketAbsorbPayload,
    TicketEnquirePayload,
    TicketEscalatePayload,
    TicketFeedBackPayload,
    TicketFollowPayload,
    TicketGiveWayPayload,
    TicketHandOverPayload,
    TicketHoldPayload,
    TicketMergePayload,
    TicketOpenPayload,
    TicketPassItemPayload,
    TicketPromisePayload,
    TicketReasonPayload,
    TicketRegisterPayload,
    TicketResolvePayload,
    TicketRevisePayload,
    TicketSucceedPayload,
)
from sync.service.tickets.rules import (
    absorb,
    accept_fact,
    amend,
    feed_back,
    flag_after_end,
    flag_unless_handler,
    give_way,
    merge,
    open_,
    revise,
    succeed,
    ticket_number,
)


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


def timeline_patch(kind: str, **more: Any) -> dict[str, Any]:
    """The optimistic patch that adds a line to the timeline."""
    line = {"at": "$at", "by_id": "$by", "by": "$by_name", "kind": kind, **more}
    return {"timeline+": line, "acted_at": "$at"}


def fact_kind(payload: Any, rule: Any, optimistic_patch: dict[str, Any], **kwargs: Any) -> Kind:
    """A kind of fact about a ticket."""
    return Kind(
        payload=payload,
        rule=rule,
        type="ticket",
        fact=True,
        overlay_payload=False,
        optimistic_patch=optimistic_patch,
        **kwargs,
    )


def decision_kind(payload: Any, rule: Any, **kwargs: Any) -> Kind:
    """A kind of decision about a ticket."""
    return Kind(payload=payload, rule=rule, type="ticket", fact=False, **kwargs)


OPEN_PATCH = {
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
    **timeline_patch("open"),
}
HAND_OVER_PATCH = {
    "state": "handed_over",
    "handler_id": "$handler_id",
    "handler": None,
    "asked_role": "$role",
    "contractor_id": "$contractor_id",
    "given_by_id": "$by",
    "handed_at": "$at",
    "accepted_at": None,
    "proxy_for_id": None,
    **timeline_patch("hand_over", text="$reason", to_id="$handler_id", role="$role"),
}
ACCEPT_PATCH = {
    "state": "in_progress",
    "accepted_at": "$at",
    "handler_id": "$by",
    "handler": "$by_name",
}
HOLD_PATCH = {"state": "proxy_held", "proxy_for_id": "$for_id", "handler_id": "$by"}
ESCALATE_PATCH = {
    "state": "escalated",
    "handler_id": "$to_id",
    "handler": None,
    "escalation": "$reason",
    "escalated_at": "$at",
    "handed_at": "$at",
    "accepted_at": None,
}
ITEM_PATCH: dict[str, Any] = {
    "condition": "$condition",
    "quantity": "$quantity",
    "returned_at": None,
    "chain": [],
}

KINDS = {
    "ticket.open": Kind(
        payload=TicketOpenPayload,
        rule=open_,
        type="ticket",
        fact=True,
        creates=True,
        roles=ALL_ROLES,
        optimistic_patch=OPEN_PATCH,
        label=_l("Ticket opened"),
    ),
    "ticket.hand_over": fact_kind(
        TicketHandOverPayload, flag_after_end, HAND_OVER_PATCH, label=_l("Ticket transferred")
    ),
    "ticket.accept": fact_kind(
        EmptyPayload,
        flag_unless_handler,
        {**ACCEPT_PATCH, **timeline_patch("accept")},
        label=_l("Ticket accepted"),
    ),
    "ticket.give_back": fact_kind(
        TicketReasonPayload,
        flag_unless_handler,
        {
            **ACCEPT_PATCH,
            "handler_id": None,
            "handler": None,
            **timeline_patch("give_back", text="$reason"),
        },
        label=_l("Ticket returned"),
    ),
    "ticket.hold": fact_kind(
        TicketHoldPayload,
        flag_after_end,
        {**HOLD_PATCH, **timeline_patch("hold", to_id="$for_id")},
        label=_l("Ticket received on behalf"),
    ),
    "ticket.escalate": fact_kind(
        TicketEscalatePayload,
        flag_after_end,
        {**ESCALATE_PATCH, **timeline_patch("escalate", text="$reason", to_id="$to_id")},
        label=_l("Ticket escalated"),
    ),
    "ticket.follow": fact_kind(
        TicketFollowPayload,
        accept_fact,
        {"followed_at": "$at", **timeline_patch("follow", text="$text")},
        label=_l("Follow-up noted"),
    ),
    "ticket.promise": fact_kind(
        TicketPromisePayload,
        flag_after_end,
        {"promised_at": "$promised_at", **timeline_patch("promise")},
        label=_l("Reply promised"),
    ),
    "ticket.resolve": fact_kind(
        TicketResolvePayload,
        flag_after_end,
        {
            "state": "resolved",
            "resolved_at": "$at",
            "resolved_how": "$how",
            "reaction": None,
            **timeline_patch("resolve", text="$how"),
        },
        label=_l("Work done"),
    ),
    "ticket.feed_back": fact_kind(
        TicketFeedBackPayload,
        feed_back,
        {
            "feedback_at": "$at",
            "reaction": "$reaction",
            **timeline_patch("feed_back", reaction="$reaction", text="$note"),
        },
        label=_l("Feedback given"),
    ),
    "ticket.enquire": fact_kind(
        TicketEnquirePayload,
        accept_fact,
        {"followed_at": "$at", **timeline_patch("enquire", text="$answered", who="$who")},
        label=_l("Enquiry answered"),
    ),
    "ticket.register": fact_kind(
        TicketRegisterPayload,
        accept_fact,
        {"has_items": True, "things.$item": ITEM_PATCH, **timeline_patch("register", text="$item")},
        label=_l("Ticket item registered"),
    ),
    "ticket.pass_on": fact_kind(
        TicketPassItemPayload,
        accept_fact,
        timeline_patch("pass_on", text="$item", to="$to"),
        label=_l("Ticket item passed on"),
    ),
    "ticket.return_item": fact_kind(
        TicketPassItemPayload,
        accept_fact,
        {
            "things.$item.returned_at": "$at",
            **timeline_patch("return_item", text="$item", to="$to"),
        },
        label=_l("Ticket item returned"),
    ),
    "ticket.reopen": fact_kind(
        TicketReasonPayload,
        accept_fact,
        {
            "state": "received",
            "closed_at": None,
            "resolved_at": None,
            "until": FOREVER,
            **timeline_patch("reopen", text="$reason"),
        },
        label=_l("Ticket reopened"),
    ),
    "ticket.revise": decision_kind(TicketRevisePayload, revise, label=_l("Ticket edited")),
    "ticket.merge": decision_kind(
        TicketMergePayload,
        merge,
        roles=FRONT_DESK_ROLES,
        related_fields=("other_id",),
        label=_l("Tickets merged"),
    ),
    "ticket.amend": decision_kind(
        TicketRevisePayload,
        amend,
        from_desk_only=True,
        roles=FRONT_DESK_ROLES,
        label=_l("Ticket corrected"),
    ),
    "ticket.succeed": decision_kind(
        TicketSucceedPayload,
        succeed,
        from_desk_only=True,
        roles=DESK_ROLES,
        related_fields=("to_id",),
        label=_l("New person responsible"),
    ),
    "ticket.absorb": decision_kind(
        TicketAbsorbPayload, absorb, from_server_only=True, label=_l("Duplicate ticket added")
    ),
    "ticket.give_way": decision_kind(
        TicketGiveWayPayload,
        give_way,
        from_server_only=True,
        label=_l("Ticket merged into another"),
    ),
}


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
