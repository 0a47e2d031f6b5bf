"""Patrols: routes, rounds of checkpoints, and what was scanned on a round, by whom and when."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from sync.estate.places import MASTER_DATA_ROLES
from sync.protocol.clock import FOREVER, format_time
from sync.protocol.feature import Feature, RecordType
from sync.protocol.op import (
    EmptyPayload,
    Kind,
    Payload,
)
from sync.protocol.roles import DESK_ONLY_AUDIENCE, DESK_ROLES, FRONT_DESK_ROLES, role_mask
from sync.protocol.text import Text, _l
from sync.work.patrol_folding import fold
from sync.work.patrol_labels import FIELDS, ROUND_STATES, ROUTE_STATES, SENTENCES, VALUES
from sync.work.patrol_payloads import (
    RoundAmendPayload,
    RoundDisposePayload,
    RoundFinePayload,
    RoundMovePayload,
    RoundPlanPayload,
    RoundScanPayload,
    RoundSkipPayload,
    RoundTakePayload,
    RouteAddPayload,
    RouteChangePayload,
)
from sync.work.patrol_rules import (
    accept_fact,
    add_route,
    amend,
    change_route,
    dispose,
    drop,
    missing_checkpoints,
    move_scan,
    plan,
)

VISIBLE_BEFORE = timedelta(hours=12)
"""A phone shows a round this long before its window, so that a guard can plan the night."""


def state(round_: Any) -> str:
    """Whether a round is cancelled, done (every checkpoint scanned or skipped) or open."""
    if round_["cancelled_at"]:
        return "cancelled"
    return "open" if missing_checkpoints(SimpleNamespace(**round_)) else "done"


def visible_from(round_: Any) -> str:
    """When phones begin to show a round: `VISIBLE_BEFORE` its window."""
    return format_time(round_["window_start"] - VISIBLE_BEFORE)


def visible_until(round_: Any) -> str:
    """Phones show a round until the end of its window."""
    return format_time(round_["window_end"])


def route_state(route: Any) -> str:
    """Whether rounds are planned from the route."""
    return "active" if route["active"] else "inactive"


def route_visible_until(_: Any) -> str:
    """Routes never leave the feed."""
    return FOREVER


def point_fact_kind(payload: type[Payload], *, label: Text, **optimistic_patch: Any) -> Kind:
    """A kind of fact about one checkpoint."""
    return Kind(
        label=label,
        payload=payload,
        rule=accept_fact,
        type="round",
        fact=True,
        overlay_payload=False,
        optimistic_patch=optimistic_patch,
    )


SIGNED_PATCH = {"at": "$at", "by": "$by_name", "by_id": "$by"}


KINDS = {
    "route.add": Kind(
        payload=RouteAddPayload,
        rule=add_route,
        type="route",
        fact=False,
        creates=True,
        roles=MASTER_DATA_ROLES,
        from_desk_only=True,
        label=_l("Patrol route added"),
    ),
    "route.change": Kind(
        payload=RouteChangePayload,
        rule=change_route,
        type="route",
        fact=False,
        roles=MASTER_DATA_ROLES | DESK_ROLES,
        from_desk_only=True,
        label=_l("Patrol route changed"),
    ),
    "round.plan": Kind(
        payload=RoundPlanPayload,
        rule=plan,
        type="round",
        fact=False,
        creates=True,
        from_server_only=True,
        label=_l("Patrol planned"),
    ),
    "round.amend": Kind(
        payload=RoundAmendPayload,
        rule=amend,
        type="round",
        fact=False,
        from_server_only=True,
        label=_l("Patrol follows its route"),
    ),
    "round.drop": Kind(
        payload=EmptyPayload,
        rule=drop,
        type="round",
        fact=False,
        from_server_only=True,
        label=_l("Patrol cancelled"),
    ),
    "round.scan": point_fact_kind(
        RoundScanPayload,
        label=_l("Checkpoint scanned"),
        **{"scans.$checkpoint": {**SIGNED_PATCH, "method": "$method", "flags": [], "again": 0}},
    ),
    "round.fine": point_fact_kind(
        RoundFinePayload,
        label=_l("Checkpoint OK"),
        **{"fines.$checkpoint": SIGNED_PATCH},
    ),
    "round.skip": point_fact_kind(
        RoundSkipPayload,
        label=_l("Checkpoint skipped"),
        **{"skips.$checkpoint": {**SIGNED_PATCH, "reason": "$reason"}},
    ),
    "round.move": Kind(
        payload=RoundMovePayload,
        rule=move_scan,
        type="round",
        fact=True,
        from_desk_only=True,
        roles=DESK_ROLES,
        related_fields=("to",),
        label=_l("Scan moved"),
    ),
    "round.take": Kind(
        payload=RoundTakePayload,
        rule=accept_fact,
        type="round",
        fact=True,
        from_server_only=True,
        label=_l("Scan moved here"),
    ),
    "round.dispose": Kind(
        payload=RoundDisposePayload,
        rule=dispose,
        type="round",
        fact=False,
        from_desk_only=True,
        roles=DESK_ROLES,
        conflicts_with=frozenset({"scans", "skips"}),
        label=_l("Missed checkpoints decided"),
    ),
}


FEATURE = Feature(
    types={
        "route": RecordType(
            label=_l("Patrol route"),
            state=route_state,
            visible_until=route_visible_until,
            audience=lambda _, __: DESK_ONLY_AUDIENCE,
            states=ROUTE_STATES,
        ),
        "round": RecordType(
            label=_l("Patrol"),
            state=state,
            visible_until=visible_until,
            visible_from=visible_from,
            fold=fold,
            audience=lambda _, __: role_mask(FRONT_DESK_ROLES | {"guard"}),
            states=ROUND_STATES,
        ),
    },
    kinds=KINDS,
    fields=FIELDS,
    values=VALUES,
    sentences=SENTENCES,
)
