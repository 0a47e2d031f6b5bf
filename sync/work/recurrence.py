"""Recurrence: the time windows in which a duty is due, by rule, on chosen days and without excluded
ones."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import zip_longest
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from dateutil.rrule import DAILY, MONTHLY, WEEKLY, YEARLY, rrulestr

UNTIL_NEXT = "UNTIL_NEXT"
DURATION_PATTERN = re.compile(
    r"P(?:(?P<days>\d{1,3})D)?(?:T(?:(?P<hours>\d{1,3})H)?(?:(?P<minutes>\d{1,4})M)?)?\Z"
)
MAX_INTERVAL = timedelta(days=400)
"""The longest time between two occurrences: a duty is due at least once in 400 days."""

CALENDAR_CYCLE, LIKE_2017 = 28, 9961
"""After so many years the weekdays and leap years come again; a year that is like 2017."""

Window = tuple[datetime, datetime]


class RecurringDuty(Protocol):
    """When something is due. `rdate` and `exdate` are local days or local times as text.

    `before` are its earlier versions, each with the time `until` which it applied.
    """

    rrule: str | None
    rdate: list[str]
    exdate: list[str]
    window: str | None
    dtstart: datetime
    tzid: str
    active: bool
    workdays_only: bool
    before: list[dict[str, Any]]


RECURRENCE_FIELDS = ("rrule", "rdate", "exdate", "window", "active", "workdays_only")
"""The fields of which each version of a duty has its own values."""

ALL_TIME = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RecurrenceTerms:
    """The values of one version of a duty."""

    rrule: str | None
    rdate: Sequence[str]
    exdate: Sequence[str]
    window: str | None
    active: bool
    workdays_only: bool


@dataclass(frozen=True, slots=True)
class RecurrenceVersion:
    """A version of a duty and the time from `since` to `until` in which it applies."""

    since: datetime
    until: datetime
    terms: RecurrenceTerms


def due_windows(
    duty: RecurringDuty, start: datetime, end: datetime, holidays: Collection[date] = ()
) -> Iterator[Window]:
    """R2, R5, R6: the windows that overlap [start, end), in UTC. Days and hours are those of
    `duty.tzid`.

    `holidays` are the days without work for a duty of working days: public holidays and weekends
    that are not shifted working days.
    """
    zone = ZoneInfo(duty.tzid)
    for version in recurrence_versions(duty):
        if not version.terms.active or not (version.terms.rrule or version.terms.rdate):
            continue
        for window in _version_windows(version.terms, duty.dtstart, zone, start, end, holidays):
            if version.since <= window[0] < version.until:
                yield window


def recurrence_versions(duty: RecurringDuty) -> Iterator[RecurrenceVersion]:
    """Every version that a duty ever had, the oldest first."""
    since, last = ALL_TIME
    for before in duty.before:
        until = datetime.fromisoformat(before["until"])
        yield RecurrenceVersion(
            since, until, RecurrenceTerms(**{name: before[name] for name in RECURRENCE_FIELDS})
        )
        since = until
    yield RecurrenceVersion(
        since, last, RecurrenceTerms(**{name: getattr(duty, name) for name in RECURRENCE_FIELDS})
    )


def _version_windows(
    terms: RecurrenceTerms,
    dtstart: datetime,
    zone: ZoneInfo,
    start: datetime,
    end: datetime,
    holidays: Collection[date],
) -> Iterator[Window]:
    length, first = window_length(terms.window), to_local(dtstart, zone)
    reach = length + timedelta(days=1) if length else MAX_INTERVAL
    moments = list(
        _due_times(terms, first, to_local(start, zone) - reach, to_local(end, zone) + reach)
    )
    if terms.workdays_only:
        moments = [moment for moment in moments if moment.date() not in holidays]
    openings = {to_utc(moment, zone): moment for moment in reversed(moments)}
    ordered = sorted(openings)  # a clock change may map two local times to one instant
    for opening, following in zip_longest(ordered, ordered[1:]):
        if opening >= end or (length is None and following is None):
            return
        by_length = length and _window_end(openings[opening], terms.window or "", zone)
        closing = by_length or following
        if closing > start:
            yield opening, closing


def _due_times(
    terms: RecurrenceTerms, first: datetime, earliest: datetime, last: datetime
) -> Iterator[datetime]:
    """The local times at which a duty is due, without duplicates, in order."""
    by_rule = rule_times(terms.rrule, first, last) if terms.rrule else ()
    extra = [_chosen_time(text, first) for text in terms.rdate]
    exclusions = {*terms.exdate}
    begin = max(first, earliest)
    for moment in sorted({moment for moment in (*by_rule, *extra) if begin <= moment <= last}):
        if not {f"{moment:%Y-%m-%d}", f"{moment:%Y-%m-%dT%H:%M}"} & exclusions:
            yield moment


def _chosen_time(text: str, first: datetime) -> datetime:
    """The local time of an `rdate` entry. A day without an hour begins at the hour of the duty."""
    moment = datetime.fromisoformat(text)
    return moment if "T" in text else datetime.combine(moment, first.time())


def rule_times(text: str, first: datetime, last: datetime) -> Iterator[datetime]:
    """The local times from `first` to `last` at which a rule that begins at `first` matches, in
    order. Takes time in proportion to their number of days.

    The library only stops when a period after `last` matches. Of a rule with an interval perhaps
    none does, so it is asked for every period, and those between are left out here.
    """
    rule: Any = rrulestr(text, dtstart=first)
    if not is_possible(text, first):
        return iter(())
    origin = _period_number(rule, first)
    return (
        moment
        for moment in rule.replace(interval=1, until=last)
        if (_period_number(rule, moment) - origin) % rule._interval == 0
    )


@lru_cache(maxsize=1000)
def is_possible(text: str, first: datetime) -> bool:
    """Whether the calendar has days on which a rule that begins at `first` matches, whatever its
    interval: 31 February is none.

    Tried in years shortly before 9999, in which the library stops, that have the weekdays and leap
    years of those that follow `first`.
    """
    rule: Any = rrulestr(text, dtstart=first)
    year = LIKE_2017 + (first.year - 2017) % CALENDAR_CYCLE
    return next(iter(rule.replace(interval=1, dtstart=first.replace(year=year))), None) is not None


def _period_number(rule: Any, moment: datetime) -> int:
    """The number of the day, week, month or year of the rule in which a time lies."""
    day = moment.toordinal()
    numbers: dict[int, int] = {
        DAILY: day,
        WEEKLY: (day - 1 - rule._wkst) // 7,
        MONTHLY: 12 * moment.year + moment.month,
        YEARLY: moment.year,
    }
    return numbers[rule._freq]


def to_local(moment: datetime, zone: ZoneInfo) -> datetime:
    """A time as a naive local time of the zone."""
    return moment.astimezone(zone).replace(tzinfo=None)


def to_utc(moment: datetime, zone: ZoneInfo) -> datetime:
    """A naive local time in UTC. A time that a clock change skips moves later; of a repeated time,
    the first is meant."""
    return moment.replace(tzinfo=zone, fold=0).astimezone(UTC)


def _window_end(moment: datetime, window: str, zone: ZoneInfo) -> datetime:
    """The end of a window. Days are calendar days, hours are elapsed hours."""
    days, rest = parse_window(window)
    return to_utc(moment + timedelta(days=days), zone) + rest


def window_length(window: str | None) -> timedelta | None:
    """The length of a window, or None if it lasts until the next one begins."""
    if window == UNTIL_NEXT:
        return None
    days, rest = parse_window(window)
    return timedelta(days=days) + rest


def parse_window(window: str | None) -> tuple[int, timedelta]:
    """The days of a window and its remaining hours and minutes. Raises ValueError if it is
    malformed."""
    match = DURATION_PATTERN.match(window or "")
    parts = {name: int(number or 0) for name, number in match.groupdict().items()} if match else {}
    if not any(parts.values()):
        raise ValueError("A window is PT4H, PT30M, P7D or UNTIL_NEXT.")
    return parts["days"], timedelta(hours=parts["hours"], minutes=parts["minutes"])


def local_midnight(day: date, tzid: str) -> datetime:
    """When a day of the zone begins, in UTC."""
    return to_utc(datetime.combine(day, time()), ZoneInfo(tzid))
