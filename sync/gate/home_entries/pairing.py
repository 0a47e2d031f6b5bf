"""Finding the exit that belongs to an entry, where two phones recorded one visit to a home."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple, Protocol

from sync.gate.home_entries.rules import HomeEntryLike, ends


class NamedEntry(HomeEntryLike, Protocol):
    """The fields of a home entry that are compared."""

    worker_id: str | None
    worker: str | None
    contractor: str | None


class Pair(NamedTuple):
    """An entry without an end and an exit that may be its end. `is_plain`: only these two fit each
    other, both name the same worker, and the exit has no beginning of its own."""

    entry: NamedEntry
    exit: NamedEntry
    is_plain: bool


def possible_pairs(entries: Iterable[NamedEntry]) -> list[Pair]:
    """J7: exits that may end entries: the same home, the same worker or contractor, in time."""
    valid = [entry for entry in entries if not (entry.struck_at or entry.joined_to)]
    found = [
        (entry, exit_)
        for entry in valid
        if entry.in_at and not entry.out_at
        for exit_ in valid
        if ends(exit_, entry) and _is_later(entry, exit_) and _may_be_same(entry, exit_)
    ]
    uses = Counter(id_ for entry, exit_ in found for id_ in (entry.id, exit_.id))
    return [
        Pair(
            entry,
            exit_,
            uses[entry.id] == uses[exit_.id] == 1
            and exit_.in_at is None
            and _is_same_worker(entry, exit_),
        )
        for entry, exit_ in found
    ]


def _is_later(entry: NamedEntry, exit_: NamedEntry) -> bool:
    """Whether the exit has no beginning of its own, or one that is not before the entry's."""
    return exit_.in_at is None or entry.in_at is None or exit_.in_at >= entry.in_at


def _is_same_worker(entry: NamedEntry, exit_: NamedEntry) -> bool:
    """Whether both name one worker: one of our staff, or a worker of the same contractor."""
    if entry.worker_id or exit_.worker_id:
        return entry.worker_id == exit_.worker_id
    return bool(entry.worker) and (entry.worker, entry.contractor) == (
        exit_.worker,
        exit_.contractor,
    )


def _may_be_same(entry: NamedEntry, exit_: NamedEntry) -> bool:
    """Whether nothing speaks against one worker: no two names, and one contractor or name."""
    if entry.worker_id or exit_.worker_id:
        return entry.worker_id == exit_.worker_id
    if entry.worker and exit_.worker:
        return entry.worker == exit_.worker
    return bool(entry.contractor) and entry.contractor == exit_.contractor
