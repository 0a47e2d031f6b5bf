"""D1, D2, D4: the statuses of tasks as conditions of SQL, each for what `task_status` says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, func, literal, or_, true

from server.db.engine import db
from server.db.expressions import minutes_after
from server.desk.lists import ListContext
from server.models.access import Device
from server.models.tasks import Task
from sync.work.board import SENT_LATE_AFTER, active_phones, certain_until

Condition = ColumnElement[bool]

DEADLINE = minutes_after(Task.window_end, Task.grace)
"""D4: nothing is late or missed before it."""
RECEIVED = func.coalesce(Task.done_received_at, Task.done_at)
TICKED = cast(Task.ticked, String) != "{}"
SENT_LATE = minutes_after(Task.done_at, literal(SENT_LATE_AFTER // timedelta(minutes=1))) < RECEIVED


def site_phones(context: ListContext) -> Sequence[Any]:
    """The phones of the site that may still send something."""
    return context.once(
        "phones", lambda: active_phones(db.session.scalars(Device.for_site(context.site_id)))
    )


def known_until(context: ListContext) -> datetime:
    """What was missed is certain of windows that closed until then; at the latest now."""
    return min(certain_until(site_phones(context)) or context.now, context.now)


def _is_before(end: datetime) -> Condition:
    """Whether the deadline is not after `end`. Few tasks have grace: of the others, the window
    answers it."""
    return and_(Task.window_end <= end, or_(Task.grace == 0, end >= DEADLINE))


def _undone(*more: Condition) -> Condition:
    left = (Task.cancelled_at, Task.done_at, Task.skipped_at)
    return and_(*(column.is_(None) for column in left), *more)


def _is_known(context: ListContext) -> Condition:
    """Whether its time is over, and nobody can have done it without our knowing."""
    end = known_until(context)
    return and_(Task.window_end <= end, end >= DEADLINE)


def _is_unknown(context: ListContext) -> Condition:
    return and_(context.now >= DEADLINE, known_until(context) < DEADLINE)


def _is_done(*more: Condition) -> Condition:
    return and_(Task.cancelled_at.is_(None), Task.done_at.is_not(None), *more)


STATUS_CONDITIONS: dict[str, Callable[[ListContext], Condition]] = {
    "missed": lambda c: _undone(_is_known(c), ~TICKED, Task.planned_at.is_(None)),
    "unknown": lambda c: _undone(_is_unknown(c)),
    "partial": lambda c: _undone(~_is_unknown(c), TICKED),
    "open": lambda c: _undone(c.now < DEADLINE, ~TICKED),
    "planned_late": lambda c: _undone(_is_known(c), ~TICKED, Task.planned_at.is_not(None)),
    "done_late": lambda _: _is_done(Task.done_at > DEADLINE),
    "sent_late": lambda _: _is_done(Task.done_at <= DEADLINE, RECEIVED > DEADLINE, SENT_LATE),
    "done": lambda _: _is_done(Task.done_at <= DEADLINE, or_(RECEIVED <= DEADLINE, ~SENT_LATE)),
    "skipped": lambda _: and_(
        Task.cancelled_at.is_(None), Task.done_at.is_(None), Task.skipped_at.is_not(None)
    ),
    "cancelled": lambda _: Task.cancelled_at.is_not(None),
}
"""By the statuses of the board. Every task has exactly one."""


def unfinished(_: ListContext) -> Condition:
    """Whether somebody has not done a task, or not all of it, whatever the time."""
    return _undone(true())
