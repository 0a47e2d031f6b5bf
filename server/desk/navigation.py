"""The navigation of the desk: eight places, each with its pages. A page declares its entry, the
access rule says who sees it.

The entries themselves are `NAVIGATION` in `pages/<feature>.py`; those of the phone are in
`templates/_parts/tabs.html`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from flask import Flask, current_app, g, request, url_for

from server.auth.access import access_rule
from server.auth.sessions import current_user, current_user_or_none
from server.desk.waiting import waiting_counts
from server.i18n.locale import translate
from sync.protocol.text import Text, _lp

_KEY = "lodge-navigation"


class Place(NamedTuple):
    """One of the eight places: `name` is what entries say, `icon` a sign of the sprite, `key`
    the letter that follows g on the keyboard, `waiting` the names of what is counted beside it.
    `is_urgent`: what waits there is late."""

    name: str
    label: Text
    icon: str
    key: str
    waiting: tuple[str, ...] = ()
    is_urgent: bool = False


LATE = ("tickets", "overdue", "missed_today", "missed_points")
TO_DECIDE = ("conflicts", "quarantine", "missed")

PLACES = (
    Place("today", _lp("place", "Today"), "today", "t", LATE, is_urgent=True),
    Place("matters", _lp("place", "Matters"), "ticket", "m", ("tickets",), is_urgent=True),
    Place("gate", _lp("place", "Gate"), "gate", "g", ("overdue",)),
    Place("work", _lp("place", "Work"), "work", "w", ("missed_today",), is_urgent=True),
    Place("patrol", _lp("place", "Patrol"), "patrol", "p", ("missed_points",), is_urgent=True),
    Place("quality", _lp("place", "Quality"), "quality", "q", TO_DECIDE),
    Place("people", _lp("place", "People"), "people", "s", ("silent",)),
    Place("reports", _lp("place", "Reports and settings"), "report", "r"),
)


class NavEntry(NamedTuple):
    """A page's entry: `place` names the place, `position` orders its entries, `waiting` what is
    counted beside it, see `server.desk.waiting`, `about` says what the page is for."""

    endpoint: str
    label: Text
    place: str
    position: int
    waiting: str = ""
    about: Text | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A page as it is drawn in the navigation. `is_open`: it, or a page of it, is shown."""

    url: str
    label: str
    is_open: bool = False
    waiting: int = 0
    about: str = ""


@dataclass(frozen=True, slots=True)
class PlaceLink(Link):
    """A place as it is drawn: its first page, and all of its pages. `is_urgent`: what waits there
    is late."""

    icon: str = ""
    key: str = ""
    is_urgent: bool = False
    pages: list[Link] = field(default_factory=list)


class _Navigation(NamedTuple):
    entries: list[NavEntry]
    place_by_blueprint: Mapping[str, str]


def init_app(
    app: Flask, entries: Iterable[NavEntry], place_by_blueprint: Mapping[str, str]
) -> None:
    """Give templates `navigation()`. `place_by_blueprint`: where pages without an entry belong."""
    ordered = sorted(entries, key=lambda entry: entry.position)
    own = {entry.endpoint.partition(".")[0]: entry.place for entry in ordered}
    app.extensions[_KEY] = _Navigation(ordered, {**own, **place_by_blueprint})
    app.context_processor(lambda: {"navigation": navigation})


def navigation() -> list[PlaceLink]:
    """The places that the current user may open, in order; empty if nobody is signed in."""
    if current_user_or_none() is None:
        return []
    if "places" not in g:
        g.places = _place_links()
    places: list[PlaceLink] = g.places
    return places


def _place_links() -> list[PlaceLink]:
    allowed = [entry for entry in _navigation().entries if may_open(entry.endpoint)]
    shown, counts = _shown_entry(allowed), waiting_counts(current_user().site_id)
    links = (_place_link(place, allowed, shown, counts) for place in PLACES)
    return [link for link in links if link.pages]


def _place_link(
    place: Place, allowed: Iterable[NavEntry], shown: NavEntry | None, counts: Mapping[str, int]
) -> PlaceLink:
    pages = [
        Link(
            url_for(each.endpoint),
            translate(each.label),
            is_open=each is shown,
            waiting=counts.get(each.waiting, 0),
            about=translate(each.about) if each.about else "",
        )
        for each in allowed
        if each.place == place.name
    ]
    return PlaceLink(
        pages[0].url if pages else "",
        translate(place.label),
        is_open=place.name == _open_place(),
        waiting=sum(counts[name] for name in place.waiting),
        icon=place.icon,
        key=place.key,
        is_urgent=place.is_urgent,
        pages=pages,
    )


def belong_to(endpoint: str) -> None:
    """For a page of records of several features: show it as a page of another one."""
    g.belongs_to = endpoint


def _shown_endpoint() -> str:
    return str(g.get("belongs_to") or request.endpoint or "")


def _shown_entry(allowed: Iterable[NavEntry]) -> NavEntry | None:
    """The entry of this page, or else the first of its feature."""
    endpoint = _shown_endpoint()
    feature = endpoint.partition(".")[0]
    same = [each for each in allowed if each.endpoint.partition(".")[0] == feature]
    exact = [each for each in same if each.endpoint == endpoint]
    return next(iter(exact or same), None)


def _open_place() -> str:
    return _navigation().place_by_blueprint.get(_shown_endpoint().partition(".")[0], "")


def _navigation() -> _Navigation:
    found: _Navigation = current_app.extensions[_KEY]
    return found


def may_open(endpoint: str) -> bool:
    """Whether the current user may open a page. TypeError: the page names no roles."""
    rule = access_rule(current_app, endpoint)
    if not isinstance(rule, frozenset):
        raise TypeError(f"{endpoint} is in the navigation, but names no roles")
    return current_user().has_role(*rule)
