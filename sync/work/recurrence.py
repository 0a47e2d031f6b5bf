"""Recurrence: in which windows a duty is due, by rule, by chosen days and without others."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import zip_longest
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

UNTIL_NEXT = "UNTIL_NEXT"
DURATION_PATTERN = re.compile(
    r"P(?:(?P<days>\d{1,3})D)?(?:T(?:(?P<hours>\d{1,3})H)?(?:(?P<minutes>\d{1,4})M)?)?\Z"
)
MAX_INTERVAL = timedelta(days=400)
"""How far apart two occurrences may lie: a duty is due at least once in a year."""

Window = tuple[datetime, datetime]


class RecurringDuty(Protocol):
    """When something is due: `rdate` and `exdate` are local days or local times as text.

    `before` are its earlier versions, each with the time `until` which it held.
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
"""What a later change may leave to the past as it was."""

ALL_TIME = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RecurrenceTerms:
    """The terms of one version."""

    rrule: str | None
    rdate: Sequence[str]
    exdate: Sequence[str]
    window: str | None
    active: bool
    workdays_only: bool


@dataclass(frozen=True, slots=True)
class RecurrenceVersion:
    """What held from one change to the next."""

    since: datetime
    until: datetime
    terms: RecurrenceTerms


def due_windows(
    duty: RecurringDuty, start: datetime, end: datetime, holidays: Collection[date] = ()
) -> Iterator[Window]:
    """R2, R5, R6: the windows that touch [start, end), in UTC; days and hours are the site's own.

    `holidays` are the days on which a duty of working days rests: weekends too, and what the
    calendar shifts.
    """
    zone = ZoneInfo(duty.tzid)
    for version in recurrence_versions(duty):
        if not version.terms.active or not (version.terms.rrule or version.terms.rdate):
            continue
        for window in _version_windows(version.terms, duty.dtstart, zone, start, end, holidays):
            if version.since <= window[0] < version.until:
                yield window


def recurrence_versions(duty: RecurringDuty) -> Iterator[RecurrenceVersion]:
    """Every version that a duty ever had, the oldest first: the past keeps its own."""
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
    ordered = sorted(openings)  # two times that spring makes one are one
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
    """Local times at which it is due, each once, in order."""
    rule = parse_rrule(terms.rrule, first, last) if terms.rrule else None
    by_rule = rule.between(earliest, last, inc=True) if rule else []
    chosen = [_chosen_time(text, first) for text in terms.rdate]
    without = {*terms.exdate}
    for moment in sorted({*by_rule, *chosen}):
        excluded = {f"{moment:%Y-%m-%d}", f"{moment:%Y-%m-%dT%H:%M}"} & without
        if max(first, earliest) <= moment <= last and not excluded:
            yield moment


def _chosen_time(text: str, first: datetime) -> datetime:
    """A chosen day begins at the hour of the duty; a chosen time is what it is."""
    moment = datetime.fromisoformat(text)
    return moment if "T" in text else datetime.combine(moment, first.time())


def parse_rrule(text: str, first: datetime, last: datetime) -> Any:
    """A rule that ends: one that never comes true would otherwise be tried until the year 9999."""
    return rrulestr(text, dtstart=first).replace(until=last)  # type: ignore[union-attr]


def to_local(moment: datetime, zone: ZoneInfo) -> datetime:
    """A time as clocks at the site show it."""
    return moment.astimezone(zone).replace(tzinfo=None)


def to_utc(moment: datetime, zone: ZoneInfo) -> datetime:
    """A time of the site's clocks. One that spring leaves out comes later, one that autumn
    repeats is the first."""
    return moment.replace(tzinfo=zone, fold=0).astimezone(UTC)


def _window_end(moment: datetime, window: str, zone: ZoneInfo) -> datetime:
    """Days are days of the calendar, hours are hours that pass."""
    days, rest = parse_window(window)
    return to_utc(moment + timedelta(days=days), zone) + rest


def window_length(window: str | None) -> timedelta | None:
    """The length of a window; None when it lasts until the next one begins."""
    if window == UNTIL_NEXT:
        return None
    days, rest = parse_window(window)
    return timedelta(days=days) + rest


def parse_window(window: str | None) -> tuple[int, timedelta]:
    """The days of a window, and the hours and minutes beside them."""
    match = DURATION_PATTERN.match(window or "")
    found = {name: int(number or 0) for name, number in match.groupdict().items()} if match else {}
    if not any(found.values()):
        raise ValueError("A window is PT4H, PT30M, P7D or UNTIL_NEXT.")
    return found["days"], timedelta(hours=found["hours"], minutes=found["minutes"])


def local_midnight(day: date, tzid: str) -> datetime:
    """When a day of the site begins."""
    return to_utc(datetime.combine(day, time()), ZoneInfo(tzid))
