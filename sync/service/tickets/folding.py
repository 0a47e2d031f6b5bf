"""Folding the facts of a ticket: each changes its state and adds a line to the timeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sync.protocol.clock import format_time
from sync.protocol.erasure import photos_unless_purged
from sync.protocol.op import HistoryEntry
from sync.protocol.photos import photos_of
from sync.service.tickets.steps import STEP_HANDLERS, canonical_id, initial_state
from sync.service.tickets.ticket_state import (
    FOLDED_FIELDS,
    close_if_complete,
)

MAX_TIMELINE_LENGTH = 200


def fold(record: Any, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """K1, K8: the fields of a ticket that its facts determine. The author of the opening is first
    responder."""
    opening = next((entry for entry in history if entry.kind == "ticket.open"), None)
    if opening is None:
        return {}
    ticket, later_entries = initial_state(opening, record), history[history.index(opening) + 1 :]
    timeline = [_timeline_entry(opening)]
    for entry in later_entries:
        handler = STEP_HANDLERS.get(entry.kind)
        if handler is None:
            continue
        fits = handler(ticket, entry)
        timeline.append(_timeline_entry(entry, out_of_order=not fits))
        close_if_complete(ticket, entry.occurred_at)
    return {
        **{name: getattr(ticket, name) for name in FOLDED_FIELDS},
        "photos": photos_unless_purged(record, [s for e in history for s in photos_of(e)]),
        "timeline": timeline[-MAX_TIMELINE_LENGTH:],
    }


def _timeline_entry(entry: HistoryEntry, *, out_of_order: bool = False) -> dict[str, Any]:
    """A line of the timeline: who did what, when, and the text of it."""
    payload = entry.payload
    line: dict[str, Any] = {"at": format_time(entry.occurred_at), "by_id": entry.by}
    line["kind"] = entry.kind.removeprefix("ticket.")
    texts = [
        payload.get(n)
        for n in ("text", "how", "said", "answered", "reason", "note", "because", "item")
    ]
    line["text"] = " · ".join(str(text) for text in texts if text) or None
    id_fields = ("handler_id", "to_id", "for_id", "accountable_id")
    line["to_id"] = next(
        (canonical_id(payload[name]) for name in id_fields if payload.get(name)), None
    )
    line["contractor_id"] = canonical_id(payload.get("contractor_id"))
    for name in ("reaction", "role", "trade", "to", "who"):
        if payload.get(name):
            line[name] = payload[name]
    return {**line, "aside": True} if out_of_order else line
