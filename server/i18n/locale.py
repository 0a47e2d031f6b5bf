"""The language of a request, and the filters that only the desk has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import Flask, request
from flask_babel import Babel, get_locale, gettext, ngettext, pgettext

from server.i18n import filters
from server.i18n.filters import Time
from sync.protocol.clock import SITE_ZONE, parse_time
from sync.protocol.text import Text

LANGUAGES = ("zh", "en")
COOKIE = "lang"


def init_app(app: Flask) -> None:
    """Select the language of each request; register the template filters."""
    app.config.setdefault("BABEL_DEFAULT_LOCALE", LANGUAGES[0])
    Babel(app, locale_selector=select_language)  # type: ignore[no-untyped-call]
    filters.register_filters(app.jinja_env, current_language)
    app.jinja_env.filters |= {"moment": moment, "span": duration_text}
    app.context_processor(lambda: {"lang": current_language, "now": datetime.now(UTC)})


def select_language() -> str:
    """The language of the cookie, else the browser's best match, else the first of LANGUAGES."""
    cookie = request.cookies.get(COOKIE) if request else None
    if cookie in LANGUAGES:
        return str(cookie)
    accepted = request.accept_languages if request else None
    best = accepted.best_match(LANGUAGES) if accepted else None
    return best or LANGUAGES[0]


def current_language() -> str:
    """The language of the page that is being rendered."""
    locale = get_locale()
    return str(locale.language) if locale else LANGUAGES[0]


def localize(label: dict[str, str] | str | None) -> str:
    """A label in the language of the page that is being rendered."""
    return filters.localize(label, current_language())


def translate(text: Text) -> str:
    """A text in the language of this page."""
    if text.context:
        return str(pgettext(text.context, text.message))
    return str(gettext(text.message))


def moment(time: Time) -> str:
    """Local hour and minute; on another day than today with month and day before it."""
    if not time:
        return ""
    local = (parse_time(time) if isinstance(time, str) else time).astimezone(SITE_ZONE)
    clock = filters.clock(time)
    today = datetime.now(SITE_ZONE).date()
    return clock if local.date() == today else f"{local:%m-%d} {clock}"


def duration_text(length: timedelta) -> str:
    """A duration in one unit, in the words of the `ago` filter."""
    minutes = max(length // timedelta(minutes=1), 0)
    if minutes < 60:
        return str(ngettext("%(num)s min", "%(num)s min", minutes))
    if minutes < 48 * 60:
        return str(ngettext("%(num)s h", "%(num)s h", minutes // 60))
    return str(ngettext("%(num)s day", "%(num)s days", minutes // 1440))
