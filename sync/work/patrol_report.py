"""The report of a patrol round: which checkpoints were scanned, missed or cannot be known yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sync.protocol.clock import parse_time
from sync.work.board import BoardPhone, active_phones, may_hold_unsent
from sync.work.patrol_rules import is_counted, is_timely_skip


class ReportedRound(Protocol):
    """The fields of a round that the report reads."""

    points: list[dict[str, Any]]
    scans: dict[str, dict[str, Any]]
    fines: dict[str, dict[str, Any]]
    skips: dict[str, dict[str, Any]]
    elsewhere: list[dict[str, Any]]
    disposed: dict[str, dict[str, Any]]
    window_start: datetime
    window_end: datetime
    planned_at: datetime | None


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

    A checkpoint is missed only once every active phone has sent everything since the window closed,
    and never if the round was planned after its window had begun (R10).
    A scan that was made too long before or after the window does not count.
    """
    waiting = any(may_hold_unsent(phone, round_.window_end) for phone in active_phones(phones))
    order = sorted(round_.points, key=lambda point: _scanned_at(round_, point) or "~")
    reports: list[PointReport] = []
    last_at: datetime | None = None
    for point in order:
        text = _scanned_at(round_, point)
        at = parse_time(text) if text else None
        status = _point_status(round_, point, now, waiting)
        scan = _counted_scan(round_, point)
        fact = scan or round_.skips.get(point["checkpoint"], {})
        since_last = at - last_at if at and last_at else None
        reports.append(
            PointReport(point, status, at, since_last, fact, point["checkpoint"] in round_.fines)
        )
        last_at = at or last_at
    return reports


def missed_points(
    round_: ReportedRound, phones: Iterable[BoardPhone], now: datetime
) -> list[dict[str, Any]]:
    """N6: the checkpoints of a round that were missed for certain, in the order of the route."""
    reports = point_reports(round_, phones, now)
    missed = {report.point["checkpoint"] for report in reports if report.status == "missed"}
    return [point for point in round_.points if point["checkpoint"] in missed]


def undisposed_points(
    round_: ReportedRound, phones: Iterable[BoardPhone], now: datetime
) -> list[dict[str, Any]]:
    """N9: the missed checkpoints of a round for which the desk has not recorded a decision."""
    missed = missed_points(round_, phones, now)
    return [point for point in missed if point["checkpoint"] not in round_.disposed]


def uncounted_scans(round_: ReportedRound) -> list[dict[str, Any]]:
    """Scans on the round's page that do not count for it: made at another time, of a checkpoint of
    another route, or set aside by the desk."""
    others = [
        {**scan, "checkpoint": id_}
        for id_, scan in round_.scans.items()
        if not is_counted(round_, scan)
    ]
    return sorted([*round_.elsewhere, *others], key=lambda scan: str(scan["at"]))


def _counted_scan(round_: ReportedRound, point: dict[str, Any]) -> dict[str, Any] | None:
    scan = round_.scans.get(point["checkpoint"])
    return scan if scan and is_counted(round_, scan) else None


def _scanned_at(round_: ReportedRound, point: dict[str, Any]) -> str | None:
    scan = _counted_scan(round_, point)
    return scan["at"] if scan else None


def point_facts(round_: ReportedRound) -> list[dict[str, Any]]:
    """The checkpoints of a round in the order of the route, each with what is known of it whatever
    the time: `state` (scanned, late, skipped or None), when, who, how, its flags or the reason."""
    facts = []
    for point in round_.points:
        state = _fact_state(round_, point)
        fact = (_counted_scan(round_, point) or round_.skips[point["checkpoint"]]) if state else {}
        known = {name: fact.get(name) for name in ("at", "by_id", "method", "reason")}
        place = {name: point.get(name) for name in ("checkpoint", "label", "area_id")}
        facts.append({**place, "state": state, **known, "flags": fact.get("flags", [])})
    return facts


def _fact_state(round_: ReportedRound, point: dict[str, Any]) -> str | None:
    """What is known of a checkpoint: scanned, scanned late, or skipped for a reason."""
    scan = _counted_scan(round_, point)
    if scan:
        return "late" if "late" in scan["flags"] else "scanned"
    skip = round_.skips.get(point["checkpoint"])
    return "skipped" if skip and is_timely_skip(round_, skip) else None


def _point_status(
    round_: ReportedRound, point: dict[str, Any], now: datetime, waiting: bool
) -> str:
    state = _fact_state(round_, point)
    if state:
        return state
    if now < round_.window_end:
        return "open"
    if waiting:
        return "unknown"
    return "planned_late" if round_.planned_at else "missed"
