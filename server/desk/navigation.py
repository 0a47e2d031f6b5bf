"""The navigation of the desk: pages declare their entries, the access rule says who sees them.

The entries themselves are `NAVIGATION` in `pages/<feature>.py`; those of the phone are in
`templates/_parts/tabs.html`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from flask import Flask, current_app, request, url_for

from server.auth.access import access_rule
from server.auth.sessions import current_user
from server.i18n.locale import translate
from sync.protocol.text import Text

_KEY = "lodge-navigation"


class NavEntry(NamedTuple):
    """A page's entry: `position` orders the entries, `waiting` counts the items that wait there."""

    endpoint: str
    label: Text
    position: int
    waiting: Callable[[], int] | None = None


def init_app(app: Flask, entries: Iterable[NavEntry]) -> None:
    """Give templates `navigation()`: what the current user may open, in order."""
    app.extensions[_KEY] = sorted(entries, key=lambda entry: entry.position)
    app.context_processor(lambda: {"navigation": navigation})


def navigation() -> list[dict[str, Any]]:
    """The entries that the current user may open: address, label, whether it is this page."""
    user = current_user()
    return [
        {
            "url": url_for(entry.endpoint),
            "label": translate(entry.label),
            "current": request.endpoint == entry.endpoint,
            "waiting": entry.waiting() if entry.waiting else 0,
        }
        for entry in current_app.extensions[_KEY]
        if user.has_role(*_roles(entry.endpoint))
    ]


def _roles(endpoint: str) -> frozenset[str]:
    rule = access_rule(current_app, endpoint)
    if not isinstance(rule, frozenset):
        raise TypeError(f"{endpoint} is in the navigation, but names no roles")
    return rule
