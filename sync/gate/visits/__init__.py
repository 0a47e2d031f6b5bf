"""Visits: who came to see whom, from arrival to departure, and how long that is stored."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sync.gate.visits.folding import fold
from sync.gate.visits.labels import FIELDS, SENTENCES, STATES, VALUES
from sync.gate.visits.payloads import (
    PURPOSES,
    STEPS,
    VisitAdmitPayload,
    VisitAmendPayload,
    VisitArrivePayload,
    VisitAttendPayload,
    VisitExpectPayload,
    VisitReasonPayload,
    assume_one_person,
)
from sync.gate.visits.rules import (
    REDACTED_VALUES,
    accept_fact,
    admit,
    amend,
    arrive,
    depart,
    expect,
    hold,
    purge,
    refuse,
    release_hold,
)
from sync.protocol.clock import FOREVER, format_time
from sync.protocol.feature import Feature, PersonalData, RecordType
from sync.protocol.op import EmptyPayload, Kind
from sync.protocol.roles import DESK_ROLES, FRONT_DESK_ROLES, role_mask
from sync.protocol.text import _l

HELD_AFTER = timedelta(days=3)
"""How long phones at the gate keep a visit that has ended."""

EXPECTED_VISIBLE_FOR = timedelta(hours=12)
"""How long phones show a pre-registered visitor without an end time."""


def state(visit: Any) -> str:
    """V1, V6, V8: the state of a visit. Overdue is not a state, because it depends on the current
    time."""
    if visit["purged_at"]:
        return "purged"
    if visit["departed_at"]:
        return "departed"
    if visit["arrived_at"]:
        return "inside"
    return "refused" if visit["refused_at"] else "expected"


def visible_until(visit: Any) -> str:
    """Phones show a visitor while inside, and a pre-registered one until the expected end."""
    current = state(visit)
    if current == "inside":
        return FOREVER
    ends = {"departed": "departed_at", "refused": "refused_at", "purged": "purged_at"}
    if current in ends:
        return format_time(visit[ends[current]])
    begins = visit["expected_from"] or visit["expected_at"]
    return format_time(visit["expected_until"] or begins + EXPECTED_VISIBLE_FOR)


def missing_farewell_flag(steps: list[str], departed: bool) -> str | None:
    """V11: what a visit lacks at its end: a recorded departure or the farewell, or None."""
    if not departed:
        return "not-seen-out"
    return None if "farewell" in steps else "no-farewell"


INSIDE_PATCH = {
    "state": "inside",
    "arrived_at": "$at",
    "arrived_by_id": "$by",
    "arrived_by": "$by_name",
    "departed_at": None,
    "until": FOREVER,
}
DEPARTED_PATCH = {"state": "departed", "departed_at": "$at", "departed_by": "$by_name"}
EXPECTED_PATCH = {"state": "expected", "arrived_at": None, "refused_at": None, "until": FOREVER}
RETURN_PATCH = {"state": "inside", "departed_at": None, "departed_by": None, "until": FOREVER}


def fact_kind(payload: Any, rule: Any, optimistic_patch: dict[str, Any], **kwargs: Any) -> Kind:
    """A kind of fact about a visit."""
    return Kind(
        payload=payload,
        rule=rule,
        type="visit",
        fact=True,
        optimistic_patch=optimistic_patch,
        **kwargs,
    )


def decision_kind(payload: Any, rule: Any, **kwargs: Any) -> Kind:
    """A kind of decision about a visit."""
    return Kind(payload=payload, rule=rule, type="visit", fact=False, **kwargs)


KINDS = {
    "visit.arrive": fact_kind(
        VisitArrivePayload,
        arrive,
        INSIDE_PATCH,
        creates=True,
        payload_version=2,
        upcasters={1: assume_one_person},
        label=_l("Visitor in"),
    ),
    "visit.expect": fact_kind(
        VisitExpectPayload,
        expect,
        {**EXPECTED_PATCH, "expected_at": "$at", "expected_by": "$by_name"},
        creates=True,
        payload_version=2,
        upcasters={1: assume_one_person},
        label=_l("Visitor pre-registered"),
    ),
    "visit.admit": fact_kind(
        VisitAdmitPayload, admit, INSIDE_PATCH, label=_l("Pre-registered visitor in")
    ),
    "visit.refuse": fact_kind(
        VisitReasonPayload,
        refuse,
        {"state": "refused", "refused_at": "$at", "refuse_reason": "$reason", "until": "$at"},
        overlay_payload=False,
        label=_l("Visitor refused"),
    ),
    "visit.reopen": fact_kind(
        EmptyPayload, accept_fact, EXPECTED_PATCH, label=_l("Refusal undone")
    ),
    "visit.depart": fact_kind(
        EmptyPayload, depart, {**DEPARTED_PATCH, "presumed": False}, label=_l("Visitor out")
    ),
    "visit.presume_left": fact_kind(
        EmptyPayload,
        accept_fact,
        {**DEPARTED_PATCH, "presumed": True},
        label=_l("Visitor presumed out"),
    ),
    "visit.return": fact_kind(
        EmptyPayload,
        accept_fact,
        {**RETURN_PATCH, "presumed": False},
        label=_l("Visitor still inside"),
    ),
    "visit.attend": fact_kind(
        VisitAttendPayload,
        accept_fact,
        {"steps+": "$step"},
        overlay_payload=False,
        label=_l("Visitor attended to"),
    ),
    "visit.amend": decision_kind(
        VisitAmendPayload, amend, from_desk_only=True, roles=DESK_ROLES, label=_l("Visit corrected")
    ),
    "visit.hold": decision_kind(
        VisitReasonPayload, hold, from_desk_only=True, roles=DESK_ROLES, label=_l("Legal hold set")
    ),
    "visit.release_hold": decision_kind(
        EmptyPayload,
        release_hold,
        from_desk_only=True,
        roles=DESK_ROLES,
        label=_l("Legal hold lifted"),
    ),
    "visit.purge": decision_kind(
        EmptyPayload, purge, from_server_only=True, label=_l("Visit erased")
    ),
}


FEATURE = Feature(
    types={
        "visit": RecordType(
            label=_l("Visit"),
            shows_authors=True,
            state=state,
            visible_until=visible_until,
            fold=fold,
            audience=lambda _, __: role_mask(FRONT_DESK_ROLES | {"guard"}),
            home_field="host_unit",
            held_after=HELD_AFTER,
            personal=PersonalData(
                term="retention_days",
                ended=("retained_from",),
                why=_l("The safety of the estate: who was here can still be asked for some weeks."),
                in_use=lambda visit: state(visit) == "inside",
                home_field="host_unit",
                is_evidence=True,
            ),
            redacted_values=REDACTED_VALUES,
            states=STATES,
        ),
    },
    kinds=KINDS,
    fields=FIELDS,
    values=VALUES,
    sentences=SENTENCES,
)

__all__ = [
    "FEATURE",
    "KINDS",
    "PURPOSES",
    "REDACTED_VALUES",
    "STEPS",
    "VisitAmendPayload",
    "VisitArrivePayload",
    "fold",
    "missing_farewell_flag",
    "state",
    "visible_until",
]
