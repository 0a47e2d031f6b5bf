"""Local times as people type them and as `datetime-local` inputs hold them, in the site's zone."""

from __future__ import annotations

from datetime import UTC, datetime

from sync.protocol.clock import SITE_ZONE

FIRST_YEAR = 1971
"""No form of Lodge is about an earlier time; such a year is a typing mistake."""


def parse_local_time(text: str | None) -> datetime | None:
    """The moment, in UTC, of a local time: `2026-11-24T10:00`, with or without seconds.

    A date alone means its midnight. Returns None for anything else: empty, no such day, a year
    before FIRST_YEAR, or a time with an offset from UTC, which is not local.
    """
    try:
        local = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    if local.tzinfo is not None or local.year < FIRST_YEAR:
        return None
    return local.replace(tzinfo=SITE_ZONE).astimezone(UTC)


def format_local_time(moment: datetime, timespec: str = "minutes") -> str:
    """The value of a `datetime-local` input; `timespec` is "minutes" or "seconds"."""
    return moment.astimezone(SITE_ZONE).replace(tzinfo=None).isoformat(timespec=timespec)
