"""The board: unfinished work of a day, silent phones, and what waits for the desk."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, render_template, request
from sqlalchemy import func, select

from server.auth.access import allow, current_user, get_or_404
from server.db.engine import db
from server.desk.navigation import NavEntry
from server.desk.options import list_areas
from server.desk.phone_status import phone_statuses, recent_users, stale_gaps
from server.desk.windows import day_bounds, format_window
from server.i18n.local_time import parse_local_day
from server.jobs.runner import failing_jobs
from server.models.access import Device
from server.models.conflicts import Conflict
from server.models.places import Area, Site
from server.models.quarantine import QuarantinedOp
from server.models.shifts import Shift
from server.models.tasks import Task
from server.oplog.directory import directory_of
from sync.protocol.clock import SITE_ZONE
from sync.protocol.roles import DESK_ROLES, FRONT_DESK_ROLES
from sync.protocol.text import _l
from sync.work.board import (
    ESCALATE_AFTER,
    UNFINISHED_STATUSES,
    Board,
    build_board,
    hourly_timeline,
    silent_phone_alarms,
)
from sync.work.shifts import MAX_SHIFT

bp = Blueprint("board", __name__, url_prefix="/desk")
NAVIGATION = [
    NavEntry(
        "board.index",
        _l("Today"),
        "today",
        10,
        about=_l("What has to be done today, what is done, and what waits for a decision."),
    )
]


@bp.get("/")
@allow(*FRONT_DESK_ROLES)
def index() -> str:
    """The board of a day; today's board polls for changes."""
    return render_template("desk/board/index.html", **_board_context())


@bp.get("/timeline")
@allow(*FRONT_DESK_ROLES)
def timeline() -> str:
    """The day's tasks by area and hour: due, done and late."""
    context = _board_context()
    rows = hourly_timeline(context["tasks"], *context["day"])
    return render_template("desk/board/timeline.html", rows=rows, **context)


@bp.get("/today/news")
@allow(*FRONT_DESK_ROLES)
def poll() -> Any:
    """The board, or 204 if nothing changed. The site's head was read together with the session."""
    head, _, until = request.args.get("head", "").partition("|")
    if head == current_user().site_version and datetime.now(UTC).isoformat() < until:
        return Response(status=204)
    return render_template("desk/board/_board.html", **_board_context())


@bp.get("/today/<area_id>")
@allow(*FRONT_DESK_ROLES)
def area(area_id: str) -> str:
    place, context = get_or_404(Area, area_id), _board_context()
    row = context["board"].cells.get(place.id, {})
    names = directory_of(current_user().site_id)
    return render_template(
        "desk/board/area.html",
        area=place,
        row=row,
        names=names,
        span=format_window,
        may_reassign=current_user().has_role(*DESK_ROLES),
    )


def _board_context() -> dict[str, Any]:
    """The variables of the board's templates; `head` is what the next poll compares."""
    day = requested_day()
    site, now, (start, end) = current_user().site_id, datetime.now(UTC), day_bounds(day)
    tasks = db.session.scalars(Task.between(site, start, end)).all()
    phones = db.session.scalars(Device.for_site(site)).all()
    board = build_board(tasks, phones, now)
    waiting = select(func.count()).select_from(Conflict)
    is_today = day == datetime.now(SITE_ZONE).date()
    return {
        **(_alerts(site, phones, tasks, now) if is_today else {}),
        "board": board,
        "areas": [place for place in list_areas(site) if place.id in board.cells],
        "codes": _schedule_codes(board),
        "span": format_window,
        "people": _unfinished_by_person(board, end),
        "to_settle": db.session.scalar(
            waiting.where(Conflict.site_id == site, Conflict.settled_at.is_(None))
        ),
        "names": directory_of(site),
        "head": f"{current_user().site_version}|{board.changes_at.isoformat()}",
        "until": end,
        "tasks": tasks,
        "day": (start, end),
        "asked": day,
        "before": day - timedelta(days=1),
        "after": day + timedelta(days=1),
        "is_today": is_today,
    }


def _alerts(
    site: str, phones: Sequence[Device], tasks: Sequence[Task], now: datetime
) -> dict[str, Any]:
    """D8: silent phones, failing jobs, and records that have waited too long."""
    shifts = db.session.scalars(Shift.since(site, now - MAX_SHIFT)).all()
    on_duty = {shift.person_id for shift in shifts if not (shift.closed_at or shift.handed_over_at)}
    before = now - ESCALATE_AFTER
    return {
        "alarms": silent_phone_alarms(
            phones, recent_users(site), tasks, on_duty, now, silent_after=_silence_limit(site)
        ),
        "failing_jobs": failing_jobs(site),
        "stale_gaps": stale_gaps(phone_statuses(site, phones), before),
        "stale_asides": db.session.scalar(QuarantinedOp.count_undecided(site, before)),
        "stale_waiting": db.session.scalar(QuarantinedOp.count_waiting(site, before)),
    }


def _silence_limit(site: str) -> timedelta:
    """D7: how long a phone of this site may be without contact."""
    return timedelta(hours=db.session.get_one(Site, (site, site)).silent_hours)


def requested_day() -> date:
    """The day of the request; today if it names no valid day."""
    return parse_local_day(request.args.get("day", "")) or datetime.now(SITE_ZONE).date()


def _schedule_codes(board: Board) -> dict[Any, str]:
    """The schedule codes of each column, joined by commas; those of parts of an estate, as CL-05/1,
    without the part."""
    codes: dict[Any, set[str]] = defaultdict(set)
    for row in board.cells.values():
        for window, cell in row.items():
            codes[window].update(
                getattr(task, "code", "").partition("/")[0] for task, _ in cell.tasks
            )
    return {window: ", ".join(sorted(names)) for window, names in codes.items()}


def _unfinished_by_person(board: Board, end: datetime) -> list[tuple[str | None, Counter[str]]]:
    """Unfinished tasks due by `end`, counted by status for each person, most missed first."""
    people: dict[str | None, Counter[str]] = defaultdict(Counter)
    for row in board.cells.values():
        for cell in row.values():
            for task, status in cell.tasks:
                if status in UNFINISHED_STATUSES and task.window_end <= end:
                    people[task.responsible_id][status] += 1
    return sorted(people.items(), key=lambda pair: (-pair[1]["missed"], -pair[1].total()))
