"""Scores: what inspections of a place, a person or a checklist come to, and how that moves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sync.quality.inspections import official_inspection


class ScoredInspection(Protocol):
    """What the report needs to know of an inspection."""

    id: str
    slot: str
    of_self: bool
    official_at: datetime | None
    inspected_at: datetime
    score: int | None
    gained: int
    possible: int


@dataclass(frozen=True, slots=True)
class ScoreSeries:
    """One place, person or checklist: its scores in the order of their days, and their mean."""

    key: str
    inspections: Sequence[Any]

    @property
    def mean(self) -> int:
        """Per mille, rounded half up; whole numbers throughout."""
        total: int = sum(one.score for one in self.inspections)
        count = len(self.inspections)
        return (2 * total + count) // (2 * count)

    @property
    def last(self) -> int:
        score: int = self.inspections[-1].score
        return score

    @property
    def change(self) -> int | None:
        """How the newest differs from the one before; None where there is no other."""
        return self.last - self.inspections[-2].score if len(self.inspections) > 1 else None


def by_slot(inspections: Iterable[Any]) -> dict[str, list[Any]]:
    """Inspections of the same thing on the same day, side by side."""
    slots: dict[str, list[Any]] = defaultdict(list)
    for one in inspections:
        slots[one.slot].append(one)
    return slots


def official_inspections(inspections: Iterable[Any]) -> list[Any]:
    """I8: those that are official, in the order of their times."""
    found = (official_inspection(rivals) for rivals in by_slot(inspections).values())
    return sorted((one for one in found if one), key=lambda one: (one.inspected_at, one.id))


def undecided_slots(inspections: Iterable[Any]) -> list[list[Any]]:
    """I8: those of the same thing and day of which nobody has said which counts."""
    slots = by_slot(one for one in inspections if not one.of_self).values()
    return [rivals for rivals in slots if len(rivals) > 1 and official_inspection(rivals) is None]


def score_series(inspections: Iterable[Any], key: Callable[[Any], str | None]) -> list[ScoreSeries]:
    """A line for each key, the lowest mean first: that is where to look."""
    groups: dict[str, list[Any]] = defaultdict(list)
    for one in official_inspections(inspections):
        if one.score is not None and (name := key(one)):
            groups[name].append(one)
    found = [ScoreSeries(name, scored) for name, scored in groups.items()]
    return sorted(found, key=lambda line: (line.mean, line.key))
