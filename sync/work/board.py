"""The board of a day: which tasks are done, late, missed or not yet known, and which phones are
silent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from sync.work.task_folding import window_deadline

SILENT_AFTER = timedelta(hours=2)
"""A phone without contact for longer than this is listed as silent on the board."""

REPORT_CURRENT_FOR = timedelta(hours=8)
"""A shift. What a phone reported longer ago than this says nothing about now."""

ESCALATE_AFTER = timedelta(days=5)
"""What is missing or undecided for longer than this is shown to a supervisor."""

SENT_LATE_AFTER = timedelta(minutes=30)
"""A tick that took longer than this to arrive is shown as sent late."""

HOUR, LONG_WINDOW = timedelta(hours=1), timedelta(days=1)

STATUSES = (
    "missed",
    "unknown",
    "partial",
    "open",
    "planned_late",
    "done_late",
    "skipped",
    "sent_late",
    "done",
    "cancelled",
)
"""The statuses of a task on the board, the most urgent first."""

UNFINISHED_STATUSES = frozenset({"missed", "unknown", "partial", "open"})


class BoardTask(Protocol):
    """The fields of a task that the board reads."""

    id: str
    area_id: str
    responsible_id: str | None
    window_start: datetime
    window_end: datetime
    planned_at: datetime | None
    grace: int
    ticked: dict[str, Any]
    done_at: datetime | None
    done_received_at: datetime | None
    skipped_at: datetime | None
    cancelled_at: datetime | None
    disposition: str | None


class BoardPhone(Protocol):
    """The fields of a phone that the board reads."""

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
    """The tasks of one area in one time window, each with its status."""

    tasks: list[tuple[BoardTask, str]] = field(default_factory=list)

    @property
    def status_counts(self) -> Counter[str]:
        return Counter(status for _, status in self.tasks)

    @property
    def worst_status(self) -> str:
        """The most urgent status of its tasks."""
        return min((status for _, status in self.tasks), key=STATUSES.index)

    @property
    def finished_count(self) -> int:
        undone = UNFINISHED_STATUSES | {"planned_late"}
        return sum(status not in undone for _, status in self.tasks)


Window = tuple[datetime, datetime]


@dataclass(slots=True)
class Board:
    """The tasks of a day by area and window. `changes_at` is when the passing of time alone next
    changes it."""

    windows: list[Window]
    cells: dict[str, dict[Window, Cell]]
    status_counts: Counter[str]
    silent_phones: list[BoardPhone]
    changes_at: datetime

    @property
    def unfinished_count(self) -> int:
        return sum(self.status_counts[status] for status in UNFINISHED_STATUSES)


def build_board(tasks: Iterable[BoardTask], phones: Sequence[BoardPhone], now: datetime) -> Board:
    """D1, D2: the board of these tasks: every task with its status, by area and window."""
    active = active_phones(phones)
    areas: dict[str, dict[Window, Cell]] = {}
    change_times = [now + timedelta(minutes=10)]
    for task in tasks:
        window = (task.window_start, task.window_end)
        status = task_status(task, active, now)
        areas.setdefault(task.area_id, {}).setdefault(window, Cell()).tasks.append((task, status))
        change_times.extend(moment for moment in (*window, task_deadline(task)) if moment > now)
    cells = [cell for row in areas.values() for cell in row.values()]
    counts = Counter(status for cell in cells for _, status in cell.tasks)
    windows = sorted({window for row in areas.values() for window in row}, key=_window_order)
    return Board(windows, areas, counts, silent_phones(active, now), min(change_times))


def _window_order(window: Window) -> tuple[timedelta, datetime]:
    return window[1] - window[0], window[0]


def task_status(task: BoardTask, phones: Iterable[BoardPhone], now: datetime) -> str:
    """D1, D2, D4: the status of a task. It is missed only once every phone that may hold its tick
    has sent everything, and never if it was planned after its window had begun (R10)."""
    if task.cancelled_at:
        return "cancelled"
    if task.done_at:
        return _done_status(task, task.done_at)
    if task.skipped_at:
        return "skipped"
    deadline = task_deadline(task)
    is_over = now >= deadline
    if is_over and any(may_hold_unsent(phone, deadline) for phone in phones):
        return "unknown"
    if task.ticked:
        return "partial"
    if not is_over:
        return "open"
    return "planned_late" if task.planned_at else "missed"


def _done_status(task: BoardTask, done_at: datetime) -> str:
    """T12: whether the work was in time depends on when it was done; the arrival only decides
    whether it was sent late."""
    if done_at > task_deadline(task):
        return "done_late"
    received_at = task.done_received_at or done_at
    late = received_at > task_deadline(task) and received_at - done_at > SENT_LATE_AFTER
    return "sent_late" if late else "done"


def task_deadline(task: BoardTask) -> datetime:
    """D4: the end of the window plus the grace period. Nothing is late or missed before it."""
    return window_deadline(task.window_end, task.grace)


def may_hold_unsent(phone: BoardPhone, closed_at: datetime) -> bool:
    """D2: whether a phone may still hold an unsent tick of a task whose window closed at
    `closed_at`."""
    if phone.enrolled_at >= closed_at:
        return False
    return phone.clear_at is None or phone.clear_at < closed_at


def certain_until(phones: Iterable[BoardPhone]) -> datetime | None:
    """D2: the moment until which no phone may still hold an unsent tick: of windows that closed by
    then it is certain what was missed. None if there is no phone, then everything is certain."""
    return min((max(p.enrolled_at, p.clear_at or p.enrolled_at) for p in phones), default=None)


def known_until(phones: Iterable[BoardPhone], now: datetime) -> datetime:
    """D2: until when it is known for certain what was done: no active phone can still hold a tick
    of a task whose window closed by then."""
    sent = (
        max(phone.enrolled_at, phone.clear_at or phone.enrolled_at)
        for phone in active_phones(phones)
    )
    return min([now, *sent])


def active_phones(phones: Iterable[BoardPhone]) -> list[BoardPhone]:
    """The phones that may still send something: neither revoked nor declared lost."""
    return [phone for phone in phones if not (phone.revoked_at or phone.lost_at)]


def undisposed_misses(
    tasks: Iterable[BoardTask], phones: Iterable[BoardPhone], now: datetime
) -> list[BoardTask]:
    """D5: every confirmed missed task for which the desk has not recorded a decision."""
    active = active_phones(phones)
    return [t for t in tasks if t.disposition is None and task_status(t, active, now) == "missed"]


def planned_late(
    tasks: Iterable[BoardTask], phones: Iterable[BoardPhone], now: datetime
) -> list[BoardTask]:
    """R10: unfinished tasks that were planned only after their window had begun."""
    active = active_phones(phones)
    return [task for task in tasks if task_status(task, active, now) == "planned_late"]


@dataclass(slots=True)
class HourSlot:
    """One hour of one area: how many tasks were due in it, how many were done in it, and how many
    of these late."""

    due: int = 0
    done: int = 0
    late: int = 0


def hourly_timeline(
    tasks: Iterable[BoardTask], start: datetime, end: datetime
) -> dict[str, list[HourSlot]]:
    """D6: the tasks of a day by area and hour, in slots from `start` to `end`. A task whose window
    is a day or longer is due in no particular hour."""
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
    """D3: phones without contact for longer than `SILENT_AFTER`, or with unsent ops in their last
    report."""
    return [phone for phone in phones if _is_silent(phone, now)]


def _is_silent(phone: BoardPhone, now: datetime) -> bool:
    last_contact_at = phone.seen_at or phone.enrolled_at
    return now - last_contact_at > SILENT_AFTER or unsent_count(phone) > 0


@dataclass(frozen=True, slots=True)
class SilentPhoneAlarm:
    """A silent phone, who uses it, and the tasks whose ticks it may hold."""

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
    """D7: phones of people who work today or are on duty, without contact for longer than
    `silent_after`."""
    due = [task for task in tasks if task.window_start <= now and not task.cancelled_at]
    active, alarms = active_phones(phones), []
    working = on_duty | {task.responsible_id for task in due}
    for phone in active:
        users = people_by_phone.get(phone.id, set())
        working_users = users & working
        if working_users and now - (phone.seen_at or phone.enrolled_at) > silent_after:
            own_tasks = [t for t in due if t.responsible_id in users]
            may_hold = [t for t in own_tasks if task_status(t, active, now) in UNFINISHED_STATUSES]
            alarms.append(SilentPhoneAlarm(phone, working_users, may_hold))
    return sorted(alarms, key=lambda alarm: alarm.phone.seen_at or alarm.phone.enrolled_at)


def unsent_count(phone: BoardPhone) -> int:
    """How many unsent ops a phone last reported."""
    pending: dict[str, int] = (phone.report or {}).get("pending", {})
    return sum(pending.values())


def is_report_current(phone: BoardPhone, now: datetime) -> bool:
    """D9: whether what a phone last reported as unsent still counts; afterwards it is unknown."""
    return phone.seen_at is not None and now - phone.seen_at <= REPORT_CURRENT_FOR
