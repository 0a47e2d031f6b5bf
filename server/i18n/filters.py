"""Template filters for labels, times and numbers; static/field/filters.js mirrors them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast
from zoneinfo import ZoneInfo

from jinja2 import Environment, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from sync import FEATURES, RECORD_TYPES, kind_label
from sync.protocol import likeness
from sync.protocol.clock import SITE_ZONE, format_time, parse_time
from sync.protocol.normalise import code_key, natural_key
from sync.protocol.phone_numbers import is_doubtful_number, mask_numbers, phone_number
from sync.protocol.refusals import refusal
from sync.protocol.text import Text, Texts

STATES: Mapping[str, Texts] = {name: type_.states for name, type_ in RECORD_TYPES.items()}
VALUES: Mapping[str, Mapping[str, Texts]] = {
    name: feature.values for feature in FEATURES for name in feature.types
}
"""The labels of states, and of values by their fields, by the type of record."""

Time = datetime | str | None
"""An aware datetime, or its text as records store it; None and "" where there is none."""


def register_filters(
    env: Environment, language: Callable[[], str], zone: ZoneInfo = SITE_ZONE
) -> None:
    """Add the filters to an environment that has gettext already.

    `language` returns the language of the current page.
    """
    env.filters |= {
        "say": with_context(lambda label: localize(label, language())),
        "by_label": with_context(
            lambda records, field="label": by_label(records, language(), field)
        ),
        "clock": with_context(lambda time: clock(time, zone)),
        "day": with_context(lambda time: day(time, zone)),
        "late": with_context(late),
        "mask": with_context(mask_numbers),
        "spaced": with_context(spaced),
        "plus_hours": with_context(plus_hours),
        "money": with_context(money),
        "code_key": with_context(lambda text: code_key(text or "")),
        "phone_number": with_context(phone_number),
        "doubtful_number": with_context(is_doubtful_number),
        "names_same_home": with_context(likeness.names_same_home),
        "shares_words": with_context(likeness.shares_words),
        "kind_label": pass_context(lambda context, kind: _translated(context, kind_label(kind))),
        "refusal_label": pass_context(lambda context, code: _translated(context, refusal(code))),
        "state_label": pass_context(
            lambda context, state, type_: _label_of(context, STATES.get(type_), state)
        ),
        "value_label": pass_context(
            lambda context, value, type_, field: _label_of(
                context, VALUES.get(type_, {}).get(field), value
            )
        ),
        "ago": pass_context(lambda context, *times: ago(context, *map(_unescaped, times))),
    }


def with_context(function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that takes the Jinja context, although `function` ignores it.

    Without it Jinja would evaluate the filter of a constant once, when it compiles the template,
    and the next page may be in another language.
    """
    return pass_context(lambda context, *values: function(*map(_unescaped, values)))


def localize(label: dict[str, str] | str | None, language: str) -> str:
    """A label in a language, else in the first language it has; a plain string is unchanged."""
    if isinstance(label, dict):
        return label.get(language) or next(iter(label.values()), "") or ""
    return label or ""


def by_label(
    records: Iterable[dict[str, Any]], language: str, field: str = "label"
) -> list[dict[str, Any]]:
    """Records in the natural order of their labels in a language, or of their names or codes."""
    return sorted(records, key=lambda record: natural_key(localize(record.get(field), language)))


def clock(time: Time, zone: ZoneInfo = SITE_ZONE) -> str:
    """Local hour and minute: 09:05."""
    return _to_datetime(time).astimezone(zone).strftime("%H:%M") if time else ""


def day(time: Time, zone: ZoneInfo = SITE_ZONE) -> str:
    """Local month and day: 11-24. A date without a time (2026-11-24) is not converted."""
    if isinstance(time, str) and len(time) == len("2026-11-24"):
        return time[5:]
    return _to_datetime(time).astimezone(zone).strftime("%m-%d") if time else ""


def ago(context: Context, time: Time, now: datetime | str) -> str:
    """How long ago: "5 min ago", "just now", or "never" without a time."""
    gettext = partial(context.call, _translator(context, "gettext"))
    if not time:
        return str(gettext("never"))
    minutes = (_to_datetime(now) - _to_datetime(time)) // timedelta(minutes=1)
    if minutes < 1:
        return str(gettext("just now"))
    return str(gettext("%(span)s ago", span=duration_text(context, minutes)))


def duration_text(context: Context, minutes: int) -> str:
    """A duration in one unit: minutes, hours from 60 minutes on, days from 48 hours on."""
    ngettext = partial(context.call, _translator(context, "ngettext"))
    if minutes < 60:
        return str(ngettext("%(num)s min", "%(num)s min", minutes))
    if minutes < 48 * 60:
        return str(ngettext("%(num)s h", "%(num)s h", minutes // 60))
    return str(ngettext("%(num)s day", "%(num)s days", minutes // 1440))


def late(window_end: Time, now: datetime | str) -> bool:
    """Whether a time window has ended."""
    return bool(window_end) and _to_datetime(now) > _to_datetime(window_end)


def spaced(number: str | None) -> str:
    """A number of seven digits in two groups, as people say it; any other text as it is."""
    text = number or ""
    is_long = len(text) == 7 and text.isascii() and text.isdecimal()
    return f"{text[:3]} {text[3:]}" if is_long else text


def plus_hours(time: Time, hours: int) -> str:
    """The time `hours` later, as text as records store it."""
    return format_time(_to_datetime(time) + timedelta(hours=hours))


def money(cents: int) -> str:
    """An amount of cents in yuan: 1,234.56."""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100:,}.{abs(cents) % 100:02}"


def _unescaped(value: Any) -> Any:
    """Markup as plain text: escaping is done when the page is put together."""
    return str(value) if isinstance(value, Markup) else value


def _translator(context: Context, name: str) -> Callable[..., Any]:
    return cast(Callable[..., Any], context.environment.globals[name])


def _translated(context: Context, text: Text) -> str:
    if text.context:
        return str(context.call(_translator(context, "pgettext"), text.context, text.message))
    return str(context.call(_translator(context, "gettext"), text.message))


def _label_of(context: Context, texts: Texts | None, code: Any) -> str:
    """The label of a state or value. Words, and codes without a label, stay as they are."""
    text = (texts or {}).get(code)
    return _translated(context, text) if text else _unescaped(code or "")


def _to_datetime(time: Time) -> datetime:
    if isinstance(time, datetime):
        return time
    return parse_time(time or "")
