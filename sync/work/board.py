"""Today's board: who has not finished, and what cannot be known before a phone has spoken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from sync.work.task_folding import closes

SILENT = timedelta(hours=2)
"""A phone that has said nothing for so long is named on the board."""

ESCALATED = timedelta(days=5)
"""What waited for so long does not come by itself any more."""

SENT_LATE = timedelta(minutes=30)
"""A tick that took longer than this to arrive is shown as sent late."""

HOUR, LONG = timedelta(hours=1), timedelta(days=1)

WORDS = (
    "missed",
    "unknown",
    "partial",
    "open",
    "done_late",
    "skipped",
    "sent_late",
    "done",
    "cancelled",
)
"""From what asks most for a look to what asks least."""

UNFINISHED = frozenset({"missed", "unknown", "partial", "open"})


class Task(Protocol):
    """What the board needs to know of a task."""

    id: str
    area_id: str
    responsible_id: str | None
    window_start: datetime
    window_end: datetime
    grace: int
    ticked: dict[str, Any]
    done_at: datetime | None
    done_received_at: datetime | None
    skipped_at: datetime | None
    cancelled_at: datetime | None
    disposition: str | None


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
    able = carrying(phones)
    areas: dict[str, dict[Window, Cell]] = {}
    turns = [now + timedelta(minutes=10)]
    for task in tasks:
        window = (task.window_start, task.window_end)
        word = verdict(task, able, now)
        areas.setdefault(task.area_id, {}).setdefault(window, Cell()).tasks.append((task, word))
        turns.extend(moment for moment in (*window, closing(task)) if moment > now)
    cells = [cell for row in areas.values() for cell in row.values()]
    counts = Counter(word for cell in cells for _, word in cell.tasks)
    windows = sorted({window for row in areas.values() for window in row}, key=_soonest)
    return Board(windows, areas, counts, silent(able, now), min(turns))


def _soonest(window: Window) -> tuple[timedelta, datetime]:
    return window[1] - window[0], window[0]


def verdict(task: Task, phones: Iterable[Phone], now: datetime) -> str:
    """D1, D2, D4: one word for a task; missed only when every phone that could know has spoken."""
    if task.cancelled_at:
        return "cancelled"
    if task.done_at:
        return _done(task, task.done_at)
    if task.skipped_at:
        return "skipped"
    over = now >= closing(task)
    if over and any(could_hold(phone, closing(task)) for phone in phones):
        return "unknown"
    if task.ticked:
        return "partial"
    return "missed" if over else "open"


def _done(task: Task, done_at: datetime) -> str:
    """T12: in time or not by when it was done; the arrival only says that it was sent late."""
    if done_at > closing(task):
        return "done_late"
    received_at = task.done_received_at or done_at
    late = received_at > closing(task) and received_at - done_at > SENT_LATE
    return "sent_late" if late else "done"


def closing(task: Task) -> datetime:
    """D4: the grace counts before anything is late or missed."""
    return closes(task.window_end, task.grace)


def could_hold(phone: Phone, closed_at: datetime) -> bool:
    """D2: whether a tick of what closed then may still lie on a phone, unsent."""
    if phone.enrolled_at >= closed_at:
        return False
    return phone.clear_at is None or phone.clear_at < closed_at


def carrying(phones: Iterable[Phone]) -> list[Phone]:
    """Phones that may still bring something: neither revoked nor declared lost."""
    return [phone for phone in phones if not (phone.revoked_at or phone.lost_at)]


def undisposed(tasks: Iterable[Task], phones: Iterable[Phone], now: datetime) -> list[Task]:
    """D5: every confirmed miss that nobody at the desk has answered for yet."""
    able = carrying(phones)
    return [t for t in tasks if t.disposition is None and verdict(t, able, now) == "missed"]


@dataclass(slots=True)
class Slot:
    """One hour of one area: rounds that are due in it, and ticks made in it."""

    due: int = 0
    done: int = 0
    late: int = 0


def timeline(tasks: Iterable[Task], start: datetime, end: datetime) -> dict[str, list[Slot]]:
    """D6: the day's rounds by area and hour; work with a longer window has no hour to be due in."""
    hours = (end - start) // HOUR
    rows: dict[str, list[Slot]] = {}
    for task in tasks:
        row = rows.setdefault(task.area_id, [Slot() for _ in range(hours)])
        if not task.cancelled_at and task.window_end - task.window_start < LONG:
            first = max((task.window_start - start) // HOUR, 0)
            last = min(-((start - task.window_end) // HOUR), hours)
            for slot in row[first:last]:
                slot.due += 1
        if task.done_at and start <= task.done_at < end:
            slot = row[(task.done_at - start) // HOUR]
            slot.done += 1
            slot.late += task.done_at > closing(task)
    return rows


def silent(phones: Iterable[Phone], now: datetime) -> list[Phone]:
    """D3: phones that have said nothing for long, or said that they hold something back."""
    return [phone for phone in phones if _is_silent(phone, now)]


def _is_silent(phone: Phone, now: datetime) -> bool:
    spoke_at = phone.seen_at or phone.enrolled_at
    return now - spoke_at > SILENT or unsent(phone) > 0


@dataclass(frozen=True, slots=True)
class Alarm:
    """A phone that should have spoken, whose hands it is in, and what may lie on it."""

    phone: Phone
    people: set[str]
    tasks: list[Task]


def alarms(
    phones: Iterable[Phone],
    hands: Mapping[str, set[str]],
    tasks: Sequence[Task],
    on_duty: set[str],
    now: datetime,
    *,
    after: timedelta,
) -> list[Alarm]:
    """D7: phones of people who have work today or are on duty, silent for longer than the site
    puts up with."""
    due = [task for task in tasks if task.window_start <= now and not task.cancelled_at]
    able, found = carrying(phones), []
    working = on_duty | {task.responsible_id for task in due}
    for phone in able:
        using = hands.get(phone.id, set())
        busy = using & working
        if busy and now - (phone.seen_at or phone.enrolled_at) > after:
            mine = [t for t in due if t.responsible_id in using]
            may_hold = [t for t in mine if verdict(t, able, now) in UNFINISHED]
            found.append(Alarm(phone, busy, may_hold))
    return sorted(found, key=lambda alarm: alarm.phone.seen_at or alarm.phone.enrolled_at)


def unsent(phone: Phone) -> int:
    """How many ops a phone last said it had not sent."""
    pending: dict[str, int] = (phone.report or {}).get("pending", {})
    return sum(pending.values())
