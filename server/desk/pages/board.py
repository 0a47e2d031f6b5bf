"""Today: who has not finished, which phones are silent, what waits for the desk."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from flask import Blueprint, Response, render_template, request
from sqlalchemy import func, select

from server.auth.access import allow, here, mine
from server.db.engine import db
from server.desk.phone_status import hands, reports, stale
from server.i18n.filters import SITE_ZONE
from server.models import Area, Aside, Device, Merge, Shift, Site, Task
from server.oplog.directory import names_of
from sync.protocol.digest import FRONT
from sync.work.board import ESCALATED, UNFINISHED, Board, Window, alarms, board, timeline
from sync.work.shifts import LONGEST

bp = Blueprint("today", __name__, url_prefix="/desk")


@bp.get("/")
@allow(*FRONT)
def index() -> str:
    """The board of a day; the one of today asks for itself again."""
    return render_template("desk/today/index.html", **_today())


@bp.get("/timeline")
@allow(*FRONT)
def hours() -> str:
    """The day's rounds by area and hour: what was due, what was done, what came late."""
    found = _today()
    rows = timeline(found["tasks"], *found["day"])
    return render_template("desk/today/timeline.html", rows=rows, **found)


@bp.get("/today/news")
@allow(*FRONT)
def news() -> Any:
    """The board again, or 204: the gate read the site's head along with the session already."""
    head, _, until = request.args.get("head", "").partition("|")
    if head == here().head and datetime.now(UTC).isoformat() < until:
        return Response(status=204)
    return render_template("desk/today/_board.html", **_today())


@bp.get("/today/<area_id>")
@allow(*FRONT)
def area(area_id: str) -> str:
    place, found = mine(Area, area_id), _today()
    row = found["board"].areas.get(place.id, {})
    names = names_of(here().site_id)
    return render_template("desk/today/area.html", area=place, row=row, names=names, span=in_words)


def _today() -> dict[str, Any]:
    """Everything that the board shows; `head` is what the next poll compares."""
    asked = asked_day()
    site, now, (start, end) = here().site_id, datetime.now(UTC), day(asked)
    tasks = db.session.scalars(Task.between(site, start, end)).all()
    phones = db.session.scalars(Device.at(site)).all()
    seen = board(tasks, phones, now)
    places = select(Area).where(Area.site_id == site).order_by(Area.ordinal, Area.id)
    waiting = select(func.count()).select_from(Merge)
    is_today = asked == datetime.now(SITE_ZONE).date()
    return {
        **(_called_for(site, phones, tasks, now) if is_today else {}),
        "board": seen,
        "areas": [place for place in db.session.scalars(places) if place.id in seen.areas],
        "codes": _codes(seen),
        "span": in_words,
        "people": _people(seen, end),
        "to_settle": db.session.scalar(
            waiting.where(Merge.site_id == site, Merge.settled_at.is_(None))
        ),
        "names": names_of(site),
        "head": f"{here().head}|{seen.turns_at.isoformat()}",
        "until": end,
        "tasks": tasks,
        "day": (start, end),
        "asked": asked,
        "before": asked - timedelta(days=1),
        "after": asked + timedelta(days=1),
        "is_today": is_today,
    }


def _called_for(
    site: str, phones: Sequence[Device], tasks: Sequence[Task], now: datetime
) -> dict[str, Any]:
    """D8: what somebody has to go and look at: silent phones, and what waits for too long."""
    shifts = db.session.scalars(Shift.since(site, now - LONGEST)).all()
    on_duty = {one.person_id for one in shifts if not (one.closed_at or one.handed_over_at)}
    before = now - ESCALATED
    return {
        "alarms": alarms(phones, hands(site), tasks, on_duty, now, after=_patience(site)),
        "stale_gaps": stale(reports(site, phones), before),
        "stale_asides": db.session.scalar(Aside.how_many(site, before)),
        "stale_waiting": db.session.scalar(Aside.still_waiting(site, before)),
    }


def _patience(site: str) -> timedelta:
    """D7: how long a phone may be silent here."""
    return timedelta(hours=db.session.get_one(Site, (site, site)).silent_hours)


def asked_day() -> date:
    """The day that the reader asked for; today where they asked for none that exists."""
    try:
        return date.fromisoformat(request.args.get("day", ""))
    except ValueError:
        return datetime.now(SITE_ZONE).date()


def day(asked: date) -> tuple[datetime, datetime]:
    """A day of the site, from midnight to midnight."""
    start = datetime.combine(asked, time(), SITE_ZONE)
    return start.astimezone(UTC), (start + timedelta(days=1)).astimezone(UTC)


def in_words(window: Window) -> str:
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


def _codes(seen: Board) -> dict[Any, str]:
    """Which standards stand in a column."""
    codes: dict[Any, set[str]] = defaultdict(set)
    for row in seen.areas.values():
        for window, cell in row.items():
            codes[window].update(getattr(task, "code", "") for task, _ in cell.tasks)
    return {window: ", ".join(sorted(found)) for window, found in codes.items()}


def _people(seen: Board, end: datetime) -> list[tuple[str | None, Counter[str]]]:
    """Who has not finished what is due by tonight; the one with most to ask about first."""
    people: dict[str | None, Counter[str]] = defaultdict(Counter)
    for row in seen.areas.values():
        for cell in row.values():
            for task, word in cell.tasks:
                if word in UNFINISHED and task.window_end <= end:
                    people[task.responsible_id][word] += 1
    return sorted(people.items(), key=lambda one: (-one[1]["missed"], -one[1].total()))
