"""Recurrences in forms and as text: presets in words, an RRULE behind each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date
from flask_babel import get_locale, gettext, lazy_gettext
from flask_babel import lazy_gettext as _

from server.jobs.holidays import days_off_for, flag_days
from sync.work.plan_versions import PlanVersion
from sync.work.recurrence import MAX_INTERVAL, Window, due_windows
from sync.work.schedules import Place, is_due_at

PRESETS = {
    "daily": _("every day"),
    "workdays": _("every working day"),
    "weekly": _("on days of the week"),
    "monthly": _("on days of the month"),
    "chosen": _("on chosen days only"),
    "custom": _("custom rule (RRULE)"),
}
WEEKDAYS = {
    "MO": _("Mon"),
    "TU": _("Tue"),
    "WE": _("Wed"),
    "TH": _("Thu"),
    "FR": _("Fri"),
    "SA": _("Sat"),
    "SU": _("Sun"),
}
PREVIEW_COUNT = 5
SOON = timedelta(days=14)
"""Most dates that are announced lie within it: what comes later is computed only if need be."""
TIME_PATTERN = re.compile(r"(\d{1,2}):(\d\d)\Z")

DURATIONS = {
    "PT30M": lazy_gettext("30 minutes"),
    "PT1H": lazy_gettext("1 hour"),
    "PT2H": lazy_gettext("2 hours"),
    "PT3H": lazy_gettext("3 hours"),
    "PT4H": lazy_gettext("4 hours"),
}
"""The lengths of a time window that the forms offer, as ISO 8601 durations."""


class InvalidRecurrence(ValueError):
    """A form's recurrence is not valid; the message says what to do, at which `input`."""

    def __init__(self, message: str, input: str) -> None:
        super().__init__(message)
        self.input = input


@dataclass(frozen=True, slots=True)
class RecurrenceForm:
    """The values of the recurrence inputs."""

    preset: str
    weekdays: tuple[str, ...] = ()
    month_days: str = ""
    times: str = ""
    rrule: str = ""


def parse_recurrence(form: Mapping[str, str], week: list[str]) -> dict[str, Any]:
    """The recurrence fields of a form's preset. Raises InvalidRecurrence."""
    preset, at = form.get("preset", "daily"), _parse_times(form.get("times", ""))
    terms: dict[str, Any] = {"rrule": None, "workdays_only": preset == "workdays"}
    match preset:
        case "daily" | "workdays":
            terms["rrule"] = "FREQ=DAILY" + at
        case "weekly":
            if not week:
                raise InvalidRecurrence(gettext("Choose at least one day of the week."), "week")
            terms["rrule"] = f"FREQ=WEEKLY;BYDAY={','.join(week)}" + at
        case "monthly":
            terms["rrule"] = (
                f"FREQ=MONTHLY;BYMONTHDAY={_parse_month_days(form.get('days', ''))}" + at
            )
        case "custom":
            terms["rrule"] = form.get("rrule", "").strip() or None
    return terms


def _parse_times(text: str) -> str:
    words = [part for part in re.split(r"[\s,，、]+", text.strip()) if part]
    matches = [TIME_PATTERN.match(part.replace("：", ":")) for part in words]
    hours = [(int(each[1]), int(each[2])) for each in matches if each]
    if len(hours) < len(words) or any(hour > 23 or minute > 59 for hour, minute in hours):
        raise InvalidRecurrence(gettext("Write times like 06:00, 18:00."), "times")
    minutes = {minute for _, minute in hours}
    if len(minutes) > 1:
        raise InvalidRecurrence(
            gettext("All times of one schedule must have the same minutes: 06:30, 18:30."), "times"
        )
    if not hours:
        return ""
    at = ",".join(str(hour) for hour, _ in sorted(set(hours)))
    return f";BYHOUR={at};BYMINUTE={minutes.pop()};BYSECOND=0"


def _parse_month_days(text: str) -> str:
    numbers = [part for part in re.split(r"[\s,，、]+", text.strip()) if part]
    if not numbers or not all(part.isdigit() and 1 <= int(part) <= 28 for part in numbers):
        raise InvalidRecurrence(
            gettext("Write days of the month like 1, 11, 21. The last possible day is 28."), "days"
        )
    return ",".join(map(str, sorted({int(part) for part in numbers})))


def split_list(text: str) -> list[str]:
    """The words of a list typed with blanks or commas."""
    return [part for part in re.split(r"[\s,，、]+", text.strip()) if part]


