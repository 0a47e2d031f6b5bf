"""The monthly disclosure: what is done, who answers for it, by which standard, and how it was kept.

Nothing in it is about a resident: the only names are of those who answer for a service.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from dateutil.relativedelta import relativedelta

from sync.protocol.clock import SITE_ZONE
from sync.quality.scores import ScoreSeries, score_series
from sync.work.board import BoardPhone, BoardTask, active_phones, task_deadline, task_status

OUTCOME_COLUMNS = ("done", "done_late", "partial", "skipped", "missed", "unknown", "open")
"""What becomes of planned work; cancelled work was not planned after all."""


class StandardLike(Protocol):
    """What the report needs to know of a standard."""

    id: str
    code: str
    active: bool
    responsible_id: str | None


class ReportedTicket(Protocol):
    """What the report needs to know of a ticket."""

    opened_at: datetime
    matter: str


class ScheduledTask(BoardTask, Protocol):
    """A task that follows from a standard."""

    schedule_id: str | None


@dataclass(frozen=True, slots=True)
class ServiceReport:
    """One standard in the month: how much was planned, and what became of it."""

    standard: Any
    counts: Counter[str]

    @property
    def planned(self) -> int:
        return self.counts.total()

    @property
    def on_time_per_mille(self) -> int | None:
        """Per mille done in time, of what is settled; None where nothing is."""
        settled = self.planned - self.counts["unknown"] - self.counts["open"]
        return (2000 * self.counts["done"] + settled) // (2 * settled) if settled else None


@dataclass(frozen=True, slots=True)
class MonthlyDisclosure:
    services: Sequence[ServiceReport]
    unscheduled: Counter[str]
    """Work that follows from no standard: given by hand, or because of rain and snow."""
    scores: Sequence[ScoreSeries]
    opened_by_matter: Counter[str]
    closed_count: int


def month_bounds(month: date) -> tuple[datetime, datetime]:
    """A month on the site's own calendar."""
    first = datetime(month.year, month.month, 1, tzinfo=SITE_ZONE)
    return first, first + relativedelta(months=1)


def monthly_disclosure(
    month: date,
    standards: Iterable[StandardLike],
    tasks: Iterable[ScheduledTask],
    phones: Sequence[BoardPhone],
    inspections: Iterable[Any],
    tickets: Mapping[str, Iterable[Any]],
    now: datetime,
) -> MonthlyDisclosure:
    """G1: a task belongs to the month that its window ends in; it is counted once, with one word.

    `tickets` are those `opened` and those `closed` in the month.
    """
    start, end = month_bounds(month)
    words = _statuses_by_schedule(
        (t for t in tasks if start < t.window_end <= end), active_phones(phones), now
    )
    services = [ServiceReport(one, words.pop(one.id, Counter())) for one in standards]
    return MonthlyDisclosure(
        services=[one for one in services if one.standard.active or one.planned],
        unscheduled=sum(words.values(), Counter()),
        scores=score_series(
            (i for i in inspections if start <= i.inspected_at < end), _inspection_code
        ),
        opened_by_matter=Counter(str(ticket.matter) for ticket in tickets["opened"]),
        closed_count=sum(1 for _ in tickets["closed"]),
    )


def _statuses_by_schedule(
    tasks: Iterable[ScheduledTask], phones: Sequence[BoardPhone], now: datetime
) -> dict[str | None, Counter[str]]:
    found: dict[str | None, Counter[str]] = {}
    for task in tasks:
        word = _disclosed_status(task, phones, now)
        if word != "cancelled":
            found.setdefault(task.schedule_id, Counter())[word] += 1
    return found


def _disclosed_status(task: ScheduledTask, phones: Sequence[BoardPhone], now: datetime) -> str:
    """When a phone spoke is nobody's concern outside; begun in time is not late yet."""
    word = task_status(task, phones, now)
    if word == "partial" and now < task_deadline(task):
        return "open"
    return "done" if word == "sent_late" else word


def _inspection_code(inspection: Any) -> str | None:
    code: str = inspection.code
    return code
