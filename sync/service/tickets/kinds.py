"""The kinds of op of tickets."""

from __future__ import annotations

from typing import Any

from sync.protocol.clock import FOREVER
from sync.protocol.erasure import purge_kind
from sync.protocol.op import EmptyPayload, Kind
from sync.protocol.roles import ALL_ROLES, DESK_ROLES, FRONT_DESK_ROLES
from sync.protocol.text import _l
from sync.service.tickets.patches import (
    ACCEPT_PATCH,
    ESCALATE_PATCH,
    HAND_OVER_PATCH,
    HOLD_PATCH,
    ITEM_PATCH,
    OPEN_PATCH,
    timeline_patch,
)
from sync.service.tickets.payloads import (
    TicketAbsorbPayload,
    TicketConcludePayload,
    TicketEnquirePayload,
    TicketEscalatePayload,
    TicketFeedBackPayload,
    TicketFollowPayload,
    TicketGiveWayPayload,
    TicketHandOverPayload,
    TicketHoldPayload,
    TicketInformPayload,
    TicketKeepApartPayload,
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
from sync.service.tickets.personal_data import REDACTED_VALUES
from sync.service.tickets.rules import (
    absorb,
    accept_fact,
    amend,
    feed_back,
    flag_after_end,
    flag_unless_asked,
    flag_unless_handler,
    give_way,
    inform,
    keep_apart,
    merge,
    open_,
    promise,
    revise,
    succeed,
)


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


def unchanged(payload: dict[str, Any]) -> dict[str, Any]:
    """The upcaster of a version that has the same fields as the next, but another meaning."""
    return payload


KINDS = {
    "ticket.open": Kind(
        payload=TicketOpenPayload,
        rule=open_,
        type="ticket",
        fact=True,
        creates=True,
        roles=ALL_ROLES,
        optimistic_patch=OPEN_PATCH,
        payload_version=2,
        upcasters={1: unchanged},
        given_fields=("number", "numbers", "slip"),
        numbered=True,
        label=_l("Ticket opened"),
    ),
    "ticket.hand_over": fact_kind(
        TicketHandOverPayload, flag_after_end, HAND_OVER_PATCH, label=_l("Ticket transferred")
    ),
    "ticket.accept": fact_kind(
        EmptyPayload,
        flag_unless_asked,
        {**ACCEPT_PATCH, **timeline_patch("accept")},
        reads_author=True,
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
        promise,
        {"promised_at": "$promised_at", **timeline_patch("promise")},
        label=_l("Reply promised"),
    ),
    "ticket.inform": fact_kind(
        TicketInformPayload,
        inform,
        {"followed_at": "$at", **timeline_patch("inform", text="$said")},
        label=_l("Interim answer given"),
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
            "followed_at": "$at",
            **timeline_patch("feed_back", reaction="$reaction", text="$note"),
        },
        payload_version=2,
        upcasters={1: unchanged},
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
        payload_version=2,
        upcasters={1: unchanged},
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
    "ticket.keep_apart": decision_kind(
        TicketKeepApartPayload,
        keep_apart,
        from_desk_only=True,
        ignore_base=True,
        roles=FRONT_DESK_ROLES,
        related_fields=("other_id",),
        label=_l("Not the same matter"),
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
    "ticket.conclude": fact_kind(
        TicketConcludePayload,
        flag_after_end,
        {},
        from_server_only=True,
        label=_l("Ticket ended with its case"),
    ),
    "ticket.give_way": decision_kind(
        TicketGiveWayPayload,
        give_way,
        from_server_only=True,
        label=_l("Ticket merged into another"),
    ),
    "ticket.purge": purge_kind("ticket", REDACTED_VALUES, _l("Ticket erased")),
}
