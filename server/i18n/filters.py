"""How labels, times and numbers are said on a page; static/field/filters.js says the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast
from zoneinfo import ZoneInfo

from jinja2 import Environment, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from sync.protocol.clock import SITE_ZONE, format_time, parse_time

Time = datetime | str | None


def register_filters(
    env: Environment, language: Callable[[], str], zone: ZoneInfo = SITE_ZONE
) -> None:
    """Give our filters to an environment; it has gettext already.

    They take the context although most do not look at it: Jinja computes a filter of a constant
    once and for all, and the next page may be in the other language.
    """

    def take(said: Callable[..., Any]) -> Callable[..., Any]:
        return pass_context(lambda context, *values: said(*map(_unescaped, values)))

    env.filters |= {
        "say": take(lambda label: localize(label, language())),
        "clock": take(lambda time: clock(time, zone)),
        "day": take(lambda time: day(time, zone)),
        "late": take(late),
        "mask": take(mask),
        "plus_hours": take(plus_hours),
        "money": take(money),
        "ago": pass_context(lambda context, *times: ago(context, *map(_unescaped, times))),
    }


def localize(label: dict[str, str] | str | None, language: str) -> str:
    """A label in the language of the page; a name is the same in both."""
    if isinstance(label, dict):
        return label.get(language) or next(iter(label.values()), "") or ""
    return label or ""


def clock(time: Time, zone: ZoneInfo = SITE_ZONE) -> str:
    """The hour and minute at the site."""
    return _to_datetime(time).astimezone(zone).strftime("%H:%M") if time else ""


def day(time: Time, zone: ZoneInfo = SITE_ZONE) -> str:
    """The day at the site; a day stays the day it is."""
    if isinstance(time, str) and len(time) == len("2026-11-24"):
        return time[5:]
    return _to_datetime(time).astimezone(zone).strftime("%m-%d") if time else ""


def ago(context: Context, time: Time, now: datetime | str) -> str:
    """How long ago, in words."""
    gettext = partial(context.call, _translator(context, "gettext"))
    if not time:
        return str(gettext("never"))
    minutes = (_to_datetime(now) - _to_datetime(time)) // timedelta(minutes=1)
    if minutes < 1:
        return str(gettext("just now"))
    return str(gettext("%(span)s ago", span=duration_text(context, minutes)))


def duration_text(context: Context, minutes: int) -> str:
    """A length of time in its one fitting unit."""
    ngettext = partial(context.call, _translator(context, "ngettext"))
    if minutes < 60:
        return str(ngettext("%(num)s min", "%(num)s min", minutes))
    if minutes < 48 * 60:
        return str(ngettext("%(num)s h", "%(num)s h", minutes // 60))
    return str(ngettext("%(num)s day", "%(num)s days", minutes // 1440))


def late(window_end: Time, now: datetime | str) -> bool:
    """Whether a window has closed."""
    return bool(window_end) and _to_datetime(now) > _to_datetime(window_end)


def mask(number: str | None) -> str:
    """The last four characters; dots for the rest."""
    letters = number or ""
    return "•" * max(len(letters) - 4, 0) + letters[-4:]


def plus_hours(time: Time, hours: int) -> str:
    """A time so many hours later, as records write it."""
    return format_time(_to_datetime(time) + timedelta(hours=hours))


def money(cents: int) -> str:
    """Whole cents as people read an amount: 1,234.56."""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100:,}.{abs(cents) % 100:02}"


def parse_local_time(text: str, zone: ZoneInfo = SITE_ZONE) -> datetime | None:
    """A time as somebody typed it at the site; None where it is none."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone)
    except ValueError:
        return None


def _unescaped(value: Any) -> Any:
    """Plain text goes in and comes out: escaping is for the page."""
    return str(value) if isinstance(value, Markup) else value


def _translator(context: Context, name: str) -> Callable[..., Any]:
    return cast(Callable[..., Any], context.environment.globals[name])


def _to_datetime(time: Time) -> datetime:
    if isinstance(time, datetime):
        return time
    return parse_time(time or "")
