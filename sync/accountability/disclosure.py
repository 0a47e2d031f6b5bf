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

from sync.quality.scores import Line, lines
from sync.training.curriculum import ZONE
from sync.work.board import Phone, Task, carrying, closing, verdict

COLUMNS = ("done", "done_late", "partial", "skipped", "missed", "unknown", "open")
"""What becomes of planned work; cancelled work was not planned after all."""


class Standard(Protocol):
    """What the report needs to know of a standard."""

    id: str
    code: str
    active: bool
    responsible_id: str | None


class Ticket(Protocol):
    """What the report needs to know of a ticket."""

    opened_at: datetime
    matter: str


class Duty(Task, Protocol):
    """A task that follows from a standard."""

    schedule_id: str | None


@dataclass(frozen=True, slots=True)
class Service:
    """One standard in the month: how much was planned, and what became of it."""

    standard: Any
    counts: Counter[str]

    @property
    def planned(self) -> int:
        return self.counts.total()

    @property
    def kept(self) -> int | None:
        """Per mille done in time, of what is settled; None where nothing is."""
        settled = self.planned - self.counts["unknown"] - self.counts["open"]
        return (2000 * self.counts["done"] + settled) // (2 * settled) if settled else None


@dataclass(frozen=True, slots=True)
class Disclosure:
    services: Sequence[Service]
    one_off: Counter[str]
    """Work that follows from no standard: given by hand, or because of rain and snow."""
    scores: Sequence[Line]
    opened: Counter[str]
    closed: int


def span(month: date) -> tuple[datetime, datetime]:
    """A month on the site's own calendar."""
    first = datetime(month.year, month.month, 1, tzinfo=ZONE)
    return first, first + relativedelta(months=1)


def disclosure(
    month: date,
    standards: Iterable[Standard],
    tasks: Iterable[Duty],
    phones: Sequence[Phone],
    inspections: Iterable[Any],
    tickets: Mapping[str, Iterable[Any]],
    now: datetime,
) -> Disclosure:
    """G1: a task belongs to the month that its window ends in; it is counted once, with one word.

    `tickets` are those `opened` and those `closed` in the month.
    """
    start, end = span(month)
    words = _words((t for t in tasks if start < t.window_end <= end), carrying(phones), now)
    services = [Service(one, words.pop(one.id, Counter())) for one in standards]
    return Disclosure(
        services=[one for one in services if one.standard.active or one.planned],
        one_off=sum(words.values(), Counter()),
        scores=lines((i for i in inspections if start <= i.inspected_at < end), _code),
        opened=Counter(str(ticket.matter) for ticket in tickets["opened"]),
        closed=sum(1 for _ in tickets["closed"]),
    )


def _words(
    tasks: Iterable[Duty], phones: Sequence[Phone], now: datetime
) -> dict[str | None, Counter[str]]:
    found: dict[str | None, Counter[str]] = {}
    for task in tasks:
        word = _word(task, phones, now)
        if word != "cancelled":
            found.setdefault(task.schedule_id, Counter())[word] += 1
    return found


def _word(task: Duty, phones: Sequence[Phone], now: datetime) -> str:
    """When a phone spoke is nobody's concern outside; begun in time is not late yet."""
    word = verdict(task, phones, now)
    if word == "partial" and now < closing(task):
        return "open"
    return "done" if word == "sent_late" else word


def _code(inspection: Any) -> str | None:
    code: str = inspection.code
    return code
