"""Folding the facts of a visit, in whatever order they arrived."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sync.protocol.clock import as_datetime
from sync.protocol.op import HistoryEntry
from sync.protocol.photos import photos_of

DEFAULT_MINUTES = 8 * 60
"""How long a visit lasts if neither the host nor the gate gave a duration."""

MAX_RETENTION_AHEAD = timedelta(days=90)
"""A visit planned further ahead than this does not extend the retention of its names."""


def fold(record: Any, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """V2, V7, V8, V9, V10: arrival, departure and reception steps, in the order of their times."""
    arrival, refusal, departures, presumed = _effective_entries(history)
    registration = next((entry for entry in history if entry.kind == "visit.expect"), None)
    departure = _first_departure(arrival, departures) or (presumed if arrival else None)
    durations = [
        entry.payload.get("expected_minutes") for entry in (registration, arrival) if entry
    ]
    return {
        "expected_at": registration and registration.occurred_at,
        "expected_by_id": registration and registration.by,
        "arrived_at": arrival and arrival.occurred_at,
        "arrived_by_id": arrival and arrival.by,
        "id_checked": any(entry.payload.get("id_checked") for entry in history),
        "due_at": _due_at(arrival, registration, [minutes for minutes in durations if minutes]),
        "departed_at": departure and _not_before(departure.occurred_at, arrival),
        "departed_by_id": departure and departure.by,
        "presumed": bool(departure and departure is presumed),
        "refused_at": refusal and refusal.occurred_at,
        "refused_by_id": refusal and refusal.by,
        "refuse_reason": refusal and refusal.payload["reason"],
        "steps": list(dict.fromkeys(step for entry in history for step in _steps(entry))),
        "retained_from": _retention_start(registration, arrival, refusal, departure),
        "photos": [] if getattr(record, "purged_at", None) else _photo_hashes(history),
    }


def _effective_entries(
    history: Sequence[HistoryEntry],
) -> tuple[HistoryEntry | None, HistoryEntry | None, list[HistoryEntry], HistoryEntry | None]:
    """The entries that were not undone: arrival, refusal, recorded departures, first
    presumption."""
    arrivals: list[HistoryEntry] = []
    refusals: list[HistoryEntry] = []
    departures: list[HistoryEntry] = []
    presumptions: list[HistoryEntry] = []
    for entry in history:
        match entry.kind:
            case "visit.arrive" | "visit.admit":
                arrivals.append(entry)
            case "visit.refuse":
                refusals.append(entry)
            case "visit.depart":
                departures.append(entry)
            case "visit.presume_left":
                presumptions.append(entry)
            case "visit.return":
                departures, presumptions = [], []
            case "visit.reopen":
                arrivals = [arrival for arrival in arrivals if arrival.kind == "visit.arrive"]
                refusals = []
    return (
        next(iter(arrivals), None),
        next(iter(refusals), None),
        departures,
        next(iter(presumptions), None),
    )


def _first_departure(
    arrival: HistoryEntry | None, departures: list[HistoryEntry]
) -> HistoryEntry | None:
    """V2: the earliest departure that is not before the arrival, otherwise the earliest of all."""
    plausible = [e for e in departures if arrival is None or e.occurred_at >= arrival.occurred_at]
    return next(iter(plausible or departures), None)


def _not_before(moment: datetime, arrival: HistoryEntry | None) -> datetime:
    return max(moment, arrival.occurred_at) if arrival else moment


def _due_at(
    arrival: HistoryEntry | None, registration: HistoryEntry | None, durations: list[int]
) -> datetime | None:
    """V7: until when a visitor inside is expected to stay; after that the visit is overdue.

    `durations` are the planned minutes that were given, the last of which counts.
    """
    if arrival is None:
        return None
    until = as_datetime(registration.payload.get("expected_until")) if registration else None
    if until and until > arrival.occurred_at:
        return until
    return arrival.occurred_at + timedelta(minutes=durations[-1] if durations else DEFAULT_MINUTES)


def _retention_start(
    registration: HistoryEntry | None, *events: HistoryEntry | None
) -> datetime | None:
    """V12: when the retention period begins: with the newest event, otherwise with the planned
    time."""
    times = [entry.occurred_at for entry in events if entry]
    if times or registration is None:
        return max(times, default=None)
    planned = [
        as_datetime(registration.payload.get(name)) for name in ("expected_from", "expected_until")
    ]
    latest = max((time for time in planned if time), default=registration.occurred_at)
    return min(
        max(latest, registration.occurred_at), registration.occurred_at + MAX_RETENTION_AHEAD
    )


def _steps(entry: HistoryEntry) -> list[str]:
    """V10: the reception steps that an entry records: those before the arrival, or a later one."""
    return entry.payload.get("steps") or [entry.payload[n] for n in ("step",) if n in entry.payload]


def _photo_hashes(history: Sequence[HistoryEntry]) -> list[str]:
    return list(dict.fromkeys(sha256 for entry in history for sha256 in photos_of(entry)))
