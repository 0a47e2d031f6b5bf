"""Plans the patrols of the next two weeks from the patrol routes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import select

from server.auth import qr_tokens
from server.db.engine import db
from server.models.patrol import PatrolRound, PatrolRoute
from server.models.places import Checkpoint
from server.oplog.incoming import NewOp
from server.oplog.receive import make_op
from sync.protocol.clock import format_time
from sync.protocol.op import UUID_NAMESPACE
from sync.work.recurrence import Window, due_windows

POINT_FIELDS = ("checkpoint", "area_id", "label", "code")
"""Fields of a checkpoint in a patrol, but for its label tokens (`seals`)."""


def round_ops(site_id: str, now: datetime, start: datetime, end: datetime) -> Iterator[NewOp]:
    """N2: ops that plan missing patrols, update changed ones and drop those of no active route.

    `start`, `end`: the range of time that is planned. Idempotent: the id of a patrol is derived
    from route and start time.
    """
    points = {point.id: _point(site_id, point) for point in _of_site(Checkpoint, site_id)}
    required = {
        _id(route, window): (route, window)
        for route in _of_site(PatrolRoute, site_id)
        for window in (due_windows(route, start, end) if route.active else ())
    }
    planned = {patrol.id: patrol for patrol in _planned(site_id, start)}
    for id_, (route, window) in required.items():
        route_points = [points[point] for point in route.points if point in points]
        if id_ not in planned:
            yield _plan(id_, route, window, route_points)
        elif planned[id_].window_end > now and _points_changed(planned[id_], route_points):
            yield make_op("round.amend", id_, {"points": route_points})
    for id_, patrol in planned.items():
        if id_ not in required and patrol.window_start > now and not patrol.scans:
            yield make_op("round.drop", id_, {})


def _of_site(table: Any, site_id: str) -> Any:
    return db.session.scalars(select(table).where(table.site_id == site_id)).all()


def _planned(site_id: str, start: datetime) -> Any:
    """Patrols that end after `start` and are not cancelled."""
    conditions = (
        PatrolRound.site_id == site_id,
        PatrolRound.window_end > start,
        PatrolRound.cancelled_at.is_(None),
    )
    return db.session.scalars(select(PatrolRound).where(*conditions)).all()


def _point(site_id: str, point: Checkpoint) -> dict[str, Any]:
    return {
        "checkpoint": point.id,
        "area_id": point.area_id,
        "label": point.label,
        "code": point.code,
        "seals": [qr_tokens.label_token_hash(site_id, point.id, point.serial)],
    }


def _id(route: PatrolRoute, window: Window) -> str:
    return str(uuid5(UUID(UUID_NAMESPACE), f"{route.id}|{format_time(window[0])}"))


def _plan(id_: str, route: PatrolRoute, window: Window, points: list[dict[str, Any]]) -> NewOp:
    payload = {
        "route_id": route.id,
        "label": route.label,
        "points": points,
        "fastest": route.fastest,
        "responsible_id": route.responsible_id,
        "window_start": format_time(window[0]),
        "window_end": format_time(window[1]),
    }
    return make_op("round.plan", id_, payload, id=str(uuid5(UUID(id_), "plan")))


def _points_changed(patrol: PatrolRound, points: list[dict[str, Any]]) -> bool:
    """Whether the checkpoints differ from the planned ones, or one has a new label token."""
    planned_points = [{name: point[name] for name in POINT_FIELDS} for point in patrol.points]
    wanted_points = [{name: point[name] for name in POINT_FIELDS} for point in points]
    planned_tokens = {token for point in patrol.points for token in point["seals"]}
    wanted_tokens = {token for point in points for token in point["seals"]}
    return planned_points != wanted_points or not wanted_tokens <= planned_tokens
