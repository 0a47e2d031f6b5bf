"""Patrols: routes, rounds of checkpoints, and what was scanned on a round, by whom and when."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from marshmallow import fields
from marshmallow.validate import Length, OneOf, Range

from sync.estate.places import MASTER_DATA_ROLES
from sync.protocol.clock import FOREVER, SITE_ZONE, format_time
from sync.protocol.feature import Feature, RecordType
from sync.protocol.op import (
    MAX_LABEL_LENGTH,
    MAX_TEXT_LENGTH,
    Accepted,
    EmptyPayload,
    HistoryEntry,
    Id,
    Kind,
    LocalizedLabel,
    Op,
    Payload,
    Refused,
)
from sync.protocol.photos import Photos, photos_of
from sync.protocol.roles import DESK_ONLY_AUDIENCE, DESK_ROLES, FRONT_DESK_ROLES, role_mask
from sync.protocol.text import Text, _l
from sync.work.patrol_labels import FIELDS, ROUND_STATES, ROUTE_STATES, VALUES
from sync.work.recurrence_fields import (
    DaysField,
    ZoneField,
    activation_error,
    validate_rrule,
    validate_window,
)

SCAN_METHODS = ("qr", "code", "manual")
VISIBLE_BEFORE = timedelta(hours=12)
"""A phone shows a round this long before its window, so that a guard can plan the night."""


class RoundLike(Protocol):
    """The fields of a round that the rules read."""

    points: list[dict[str, Any]]
    fastest: int
    window_start: datetime
    window_end: datetime


class RouteAddPayload(Payload):
    """The checkpoints of a route, and when it is due."""

    label = LocalizedLabel(required=True)
    points = fields.List(Id(), required=True, validate=Length(min=1, max=200))
    fastest = fields.Integer(strict=True, load_default=0, validate=Range(min=0, max=3600))
    rrule = fields.String(allow_none=True, load_default=None, validate=validate_rrule)
    rdate = DaysField(load_default=list)
    exdate = DaysField(load_default=list)
    window = fields.String(allow_none=True, load_default=None, validate=validate_window)
    workdays_only = fields.Boolean(load_default=False)
    dtstart = fields.AwareDateTime(required=True)
    tzid = ZoneField(load_default=str(SITE_ZONE))
    responsible_id = Id(allow_none=True, load_default=None)
    active = fields.Boolean(load_default=False)


class RouteChangePayload(Payload):
    label = LocalizedLabel()
    points = fields.List(Id(), validate=Length(min=1, max=200))
    fastest = fields.Integer(strict=True, validate=Range(min=0, max=3600))
    rrule = fields.String(allow_none=True, validate=validate_rrule)
    window = fields.String(allow_none=True, validate=validate_window)
    responsible_id = Id(allow_none=True)
    active = fields.Boolean()


class RoundPointSchema(Payload):
    """A checkpoint of a round. `seals` are the SHA-256 of the tokens of its valid labels."""

    checkpoint = Id(required=True)
    area_id = Id(required=True)
    label = LocalizedLabel(required=True)
    code = fields.String(required=True, validate=Length(max=10))
    seals = fields.List(fields.String(validate=Length(equal=64)), validate=Length(max=10))


class RoundPlanPayload(Payload):
    route_id = Id(required=True)
    label = LocalizedLabel(required=True)
    points = fields.List(fields.Nested(RoundPointSchema), required=True, validate=Length(max=200))
    fastest = fields.Integer(strict=True, load_default=0)
    responsible_id = Id(allow_none=True, load_default=None)
    window_start = fields.AwareDateTime(required=True)
    window_end = fields.AwareDateTime(required=True)


class RoundAmendPayload(Payload):
    points = fields.List(fields.Nested(RoundPointSchema), required=True, validate=Length(max=200))


class RoundScanPayload(Payload):
    checkpoint = Id(required=True)
    method = fields.String(required=True, validate=OneOf(SCAN_METHODS))
    token = fields.String(validate=Length(max=64))
    note = fields.String(validate=Length(max=MAX_TEXT_LENGTH))
    photos = Photos()


class RoundFinePayload(Payload):
    checkpoint = Id(required=True)


class RoundSkipPayload(Payload):
    checkpoint = Id(required=True)
    reason = fields.String(required=True, validate=Length(min=1, max=MAX_LABEL_LENGTH))


def add_route(_: None, op: Op) -> Accepted | Refused:
    """N1: an active route needs an interval and a responsible person, as a schedule does."""
    missing = activation_error(op.payload)
    return Refused(missing) if missing else Accepted({**op.payload, "before": []})


def change_route(route: Any, op: Op) -> Accepted | Refused:
    """N1: an active route needs an interval and a responsible person, as a schedule does."""
    missing = activation_error({**vars(route), **op.payload})
    return Refused(missing) if missing else Accepted(dict(op.payload))


def plan(_: None, op: Op) -> Accepted:
    """N2: a round follows from its route alone, with its window, its checkpoints and their valid
    labels."""
    return Accepted(dict(op.payload))


def amend(round_: RoundLike, op: Op) -> Accepted:
    """N2: checkpoints with new labels replace the old ones; labels that were valid stay valid."""
    old_seals = {point["checkpoint"]: point["seals"] for point in round_.points}
    points = [
        {**point, "seals": sorted({*point["seals"], *old_seals.get(point["checkpoint"], ())})}
        for point in op.payload["points"]
    ]
    return Accepted({"points": points})


def drop(_: RoundLike, op: Op) -> Accepted:
    """N2: a future round that no longer follows from any route is deleted from the phones."""
    return Accepted({"cancelled_at": op.occurred_at}, tombstone=True)


def accept_fact(_: RoundLike, __: Op) -> Accepted:
    """N3: a scan, a check without findings or a skip is never refused."""
    return Accepted({})


@dataclass(slots=True)
class _RoundFacts:
    """What the facts folded so far amount to. `last` is each person's latest scan, as checkpoint
    and time."""

    scans: dict[str, dict[str, Any]] = field(default_factory=dict)
    fines: dict[str, dict[str, Any]] = field(default_factory=dict)
    skips: dict[str, dict[str, Any]] = field(default_factory=dict)
    elsewhere: list[dict[str, Any]] = field(default_factory=list)
    photos: list[str] = field(default_factory=list)
    last: dict[str, tuple[str, datetime]] = field(default_factory=dict)


def fold(round_: RoundLike | None, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """N4: fold the facts of a round. The earliest scan of a checkpoint counts, and later ones are
    only counted.

    `history` is in the order of the facts' times, so the order of arrival does not matter.
    """
    facts = _RoundFacts()
    points = {point["checkpoint"]: point for point in round_.points} if round_ else {}
    for entry in history:
        if entry.kind.startswith("round.") and round_:
            _apply(facts, entry, round_, points)
        facts.photos.extend(photos_of(entry))
    return {
        "scans": facts.scans,
        "fines": facts.fines,
        "skips": facts.skips,
        "elsewhere": facts.elsewhere,
        "photos": list(dict.fromkeys(facts.photos)),
    }


def _apply(
    facts: _RoundFacts, entry: HistoryEntry, round_: RoundLike, points: dict[str, Any]
) -> None:
    """Add one fact to `facts`. A scan of a checkpoint that is not on the round goes to
    `elsewhere`."""
    signature = {"at": format_time(entry.occurred_at), "by_id": entry.by}
    checkpoint = entry.payload["checkpoint"]
    if entry.kind == "round.fine":
        facts.fines.setdefault(checkpoint, signature)
    elif entry.kind == "round.skip":
        facts.skips.setdefault(checkpoint, {**signature, "reason": entry.payload["reason"]})
    elif checkpoint not in points:
        facts.elsewhere.append({**signature, "checkpoint": checkpoint})
    elif checkpoint in facts.scans:
        facts.scans[checkpoint]["again"] += 1
    else:
        payload = entry.payload
        flags = _scan_flags(facts, entry, round_, points[checkpoint])
        details = {"method": payload["method"], "note": payload.get("note"), "flags": flags}
        facts.scans[checkpoint] = {**signature, **details, "again": 0}
    if entry.kind == "round.scan":
        facts.last[entry.by] = (checkpoint, entry.occurred_at)


def _scan_flags(
    facts: _RoundFacts, entry: HistoryEntry, round_: RoundLike, point: dict[str, Any]
) -> list[str]:
    """N5: whether a scan is early, late, too fast, of an invalid label, or made by hand."""
    last_scan = facts.last.get(entry.by)
    pace = timedelta(seconds=round_.fastest)
    token = entry.payload.get("token", "")
    flags = {
        "early": entry.occurred_at < round_.window_start,
        "late": entry.occurred_at > round_.window_end,
        "fast": last_scan is not None
        and last_scan[0] != point["checkpoint"]
        and entry.occurred_at - last_scan[1] < pace,
        "copied": entry.payload["method"] == "qr" and token_hash(token) not in point["seals"],
        "manual": entry.payload["method"] == "manual",
    }
    return [name for name, applies in flags.items() if applies]


def token_hash(token: str) -> str:
    """The SHA-256 of a label's secret token. A phone can recognise the label by it, but not forge
    one."""
    return hashlib.sha256(token.encode()).hexdigest()


def state(round_: Any) -> str:
    """Whether a round is cancelled, done (every checkpoint scanned or skipped) or open."""
    if round_["cancelled_at"]:
        return "cancelled"
    open_ = [
        p for p in round_["points"] if p["checkpoint"] not in (round_["scans"] | round_["skips"])
    ]
    return "open" if open_ else "done"


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
        label=_l("Patrol checkpoints changed"),
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
)
