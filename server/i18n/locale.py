"""Which language a person reads, and what the desk says beyond the filters of both hosts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask, request
from flask_babel import Babel, get_locale, gettext, ngettext, pgettext

from server.i18n import filters
from server.i18n.filters import SITE_ZONE, Time
from sync.protocol.clock import parse_time
from sync.protocol.text import Text

LANGUAGES = ("zh", "en")
COOKIE = "lang"


def init_app(app: Flask) -> None:
    """Choose the language of each request; name the filters that pages use."""
    app.config.setdefault("BABEL_DEFAULT_LOCALE", LANGUAGES[0])
    Babel(app, locale_selector=select_language)  # type: ignore[no-untyped-call]
    filters.register_filters(app.jinja_env, current_language)
    app.jinja_env.filters |= {"moment": moment, "span": duration_text}
    app.context_processor(lambda: {"lang": current_language, "now": datetime.now(UTC)})


def select_language() -> str:
    """What the person chose with one click, else what the browser asks for."""
    wish = request.cookies.get(COOKIE) if request else None
    if wish in LANGUAGES:
        return str(wish)
    asked = request.accept_languages if request else None
    best = asked.best_match(LANGUAGES) if asked else None
    return best or LANGUAGES[0]


def current_language() -> str:
    """The language of this page."""
    locale = get_locale()
    return str(locale.language) if locale else LANGUAGES[0]


def localize(label: dict[str, str] | str | None) -> str:
    """A label in the language of this page."""
    return filters.localize(label, current_language())


def translate(text: Text) -> str:
    """A text in the language of this page."""
    if text.context:
        return str(pgettext(text.context, text.message))
    return str(gettext(text.message))


def moment(time: Time) -> str:
    """Clock alone for today, with the day for any other."""
    if not time:
        return ""
    there = (parse_time(time) if isinstance(time, str) else time).astimezone(SITE_ZONE)
    clock = filters.clock(time)
    today = datetime.now(SITE_ZONE).date()
    return clock if there.date() == today else f"{there:%m-%d} {clock}"


def duration_text(length: timedelta) -> str:
    """A length of time in its one fitting unit; worded as `ago` words it."""
    minutes = max(length // timedelta(minutes=1), 0)
    if minutes < 60:
        said: Any = ngettext("%(num)s min", "%(num)s min", minutes)
    elif minutes < 48 * 60:
        said = ngettext("%(num)s h", "%(num)s h", minutes // 60)
    else:
        said = ngettext("%(num)s day", "%(num)s days", minutes // 1440)
    return str(said)
