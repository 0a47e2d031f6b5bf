"""Lost property: something is gone from a home, and we stay with it until the end."""

from __future__ import annotations

from typing import Any

from sync.protocol.clock import iso
from sync.protocol.digest import FOREVER, FRONT
from sync.protocol.op import Kind
from sync.service.lost_property.folding import answered, fold, missing, story, unasked
from sync.service.lost_property.payloads import (
    ANSWERS,
    CHANNELS,
    OUTCOMES,
    Asking,
    Closing,
    ContractOut,
    Finding,
    HandingOver,
    List,
    Offer,
    Opening,
    Reason,
    Return,
    Statement,
    Step,
    Telling,
)
from sync.service.lost_property.rules import close, contract_out, note, open_, reopen, ticket_of


def state(case: Any) -> str:
    """How far a case has come."""
    if case["closed_at"]:
        return "closed"
    if case["returned"]:
        return "returned"
    if case["found"]:
        return "found"
    if case["handed"]:
        return "police"
    if case["asked"] or case["statements"]:
        return "inquiry"
    return "compiled" if case["lists"] else "reported"


def until(case: Any) -> str:
    """A phone cares until the case is closed."""
    return iso(case["closed_at"]) if case["closed_at"] else FOREVER


def line(kind: str, *names: str) -> dict[str, Any]:
    """What a phone shows of a fact at once: who told what, and when."""
    said = {name: f"${name}" for name in names}
    return {"at": "$at", "by_id": "$by", "by": "$by_name", "kind": kind, **said}


def fact(payload: Any, kind: str, *names: str, **shows: Any) -> Kind:
    """A kind that adds a line to the story of a case; `names` are the fields that it shows."""
    shown = {"timeline+": line(kind, *names), **shows}
    return Kind(payload=payload, rule=note, type="lost", fact=True, flat=False, shows=shown)


def decision(payload: Any, rule: Any, **more: Any) -> Kind:
    """A kind that is judged by what stands now: what is missing then is missing."""
    return Kind(
        payload=payload, rule=rule, type="lost", fact=False, as_it_stands=True, roles=FRONT, **more
    )


KINDS = {
    "lost.open": Kind(
        payload=Opening,
        rule=open_,
        type="lost",
        fact=True,
        creates=True,
        shows={
            "state": "reported",
            "opened_at": "$at",
            "first_responder_id": "$by",
            "first_responder": "$by_name",
            "next_by": "$by_name",
            "until": FOREVER,
            "timeline": [line("open")],
        },
    ),
    "lost.compile": fact(
        List, "compile", "unit", "since", "before", "entries", "parties", state="compiled"
    ),
    "lost.ask": fact(Asking, "ask", "party", "name", state="inquiry"),
    "lost.state": fact(Statement, "state", "party", "name", "said", "declined"),
    "lost.offer_police": fact(Offer, "offer_police", "answer"),
    "lost.to_police": fact(
        HandingOver, "to_police", "station", "officer", "receipt", "handed_by", state="police"
    ),
    "lost.find": fact(Finding, "find", "where", "note", state="found"),
    "lost.return": fact(Return, "return", "to", "note", state="returned"),
    "lost.tell": fact(Telling, "tell", "said"),
    "lost.next": fact(
        Step,
        "next",
        "next_action",
        next_action="$next_action",
        next_action_at="$next_action_at",
        next_by="$by_name",
    ),
    "lost.contract_out": decision(
        ContractOut, contract_out, at_desk=True, looks_at=("contractor",)
    ),
    "lost.close": decision(
        Closing, close, shows={"state": "closed", "closed_at": "$at", "closed_by": "$by_name"}
    ),
    "lost.reopen": decision(Reason, reopen, at_desk=True),
}

__all__ = [
    "ANSWERS",
    "CHANNELS",
    "KINDS",
    "OUTCOMES",
    "answered",
    "fold",
    "missing",
    "state",
    "story",
    "ticket_of",
    "unasked",
    "until",
]
