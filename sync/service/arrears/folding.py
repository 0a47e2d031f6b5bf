"""How calls, appointments, complaints and payments add up, in the order of their times."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sync.protocol.clock import format_time, parse_time
from sync.protocol.op import HistoryEntry

MAX_CALLS = 100


def fold(account: Any, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """U2, U3, U7: what was told stays as it was told; a complaint pauses until its answer."""
    calls = [entry for entry in history if entry.kind == "arrears.call"]
    set_at = [e for e in history if e.payload.get("appointment_at")]
    asked = _last_of_kind(history, "arrears.ask_visit")
    since = getattr(account, "ledger_at", None)
    paid = [e for e in history if e.kind == "arrears.pay" and (not since or e.occurred_at > since)]
    return {
        "calls": [_call_record(entry) for entry in calls][-MAX_CALLS:],
        "called_at": calls[0].occurred_at if calls else None,
        "appointment_at": _as_datetime(set_at[-1].payload["appointment_at"]) if set_at else None,
        "paused_by": _open_complaint_ids(history),
        "visit_reason": asked and asked.payload["reason"],
        "visit_asked_at": asked and asked.occurred_at,
        "visit_asked_by_id": asked and asked.by,
        "paid_cents": sum(entry.payload["cents"] for entry in paid),
    }


def complaint_ticket_id(op_id: str) -> str:
    """The ticket that a complaint becomes: its id follows from the op."""
    return str(uuid5(UUID(op_id), "complaint"))


def _open_complaint_ids(history: Sequence[HistoryEntry]) -> list[str]:
    """Complaints that nobody has answered yet."""
    raised = [complaint_ticket_id(e.id) for e in history if e.kind == "arrears.dispute"]
    over = {str(e.payload["ticket"]) for e in history if e.kind == "arrears.resume"}
    return [ticket for ticket in raised if ticket not in over]


def _call_record(entry: HistoryEntry) -> dict[str, Any]:
    said = entry.payload
    return {
        "at": format_time(entry.occurred_at),
        "by_id": entry.by,
        "outcome": said["outcome"],
        "told": dict(said.get("told") or {}) if said["outcome"] == "reached" else {},
        "itemised": bool(said.get("itemised")),
        "override_reason": said.get("override_reason"),
    }


def _last_of_kind(history: Sequence[HistoryEntry], kind: str) -> HistoryEntry | None:
    return next((entry for entry in reversed(history) if entry.kind == kind), None)


def _as_datetime(said: datetime | str) -> datetime:
    return parse_time(said) if isinstance(said, str) else said
