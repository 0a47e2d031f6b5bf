"""Folding the facts of a home entry, in whatever order they arrived."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sync.protocol.clock import as_datetime
from sync.protocol.op import HistoryEntry

LATEST_VALUE_FIELDS = ("resident_present", "second_person", "acknowledgement")
"""Fields that may be given on the way in and on the way out; the latest value counts."""

IDENTITY_FIELDS = ("worker_id", "worker", "contractor", "ticket", "visit")
"""Who it was and what it belongs to: what the first record lacks comes from a joined one."""


def fold(_: Any, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """J2, J3, J7: the times of an entry and what was recorded about it, whatever order the facts
    arrived in. A time that nobody gave is None."""
    beginning = next((entry for entry in history if "unit" in entry.payload), None)
    if beginning is None:
        return {}
    effective = _without_released(history)
    in_at = _in_at(beginning)
    out_at, out_by_id = _effective_end(effective, in_at)
    voiding = next((entry for entry in history if entry.kind == "entry.strike"), None)
    return {
        "recorded_at": beginning.occurred_at,
        "recorded_by_id": beginning.by,
        "received_at": beginning.received_at,
        "in_at": in_at,
        "afterwards": beginning.kind == "entry.tell",
        "out_at": out_at,
        "out_by_id": out_by_id,
        **_identity(beginning, effective),
        **{name: _last_value(effective, name) for name in LATEST_VALUE_FIELDS},
        "remarks": "\n".join(_values(effective, "remarks")) or None,
        "struck_at": voiding and voiding.occurred_at,
        "struck_by_id": voiding and voiding.by,
        "struck_because": voiding and voiding.payload["reason"],
    }


def _in_at(beginning: HistoryEntry) -> datetime | None:
    if beginning.kind == "entry.begin":
        return beginning.occurred_at
    return as_datetime(beginning.payload.get("in_at"))


def _without_released(history: Sequence[HistoryEntry]) -> list[HistoryEntry]:
    """J7: the history without the records that were joined and separated again."""
    joined: dict[str, HistoryEntry] = {}
    for entry in history:
        if entry.kind == "entry.absorb":
            joined[entry.payload["entry"]] = entry
        elif entry.kind == "entry.release":
            joined.pop(entry.payload["entry"], None)
    valid = {entry.id for entry in joined.values()}
    return [entry for entry in history if entry.kind != "entry.absorb" or entry.id in valid]


def _identity(beginning: HistoryEntry, history: Iterable[HistoryEntry]) -> dict[str, Any]:
    """J1, J7: who it was. Without a name or firm, the worker is the author of the beginning."""
    given = {name: beginning.payload.get(name) or None for name in IDENTITY_FIELDS}
    if not (given["worker"] or given["contractor"] or given["worker_id"]):
        given["worker_id"] = beginning.by
    for entry in history:
        if entry.kind == "entry.amend":
            given |= {n: entry.payload[n] or None for n in ("worker",) if n in entry.payload}
        if entry.kind != "entry.absorb":
            continue
        is_named = given["worker_id"] or given["worker"]
        for name in IDENTITY_FIELDS:
            if not (is_named and name.startswith("worker")):
                given[name] = given[name] or entry.payload.get(name)
    return given


def _effective_end(
    history: Sequence[HistoryEntry], in_at: datetime | None
) -> tuple[datetime | None, str | None]:
    """J2: the earliest end that is not before the beginning, otherwise the beginning itself.

    Returns the time and the author, or (None, None) without an end.
    """
    ends: list[tuple[datetime, str, str]] = []
    for entry in history:
        out_at = as_datetime(entry.payload.get("out_at"))
        if entry.kind == "entry.undo":
            ends = []
        elif entry.kind in ("entry.end", "entry.exit"):
            ends.append((entry.occurred_at, entry.id, entry.by))
        elif out_at:
            ends.append((out_at, entry.id, entry.payload.get("out_by_id") or entry.by))
    possible = [end for end in ends if in_at is None or end[0] >= in_at]
    first = min(possible or ends, default=None)
    if first is None:
        return None, None
    return max(first[0], in_at) if in_at else first[0], first[2]


def _last_value(history: Iterable[HistoryEntry], name: str) -> Any:
    return next(reversed(_values(history, name)), None)


def _values(history: Iterable[HistoryEntry], name: str) -> list[Any]:
    return [entry.payload[name] for entry in history if entry.payload.get(name) is not None]
