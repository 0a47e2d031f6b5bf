"""Rounds ahead: what guards go, planned from the routes through the one door."""

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
from server.oplog.receive import make_op
from sync.protocol.clock import format_time
from sync.protocol.op import UUID_NAMESPACE
from sync.work.recurrence import Window, due_windows

POINT_FIELDS = ("checkpoint", "area_id", "label", "code")


def round_ops(
    site_id: str, now: datetime, start: datetime, end: datetime
) -> Iterator[dict[str, Any]]:
    """N2: what is missing is planned, what follows from no route any more is dropped.

    The id of a round follows from route and time, so planning twice makes it once.
    """
    points = {point.id: _point(site_id, point) for point in _of_site(Checkpoint, site_id)}
    wanted = {
        _id(route, window): (route, window)
        for route in _of_site(PatrolRoute, site_id)
        for window in (due_windows(route, start, end) if route.active else ())
    }
    known = {round_.id: round_ for round_ in _known(site_id, start)}
    for id_, (route, window) in wanted.items():
        there = [points[point] for point in route.points if point in points]
        if id_ not in known:
            yield _plan(id_, route, window, there)
        elif known[id_].window_end > now and _points_changed(known[id_], there):
            yield make_op("round.amend", id_, {"points": there})
    for id_, round_ in known.items():
        if id_ not in wanted and round_.window_start > now and not round_.scans:
            yield make_op("round.drop", id_, {})


def _of_site(table: Any, site_id: str) -> Any:
    return db.session.scalars(select(table).where(table.site_id == site_id)).all()


def _known(site_id: str, start: datetime) -> Any:
    since = (
        PatrolRound.site_id == site_id,
        PatrolRound.window_end > start,
        PatrolRound.cancelled_at.is_(None),
    )
    return db.session.scalars(select(PatrolRound).where(*since)).all()


def _point(site_id: str, point: Checkpoint) -> dict[str, Any]:
    valid = qr_tokens.label_token_hash(site_id, point.id, point.serial)
    said = {"checkpoint": point.id, "area_id": point.area_id, "label": point.label}
    return {**said, "code": point.code, "seals": [valid]}


def _id(route: PatrolRoute, window: Window) -> str:
    return str(uuid5(UUID(UUID_NAMESPACE), f"{route.id}|{format_time(window[0])}"))


def _plan(
    id_: str, route: PatrolRoute, window: Window, points: list[dict[str, Any]]
) -> dict[str, Any]:
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


def _points_changed(round_: PatrolRound, points: list[dict[str, Any]]) -> bool:
    """Whether the points moved, or one of them has a label that the round does not know."""
    as_known = [{name: point[name] for name in POINT_FIELDS} for point in round_.points]
    as_wanted = [{name: point[name] for name in POINT_FIELDS} for point in points]
    known = {seal for point in round_.points for seal in point["seals"]}
    return as_known != as_wanted or any({*point["seals"]} - known for point in points)
