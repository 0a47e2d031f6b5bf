"""Days off in China: weekends and public holidays, with the working days moved for them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import cache

import chinese_calendar

from sync.work.recurrence import MAX_INTERVAL, RecurringDuty

FLAG_DAYS = ((1, 1), (5, 1), (10, 1))
"""(month, day) of the flag law's holidays with a fixed date: New Year, Labour Day, National Day."""


def days_off(start: date, end: date) -> frozenset[date]:
    """The days off from `start` to `end`, both included."""
    days = (start + timedelta(days=number) for number in range((end - start).days + 1))
    return frozenset(day for day in days if _is_day_off(day))


def days_off_for(duty: RecurringDuty, start: datetime, end: datetime) -> frozenset[date]:
    """The days off around a period, for a duty of working days; for others none."""
    if not duty.workdays_only:
        return frozenset()
    return days_off(start.date() - MAX_INTERVAL, end.date() + MAX_INTERVAL)


def known_until() -> int:
    """The last year with known moved working days; in later years only weekends are days off."""
    years: set[int] = {day.year for day in chinese_calendar.constants.workdays}
    return max(years)


@cache
def _is_day_off(day: date) -> bool:
    try:
        return bool(chinese_calendar.is_holiday(day))
    except NotImplementedError:
        return day.weekday() >= 5


def flag_days(year: int) -> list[date]:
    """Days on which the flag is raised everywhere: a preset that the administrator may change."""
    return [date(year, month, day) for month, day in FLAG_DAYS]
