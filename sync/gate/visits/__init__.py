"""Visits: who came to see whom, from the gate to the gate, and how long that is remembered."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sync.gate.visits.folding import fold
from sync.gate.visits.payloads import (
    PURPOSES,
    STEPS,
    Admission,
    Amendment,
    Arrival,
    Expectation,
    Reason,
    Step,
)
from sync.gate.visits.rules import (
    BLANKS,
    admit,
    amend,
    arrive,
    depart,
    expect,
    hold,
    note,
    purge,
    refuse,
    release_hold,
)
from sync.protocol.clock import iso
from sync.protocol.digest import DESK, FOREVER
from sync.protocol.op import Kind, Nothing

LINGERS = timedelta(hours=12)
"""How long an announced visitor without an end stays on the list of the gate."""


def state(visit: Any) -> str:
    """V1, V6, V8: overdue is no state of its own: whoever reads knows what time it is."""
    if visit["purged_at"]:
        return "purged"
    if visit["departed_at"]:
        return "departed"
    if visit["arrived_at"]:
        return "inside"
    return "refused" if visit["refused_at"] else "expected"


def until(visit: Any) -> str:
    """A phone cares for a visitor while inside, and for an announced one until it is too late."""
    known = state(visit)
    if known == "inside":
        return FOREVER
    ends = {"departed": "departed_at", "refused": "refused_at", "purged": "purged_at"}
    if known in ends:
        return iso(visit[ends[known]])
    begins = visit["expected_from"] or visit["expected_at"]
    return iso(visit["expected_until"] or begins + LINGERS)


def unattended(steps: list[str], departed: bool) -> str | None:
    """V11: what a visit lacks at its end: the farewell, or that somebody saw them leave."""
    if not departed:
        return "not-seen-out"
    return None if "farewell" in steps else "no-farewell"


INSIDE = {
    "state": "inside",
    "arrived_at": "$at",
    "arrived_by_id": "$by",
    "arrived_by": "$by_name",
    "departed_at": None,
    "until": FOREVER,
}
GONE = {"state": "departed", "departed_at": "$at", "departed_by": "$by_name"}
AWAITED = {"state": "expected", "arrived_at": None, "refused_at": None, "until": FOREVER}
STAYED = {"state": "inside", "departed_at": None, "departed_by": None, "until": FOREVER}


def fact(payload: Any, rule: Any, shows: dict[str, Any], **more: Any) -> Kind:
    """A kind that tells what happened to a visitor."""
    return Kind(payload=payload, rule=rule, type="visit", fact=True, shows=shows, **more)


def decision(payload: Any, rule: Any, **more: Any) -> Kind:
    """A kind by which the desk says what shall be."""
    return Kind(payload=payload, rule=rule, type="visit", fact=False, **more)


KINDS = {
    "visit.arrive": fact(Arrival, arrive, INSIDE, creates=True),
    "visit.expect": fact(
        Expectation,
        expect,
        {**AWAITED, "expected_at": "$at", "expected_by": "$by_name"},
        creates=True,
    ),
    "visit.admit": fact(Admission, admit, INSIDE),
    "visit.refuse": fact(
        Reason,
        refuse,
        {"state": "refused", "refused_at": "$at", "refuse_reason": "$reason", "until": "$at"},
        flat=False,
    ),
    "visit.reopen": fact(Nothing, note, AWAITED),
    "visit.depart": fact(Nothing, depart, {**GONE, "presumed": False}),
    "visit.presume_left": fact(Nothing, note, {**GONE, "presumed": True}),
    "visit.return": fact(Nothing, note, {**STAYED, "presumed": False}),
    "visit.attend": fact(Step, note, {"steps+": "$step"}, flat=False),
    "visit.amend": decision(Amendment, amend, at_desk=True, roles=DESK),
    "visit.hold": decision(Reason, hold, at_desk=True, roles=DESK),
    "visit.release_hold": decision(Nothing, release_hold, at_desk=True, roles=DESK),
    "visit.purge": decision(Nothing, purge, internal=True),
}

__all__ = [
    "BLANKS",
    "KINDS",
    "PURPOSES",
    "STEPS",
    "Amendment",
    "Arrival",
    "fold",
    "state",
    "unattended",
    "until",
]
