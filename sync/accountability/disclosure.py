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
from sync.work.patrol_report import ReportedRound, point_reports

OUTCOME_COLUMNS = (
    *("done", "done_late", "partial", "skipped", "missed", "unknown", "open", "planned_late"),
)
"""The outcomes of planned tasks and checkpoints. Cancelled ones are not counted."""

UNSETTLED = ("unknown", "open", "planned_late")
"""The outcomes that say nothing about whether work was done in time."""


class StandardLike(Protocol):
    """The fields of a service that the report reads: its terms in the month."""

    @property
    def id(self) -> str: ...

    @property
    def active(self) -> bool: ...


class ScheduledTask(BoardTask, Protocol):
    """A task with the schedule that it follows from."""

    schedule_id: str | None


class DisclosedRound(ReportedRound, Protocol):
    """A patrol with the route that it follows from."""

    route_id: str


POINT_OUTCOMES = {"scanned": "done", "late": "done_late"}
"""The outcome that is disclosed for a status of a checkpoint, where it has another name."""


@dataclass(frozen=True, slots=True)
class ServiceReport:
    """One service in the month: what was planned, by outcome: tasks of a schedule, or checkpoints
    of a patrol route."""

    standard: Any
    counts: Counter[str]

    @property
    def planned(self) -> int:
        return self.counts.total()

    @property
    def on_time_per_mille(self) -> int | None:
        """What was done in time per mille of what has a known outcome; None if there is none."""
        return on_time_per_mille(self.counts)


@dataclass(frozen=True, slots=True)
class MonthlyDisclosure:
    """The figures of one month."""

    services: Sequence[ServiceReport]
    patrols: Sequence[ServiceReport]
    unscheduled: Counter[str]
    """Tasks without a schedule: ad hoc ones, and those after rain or snow."""
    scores: Sequence[ScoreSeries]
    opened_by_matter: Counter[str]
    closed_count: int


def on_time_per_mille(counts: Counter[str]) -> int | None:
    """What was done in time per mille of what has a known outcome; None if there is none."""
    settled = counts.total() - sum(counts[name] for name in UNSETTLED)
    return (2000 * counts["done"] + settled) // (2 * settled) if settled else None


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
    routes: Iterable[StandardLike] = (),
    rounds: Iterable[DisclosedRound] = (),
) -> MonthlyDisclosure:
    """G1: the figures of a month. Each task is counted once, in the month in which its window ends,
    and so is each checkpoint of a patrol.

    `standards` and `routes` have the terms that applied in the month. `tickets` are those `opened`
    and those `closed` in the month.
    """
    start, end = month_bounds(month)
    statuses = _statuses_by_schedule(
        (t for t in tasks if start < t.window_end <= end), active_phones(phones), now
    )
    services = [
        ServiceReport(standard, statuses.pop(standard.id, Counter())) for standard in standards
    ]
    points = _points_by_route((r for r in rounds if start < r.window_end <= end), phones, now)
    patrols = [ServiceReport(route, points.get(route.id, Counter())) for route in routes]
    return MonthlyDisclosure(
        services=[service for service in services if service.standard.active or service.planned],
        patrols=[patrol for patrol in patrols if patrol.standard.active or patrol.planned],
        unscheduled=sum(statuses.values(), Counter()),
        scores=score_series(
            (i for i in inspections if start <= i.inspected_at < end), _inspection_code
        ),
        opened_by_matter=Counter(str(ticket.matter) for ticket in tickets["opened"]),
        closed_count=sum(1 for _ in tickets["closed"]),
    )


def _points_by_route(
    rounds: Iterable[DisclosedRound], phones: Sequence[BoardPhone], now: datetime
) -> dict[str, Counter[str]]:
    """How the checkpoints of patrols turned out, by route."""
    counts: dict[str, Counter[str]] = {}
    for round_ in rounds:
        statuses = [report.status for report in point_reports(round_, phones, now)]
        outcomes = (POINT_OUTCOMES.get(status, status) for status in statuses)
        counts.setdefault(round_.route_id, Counter()).update(outcomes)
    return counts


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
