"""How rounds went: which points are missed, and what cannot be known before a phone has spoken."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sync.protocol.clock import parse_time
from sync.work.board import BoardPhone, may_hold_unsent


class ReportedRound(Protocol):
    """What the report needs to know of a round."""

    points: list[dict[str, Any]]
    scans: dict[str, dict[str, Any]]
    fines: dict[str, dict[str, Any]]
    skips: dict[str, dict[str, Any]]
    window_start: datetime
    window_end: datetime


@dataclass(frozen=True, slots=True)
class PointReport:
    """One point of a round, in the order of the scans; what was not scanned comes last."""

    point: dict[str, Any]
    status: str
    at: datetime | None
    since_last: timedelta | None
    fact: dict[str, Any]
    in_order: bool


def point_reports(
    round_: ReportedRound, phones: Iterable[BoardPhone], now: datetime
) -> list[PointReport]:
    """N6: the round played back; a point is missed only when every phone that could know has
    spoken since the window closed."""
    carrying = [phone for phone in phones if not (phone.revoked_at or phone.lost_at)]
    unspoken = any(may_hold_unsent(phone, round_.window_end) for phone in carrying)
    order = sorted(round_.points, key=lambda point: _scanned_at(round_, point) or "~")
    played: list[PointReport] = []
    last: datetime | None = None
    for point in order:
        text = _scanned_at(round_, point)
        at = parse_time(text) if text else None
        word = _point_status(round_, point, now, unspoken)
        told = round_.scans.get(point["checkpoint"]) or round_.skips.get(point["checkpoint"], {})
        since = at - last if at and last else None
        played.append(
            PointReport(point, word, at, since, told, point["checkpoint"] in round_.fines)
        )
        last = at or last
    return played


def _scanned_at(round_: ReportedRound, point: dict[str, Any]) -> str | None:
    scan = round_.scans.get(point["checkpoint"])
    return scan["at"] if scan else None


def _point_status(
    round_: ReportedRound, point: dict[str, Any], now: datetime, unspoken: bool
) -> str:
    if point["checkpoint"] in round_.scans:
        return "scanned"
    if point["checkpoint"] in round_.skips:
        return "skipped"
    if now < round_.window_end:
        return "open"
    return "unknown" if unspoken else "missed"
