"""Ticks: what facts make of a task, in whatever order they come."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sync.protocol.clock import iso
from sync.protocol.op import Entry
from sync.protocol.photos import photos_of

WHOLE = ("task.complete", "task.confirm")
"""Ticks every item at once; on a standing duty, one confirmation."""


@dataclass(slots=True)
class Ticks:
    """What still counts: ticks by item and person, confirmations, the skip."""

    items: list[dict[str, Entry]]
    confirmed: list[Entry] = field(default_factory=list)
    skipped: Entry | None = None

    def take(self, entry: Entry) -> None:
        """T4, T9: a tick counts until its own author takes it back, item by item or all."""
        if entry.kind in WHOLE:
            self.confirmed.append(entry)
            for item in self.items:
                item.setdefault(entry.by, entry)
        elif entry.kind == "task.undo":
            self._take_back(entry.by)
        elif entry.kind == "task.skip":
            self.skipped = self.skipped or entry
        elif entry.kind in ("task.tick", "task.untick"):
            self._one(entry)

    def _one(self, entry: Entry) -> None:
        number = entry.payload["item"]
        if number >= len(self.items):
            return
        if entry.kind == "task.tick":
            self.items[number].setdefault(entry.by, entry)
        else:
            self.items[number].pop(entry.by, None)

    def _take_back(self, by: str) -> None:
        for item in self.items:
            item.pop(by, None)
        last = next((one for one in reversed(self.confirmed) if one.by == by), None)
        self.confirmed = [one for one in self.confirmed if one is not last]
        if self.skipped and self.skipped.by == by:
            self.skipped = None


def fold(task: Any, history: Sequence[Entry]) -> dict[str, Any]:
    """T8, T9, T10: facts come in the order of (`occurred_at`, id), so arrival changes nothing."""
    ticks = Ticks([{} for _ in task.items or (None,)])
    for entry in history:
        ticks.take(entry)
    found = _confirmed(ticks) if task.standing else _done(ticks, itemised=bool(task.items))
    photos = [sha256 for entry in history for sha256 in photos_of(entry)]
    return {
        **found,
        "skipped_at": ticks.skipped and ticks.skipped.occurred_at,
        "skip_reason": ticks.skipped and ticks.skipped.payload["reason"],
        "photos": list(dict.fromkeys(photos)),
    }


def _done(ticks: Ticks, *, itemised: bool) -> dict[str, Any]:
    """T8, T9: done when every item is; who ticked first has the credit, the others helped."""
    firsts = [_first(item.values()) for item in ticks.items]
    found = [tick for tick in firsts if tick]
    whole = len(found) == len(firsts)
    everyone = {tick.id: tick for item in ticks.items for tick in item.values()}.values()
    credited = _first(found) if whole else None
    return {
        "done_at": max(tick.occurred_at for tick in found) if whole else None,
        "done_received_at": max(tick.received_at for tick in found) if whole else None,
        **_people(credited, everyone),
        "ticked": _by_item(ticks) if itemised else {},
        "confirmed": [],
    }


def _confirmed(ticks: Ticks) -> dict[str, Any]:
    """T10: a standing duty was kept from its first confirmation on; every one is told."""
    first = _first(ticks.confirmed)
    return {
        "done_at": first and first.occurred_at,
        "done_received_at": first and first.received_at,
        **_people(first, ticks.confirmed),
        "ticked": {},
        "confirmed": [{"at": iso(one.occurred_at), "by_id": one.by} for one in ticks.confirmed],
    }


def _people(credited: Entry | None, everyone: Iterable[Entry]) -> dict[str, Any]:
    inorder = sorted(everyone, key=_when)
    notes = [tick.payload["note"] for tick in inorder if tick.payload.get("note")]
    helpers = {tick.by for tick in inorder if credited and tick.by != credited.by}
    return {
        "done_by_id": credited and credited.by,
        "helper_ids": sorted(helpers),
        "note": "\n".join(notes) or None,
    }


def _by_item(ticks: Ticks) -> dict[str, Any]:
    """Each ticked item with whoever was first, and who ticked it as well."""
    told = {}
    for number, item in enumerate(ticks.items):
        first = _first(item.values())
        if first:
            others = sorted(by for by in item if by != first.by)
            at = iso(first.occurred_at)
            told[str(number)] = {"at": at, "by_id": first.by, "helper_ids": others}
    return told


def _first(ticks: Iterable[Entry]) -> Entry | None:
    return min(ticks, key=_when, default=None)


def _when(tick: Entry) -> tuple[datetime, str]:
    return tick.occurred_at, tick.id


def state(task: Any) -> str:
    """The word for what is known of a task; what time alone changes is not in it."""
    if task["cancelled_at"]:
        return "cancelled"
    if task["done_at"]:
        return "done"
    if task["skipped_at"]:
        return "skipped"
    return "partial" if task["ticked"] else "open"


def closes(window_end: datetime, grace: int | None) -> datetime:
    """T11: work in the grace after its window is still in time."""
    return window_end + timedelta(minutes=grace or 0)
