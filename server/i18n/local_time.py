"""Local times as people type them and as `datetime-local` inputs hold them, in the site's zone."""

from __future__ import annotations

from datetime import UTC, date, datetime

from sync.protocol.clock import SITE_ZONE
from sync.protocol.normalise import parse_date, parse_local_moment

FIRST_YEAR, LAST_YEAR = 1971, 2199
"""No form of Lodge is about an earlier or later time; such a year is a typing mistake."""


def parse_local_time(text: str | None) -> datetime | None:
    """The moment, in UTC, of a local time, in any form that `parse_local_moment` reads.

    A date alone means its midnight. Returns None for anything else: empty, no such day, a year
    outside of FIRST_YEAR to LAST_YEAR, or a time with an offset from UTC, which is not local.
    """
    local = parse_local_moment(text or "")
    if local is None or not FIRST_YEAR <= local.year <= LAST_YEAR:
        return None
    return local.replace(tzinfo=SITE_ZONE).astimezone(UTC)


def parse_local_day(text: str) -> date | None:
    """The day of a text, in any form that `parse_date` reads; None for anything else, as in
    `parse_local_time`."""
    day = parse_date(text)
    return day if day and FIRST_YEAR <= day.year <= LAST_YEAR else None


def format_local_time(moment: datetime, timespec: str = "minutes") -> str:
    """The value of a `datetime-local` input; `timespec` is "minutes" or "seconds"."""
    return moment.astimezone(SITE_ZONE).replace(tzinfo=None).isoformat(timespec=timespec)
