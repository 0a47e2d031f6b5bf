"""What the facts of a visit add up to, in whatever order they came."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sync.protocol.clock import parse_time
from sync.protocol.op import HistoryEntry
from sync.protocol.photos import photos_of

DEFAULT_MINUTES = 8 * 60
"""How long a visit lasts when neither its host nor the gate said so."""

MAX_RETENTION_AHEAD = timedelta(days=90)
"""A visit planned for later than this does not keep its names any longer."""


def fold(record: Any, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """V2, V7, V8, V9, V10: coming, going and courtesies, in the order of their times."""
    came, refused, departures, presumed = _effective_entries(history)
    expected = next((entry for entry in history if entry.kind == "visit.expect"), None)
    left = _first_departure(came, departures) or (presumed if came else None)
    told = [entry.payload.get("expected_minutes") for entry in (expected, came) if entry]
    return {
        "expected_at": expected and expected.occurred_at,
        "expected_by_id": expected and expected.by,
        "arrived_at": came and came.occurred_at,
        "arrived_by_id": came and came.by,
        "id_checked": any(entry.payload.get("id_checked") for entry in history),
        "due_at": _due_at(came, expected, [minutes for minutes in told if minutes]),
        "departed_at": left and _not_before(left.occurred_at, came),
        "departed_by_id": left and left.by,
        "presumed": bool(left and left is presumed),
        "refused_at": refused and refused.occurred_at,
        "refused_by_id": refused and refused.by,
        "refuse_reason": refused and refused.payload["reason"],
        "steps": list(dict.fromkeys(e.payload["step"] for e in history if "step" in e.payload)),
        "retained_from": _retention_start(expected, came, refused, left),
        "photos": [] if getattr(record, "purged_at", None) else _photo_hashes(history),
    }


def _effective_entries(
    history: Sequence[HistoryEntry],
) -> tuple[HistoryEntry | None, HistoryEntry | None, list[HistoryEntry], HistoryEntry | None]:
    """What was not taken back: coming in, the refusal, real departures, the first presumption."""
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
    came: HistoryEntry | None, departures: list[HistoryEntry]
) -> HistoryEntry | None:
    """V2: the earliest departure that is not before the arrival; else the earliest of all."""
    plausible = [e for e in departures if came is None or e.occurred_at >= came.occurred_at]
    return next(iter(plausible or departures), None)


def _not_before(moment: datetime, came: HistoryEntry | None) -> datetime:
    return max(moment, came.occurred_at) if came else moment


def _due_at(
    came: HistoryEntry | None, expected: HistoryEntry | None, told: list[int]
) -> datetime | None:
    """V7: until when somebody inside is inside as announced; past it the visit is overdue."""
    if came is None:
        return None
    until = _as_datetime(expected.payload.get("expected_until")) if expected else None
    if until and until > came.occurred_at:
        return until
    return came.occurred_at + timedelta(minutes=told[-1] if told else DEFAULT_MINUTES)


def _retention_start(expected: HistoryEntry | None, *done: HistoryEntry | None) -> datetime | None:
    """V12: from where the time of keeping counts: the newest thing done, else the plan."""
    times = [entry.occurred_at for entry in done if entry]
    if times or expected is None:
        return max(times, default=None)
    planned = [
        _as_datetime(expected.payload.get(name)) for name in ("expected_from", "expected_until")
    ]
    latest = max((time for time in planned if time), default=expected.occurred_at)
    return min(max(latest, expected.occurred_at), expected.occurred_at + MAX_RETENTION_AHEAD)


def _as_datetime(said: datetime | str | None) -> datetime | None:
    """A time of a payload: text as it lies in the log, or read already."""
    return parse_time(said) if isinstance(said, str) else said


def _photo_hashes(history: Sequence[HistoryEntry]) -> list[str]:
    return list(dict.fromkeys(sha256 for entry in history for sha256 in photos_of(entry)))
