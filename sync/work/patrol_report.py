"""How rounds went: which points are missed, and what cannot be known before a phone has spoken."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sync.protocol.clock import parse
from sync.work.board import Phone, could_hold


class Round(Protocol):
    """What the report needs to know of a round."""

    points: list[dict[str, Any]]
    scans: dict[str, dict[str, Any]]
    fines: dict[str, dict[str, Any]]
    skips: dict[str, dict[str, Any]]
    window_start: datetime
    window_end: datetime


@dataclass(frozen=True, slots=True)
class Step:
    """One point of a round, in the order of the scans; what was not scanned comes last."""

    point: dict[str, Any]
    word: str
    at: datetime | None
    since_last: timedelta | None
    told: dict[str, Any]
    fine: bool


def steps(round_: Round, phones: Iterable[Phone], now: datetime) -> list[Step]:
    """N6: the round played back; a point is missed only when every phone that could know has
    spoken since the window closed."""
    carrying = [phone for phone in phones if not (phone.revoked_at or phone.lost_at)]
    unspoken = any(could_hold(phone, round_.window_end) for phone in carrying)
    order = sorted(round_.points, key=lambda point: _scanned_at(round_, point) or "~")
    played: list[Step] = []
    last: datetime | None = None
    for point in order:
        text = _scanned_at(round_, point)
        at = parse(text) if text else None
        word = _word(round_, point, now, unspoken)
        told = round_.scans.get(point["checkpoint"]) or round_.skips.get(point["checkpoint"], {})
        since = at - last if at and last else None
        played.append(Step(point, word, at, since, told, point["checkpoint"] in round_.fines))
        last = at or last
    return played


def _scanned_at(round_: Round, point: dict[str, Any]) -> str | None:
    scan = round_.scans.get(point["checkpoint"])
    return scan["at"] if scan else None


def _word(round_: Round, point: dict[str, Any], now: datetime, unspoken: bool) -> str:
    if point["checkpoint"] in round_.scans:
        return "scanned"
    if point["checkpoint"] in round_.skips:
        return "skipped"
    if now < round_.window_end:
        return "open"
    return "unknown" if unspoken else "missed"
