"""Days and time windows in the zone of the site."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from sync.protocol.clock import SITE_ZONE
from sync.work.board import Window


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """The start and end of a day in the site's zone, as UTC."""
    start = datetime.combine(day, time(), SITE_ZONE)
    return start.astimezone(UTC), (start + timedelta(days=1)).astimezone(UTC)


def format_window(window: Window) -> str:
    """A time window as short text: hours within a day, dates if it is longer."""
    start, end = (moment.astimezone(SITE_ZONE) for moment in window)
    last = end - timedelta(seconds=1)
    whole_days = start.time() == end.time() == time()
    if start.date() == last.date():
        ends = "24:00" if end.date() != start.date() else f"{end:%H:%M}"
        return f"{start:%m-%d}" if whole_days else f"{start:%H:%M}–{ends}"
    if whole_days:
        return f"{start:%m-%d} – {last:%m-%d}"
    return f"{start:%m-%d %H:%M} – {end:%m-%d %H:%M}"
