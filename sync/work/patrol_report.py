"""The report of a patrol round: which checkpoints were scanned, missed or cannot be known yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sync.protocol.clock import parse_time
from sync.work.board import BoardPhone, may_hold_unsent


class ReportedRound(Protocol):
    """The fields of a round that the report reads."""

    points: list[dict[str, Any]]
    scans: dict[str, dict[str, Any]]
    fines: dict[str, dict[str, Any]]
    skips: dict[str, dict[str, Any]]
    window_start: datetime
    window_end: datetime


@dataclass(frozen=True, slots=True)
class PointReport:
    """A checkpoint of a round, its status and its fact. `since_last` is the time since the scan
    before it.

    `in_order` means that somebody confirmed that all is well at the checkpoint.
    """

    point: dict[str, Any]
    status: str
    at: datetime | None
    since_last: timedelta | None
    fact: dict[str, Any]
    in_order: bool


def point_reports(
    round_: ReportedRound, phones: Iterable[BoardPhone], now: datetime
) -> list[PointReport]:
    """N6: the checkpoints of a round in the order of their scans; those without a scan come last.

    A checkpoint is missed only once every active phone has sent everything since the window closed.
    """
    active = [phone for phone in phones if not (phone.revoked_at or phone.lost_at)]
    waiting = any(may_hold_unsent(phone, round_.window_end) for phone in active)
    order = sorted(round_.points, key=lambda point: _scanned_at(round_, point) or "~")
    reports: list[PointReport] = []
    last_at: datetime | None = None
    for point in order:
        text = _scanned_at(round_, point)
        at = parse_time(text) if text else None
        status = _point_status(round_, point, now, waiting)
        fact = round_.scans.get(point["checkpoint"]) or round_.skips.get(point["checkpoint"], {})
        since_last = at - last_at if at and last_at else None
        reports.append(
            PointReport(point, status, at, since_last, fact, point["checkpoint"] in round_.fines)
        )
        last_at = at or last_at
    return reports


def _scanned_at(round_: ReportedRound, point: dict[str, Any]) -> str | None:
    scan = round_.scans.get(point["checkpoint"])
    return scan["at"] if scan else None


def _point_status(
    round_: ReportedRound, point: dict[str, Any], now: datetime, waiting: bool
) -> str:
    if point["checkpoint"] in round_.scans:
        return "scanned"
    if point["checkpoint"] in round_.skips:
        return "skipped"
    if now < round_.window_end:
        return "open"
    return "unknown" if waiting else "missed"
