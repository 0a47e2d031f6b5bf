"""The monthly disclosure: which services there are, who is responsible, and how planned work turned
out.

It contains nothing about residents; the only names are those of the responsible people.
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
"""The outcomes of planned tasks. Cancelled tasks are not counted."""


class StandardLike(Protocol):
    """The fields of a schedule that the report reads."""

    id: str
    code: str
    active: bool
    responsible_id: str | None


class ScheduledTask(BoardTask, Protocol):
    """A task with the schedule that it follows from."""

    schedule_id: str | None


@dataclass(frozen=True, slots=True)
class ServiceReport:
    """One schedule in the month: the tasks that were planned, by outcome."""

    standard: Any
    counts: Counter[str]

    @property
    def planned(self) -> int:
        return self.counts.total()

    @property
    def on_time_per_mille(self) -> int | None:
        """Tasks done in time per mille of those with a known outcome; None if there are none."""
        settled = self.planned - self.counts["unknown"] - self.counts["open"]
        return (2000 * self.counts["done"] + settled) // (2 * settled) if settled else None


@dataclass(frozen=True, slots=True)
class MonthlyDisclosure:
    """The figures of one month."""

    services: Sequence[ServiceReport]
    unscheduled: Counter[str]
    """Tasks without a schedule: ad hoc ones, and those after rain or snow."""
    scores: Sequence[ScoreSeries]
    opened_by_matter: Counter[str]
    closed_count: int


def month_bounds(month: date) -> tuple[datetime, datetime]:
    """The first moment of a month and of the next one, in local time."""
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
    """G1: the figures of a month. Each task is counted once, in the month in which its window ends.

    `tickets` are those `opened` and those `closed` in the month.
    """
    start, end = month_bounds(month)
    statuses = _statuses_by_schedule(
        (t for t in tasks if start < t.window_end <= end), active_phones(phones), now
    )
    services = [
        ServiceReport(standard, statuses.pop(standard.id, Counter())) for standard in standards
    ]
    return MonthlyDisclosure(
        services=[service for service in services if service.standard.active or service.planned],
        unscheduled=sum(statuses.values(), Counter()),
        scores=score_series(
            (i for i in inspections if start <= i.inspected_at < end), _inspection_code
        ),
        opened_by_matter=Counter(str(ticket.matter) for ticket in tickets["opened"]),
        closed_count=sum(1 for _ in tickets["closed"]),
    )


def _statuses_by_schedule(
    tasks: Iterable[ScheduledTask], phones: Sequence[BoardPhone], now: datetime
) -> dict[str | None, Counter[str]]:
    counts: dict[str | None, Counter[str]] = {}
    for task in tasks:
        status = _disclosed_status(task, phones, now)
        if status != "cancelled":
            counts.setdefault(task.schedule_id, Counter())[status] += 1
    return counts


def _disclosed_status(task: ScheduledTask, phones: Sequence[BoardPhone], now: datetime) -> str:
    """The status as published: late sending does not matter, and partial work within its time is
    open."""
    status = task_status(task, phones, now)
    if status == "partial" and now < task_deadline(task):
        return "open"
    return "done" if status == "sent_late" else status


def _inspection_code(inspection: Any) -> str | None:
    code: str = inspection.code
    return code
