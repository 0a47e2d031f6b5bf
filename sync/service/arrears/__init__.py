"""Accounts in arrears: called first, told item by item, visited only with leave, never pressed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sync.protocol.clock import iso
from sync.protocol.digest import DESK, FOREVER, FRONT
from sync.protocol.op import Kind, Nothing
from sync.service.arrears.folding import complaint_of, fold
from sync.service.arrears.payloads import (
    CALLS,
    VISITS,
    Appointment,
    Assignment,
    Call,
    Complaint,
    Listing,
    Payment,
    Preference,
    Reason,
    Relisting,
    Resumption,
    Visit,
)
from sync.service.arrears.rules import (
    BARRED,
    approve,
    assign,
    call,
    dispute,
    hand_up,
    list_,
    note,
    prefer,
    relist,
    visit,
    welcome,
)


def owed(account: Any) -> int:
    """U9: what is still owed, in cents: the ledger less what was paid since it was drawn."""
    total: int = sum(line["cents"] for line in account["lines"])
    return max(0, total - (account["paid_cents"] or 0))


def state(account: Any) -> str:
    """U12: where collecting stands; while a complaint waits for its answer, it rests."""
    if not owed(account):
        return "paid"
    if account["handed_at"]:
        return "handed_up"
    if account["paused_by"]:
        return "disputed"
    if account["visit_approved_at"]:
        return "visit_allowed"
    if account["visited_at"]:
        return "visited"
    if account["appointment_at"]:
        return "appointment"
    if not account["calls"]:
        return "listed"
    return "called" if account["calls"][-1]["outcome"] == "reached" else "not_reached"


def until(account: Any) -> str:
    """A phone needs an account as long as something is owed."""
    return iso(account["ledger_at"]) if state(account) == "paid" else FOREVER


def fact(payload: Any, rule: Any, shows: dict[str, Any], **more: Any) -> Kind:
    """A kind that tells what happened; nobody who guards the estate may tell it."""
    return Kind(
        payload=payload,
        rule=rule,
        type="arrears",
        fact=True,
        flat=False,
        barred=BARRED,
        shows=shows,
        **more,
    )


def decision(payload: Any, rule: Any, roles: frozenset[str], **more: Any) -> Kind:
    """A kind that says what shall be."""
    return Kind(
        payload=payload,
        rule=rule,
        type="arrears",
        fact=False,
        roles=roles,
        barred=BARRED,
        **more,
    )


CALLED = {"at": "$at", "by_id": "$by", "by": "$by_name", "outcome": "$outcome", "told": "$told"}
ASKED = {"visit_reason": "$reason", "visit_asked_at": "$at", "visit_asked_by_id": "$by"}

KINDS = {
    "arrears.list": decision(Listing, list_, FRONT, creates=True, at_desk=True),
    "arrears.relist": decision(Relisting, relist, FRONT, at_desk=True),
    "arrears.assign": decision(Assignment, assign, DESK, looks_at=("collector_id",), at_desk=True),
    "arrears.prefer": decision(Preference, prefer, FRONT),
    "arrears.call": fact(
        Call,
        call,
        {"calls+": CALLED, "called_at": "$at", "appointment_at": "$appointment_at"},
    ),
    "arrears.appoint": fact(
        Appointment, note, {"state": "appointment", "appointment_at": "$appointment_at"}
    ),
    "arrears.dispute": fact(Complaint, dispute, {"state": "disputed", "paused_by+": "$at"}),
    "arrears.resume": replace(fact(Resumption, note, {}), internal=True, barred=frozenset()),
    "arrears.ask_visit": fact(Reason, note, ASKED),
    "arrears.approve_visit": decision(Nothing, approve, DESK, shows={"visit_approved_at": "$at"}),
    "arrears.visit": decision(
        Visit,
        visit,
        FRONT,
        flat=False,
        shows={"state": "visited", "visited_at": "$at", "visit_approved_at": None},
    ),
    "arrears.pay": fact(Payment, note, {"paid_cents": "$cents"}),
    "arrears.hand_up": decision(Reason, hand_up, FRONT, flat=False, shows={"state": "handed_up"}),
}

__all__ = ["CALLS", "KINDS", "VISITS", "complaint_of", "fold", "owed", "state", "until", "welcome"]
