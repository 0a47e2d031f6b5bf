"""Times as text, and the correction of the times that phones report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

FOREVER = "9999-12-31T00:00:00.000Z"
"""The `visible_until` of a record that phones show without an end."""

SITE_ZONE = ZoneInfo("Asia/Shanghai")
"""The time zone of every site: its days and months, and a local time that somebody types.

A constant and not a setting, because rules use it: the verdict of a stored op must stay the same
when it is judged again. A schedule and a patrol route have a zone of their own, which defaults to
this one.
"""
SKEW_THRESHOLD = timedelta(minutes=5)
JUMP_THRESHOLD = timedelta(seconds=2)
NETWORK_TOLERANCE = timedelta(seconds=5)
"""A smaller offset is caused by the network, not by the clock, and is ignored: it would change the
order of a phone's ops."""


@lru_cache(maxsize=4096)
def format_time(moment: datetime) -> str:
    """A time as ISO 8601 text in UTC with milliseconds and `Z`; such texts sort in the order of the
    times.

    Cached, because a batch formats the same few times for each of its ops.
    """
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def parse_time(text: str) -> datetime:
    """The time that ISO 8601 text states, in UTC. Raises ValueError without an offset from UTC."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs its offset from UTC")
    return moment.astimezone(UTC)


def as_datetime(value: datetime | str | None) -> datetime | None:
    """A time of a payload, given as ISO 8601 text or already as a datetime. None stays None."""
    return parse_time(value) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class CorrectedTime:
    """When an op happened according to the server, with the uncertainty of the correction."""

    occurred_at: datetime
    uncertainty_ms: int
    flags: tuple[str, ...] = ()


def correct_times(
    ops: Sequence[Mapping[str, Any]], *, sent_at: datetime, received_at: datetime
) -> dict[str, CorrectedTime]:
    """W1, W2: the corrected time of each op, by op id.

    The offset of the phone's clock is `received_at - sent_at`. Within one page load (`boot`),
    `mono` (ms since the page was loaded) shows when the wall clock was changed: the last op of the
    page load is taken as correct and earlier ones are counted back from it. No corrected time is
    later than `received_at`.
    """
    offset = received_at - sent_at
    if abs(offset) < NETWORK_TOLERANCE:
        offset = timedelta(0)
    anchors = _boot_anchors(ops)
    return {op["id"]: _correct_time(op, anchors, offset, received_at) for op in ops}


def _boot_anchors(ops: Sequence[Mapping[str, Any]]) -> dict[str, tuple[datetime, int]]:
    anchors: dict[str, tuple[datetime, int]] = {}
    for op in ops:
        boot, mono = op.get("boot"), op.get("mono")
        if boot and mono is not None and mono >= anchors.get(boot, (None, -1))[1]:
            anchors[boot] = (parse_time(op["at"]), mono)
    return anchors


def _correct_time(
    op: Mapping[str, Any],
    anchors: dict[str, tuple[datetime, int]],
    offset: timedelta,
    received_at: datetime,
) -> CorrectedTime:
    phone_time = at = parse_time(op["at"])
    flags = []
    if op.get("boot") in anchors and op.get("mono") is not None:
        anchor_at, anchor_mono = anchors[op["boot"]]
        counted = anchor_at - timedelta(milliseconds=anchor_mono - op["mono"])
        if abs(counted - phone_time) > JUMP_THRESHOLD:
            at, flags = counted, ["clock-jumped"]
    occurred_at = at + offset
    if abs(offset) > SKEW_THRESHOLD:
        flags.append("clock-skewed")
    if phone_time - received_at > SKEW_THRESHOLD:
        flags.append("in-the-future")
    late_by = max(timedelta(0), occurred_at - received_at)
    uncertainty = abs(at - phone_time) + late_by
    return CorrectedTime(
        min(occurred_at, received_at), uncertainty // timedelta(milliseconds=1), tuple(flags)
    )
