"""Folding the facts of a patrol round: scans, checks without findings, skips and photos."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sync.protocol.clock import as_datetime, format_time
from sync.protocol.op import (
    HistoryEntry,
)
from sync.protocol.photos import photos_of
from sync.work.patrol_rules import RoundLike, token_hash


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan that belongs to a round. `id` is that of the op that recorded it.

    `source` is where the desk moved it from. One that is `set_aside` was made on this round's page,
    and the desk found that it belongs to no round.
    """

    id: str
    at: datetime
    by_id: str
    payload: Mapping[str, Any]
    source: str | None = None
    set_aside: bool = False

    @property
    def checkpoint(self) -> str:
        checkpoint: str = self.payload["checkpoint"]
        return checkpoint


def scans_of(ops: Iterable[Any]) -> list[Scan]:
    """N4, N8: the scans that belong to a round, in the order of their times.

    `ops` are the facts of the round in the order of their times, as entries of its history or as
    logged ops. The newest decision of the desk about a scan counts.
    """
    scans: dict[str, Scan] = {}
    for op in ops:
        payload = op.payload
        if op.kind == "round.scan":
            scans[op.id] = Scan(op.id, op.occurred_at, op.by, payload)
        elif op.kind == "round.take":
            id_, at = payload["scan"], as_datetime(payload["at"]) or op.occurred_at
            scans[id_] = Scan(id_, at, payload["by_id"], payload, payload["source"])
        elif op.kind == "round.move" and payload["scan"] in scans:
            scan = scans.pop(payload["scan"])
            if payload["to"] is None:
                scans[scan.id] = replace(scan, set_aside=True)
    return sorted(scans.values(), key=lambda scan: (scan.at, scan.id))


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
        _apply(facts, entry)
        facts.photos.extend(photos_of(entry))
    if round_:
        for scan in scans_of(history):
            _apply_scan(facts, scan, round_, points)
    return {
        "scans": facts.scans,
        "fines": facts.fines,
        "skips": facts.skips,
        "elsewhere": facts.elsewhere,
        "photos": list(dict.fromkeys(facts.photos)),
    }


def _apply(facts: _RoundFacts, entry: HistoryEntry) -> None:
    """Add a fact other than a scan to `facts`."""
    signature = {"at": format_time(entry.occurred_at), "by_id": entry.by}
    if entry.kind == "round.fine":
        facts.fines.setdefault(entry.payload["checkpoint"], signature)
    elif entry.kind == "round.skip":
        skip = {**signature, "reason": entry.payload["reason"]}
        facts.skips.setdefault(entry.payload["checkpoint"], skip)


def _apply_scan(facts: _RoundFacts, scan: Scan, round_: RoundLike, points: dict[str, Any]) -> None:
    """Add a scan to `facts`; one of a checkpoint that is not on the round goes to `elsewhere`."""
    signature = {"at": format_time(scan.at), "by_id": scan.by_id}
    checkpoint = scan.checkpoint
    if checkpoint not in points or scan.set_aside:
        facts.elsewhere.append({**signature, "checkpoint": checkpoint})
    elif checkpoint in facts.scans:
        facts.scans[checkpoint]["again"] += 1
    else:
        flags = _scan_flags(facts, scan, round_, points[checkpoint])
        details = {"method": scan.payload["method"], "note": scan.payload.get("note")}
        facts.scans[checkpoint] = {**signature, **details, "flags": flags, "again": 0}
    facts.last[scan.by_id] = (checkpoint, scan.at)


def _scan_flags(
    facts: _RoundFacts, scan: Scan, round_: RoundLike, point: dict[str, Any]
) -> list[str]:
    """N5, N8: whether a scan is early, late, too fast, of an invalid label, made by hand, or moved
    here by the desk."""
    last_scan = facts.last.get(scan.by_id)
    pace = timedelta(seconds=round_.fastest)
    token, method = scan.payload.get("token", ""), scan.payload["method"]
    flags = {
        "early": scan.at < round_.window_start,
        "late": scan.at > round_.window_end,
        "fast": last_scan is not None
        and last_scan[0] != point["checkpoint"]
        and scan.at - last_scan[1] < pace,
        "copied": method == "qr" and token_hash(token) not in point["seals"],
        "manual": method == "manual",
        "moved": scan.source is not None,
    }
    return [name for name, applies in flags.items() if applies]
