"""Reports of scores: the official inspections of an area, a person or a checklist over time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sync.quality.inspection_rules import official_inspection


@dataclass(frozen=True, slots=True)
class ScoreSeries:
    """The scores of one area, person or checklist in the order of their times."""

    key: str
    inspections: Sequence[Any]

    @property
    def mean(self) -> int:
        """The mean score per mille, rounded half up, computed with whole numbers."""
        total: int = sum(inspection.score for inspection in self.inspections)
        count = len(self.inspections)
        return (2 * total + count) // (2 * count)

    @property
    def last(self) -> int:
        score: int = self.inspections[-1].score
        return score

    @property
    def change(self) -> int | None:
        """The difference between the last two scores, or None if there is only one."""
        return self.last - self.inspections[-2].score if len(self.inspections) > 1 else None


def by_slot(inspections: Iterable[Any]) -> dict[str, list[Any]]:
    """Inspections grouped by subject and day."""
    slots: dict[str, list[Any]] = defaultdict(list)
    for inspection in inspections:
        slots[inspection.slot].append(inspection)
    return slots


def official_inspections(inspections: Iterable[Any]) -> list[Any]:
    """I8: the official inspections in the order of their times."""
    officials = (official_inspection(rivals) for rivals in by_slot(inspections).values())
    return sorted(
        (inspection for inspection in officials if inspection),
        key=lambda inspection: (inspection.inspected_at, inspection.id),
    )


def undecided_slots(inspections: Iterable[Any]) -> list[list[Any]]:
    """I8: groups of inspections of the same subject and day without an official one."""
    slots = by_slot(inspection for inspection in inspections if not inspection.of_self).values()
    return [rivals for rivals in slots if len(rivals) > 1 and official_inspection(rivals) is None]


def score_series(inspections: Iterable[Any], key: Callable[[Any], str | None]) -> list[ScoreSeries]:
    """One series for each key, the lowest mean first."""
    groups: dict[str, list[Any]] = defaultdict(list)
    for inspection in official_inspections(inspections):
        if inspection.score is not None and (name := key(inspection)):
            groups[name].append(inspection)
    series = [ScoreSeries(name, scored) for name, scored in groups.items()]
    return sorted(series, key=lambda entry: (entry.mean, entry.key))
