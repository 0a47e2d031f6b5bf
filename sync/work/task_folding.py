"""Folding the facts of a task: ticks, confirmations and skips."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sync.protocol.clock import format_time
from sync.protocol.op import HistoryEntry
from sync.protocol.photos import photos_of

PEST_CONTROL_FIELDS = ("agent", "dose", "method", "firm", "notice")
"""What is recorded about pest control; each as it was given last."""

WHOLE_TASK_KINDS = ("task.complete", "task.confirm")
"""Kinds that tick every item at once, or confirm upkeep once."""


@dataclass(slots=True)
class TickState:
    """What counts after the facts folded so far: ticks by item and person, confirmations, the
    skip."""

    ticks_by_item: list[dict[str, HistoryEntry]]
    confirmations: list[HistoryEntry] = field(default_factory=list)
    skip: HistoryEntry | None = None

    def apply(self, entry: HistoryEntry) -> None:
        """T4, T9: a tick counts until its author takes it back, for one item or for all."""
        if entry.kind in WHOLE_TASK_KINDS:
            self.confirmations.append(entry)
            for item in self.ticks_by_item:
                item.setdefault(entry.by, entry)
        elif entry.kind == "task.undo":
            self._undo(entry.by)
        elif entry.kind == "task.skip":
            self.skip = self.skip or entry
        elif entry.kind in ("task.tick", "task.untick"):
            self._apply_item(entry)

    def _apply_item(self, entry: HistoryEntry) -> None:
        number = entry.payload["item"]
        if number >= len(self.ticks_by_item):
            return
        if entry.kind == "task.tick":
            self.ticks_by_item[number].setdefault(entry.by, entry)
        else:
            self.ticks_by_item[number].pop(entry.by, None)

    def _undo(self, by: str) -> None:
        for item in self.ticks_by_item:
            item.pop(by, None)
        last = next(
            (
                confirmation
                for confirmation in reversed(self.confirmations)
                if confirmation.by == by
            ),
            None,
        )
        self.confirmations = [
            confirmation for confirmation in self.confirmations if confirmation is not last
        ]
        if self.skip and self.skip.by == by:
            self.skip = None


def fold(task: Any, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """T8, T9, T10, T18: the fields of a task that its facts determine.

    `history` is in the order of (`occurred_at`, id), so the order of arrival does not matter.
    """
    ticks = TickState([{} for _ in task.items or (None,)])
    for entry in history:
        ticks.apply(entry)
    result = (
        _confirmed_fields(ticks)
        if task.standing
        else _done_fields(ticks, itemised=bool(task.items))
    )
    given = {
        name: entry.payload[name]
        for entry in history
        for name in PEST_CONTROL_FIELDS
        if entry.kind == "task.complete" and entry.payload.get(name)
    }
    photos = [sha256 for entry in history for sha256 in photos_of(entry)]
    return {
        **result,
        **dict.fromkeys(PEST_CONTROL_FIELDS),
        **given,
        "skipped_at": ticks.skip and ticks.skip.occurred_at,
        "skip_reason": ticks.skip and ticks.skip.payload["reason"],
        "photos": list(dict.fromkeys(photos)),
    }


def _done_fields(ticks: TickState, *, itemised: bool) -> dict[str, Any]:
    """T8, T9: a task is done once every item is; the earliest tick is credited, the others
    helped."""
    first_ticks = [_earliest(item.values()) for item in ticks.ticks_by_item]
    ticked_items = [tick for tick in first_ticks if tick]
    is_complete = len(ticked_items) == len(first_ticks)
    everyone = {tick.id: tick for item in ticks.ticks_by_item for tick in item.values()}.values()
    credited = _earliest(ticked_items) if is_complete else None
    return {
        "done_at": max(tick.occurred_at for tick in ticked_items) if is_complete else None,
        "done_received_at": max(tick.received_at for tick in ticked_items) if is_complete else None,
        **_credited_people(credited, everyone),
        "ticked": _ticks_by_item(ticks) if itemised else {},
        "confirmed": [],
    }


def _confirmed_fields(ticks: TickState) -> dict[str, Any]:
    """T10: upkeep is done from its first confirmation on; every confirmation is listed."""
    first = _earliest(ticks.confirmations)
    return {
        "done_at": first and first.occurred_at,
        "done_received_at": first and first.received_at,
        **_credited_people(first, ticks.confirmations),
        "ticked": {},
        "confirmed": [
            {"at": format_time(tick.occurred_at), "by_id": tick.by} for tick in ticks.confirmations
        ],
    }


def _credited_people(
    credited: HistoryEntry | None, everyone: Iterable[HistoryEntry]
) -> dict[str, Any]:
    ordered = sorted(everyone, key=_fact_order)
    notes = [tick.payload["note"] for tick in ordered if tick.payload.get("note")]
    helpers = {tick.by for tick in ordered if credited and tick.by != credited.by}
    return {
        "done_by_id": credited and credited.by,
        "helper_ids": sorted(helpers),
        "note": "\n".join(notes) or None,
    }


def _ticks_by_item(ticks: TickState) -> dict[str, Any]:
    """Each ticked item by number, with who ticked it first and who ticked it as well."""
    ticked = {}
    for number, item in enumerate(ticks.ticks_by_item):
        first = _earliest(item.values())
        if first:
            others = sorted(by for by in item if by != first.by)
            at = format_time(first.occurred_at)
            ticked[str(number)] = {"at": at, "by_id": first.by, "helper_ids": others}
    return ticked


def _earliest(ticks: Iterable[HistoryEntry]) -> HistoryEntry | None:
    return min(ticks, key=_fact_order, default=None)


def _fact_order(tick: HistoryEntry) -> tuple[datetime, str]:
    return tick.occurred_at, tick.id


def state(task: Any) -> str:
    """The state of a task, without what the passing of time changes (late, missed)."""
    if task["cancelled_at"]:
        return "cancelled"
    if task["done_at"]:
        return "done"
    if task["skipped_at"]:
        return "skipped"
    return "partial" if task["ticked"] else "open"


def window_deadline(window_end: datetime, grace: int | None) -> datetime:
    """T11: work within the grace period after its window is in time."""
    return window_end + timedelta(minutes=grace or 0)
