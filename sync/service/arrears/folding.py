"""Folding the facts of an account: calls, appointments, complaints, visit requests and payments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid5

from sync.protocol.clock import as_datetime, format_time
from sync.protocol.op import HistoryEntry

MAX_CALLS = 100


def fold(account: Any, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """U2, U3, U7: the fields of an account that its facts determine. A call stays as it was
    recorded, and a complaint pauses collection until it is answered."""
    calls = [entry for entry in history if entry.kind == "arrears.call"]
    appointments = [e for e in history if e.payload.get("appointment_at")]
    visit_request = _last_of_kind(history, "arrears.ask_visit")
    ledger_at = getattr(account, "ledger_at", None)
    payments = [
        e
        for e in history
        if e.kind == "arrears.pay" and (not ledger_at or e.occurred_at > ledger_at)
    ]
    return {
        "calls": [_call_record(entry) for entry in calls][-MAX_CALLS:],
        "called_at": calls[0].occurred_at if calls else None,
        "appointment_at": as_datetime(appointments[-1].payload["appointment_at"])
        if appointments
        else None,
        "paused_by": _open_complaint_ids(history),
        "visit_reason": visit_request and visit_request.payload["reason"],
        "visit_asked_at": visit_request and visit_request.occurred_at,
        "visit_asked_by_id": visit_request and visit_request.by,
        "paid_cents": sum(entry.payload["cents"] for entry in payments),
    }


def complaint_ticket_id(op_id: str) -> str:
    """The id of the ticket that a complaint becomes, derived from the op."""
    return str(uuid5(UUID(op_id), "complaint"))


def _open_complaint_ids(history: Sequence[HistoryEntry]) -> list[str]:
    """Complaints that have not been answered."""
    raised = [complaint_ticket_id(e.id) for e in history if e.kind == "arrears.dispute"]
    answered = {str(e.payload["ticket"]) for e in history if e.kind == "arrears.resume"}
    return [ticket for ticket in raised if ticket not in answered]


def _call_record(entry: HistoryEntry) -> dict[str, Any]:
    payload = entry.payload
    return {
        "at": format_time(entry.occurred_at),
        "by_id": entry.by,
        "outcome": payload["outcome"],
        "told": dict(payload.get("told") or {}) if payload["outcome"] == "reached" else {},
        "itemised": bool(payload.get("itemised")),
        "override_reason": payload.get("override_reason"),
    }


def _last_of_kind(history: Sequence[HistoryEntry], kind: str) -> HistoryEntry | None:
    return next((entry for entry in reversed(history) if entry.kind == kind), None)
