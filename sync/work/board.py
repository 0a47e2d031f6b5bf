"""Today's board: who has not finished, and what cannot be known before a phone has spoken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from sync.work.task_folding import window_deadline

SILENT_AFTER = timedelta(hours=2)
"""A phone that has said nothing for so long is named on the board."""

ESCALATE_AFTER = timedelta(days=5)
"""What waited for so long does not come by itself any more."""

SENT_LATE_AFTER = timedelta(minutes=30)
"""A tick that took longer than this to arrive is shown as sent late."""

HOUR, LONG_WINDOW = timedelta(hours=1), timedelta(days=1)

STATUSES = (
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

UNFINISHED_STATUSES = frozenset({"missed", "unknown", "partial", "open"})


class BoardTask(Protocol):
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


class BoardPhone(Protocol):
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

    tasks: list[tuple[BoardTask, str]] = field(default_factory=list)

    @property
    def status_counts(self) -> Counter[str]:
        return Counter(word for _, word in self.tasks)

    @property
    def worst_status(self) -> str:
        """The one that asks most for a look."""
        return min((word for _, word in self.tasks), key=STATUSES.index)

    @property
    def finished_count(self) -> int:
        return sum(word not in UNFINISHED_STATUSES for _, word in self.tasks)


Window = tuple[datetime, datetime]


@dataclass(slots=True)
class Board:
    """Areas × windows; `turns_at` is when time alone changes it next."""

    windows: list[Window]
    cells: dict[str, dict[Window, Cell]]
    status_counts: Counter[str]
    silent_phones: list[BoardPhone]
    changes_at: datetime

    @property
    def unfinished_count(self) -> int:
        return sum(self.status_counts[word] for word in UNFINISHED_STATUSES)


def build_board(tasks: Iterable[BoardTask], phones: Sequence[BoardPhone], now: datetime) -> Board:
    """D1, D2: every task of the span with its word, by area and window."""
    able = active_phones(phones)
    areas: dict[str, dict[Window, Cell]] = {}
    turns = [now + timedelta(minutes=10)]
    for task in tasks:
        window = (task.window_start, task.window_end)
        word = task_status(task, able, now)
        areas.setdefault(task.area_id, {}).setdefault(window, Cell()).tasks.append((task, word))
        turns.extend(moment for moment in (*window, task_deadline(task)) if moment > now)
    cells = [cell for row in areas.values() for cell in row.values()]
    counts = Counter(word for cell in cells for _, word in cell.tasks)
    windows = sorted({window for row in areas.values() for window in row}, key=_window_order)
    return Board(windows, areas, counts, silent_phones(able, now), min(turns))


def _window_order(window: Window) -> tuple[timedelta, datetime]:
    return window[1] - window[0], window[0]


def task_status(task: BoardTask, phones: Iterable[BoardPhone], now: datetime) -> str:
    """D1, D2, D4: one word for a task; missed only when every phone that could know has spoken."""
    if task.cancelled_at:
        return "cancelled"
    if task.done_at:
        return _done_status(task, task.done_at)
    if task.skipped_at:
        return "skipped"
    over = now >= task_deadline(task)
    if over and any(may_hold_unsent(phone, task_deadline(task)) for phone in phones):
        return "unknown"
    if task.ticked:
        return "partial"
    return "missed" if over else "open"


def _done_status(task: BoardTask, done_at: datetime) -> str:
    """T12: in time or not by when it was done; the arrival only says that it was sent late."""
    if done_at > task_deadline(task):
        return "done_late"
    received_at = task.done_received_at or done_at
    late = received_at > task_deadline(task) and received_at - done_at > SENT_LATE_AFTER
    return "sent_late" if late else "done"


def task_deadline(task: BoardTask) -> datetime:
    """D4: the grace counts before anything is late or missed."""
    return window_deadline(task.window_end, task.grace)


def may_hold_unsent(phone: BoardPhone, closed_at: datetime) -> bool:
    """D2: whether a tick of what closed then may still lie on a phone, unsent."""
    if phone.enrolled_at >= closed_at:
        return False
    return phone.clear_at is None or phone.clear_at < closed_at


def active_phones(phones: Iterable[BoardPhone]) -> list[BoardPhone]:
    """Phones that may still bring something: neither revoked nor declared lost."""
    return [phone for phone in phones if not (phone.revoked_at or phone.lost_at)]


def undisposed_misses(
    tasks: Iterable[BoardTask], phones: Iterable[BoardPhone], now: datetime
) -> list[BoardTask]:
    """D5: every confirmed miss that nobody at the desk has answered for yet."""
    able = active_phones(phones)
    return [t for t in tasks if t.disposition is None and task_status(t, able, now) == "missed"]


@dataclass(slots=True)
class HourSlot:
    """One hour of one area: rounds that are due in it, and ticks made in it."""

    due: int = 0
    done: int = 0
    late: int = 0


def hourly_timeline(
    tasks: Iterable[BoardTask], start: datetime, end: datetime
) -> dict[str, list[HourSlot]]:
    """D6: the day's rounds by area and hour; work with a longer window has no hour to be due in."""
    hours = (end - start) // HOUR
    rows: dict[str, list[HourSlot]] = {}
    for task in tasks:
        row = rows.setdefault(task.area_id, [HourSlot() for _ in range(hours)])
        if not task.cancelled_at and task.window_end - task.window_start < LONG_WINDOW:
            first = max((task.window_start - start) // HOUR, 0)
            last = min(-((start - task.window_end) // HOUR), hours)
            for slot in row[first:last]:
                slot.due += 1
        if task.done_at and start <= task.done_at < end:
            slot = row[(task.done_at - start) // HOUR]
            slot.done += 1
            slot.late += task.done_at > task_deadline(task)
    return rows


def silent_phones(phones: Iterable[BoardPhone], now: datetime) -> list[BoardPhone]:
    """D3: phones that have said nothing for long, or said that they hold something back."""
    return [phone for phone in phones if _is_silent(phone, now)]


def _is_silent(phone: BoardPhone, now: datetime) -> bool:
    spoke_at = phone.seen_at or phone.enrolled_at
    return now - spoke_at > SILENT_AFTER or unsent_count(phone) > 0


@dataclass(frozen=True, slots=True)
class SilentPhoneAlarm:
    """A phone that should have spoken, whose hands it is in, and what may lie on it."""

    phone: BoardPhone
    people: set[str]
    tasks: list[BoardTask]


def silent_phone_alarms(
    phones: Iterable[BoardPhone],
    people_by_phone: Mapping[str, set[str]],
    tasks: Sequence[BoardTask],
    on_duty: set[str],
    now: datetime,
    *,
    silent_after: timedelta,
) -> list[SilentPhoneAlarm]:
    """D7: phones of people who have work today or are on duty, silent for longer than the site
    puts up with."""
    due = [task for task in tasks if task.window_start <= now and not task.cancelled_at]
    able, found = active_phones(phones), []
    working = on_duty | {task.responsible_id for task in due}
    for phone in able:
        using = people_by_phone.get(phone.id, set())
        busy = using & working
        if busy and now - (phone.seen_at or phone.enrolled_at) > silent_after:
            mine = [t for t in due if t.responsible_id in using]
            may_hold = [t for t in mine if task_status(t, able, now) in UNFINISHED_STATUSES]
            found.append(SilentPhoneAlarm(phone, busy, may_hold))
    return sorted(found, key=lambda alarm: alarm.phone.seen_at or alarm.phone.enrolled_at)


def unsent_count(phone: BoardPhone) -> int:
    """How many ops a phone last said it had not sent."""
    pending: dict[str, int] = (phone.report or {}).get("pending", {})
    return sum(pending.values())
