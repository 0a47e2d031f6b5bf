"""Teams: people who work together under a leader, now and in the past."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Protocol

from marshmallow import fields
from marshmallow.validate import Length

from sync.protocol.clock import FOREVER, format_time
from sync.protocol.feature import Feature, RecordType
from sync.protocol.op import (
    MAX_NAME_LENGTH,
    Accepted,
    EmptyPayload,
    Id,
    Kind,
    Op,
    Payload,
    Refused,
)
from sync.protocol.roles import DESK_ONLY_AUDIENCE, DESK_ROLES
from sync.protocol.text import _l, _lp

MAX_MEMBERS = 200


class TeamLike(Protocol):
    """The fields of a team that the rules read."""

    name: str
    leader_id: str
    member_ids: list[str]
    memberships: list[dict[str, Any]]
    ended_at: datetime | None


class TeamAddPayload(Payload):
    """`member_ids` are the members without the leader."""

    name = fields.String(required=True, validate=Length(min=1, max=MAX_NAME_LENGTH))
    leader_id = Id(required=True)
    member_ids = fields.List(Id(), load_default=list, validate=Length(max=MAX_MEMBERS))


class TeamChangePayload(TeamAddPayload):
    name = fields.String(validate=Length(min=1, max=MAX_NAME_LENGTH))
    leader_id = Id()
    member_ids = fields.List(Id(), validate=Length(max=MAX_MEMBERS))


def add(_: None, op: Op) -> Accepted | Refused:
    """Y3: a team has a leader who works here, and any number of members."""
    if not _all_work_here(op):
        return Refused("no-such-person")
    leader, members = op.payload["leader_id"], _without(op.payload, op.payload["leader_id"])
    memberships = _memberships([], leader, members, op.occurred_at)
    return Accepted({**op.payload, "member_ids": members, "memberships": memberships})


def change(team: TeamLike, op: Op) -> Accepted | Refused:
    """Y3: leader and members change over time. Who belonged to the team when stays known."""
    if team.ended_at:
        return Refused("team-ended")
    if not _all_work_here(op):
        return Refused("no-such-person")
    leader = op.payload.get("leader_id", team.leader_id)
    members = _without({"member_ids": team.member_ids, **op.payload}, leader)
    memberships = _memberships(team.memberships, leader, members, op.occurred_at)
    fields_ = {"name": team.name, **op.payload, "leader_id": leader, "member_ids": members}
    changes = {n: v for n, v in fields_.items() if v != getattr(team, n)}
    if not changes:
        return Refused("nothing-changed")
    return Accepted({**changes, "memberships": memberships})


def end(team: TeamLike, op: Op) -> Accepted | Refused:
    """Y3: a team ends once. Its history and its cases stay."""
    if team.ended_at:
        return Refused("team-ended")
    until = format_time(op.occurred_at)
    ended = [{**one, "until": one["until"] or until} for one in team.memberships]
    return Accepted({"ended_at": op.occurred_at, "memberships": ended})


def members_at(team: TeamLike, moment: datetime) -> list[dict[str, Any]]:
    """Who belonged to a team at a time: the entries of its memberships, the leader first."""
    at = format_time(moment)
    belonged = [
        one for one in team.memberships if one["since"] <= at and (one["until"] or FOREVER) > at
    ]
    return sorted(belonged, key=lambda one: not one["leads"])


def _all_work_here(op: Op) -> bool:
    """Whether everybody whom the op names works here."""
    ids = [op.payload.get("leader_id"), *op.payload.get("member_ids", ())]
    people = [op.related.get(id_) for id_ in ids if id_]
    return all(person is not None and not person.active_to for person in people)


def _without(payload: dict[str, Any], leader_id: str) -> list[str]:
    return [id_ for id_ in dict.fromkeys(payload["member_ids"]) if id_ != leader_id]


def _memberships(
    earlier: Sequence[dict[str, Any]], leader_id: str, members: Collection[str], at: datetime
) -> list[dict[str, Any]]:
    """The memberships after a change: what ended has an end, what is new begins at `at`."""
    wanted = {(leader_id, True), *((id_, False) for id_ in members)}
    current = {(one["person_id"], one["leads"]) for one in earlier if not one["until"]}
    moment = format_time(at)
    kept = [
        one
        if one["until"] or (one["person_id"], one["leads"]) in wanted
        else {**one, "until": moment}
        for one in earlier
    ]
    begun = sorted(wanted - current, key=lambda pair: (not pair[1], pair[0]))
    return kept + [
        {"person_id": id_, "leads": leads, "since": moment, "until": None} for id_, leads in begun
    ]


def state(team: Any) -> str:
    """Whether the team still works together."""
    return "ended" if team["ended_at"] else "active"


def _kind(payload: type[Payload], rule: Any, **kwargs: Any) -> Kind:
    return Kind(
        payload=payload,
        rule=rule,
        type="team",
        fact=False,
        roles=DESK_ROLES,
        from_desk_only=True,
        related_fields=("leader_id", "member_ids"),
        **kwargs,
    )


FEATURE = Feature(
    types={
        "team": RecordType(
            label=_l("Team"),
            state=state,
            visible_until=lambda _: FOREVER,
            audience=lambda _, __: DESK_ONLY_AUDIENCE,
            states={"active": _lp("record in use", "in use"), "ended": _lp("team", "ended")},
        ),
    },
    kinds={
        "team.add": _kind(TeamAddPayload, add, creates=True, label=_l("Team added")),
        "team.change": _kind(TeamChangePayload, change, label=_l("Team changed")),
        "team.end": _kind(EmptyPayload, end, label=_l("Team ended")),
    },
    fields={
        "name": _lp("team", "Team name"),
        "leader_id": _l("Team leader"),
        "member_ids": _l("Members"),
        "memberships": _l("Members over time"),
    },
    sentences={
        "team.add": (_l("%(who)s formed the team %(name)s, led by %(leader_id)s"),),
        "team.change": (_l("%(who)s changed %(changes)s"),),
        "team.end": (_l("%(who)s dissolved the team"),),
    },
)
