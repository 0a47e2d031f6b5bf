"""Monthly close: missed work that still needs a decision, and closing a month."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from flask import Blueprint, abort, request, url_for
from sqlalchemy import func, or_, select

from server.auth.access import allow, current_user
from server.db.engine import db
from server.desk.lists import register_list
from server.desk.month_list import MONTHS
from server.desk.navigation import NavEntry
from server.desk.submit import submit_and_redirect
from server.models.access import Device
from server.models.months import ClosedMonth
from server.models.patrol import PatrolRound
from server.models.tasks import Task
from server.oplog.directory import directory_of
from server.oplog.hash_chain import log_head
from sync.accountability.months import month_bounds, month_id
from sync.estate.places import MASTER_DATA_ROLES
from sync.protocol.clock import SITE_ZONE
from sync.protocol.text import _l
from sync.work.board import active_phones, task_status
from sync.work.patrol_report import point_reports, undisposed_points

bp = Blueprint("months", __name__, url_prefix="/desk/months")
NAVIGATION = [
    NavEntry(
        "months.index",
        _l("Monthly close"),
        "reports",
        20,
        about=_l("Close a month once everything missed has been decided about."),
    )
]

MONTHS_SHOWN, MISSES_SHOWN = 6, 20


HAS_UNSCANNED = or_(PatrolRound.open_points > 0, PatrolRound.noted_points > 0)
"""Leaves out the rounds of which every checkpoint was scanned in time, which are most."""
TASK_COLUMNS = (
    *(Task.id, Task.label, Task.area_id, Task.responsible_id, Task.window_end, Task.grace),
    *(Task.done_at, Task.done_received_at, Task.cancelled_at, Task.skipped_at, Task.planned_at),
    *(Task.ticked, Task.disposition),
)
"""What the status of a task depends on, and what the page shows of it."""


class UndisposedMiss(NamedTuple):
    """Missed work without a decision. `type` and `id` name the record that shows it."""

    type: str
    id: str
    label: dict[str, str]
    area_id: str
    due_at: datetime
    responsible_id: str | None


@dataclass(slots=True)
class MonthSummary:
    """A month's unfinished work, missed work without a decision, and work not known yet."""

    month: str
    is_over: bool
    unfinished_ids: list[str] = field(default_factory=list)
    unfinished_round_ids: list[str] = field(default_factory=list)
    undisposed: list[UndisposedMiss] = field(default_factory=list)
    undetermined_count: int = 0


def _page_data() -> dict[str, Any]:
    """The months that are not closed yet, with what stands in the way."""
    site_id, now = current_user().site_id, datetime.now(UTC)
    closed = {month.month for month in db.session.scalars(ClosedMonth.for_site(site_id))}
    waiting = [month for month in _recent_months(now) if month not in closed]
    return {
        "months": [_summarise_month(month, now) for month in waiting],
        "misses_shown": MISSES_SHOWN,
        "may_close": current_user().has_role(*MASTER_DATA_ROLES),
        "names": directory_of(site_id),
        "log": log_head(site_id),
    }


register_list(bp, replace(MONTHS, extra=_page_data))


@bp.post("/close")
@allow(*MASTER_DATA_ROLES)
def close() -> Any:
    """A16: the op names all unfinished work of the month, so that the rule checks each."""
    month, now = request.form.get("month", ""), datetime.now(UTC)
    if month not in _recent_months(now):
        abort(404)
    summary = _summarise_month(month, now)
    payload = {
        "month": month,
        "tasks": summary.unfinished_ids,
        "rounds": summary.unfinished_round_ids,
        "unspoken": summary.undetermined_count,
    }
    subject = month_id(current_user().site_id, month)
    return submit_and_redirect("month.close", subject, payload, url_for("months.index"))


def _recent_months(now: datetime) -> list[str]:
    """The last MONTHS_SHOWN months that had work, newest first, as YYYY-MM."""
    site_id = current_user().site_id
    firsts = [
        db.session.scalar(select(func.min(table.window_end)).where(table.site_id == site_id))
        for table in (Task, PatrolRound)
    ]
    since = min(filter(None, firsts), default=now)
    day, months = now.astimezone(SITE_ZONE).replace(day=1), []
    for _ in range(MONTHS_SHOWN):
        months.append(f"{day:%Y-%m}")
        day = (day - timedelta(days=1)).replace(day=1)
    return [month for month in months if month_bounds(month)[1] > since]


def _summarise_month(month: str, now: datetime) -> MonthSummary:
    start, end = month_bounds(month)
    site_id, summary = current_user().site_id, MonthSummary(month, now >= end)
    phones = active_phones(db.session.scalars(Device.for_site(site_id)).all())
    unfinished = Task.unfinished_between(site_id, start, min(end, now))
    for task in db.session.execute(unfinished.with_only_columns(*TASK_COLUMNS)):
        status = task_status(task, phones, now)
        summary.unfinished_ids.append(task.id)
        summary.undetermined_count += status in ("unknown", "open")
        if status == "missed" and task.disposition is None:
            miss = (task.label, task.area_id, task.window_end, task.responsible_id)
            summary.undisposed.append(UndisposedMiss("task", task.id, *miss))
    rounds = PatrolRound.ended_between(site_id, start, min(end, now))
    for round_ in db.session.scalars(rounds.where(HAS_UNSCANNED)):
        _add_round(summary, round_, phones, now)
    return summary


def _add_round(
    summary: MonthSummary, round_: PatrolRound, phones: list[Any], now: datetime
) -> None:
    """Count the checkpoints of a patrol that were not scanned."""
    statuses = [report.status for report in point_reports(round_, phones, now)]
    if set(statuses) <= {"scanned", "late"}:
        return
    summary.unfinished_round_ids.append(round_.id)
    summary.undetermined_count += statuses.count("unknown")
    for point in undisposed_points(round_, phones, now):
        miss = (point["label"], point["area_id"], round_.window_end, round_.responsible_id)
        summary.undisposed.append(UndisposedMiss("round", round_.id, *miss))
