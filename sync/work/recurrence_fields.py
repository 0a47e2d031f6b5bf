"""Validation of recurrences: rules that match some day, existing days, windows and zones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from marshmallow import ValidationError, fields
from marshmallow.validate import Length

from sync.protocol.refusals import refusal
from sync.work.recurrence import is_possible, rule_times, to_local, window_length

NEVER_DUE = "never-due"
MAX_DAYS = 400
MAX_RRULE_LENGTH, MAX_WINDOW_LENGTH = 500, 20
FIRST = datetime(2026, 1, 1)  # noqa: DTZ001 - site time
MAX_TIMES_A_DAY = 48
HORIZON = timedelta(days=3653)
"""A rule has to match within these ten years."""


def validate_window(text: str | None) -> None:
    """Raise ValidationError unless the text is a window such as PT4H."""
    try:
        window_length(text)
    except ValueError as error:
        raise ValidationError(str(error)) from None


def validate_rrule(text: str | None) -> None:
    """Raise ValidationError unless the text is an RRULE that the calendar has days for, at most 48
    times a day."""
    if re.search(r"SECONDLY|MINUTELY|HOURLY|TZID|DTSTART|COUNT|UNTIL|EXRULE|RDATE|\n", text or ""):
        raise ValidationError("A duty is due at most a few times a day: use DAILY with BYHOUR.")
    try:
        rule: Any = rrulestr(text or "", dtstart=FIRST)
        is_regular = rule._interval > 0 and len(rule._timeset) <= MAX_TIMES_A_DAY
        possible = is_regular and is_possible(text or "", FIRST)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValidationError("An RRULE looks like FREQ=WEEKLY;BYDAY=MO.") from None
    if not is_regular:
        raise ValidationError("A duty is due at most a few times a day: use DAILY with BYHOUR.")
    if not possible:
        raise ValidationError([refusal(NEVER_DUE)])


def _validate_day(text: str) -> None:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d(T\d\d:\d\d)?", text):
        raise ValidationError("A day looks like 2026-10-01, a time like 2026-10-01T08:00.")
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise ValidationError(f"There is no such day: {text}.") from None


def _validate_zone(text: str) -> None:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise ValidationError("A time zone looks like Asia/Shanghai.") from None


def DaysField(**more: Any) -> fields.List[str]:  # noqa: N802 - named like a field type
    """A field for local days or local times, as text."""
    return fields.List(
        fields.String(validate=[Length(max=16), _validate_day]),
        validate=Length(max=MAX_DAYS),
        **more,
    )


def RruleField(**more: Any) -> fields.String:  # noqa: N802
    """A field for an RRULE that the calendar has days for."""
    return fields.String(validate=[Length(max=MAX_RRULE_LENGTH), validate_rrule], **more)


def WindowField(**more: Any) -> fields.String:  # noqa: N802
    """A field for the length of a window, such as PT4H."""
    return fields.String(validate=[Length(max=MAX_WINDOW_LENGTH), validate_window], **more)


def ZoneField(**more: Any) -> fields.String:  # noqa: N802
    """A field for the name of a time zone."""
    return fields.String(validate=[Length(max=40), _validate_zone], **more)


def recurrence_error(planned: Mapping[str, Any], now: datetime) -> str | None:
    """The refusal code that prevents a duty from being as planned from now on, or None."""
    if planned["rrule"] and not _matches_after(planned, now):
        return NEVER_DUE
    if not planned["active"]:
        return None
    if not (planned["rrule"] or planned["rdate"]) or not planned["window"]:
        return "needs-interval"
    return None if planned["responsible_id"] else "needs-responsible"


def _matches_after(planned: Mapping[str, Any], now: datetime) -> bool:
    """R11: whether the rule of a duty, which counts its intervals from the first date, matches in
    the ten years from then or from now."""
    zone = ZoneInfo(planned["tzid"])
    first = to_local(planned["dtstart"], zone)
    begin = max(first, to_local(now, zone))
    times = rule_times(planned["rrule"], first, begin + HORIZON)
    return any(moment >= begin for moment in times)
