"""What the facts of a visit add up to, in whatever order they came."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sync.protocol.clock import parse
from sync.protocol.op import Entry
from sync.protocol.photos import photos_of

USUAL_MINUTES = 8 * 60
"""How long a visit lasts when neither its host nor the gate said so."""

AHEAD = timedelta(days=90)
"""A visit planned for later than this does not keep its names any longer."""


def fold(record: Any, history: Sequence[Entry]) -> dict[str, Any]:
    """V2, V7, V8, V9, V10: coming, going and courtesies, in the order of their times."""
    came, refused, departures, presumed = _counted(history)
    expected = next((entry for entry in history if entry.kind == "visit.expect"), None)
    left = _left(came, departures) or (presumed if came else None)
    told = [entry.payload.get("expected_minutes") for entry in (expected, came) if entry]
    return {
        "expected_at": expected and expected.occurred_at,
        "expected_by_id": expected and expected.by,
        "arrived_at": came and came.occurred_at,
        "arrived_by_id": came and came.by,
        "id_checked": any(entry.payload.get("id_checked") for entry in history),
        "due_at": _due(came, expected, [minutes for minutes in told if minutes]),
        "departed_at": left and _not_before(left.occurred_at, came),
        "departed_by_id": left and left.by,
        "presumed": bool(left and left is presumed),
        "refused_at": refused and refused.occurred_at,
        "refused_by_id": refused and refused.by,
        "refuse_reason": refused and refused.payload["reason"],
        "steps": list(dict.fromkeys(e.payload["step"] for e in history if "step" in e.payload)),
        "retained_from": _last(expected, came, refused, left),
        "photos": [] if getattr(record, "purged_at", None) else _photos(history),
    }


def _counted(
    history: Sequence[Entry],
) -> tuple[Entry | None, Entry | None, list[Entry], Entry | None]:
    """What was not taken back: coming in, the refusal, real departures, the first presumption."""
    arrivals: list[Entry] = []
    refusals: list[Entry] = []
    departures: list[Entry] = []
    presumptions: list[Entry] = []
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


def _left(came: Entry | None, departures: list[Entry]) -> Entry | None:
    """V2: the earliest departure that is not before the arrival; else the earliest of all."""
    plausible = [e for e in departures if came is None or e.occurred_at >= came.occurred_at]
    return next(iter(plausible or departures), None)


def _not_before(moment: datetime, came: Entry | None) -> datetime:
    return max(moment, came.occurred_at) if came else moment


def _due(came: Entry | None, expected: Entry | None, told: list[int]) -> datetime | None:
    """V7: until when somebody inside is inside as announced; past it the visit is overdue."""
    if came is None:
        return None
    until = _time(expected.payload.get("expected_until")) if expected else None
    if until and until > came.occurred_at:
        return until
    return came.occurred_at + timedelta(minutes=told[-1] if told else USUAL_MINUTES)


def _last(expected: Entry | None, *done: Entry | None) -> datetime | None:
    """V12: from where the time of keeping counts: the newest thing done, else the plan."""
    times = [entry.occurred_at for entry in done if entry]
    if times or expected is None:
        return max(times, default=None)
    planned = [_time(expected.payload.get(name)) for name in ("expected_from", "expected_until")]
    latest = max((time for time in planned if time), default=expected.occurred_at)
    return min(max(latest, expected.occurred_at), expected.occurred_at + AHEAD)


def _time(said: datetime | str | None) -> datetime | None:
    """A time of a payload: text as it lies in the log, or read already."""
    return parse(said) if isinstance(said, str) else said


def _photos(history: Sequence[Entry]) -> list[str]:
    return list(dict.fromkeys(sha256 for entry in history for sha256 in photos_of(entry)))
