"""Validation of recurrences: rules that match some day, existing days, windows and zones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import ValidationError, fields
from marshmallow.validate import Length

from sync.work.recurrence import parse_rrule, window_length

MAX_DAYS = 400
MAX_RRULE_LENGTH, MAX_WINDOW_LENGTH = 500, 20
FIRST = datetime(9970, 1, 1)  # noqa: DTZ001 - site time
"""Its years have the weekdays and the leap year of 2026 to 2028, and a rule that never matches is
tried until the year 9999: 20 ms, not 10 s."""


def validate_window(text: str | None) -> None:
    """Raise ValidationError unless the text is a window such as PT4H."""
    try:
        window_length(text)
    except ValueError as error:
        raise ValidationError(str(error)) from None


def validate_rrule(text: str | None) -> None:
    """Raise ValidationError unless the text is an RRULE that matches within 800 days, at most a few
    times a day."""
    if re.search(r"SECONDLY|MINUTELY|HOURLY|TZID|DTSTART|COUNT|UNTIL|EXRULE|RDATE|\n", text or ""):
        raise ValidationError("A duty is due at most a few times a day: use DAILY with BYHOUR.")
    try:
        match = next(iter(parse_rrule(text or "", FIRST, FIRST + timedelta(days=800))), None)
    except (ValueError, KeyError, TypeError, AttributeError):
        match = None
    if match is None:
        raise ValidationError("An RRULE looks like FREQ=WEEKLY;BYDAY=MO, and comes true.")


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
    """A field for an RRULE that comes true."""
    return fields.String(validate=[Length(max=MAX_RRULE_LENGTH), validate_rrule], **more)


def WindowField(**more: Any) -> fields.String:  # noqa: N802
    """A field for the length of a window, such as PT4H."""
    return fields.String(validate=[Length(max=MAX_WINDOW_LENGTH), validate_window], **more)


def ZoneField(**more: Any) -> fields.String:  # noqa: N802
    """A field for the name of a time zone."""
    return fields.String(validate=[Length(max=40), _validate_zone], **more)


def activation_error(planned: Mapping[str, Any]) -> str | None:
    """The refusal code that prevents a duty from being active, or None."""
    if not planned["active"]:
        return None
    if not (planned["rrule"] or planned["rdate"]) or not planned["window"]:
        return "needs-interval"
    return None if planned["responsible_id"] else "needs-responsible"
