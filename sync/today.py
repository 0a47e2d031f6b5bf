"""Today's board: who has not finished, and what cannot be known before a phone has spoken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

SILENT = timedelta(hours=2)
"""A phone that has said nothing for so long is named on the board."""

SENT_LATE = timedelta(minutes=30)
"""A tick that took longer than this to arrive is shown as sent late."""

WORDS = (
    "missed",
    "unknown",
    "open",
    "done_late",
    "skipped",
    "sent_late",
    "done",
    "cancelled",
)
"""From what asks most for a look to what asks least."""

UNFINISHED = frozenset({"missed", "unknown", "open"})


class Task(Protocol):
    """What the board needs to know of a task."""

    id: str
    area_id: str
    responsible_id: str | None
    window_start: datetime
    window_end: datetime
    done_at: datetime | None
    done_received_at: datetime | None
    skipped_at: datetime | None
    cancelled_at: datetime | None


class Phone(Protocol):
    """What the board needs to know of a phone."""

    id: str
    label: str
    enrolled_at: datetime
    revoked_at: datetime | None
    lost_at: datetime | None
    seen_at: datetime | None
    clear_at: datetime | None
    report: dict[str, Any] | None


@dataclass(slots=True)
class Cell:
    """One area in one window."""

    tasks: list[tuple[Task, str]] = field(default_factory=list)

    @property
    def counts(self) -> Counter[str]:
        return Counter(word for _, word in self.tasks)

    @property
    def word(self) -> str:
        """The one that asks most for a look."""
        return min((word for _, word in self.tasks), key=WORDS.index)

    @property
    def finished(self) -> int:
        return sum(word not in UNFINISHED for _, word in self.tasks)


Window = tuple[datetime, datetime]


@dataclass(slots=True)
class Board:
    """Areas × windows; `turns_at` is when time alone changes it next."""

    windows: list[Window]
    areas: dict[str, dict[Window, Cell]]
    counts: Counter[str]
    silent: list[Phone]
    turns_at: datetime

    @property
    def unfinished(self) -> int:
        return sum(self.counts[word] for word in UNFINISHED)


def board(tasks: Iterable[Task], phones: Sequence[Phone], now: datetime) -> Board:
    """D1, D2: every task of the span with its word, by area and window."""
    carrying = [phone for phone in phones if not (phone.revoked_at or phone.lost_at)]
    areas: dict[str, dict[Window, Cell]] = {}
    turns = [now + timedelta(minutes=10)]
    for task in tasks:
        window = (task.window_start, task.window_end)
        word = verdict(task, carrying, now)
        areas.setdefault(task.area_id, {}).setdefault(window, Cell()).tasks.append((task, word))
        turns.extend(moment for moment in window if moment > now)
    cells = [cell for row in areas.values() for cell in row.values()]
    counts = Counter(word for cell in cells for _, word in cell.tasks)
    windows = sorted({window for row in areas.values() for window in row}, key=_soonest)
    return Board(windows, areas, counts, silent(carrying, now), min(turns))


def _soonest(window: Window) -> tuple[timedelta, datetime]:
    return window[1] - window[0], window[0]


def verdict(task: Task, phones: Iterable[Phone], now: datetime) -> str:
    """D1, D2: one word for a task; missed only when every phone that could know has spoken."""
    if task.cancelled_at:
        return "cancelled"
    if task.done_at:
        return _done(task, task.done_at)
    if task.skipped_at:
        return "skipped"
    if now < task.window_end:
        return "open"
    return "unknown" if any(could_hold(phone, task) for phone in phones) else "missed"


def _done(task: Task, done_at: datetime) -> str:
    if done_at > task.window_end:
        return "done_late"
    received_at = task.done_received_at or done_at
    late = received_at > task.window_end and received_at - done_at > SENT_LATE
    return "sent_late" if late else "done"


def could_hold(phone: Phone, task: Task) -> bool:
    """D2: whether a tick of this task may still lie on a phone, unsent."""
    if phone.enrolled_at >= task.window_end:
        return False
    return phone.clear_at is None or phone.clear_at < task.window_end


def silent(phones: Iterable[Phone], now: datetime) -> list[Phone]:
    """D3: phones that have said nothing for long, or said that they hold something back."""
    return [phone for phone in phones if _is_silent(phone, now)]


def _is_silent(phone: Phone, now: datetime) -> bool:
    spoke_at = phone.seen_at or phone.enrolled_at
    return now - spoke_at > SILENT or unsent(phone) > 0


def unsent(phone: Phone) -> int:
    """How many ops a phone last said it had not sent."""
    pending: dict[str, int] = (phone.report or {}).get("pending", {})
    return sum(pending.values())
