"""The language of a request, and the filters that only the desk has."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from flask import Flask, request
from flask_babel import Babel, force_locale, get_locale, gettext, ngettext, pgettext

from server.i18n import filters, languages
from server.i18n.filters import Time
from server.i18n.languages import DEFAULT_LANGUAGE, folder_name, language_codes
from sync.protocol.clock import SITE_ZONE, parse_time
from sync.protocol.text import Text

COOKIE = "lang"

T = TypeVar("T")


def init_app(app: Flask) -> None:
    """Select the language of each request; register the template filters."""
    languages.init_app(app)
    app.config.setdefault("BABEL_DEFAULT_LOCALE", DEFAULT_LANGUAGE)
    Babel(app, locale_selector=lambda: folder_name(select_language()))  # type: ignore[no-untyped-call]
    filters.register_filters(app.jinja_env, current_language)
    app.jinja_env.filters |= {
        "moment": filters.with_context(moment),
        "span": filters.with_context(duration_text),
    }
    app.jinja_env.globals["in_language"] = in_language
    app.context_processor(lambda: {"lang": current_language, "now": datetime.now(UTC)})


def select_language() -> str:
    """The language of the cookie, else the first that the browser asks for, else the default."""
    codes = language_codes()
    if not request:
        return DEFAULT_LANGUAGE
    tags = [request.cookies.get(COOKIE, ""), *request.accept_languages.values()]
    wanted = (code for tag in tags for code in (tag, tag.partition("-")[0]))
    return next((code for code in wanted if code in codes), DEFAULT_LANGUAGE)


def current_language() -> str:
    """The language of the page that is being rendered."""
    locale = get_locale()
    return str(locale).replace("_", "-") if locale else DEFAULT_LANGUAGE


def in_language(code: str, caller: Callable[[], T]) -> T:
    """What `caller` returns while `code` is the language; for `{% call %}` in templates."""
    with force_locale(folder_name(code)):
        return caller()


def translations(text: Text) -> dict[str, str]:
    """A label that says a text in every language."""
    return {code: in_language(code, lambda: translate(text)) for code in language_codes()}


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