def recurrence_from_request(form: Any) -> RecurrenceForm:
    """The values of the recurrence inputs as they were typed."""
    texts = (form.get(name, "") for name in ("days", "times", "rrule"))
    return RecurrenceForm(form.get("preset", "daily"), tuple(form.getlist("week")), *texts)


def recurrence_from_schedule(schedule: Any) -> RecurrenceForm:
    """The preset that fits a schedule's recurrence; "custom" if none fits."""
    if not schedule.rrule:
        return RecurrenceForm("chosen" if schedule.rdate else "daily")
    parts = dict(part.split("=", 1) for part in schedule.rrule.split(";") if "=" in part)
    hours, minute = parts.pop("BYHOUR", ""), parts.pop("BYMINUTE", "0")
    parts.pop("BYSECOND", None)
    times = ", ".join(f"{int(h):02}:{int(minute):02}" for h in hours.split(",") if h.isdigit())
    custom = RecurrenceForm("custom", rrule=schedule.rrule)
    match parts:
        case {"FREQ": "DAILY", **rest} if not rest:
            return RecurrenceForm("workdays" if schedule.workdays_only else "daily", times=times)
        case {"FREQ": "WEEKLY", "BYDAY": week, **rest} if not rest and set(week.split(",")) <= set(
            WEEKDAYS
        ):
            return RecurrenceForm("weekly", weekdays=tuple(week.split(",")), times=times)
        case {"FREQ": "MONTHLY", "BYMONTHDAY": days, **rest} if not rest:
            return RecurrenceForm("monthly", month_days=days.replace(",", ", "), times=times)
    return custom


def describe_recurrence(schedule: Any) -> str:
    """How often a schedule recurs, as a phrase."""
    if not schedule.rrule and not schedule.rdate:
        return gettext("no frequency set")
    recurrence = recurrence_from_schedule(schedule)
    text = str(PRESETS[recurrence.preset])
    match recurrence.preset:
        case "weekly":
            text = ", ".join(str(WEEKDAYS[day]) for day in recurrence.weekdays)
        case "monthly":
            text = gettext("on the %(days)s of the month", days=recurrence.month_days)
        case "custom":
            text = recurrence.rrule
    return f"{text} {recurrence.times}".strip()


def next_windows(
    versions: Sequence[PlanVersion], is_due: Callable[[Any], bool], now: datetime
) -> list[str]:
    """R10: the next PREVIEW_COUNT windows for which something will be planned, as text.

    `is_due` says whether a version of the schedule or route is due anywhere.
    """
    windows = (
        (window, ZoneInfo(version.fields["tzid"]))
        for version in versions
        if is_due(version.as_duty(""))
        for window in _coming_windows(version, now)
    )
    return [format_window(*window, zone) for window, zone in islice(windows, PREVIEW_COUNT)]


def _coming_windows(version: PlanVersion, now: datetime) -> Iterator[Window]:
    duty, start = version.as_duty(""), max(now, version.since)
    soon, end = start + SOON, start + MAX_INTERVAL
    for begin, until in ((start, soon), (soon, end)):
        for window in due_windows(duty, begin, until, days_off_for(duty, begin, until)):
            if window[0] >= begin and version.begins_in(window[0]):
                yield window


def due_anywhere(places: Sequence[Place]) -> Callable[[Any], bool]:
    """A function that says whether a schedule is due at one of the places."""
    return lambda duty: any(is_due_at(duty, place) for place in places)


def format_window(opening: datetime, closing: datetime, zone: ZoneInfo) -> str:
    """A time window as text in the language of the page, by the clock of a zone."""
    start, end = opening.astimezone(zone), closing.astimezone(zone)
    last = end - timedelta(seconds=1)
    whole_days = start.time() == end.time() == datetime.min.time()
    if whole_days:
        return (
            _format_day(start)
            if last.date() == start.date()
            else f"{_format_day(start)} – {_format_day(last)}"
        )
    until = f"{end:%H:%M}" if end.date() == start.date() else f"{_format_day(end)} {end:%H:%M}"
    return f"{_format_day(start)} {start:%H:%M}–{until}"


def _format_day(day: datetime) -> str:
    return str(format_date(day, "MM-dd EEE", locale=get_locale() or "en"))


def upcoming_flag_days(now: datetime) -> list[str]:
    """The coming days of the national flag of this year and the next, in ISO format."""
    days = (day for year in (now.year, now.year + 1) for day in flag_days(year))
    return [day.isoformat() for day in days if day >= now.date()]
