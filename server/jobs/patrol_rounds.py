"""Plans the patrols of the next two weeks from the patrol routes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import select

from server.auth import qr_tokens
from server.db.engine import db
from server.jobs import plan_history
from server.jobs.free_ids import ids_in_place
from server.jobs.holidays import days_off_for
from server.models.patrol import PatrolRound, PatrolRoute
from server.models.places import Checkpoint
from server.oplog.incoming import NewOp
from server.oplog.receive import make_op
from sync.protocol.clock import format_time
from sync.protocol.op import UUID_NAMESPACE
from sync.work.plan_versions import responsible_id
from sync.work.recurrence import Window, due_windows

POINT_FIELDS = ("checkpoint", "area_id", "label", "code")
"""Fields of a checkpoint in a patrol, but for its label tokens (`seals`)."""


@dataclass(frozen=True, slots=True)
class DueRound:
    """A round that a route requires: in which window, by which version, and whose it is now."""

    route_id: str
    window: Window
    fields: Mapping[str, Any]
    responsible_id: str | None


def round_ops(site_id: str, now: datetime, start: datetime, end: datetime) -> Iterator[NewOp]:
    """N2: ops that plan missing patrols, update changed ones and drop those of no active route.

    `start`, `end`: the range of time that is planned. Idempotent: the id of a patrol is derived
    from route and start time. A round that has begun keeps its checkpoints: only their labels and
    its responsible person change.
    """
    points = {point.id: _point(site_id, point) for point in _of_site(Checkpoint, site_id)}
    required = {_id(due): due for due in _due_rounds(site_id, now, start, end)}
    planned = {patrol.id: patrol for patrol in _planned(site_id, start, end)}
    for id_, other in ids_in_place(site_id, "round", required.keys() - planned).items():
        required[other] = required.pop(id_)
    for id_, due in required.items():
        route_points = [points[point] for point in due.fields["points"] if point in points]
        patrol = planned.get(id_)
        if patrol is None:
            yield _plan(id_, due, route_points, now)
            continue
        over = patrol.window_start <= now if patrol.cancelled_at else patrol.window_end <= now
        changed = {} if over else _changes(patrol, due, route_points, now)
        if changed:
            yield make_op("round.amend", id_, changed)
    for id_, patrol in planned.items():
        future = patrol.window_start > now and not (patrol.scans or patrol.cancelled_at)
        if future and id_ not in required:
            yield make_op("round.drop", id_, {})


def _due_rounds(site_id: str, now: datetime, start: datetime, end: datetime) -> Iterator[DueRound]:
    """R10: the rounds that the versions of each route require."""
    ids = {route.id for route in _of_site(PatrolRoute, site_id)}
    for route_id, versions in plan_history.route_versions(site_id, ids).items():
        for version in versions:
            duty = version.as_duty(route_id)
            for window in due_windows(duty, start, end, days_off_for(duty, start, end)):
                if version.begins_in(window[0]):
                    answering = responsible_id(versions, window, now)
                    yield DueRound(route_id, window, version.fields, answering)


def _of_site(table: Any, site_id: str) -> Any:
    return db.session.scalars(select(table).where(table.site_id == site_id)).all()


def _planned(site_id: str, start: datetime, end: datetime) -> Any:
    """Patrols of the time that is planned."""
    conditions = (
        PatrolRound.site_id == site_id,
        PatrolRound.window_end > start,
        PatrolRound.window_start < end,
    )
    return db.session.scalars(select(PatrolRound).where(*conditions)).all()


def _point(site_id: str, point: Checkpoint) -> dict[str, Any]:
    return {
        "checkpoint": point.id,
        "area_id": point.area_id,
        "label": point.label,
        "code": point.code,
        "seals": qr_tokens.label_token_hashes(site_id, point.id, point.serial),
    }


def _id(due: DueRound) -> str:
    return str(uuid5(UUID(UUID_NAMESPACE), f"{due.route_id}|{format_time(due.window[0])}"))


def _plan(id_: str, due: DueRound, points: list[dict[str, Any]], now: datetime) -> NewOp:
    payload = {
        "route_id": due.route_id,
        "points": points,
        "window_start": format_time(due.window[0]),
        **_changing_fields(due),
    }
    if due.window[0] < now:
        payload["planned_at"] = format_time(now)
    return make_op("round.plan", id_, payload, id=str(uuid5(UUID(id_), "plan")))


def _changing_fields(due: DueRound) -> dict[str, Any]:
    return {
        "label": due.fields["label"],
        "fastest": due.fields["fastest"],
        "responsible_id": due.responsible_id,
        "window_end": due.window[1],
    }


def _changes(
    patrol: PatrolRound, due: DueRound, points: list[dict[str, Any]], now: datetime
) -> dict[str, Any]:
    """R8: the fields in which a round that is not over differs from its route."""
    begun = patrol.window_start <= now
    wanted = {"responsible_id": due.responsible_id} if begun else _changing_fields(due)
    wanted["cancelled_at"] = None
    changed = {name: value for name, value in wanted.items() if value != getattr(patrol, name)}
    return changed | ({"points": points} if _points_changed(patrol, points) else {})


def _points_changed(patrol: PatrolRound, points: list[dict[str, Any]]) -> bool:
    """Whether the checkpoints differ from the planned ones, or one has a new label token."""
    planned_points = [{name: point[name] for name in POINT_FIELDS} for point in patrol.points]
    wanted_points = [{name: point[name] for name in POINT_FIELDS} for point in points]
    planned_tokens = {token for point in patrol.points for token in point["seals"]}
    wanted_tokens = {token for point in points for token in point["seals"]}
    return planned_points != wanted_points or not wanted_tokens <= planned_tokens
