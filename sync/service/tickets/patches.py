"""Optimistic patches of tickets: what a phone changes in the record before the verdict."""

from __future__ import annotations

from typing import Any

from sync.protocol.clock import FOREVER


def timeline_patch(kind: str, **more: Any) -> dict[str, Any]:
    """The optimistic patch that adds a line to the timeline."""
    line = {"at": "$at", "by_id": "$by", "by": "$by_name", "kind": kind, **more}
    return {"timeline+": line, "acted_at": "$at"}


ITEM_PATCH: dict[str, Any] = {
    "condition": "$condition",
    "quantity": "$quantity",
    "returned_at": None,
    "chain": [{"at": "$at", "by_id": "$by", "by": "$by_name", "to": "$holder"}],
}


OPEN_PATCH = {
    "state": "received",
    "number": "$number|T-$code",
    "details": "$details",
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
    "things.$item": ITEM_PATCH,
    "until": FOREVER,
    **timeline_patch("open"),
}


HAND_OVER_PATCH = {
    "state": "handed_over",
    "handler_id": "$handler_id",
    "handler": None,
    "asked_role": "$role",
    "asked_trade": "$trade",
    "contractor_id": "$contractor_id",
    "given_by_id": "$by",
    "handed_at": "$at",
    "accepted_at": None,
    "proxy_for_id": None,
    **timeline_patch(
        "hand_over",
        text="$reason",
        to_id="$handler_id",
        contractor_id="$contractor_id",
        role="$role",
        trade="$trade",
    ),
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
