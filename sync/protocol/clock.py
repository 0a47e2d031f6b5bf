"""Time: what the phone's clock said, and what we make of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

FOREVER = "9999-12-31T00:00:00.000Z"
"""The `visible_until` of a record that never leaves the phones by itself."""

SITE_ZONE = ZoneInfo("Asia/Shanghai")
"""The time zone of every site: its days and months, and a local time that somebody types.

A constant and not a setting, because rules use it: the verdict of a stored op must stay the same
when it is judged again. A schedule and a patrol route have a zone of their own, by default this.
"""
SKEW_THRESHOLD = timedelta(minutes=5)
JUMP_THRESHOLD = timedelta(seconds=2)
NETWORK_TOLERANCE = timedelta(seconds=5)
"""Less than this is the network, not the clock: the order of a phone's ops must not hang on it."""


@lru_cache(maxsize=4096)
def format_time(moment: datetime) -> str:
    """UTC with milliseconds and `Z`, so that texts sort as the times do.

    A batch tells the same moment several times an op, hence the cache.
    """
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def parse_time(text: str) -> datetime:
    """An aware time; raises ValueError without an offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs its offset from UTC")
    return moment.astimezone(UTC)


def as_datetime(said: datetime | str | None) -> datetime | None:
    """A time in a payload: text as it lies in the log, or read already."""
    return parse_time(said) if isinstance(said, str) else said


@dataclass(frozen=True, slots=True)
class CorrectedTime:
    """When an op happened, as well as we know."""

    occurred_at: datetime
    uncertainty_ms: int
    flags: tuple[str, ...] = ()


def correct_times(
    ops: Sequence[dict[str, Any]], *, sent_at: datetime, received_at: datetime
) -> dict[str, CorrectedTime]:
    """W1, W2: phone times become server times, by op id.

    The offset is what the phone's clock said when it sent against the arrival. Within one
    page load `mono` (ms since it began) tells a jump of the wall clock: the last op of the
    load is trusted, earlier ones are counted back from it. Nothing happens after its arrival.
    """
    offset = received_at - sent_at
    if abs(offset) < NETWORK_TOLERANCE:
        offset = timedelta(0)
    anchors = _boot_anchors(ops)
    return {op["id"]: _correct_time(op, anchors, offset, received_at) for op in ops}


def _boot_anchors(ops: Sequence[dict[str, Any]]) -> dict[str, tuple[datetime, int]]:
    anchors: dict[str, tuple[datetime, int]] = {}
    for op in ops:
        boot, mono = op.get("boot"), op.get("mono")
        if boot and mono is not None and mono >= anchors.get(boot, (None, -1))[1]:
            anchors[boot] = (parse_time(op["at"]), mono)
    return anchors


def _correct_time(
    op: dict[str, Any],
    anchors: dict[str, tuple[datetime, int]],
    offset: timedelta,
    received_at: datetime,
) -> CorrectedTime:
    said = at = parse_time(op["at"])
    flags = []
    if op.get("boot") in anchors and op.get("mono") is not None:
        anchor_at, anchor_mono = anchors[op["boot"]]
        counted = anchor_at - timedelta(milliseconds=anchor_mono - op["mono"])
        if abs(counted - said) > JUMP_THRESHOLD:
            at, flags = counted, ["clock-jumped"]
    occurred_at = at + offset
    if abs(offset) > SKEW_THRESHOLD:
        flags.append("clock-skewed")
    if said - received_at > SKEW_THRESHOLD:
        flags.append("in-the-future")
    late_by = max(timedelta(0), occurred_at - received_at)
    uncertainty = abs(at - said) + late_by
    return CorrectedTime(
        min(occurred_at, received_at), uncertainty // timedelta(milliseconds=1), tuple(flags)
    )
