"""What was missed, as conditions of lists: the same that `sync/work/board.py` says of one task."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, cast, or_, select

from server.db.engine import db
from server.desk.lists import ListContext
from server.models.access import Device
from server.models.patrol import PatrolRound
from server.models.tasks import Task
from sync.work.board import known_until
from sync.work.patrol_rules import missing_checkpoints

LISTED_FOR = timedelta(days=92)
"""For so long missed work is listed."""

ROUND_COLUMNS = (
    *(PatrolRound.id, PatrolRound.points, PatrolRound.scans, PatrolRound.skips),
    *(PatrolRound.window_start, PatrolRound.window_end, PatrolRound.disposed),
)


def phones(context: ListContext) -> list[Device]:
    """The phones of the site."""
    return context.once("phones", lambda: _phones(context.site_id))


def certain_until(context: ListContext) -> datetime:
    """D2: until when it is known for certain what was done."""
    return context.once("certain", lambda: known_until(phones(context), context.now))


def is_undone(context: ListContext) -> ColumnElement[bool]:
    """Whether nobody did a task, left it out with a reason or cancelled it, of those that were
    planned in time (R10) and are over."""
    ticked = cast(Task.ticked, Text)
    return and_(
        Task.window_end > context.now - LISTED_FOR,
        _is_over(Task.window_end, context.now, context),
        Task.done_at.is_(None),
        Task.skipped_at.is_(None),
        Task.cancelled_at.is_(None),
        Task.planned_at.is_(None),
        or_(ticked == "{}", ticked == "null"),
    )


def is_missed(context: ListContext) -> ColumnElement[bool]:
    """D5: whether a task was missed for certain."""
    return and_(is_undone(context), _is_over(Task.window_end, certain_until(context), context))


def is_not_known(context: ListContext) -> ColumnElement[bool]:
    """D2: whether nobody is known to have done a task, but some phone has not sent everything."""
    return and_(is_undone(context), ~_is_over(Task.window_end, certain_until(context), context))


def missed_rounds(context: ListContext) -> list[tuple[Any, list[str]]]:
    """N6: the patrols with checkpoints that were missed for certain, each as a row with `id` and
    `disposed`, with the ids of these checkpoints."""
    return context.once("missed rounds", lambda: _missed_rounds(context))


def _missed_rounds(context: ListContext) -> list[tuple[Any, list[str]]]:
    over = PatrolRound.window_end.between(context.now - LISTED_FOR, certain_until(context))
    standing = PatrolRound.cancelled_at.is_(None), PatrolRound.planned_at.is_(None)
    query = select(*ROUND_COLUMNS).where(PatrolRound.site_id == context.site_id, over, *standing)
    found = ((row, missing_checkpoints(row)) for row in db.session.execute(query))
    return [(row, ids) for row, ids in found if ids]


def _is_over(window_end: Any, at: datetime, context: ListContext) -> ColumnElement[bool]:
    """D4: whether a window and its grace are over at a time."""
    graces = context.once("graces", lambda: _graces(context))
    longer = [
        and_(Task.grace == grace, window_end <= at - timedelta(minutes=grace)) for grace in graces
    ]
    return and_(window_end <= at, or_(Task.grace == 0, *longer))


def _graces(context: ListContext) -> list[int]:
    """The grace periods of undone tasks of late, in minutes, but for 0."""
    of_site = Task.site_id == context.site_id, Task.done_at.is_(None)
    lately = Task.window_end.between(context.now - LISTED_FOR, context.now)
    query = select(Task.grace).where(*of_site, lately, Task.grace > 0).distinct()
    return list(db.session.scalars(query))


def _phones(site_id: str) -> list[Device]:
    return list(db.session.scalars(Device.for_site(site_id)))
