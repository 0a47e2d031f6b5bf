"""Which days people rest: weekends and public holidays of China, with the days that are shifted."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import chinese_calendar

FLAG_DAYS = ((1, 1), (5, 1), (10, 1))
"""Holidays of the flag law that keep their date: New Year, Labour Day, National Day."""


def days_off(start: date, end: date) -> frozenset[date]:
    """The days of [start, end] on which a duty of working days rests."""
    days = (start + timedelta(days=number) for number in range((end - start).days + 1))
    return frozenset(day for day in days if _is_day_off(day))


def known_until() -> int:
    """The last year whose shifted working days are known; later ones are plain weeks."""
    years: set[int] = {day.year for day in chinese_calendar.constants.workdays}
    return max(years)


@cache
def _is_day_off(day: date) -> bool:
    try:
        return bool(chinese_calendar.is_holiday(day))
    except NotImplementedError:
        return day.weekday() >= 5


def flag_days(year: int) -> list[date]:
    """Days on which the flag is raised everywhere: a preset that the admin may change."""
    return [date(year, month, day) for month, day in FLAG_DAYS]
