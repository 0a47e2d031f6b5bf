"""Folding the facts of a patrol round: scans, checks without findings, skips and photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sync.protocol.clock import format_time
from sync.protocol.op import (
    HistoryEntry,
)
from sync.protocol.photos import photos_of
from sync.work.patrol_rules import RoundLike, token_hash


@dataclass(slots=True)
class _RoundFacts:
    """What the facts folded so far amount to. `last` is each person's latest scan, as checkpoint
    and time."""

    scans: dict[str, dict[str, Any]] = field(default_factory=dict)
    fines: dict[str, dict[str, Any]] = field(default_factory=dict)
    skips: dict[str, dict[str, Any]] = field(default_factory=dict)
    elsewhere: list[dict[str, Any]] = field(default_factory=list)
    photos: list[str] = field(default_factory=list)
    last: dict[str, tuple[str, datetime]] = field(default_factory=dict)


def fold(round_: RoundLike | None, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """N4: fold the facts of a round. The earliest scan of a checkpoint counts, and later ones are
    only counted.

    `history` is in the order of the facts' times, so the order of arrival does not matter.
    """
    facts = _RoundFacts()
    points = {point["checkpoint"]: point for point in round_.points} if round_ else {}
    for entry in history:
        if entry.kind.startswith("round.") and round_:
            _apply(facts, entry, round_, points)
        facts.photos.extend(photos_of(entry))
    return {
        "scans": facts.scans,
        "fines": facts.fines,
        "skips": facts.skips,
        "elsewhere": facts.elsewhere,
        "photos": list(dict.fromkeys(facts.photos)),
    }


def _apply(
    facts: _RoundFacts, entry: HistoryEntry, round_: RoundLike, points: dict[str, Any]
) -> None:
    """Add one fact to `facts`. A scan of a checkpoint that is not on the round goes to
    `elsewhere`."""
    signature = {"at": format_time(entry.occurred_at), "by_id": entry.by}
    checkpoint = entry.payload["checkpoint"]
    if entry.kind == "round.fine":
        facts.fines.setdefault(checkpoint, signature)
    elif entry.kind == "round.skip":
        facts.skips.setdefault(checkpoint, {**signature, "reason": entry.payload["reason"]})
    elif checkpoint not in points:
        facts.elsewhere.append({**signature, "checkpoint": checkpoint})
    elif checkpoint in facts.scans:
        facts.scans[checkpoint]["again"] += 1
    else:
        payload = entry.payload
        flags = _scan_flags(facts, entry, round_, points[checkpoint])
        details = {"method": payload["method"], "note": payload.get("note"), "flags": flags}
        facts.scans[checkpoint] = {**signature, **details, "again": 0}
    if entry.kind == "round.scan":
        facts.last[entry.by] = (checkpoint, entry.occurred_at)


def _scan_flags(
    facts: _RoundFacts, entry: HistoryEntry, round_: RoundLike, point: dict[str, Any]
) -> list[str]:
    """N5: whether a scan is early, late, too fast, of an invalid label, or made by hand."""
    last_scan = facts.last.get(entry.by)
    pace = timedelta(seconds=round_.fastest)
    token = entry.payload.get("token", "")
    flags = {
        "early": entry.occurred_at < round_.window_start,
        "late": entry.occurred_at > round_.window_end,
        "fast": last_scan is not None
        and last_scan[0] != point["checkpoint"]
        and entry.occurred_at - last_scan[1] < pace,
        "copied": entry.payload["method"] == "qr" and token_hash(token) not in point["seals"],
        "manual": entry.payload["method"] == "manual",
    }
    return [name for name, applies in flags.items() if applies]
