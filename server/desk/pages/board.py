"""Today: who has not finished, which phones are silent, what waits for the desk."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from flask import Blueprint, Response, render_template, request
from sqlalchemy import func, select

from server.auth.access import allow, current_user, get_or_404
from server.db.engine import db
from server.desk.navigation import NavEntry
from server.desk.phone_status import phone_statuses, recent_users, stale_gaps
from server.jobs.runner import failing_jobs
from server.models.access import Device
from server.models.conflicts import Conflict
from server.models.places import Area, Site
from server.models.quarantine import QuarantinedOp
from server.models.shifts import Shift
from server.models.tasks import Task
from server.oplog.directory import directory_of
from sync.protocol.clock import SITE_ZONE
from sync.protocol.roles import FRONT_DESK_ROLES
from sync.protocol.text import _l
from sync.work.board import (
    ESCALATE_AFTER,
    UNFINISHED_STATUSES,
    Board,
    Window,
    build_board,
    hourly_timeline,
    silent_phone_alarms,
)
from sync.work.shifts import MAX_SHIFT

bp = Blueprint("board", __name__, url_prefix="/desk")
NAVIGATION = [NavEntry("board.index", _l("Today"), 10)]


@bp.get("/")
@allow(*FRONT_DESK_ROLES)
def index() -> str:
    """The board of a day; the one of today asks for itself again."""
    return render_template("desk/board/index.html", **_board_context())


@bp.get("/timeline")
@allow(*FRONT_DESK_ROLES)
def timeline() -> str:
    """The day's rounds by area and hour: what was due, what was done, what came late."""
    found = _board_context()
    rows = hourly_timeline(found["tasks"], *found["day"])
    return render_template("desk/board/timeline.html", rows=rows, **found)


@bp.get("/today/news")
@allow(*FRONT_DESK_ROLES)
def poll() -> Any:
    """The board again, or 204: the gate read the site's head along with the session already."""
    head, _, until = request.args.get("head", "").partition("|")
    if head == current_user().site_version and datetime.now(UTC).isoformat() < until:
        return Response(status=204)
    return render_template("desk/board/_board.html", **_board_context())


@bp.get("/today/<area_id>")
@allow(*FRONT_DESK_ROLES)
def area(area_id: str) -> str:
    place, found = get_or_404(Area, area_id), _board_context()
    row = found["board"].cells.get(place.id, {})
    names = directory_of(current_user().site_id)
    return render_template(
        "desk/board/area.html", area=place, row=row, names=names, span=format_window
    )


def _board_context() -> dict[str, Any]:
    """Everything that the board shows; `head` is what the next poll compares."""
    asked = requested_day()
    site, now, (start, end) = current_user().site_id, datetime.now(UTC), day_bounds(asked)
    tasks = db.session.scalars(Task.between(site, start, end)).all()
    phones = db.session.scalars(Device.for_site(site)).all()
    seen = build_board(tasks, phones, now)
    places = select(Area).where(Area.site_id == site).order_by(Area.ordinal, Area.id)
    waiting = select(func.count()).select_from(Conflict)
    is_today = asked == datetime.now(SITE_ZONE).date()
    return {
        **(_alerts(site, phones, tasks, now) if is_today else {}),
        "board": seen,
        "areas": [place for place in db.session.scalars(places) if place.id in seen.cells],
        "codes": _schedule_codes(seen),
        "span": format_window,
        "people": _unfinished_by_person(seen, end),
        "to_settle": db.session.scalar(
            waiting.where(Conflict.site_id == site, Conflict.settled_at.is_(None))
        ),
        "names": directory_of(site),
        "head": f"{current_user().site_version}|{seen.changes_at.isoformat()}",
        "until": end,
        "tasks": tasks,
        "day": (start, end),
        "asked": asked,
        "before": asked - timedelta(days=1),
        "after": asked + timedelta(days=1),
        "is_today": is_today,
    }


def _alerts(
    site: str, phones: Sequence[Device], tasks: Sequence[Task], now: datetime
) -> dict[str, Any]:
    """D8: what somebody has to go and look at: silent phones, and what waits for too long."""
    shifts = db.session.scalars(Shift.since(site, now - MAX_SHIFT)).all()
    on_duty = {one.person_id for one in shifts if not (one.closed_at or one.handed_over_at)}
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
    """D7: how long a phone may be silent here."""
    return timedelta(hours=db.session.get_one(Site, (site, site)).silent_hours)


def requested_day() -> date:
    """The day that the reader asked for; today where they asked for none that exists."""
    try:
        return date.fromisoformat(request.args.get("day", ""))
    except ValueError:
        return datetime.now(SITE_ZONE).date()


def day_bounds(asked: date) -> tuple[datetime, datetime]:
    """A day of the site, from midnight to midnight."""
    start = datetime.combine(asked, time(), SITE_ZONE)
    return start.astimezone(UTC), (start + timedelta(days=1)).astimezone(UTC)


def format_window(window: Window) -> str:
    """A window as short as it can be said: hours within a day, days when it is longer."""
    start, end = (moment.astimezone(SITE_ZONE) for moment in window)
    last = end - timedelta(seconds=1)
    whole = start.time() == end.time() == time()
    if start.date() == last.date():
        ends = "24:00" if end.date() != start.date() else f"{end:%H:%M}"
        return f"{start:%m-%d}" if whole else f"{start:%H:%M}–{ends}"
    if whole:
        return f"{start:%m-%d} – {last:%m-%d}"
    return f"{start:%m-%d %H:%M} – {end:%m-%d %H:%M}"


def _schedule_codes(seen: Board) -> dict[Any, str]:
    """Which standards stand in a column."""
    codes: dict[Any, set[str]] = defaultdict(set)
    for row in seen.cells.values():
        for window, cell in row.items():
            codes[window].update(getattr(task, "code", "") for task, _ in cell.tasks)
    return {window: ", ".join(sorted(found)) for window, found in codes.items()}


def _unfinished_by_person(seen: Board, end: datetime) -> list[tuple[str | None, Counter[str]]]:
    """Who has not finished what is due by tonight; the one with most to ask about first."""
    people: dict[str | None, Counter[str]] = defaultdict(Counter)
    for row in seen.cells.values():
        for cell in row.values():
            for task, word in cell.tasks:
                if word in UNFINISHED_STATUSES and task.window_end <= end:
                    people[task.responsible_id][word] += 1
    return sorted(people.items(), key=lambda one: (-one[1]["missed"], -one[1].total()))
