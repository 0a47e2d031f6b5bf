"""What can be begun at the desk, and pages and beginnings found by a part of their name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from flask import Flask, current_app, url_for
from markupsafe import Markup, escape

from server.desk.navigation import may_open, navigation
from server.i18n.locale import translate
from sync.protocol.text import Text

_KEY = "lodge-actions"

MARK = Markup("<mark>{}</mark>")


class Action(NamedTuple):
    """Something to begin at the desk: the page of its form, where on it, and what it is called."""

    endpoint: str
    label: Text
    anchor: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A line of the palette: a page or an action; `name` marks what was asked for."""

    url: str
    name: Markup
    place: str
    icon: str
    about: str


class _Line(NamedTuple):
    """A page or an action before it is looked for."""

    url: str
    label: str
    place: str = ""
    icon: str = "plus"
    about: str = ""

    @property
    def text(self) -> str:
        return f"{self.label} {self.place} {self.about}".casefold()


@dataclass(frozen=True, slots=True)
class Offer:
    """What the palette found: pages, and actions."""

    pages: list[Found]
    actions: list[Found]

    @property
    def count(self) -> int:
        return len(self.pages) + len(self.actions)


def init_app(app: Flask, actions: Iterable[Action]) -> None:
    """Keep what the pages offer to begin."""
    app.extensions[_KEY] = list(actions)


def offer(asked: str) -> Offer:
    """The pages and actions that the current user may open and that speak of every word of a
    question; all of them if it is empty. Names that begin with it come first, then other names."""
    words = asked.casefold().split()
    pages = [
        _Line(page.url, page.label, place.label, place.icon, page.about)
        for place in navigation()
        for page in place.pages
    ]
    actions = [
        _Line(url_for(each.endpoint, _anchor=each.anchor), translate(each.label))
        for each in current_app.extensions[_KEY]
        if may_open(each.endpoint)
    ]
    return Offer(_matching(pages, words), _matching(actions, words))


def _matching(lines: list[_Line], words: list[str]) -> list[Found]:
    found = [line for line in lines if all(word in line.text for word in words)]
    found.sort(key=lambda line: _rank(line.label.casefold(), words))
    return [
        Found(line.url, _marked(line.label, words), line.place, line.icon, line.about)
        for line in found
    ]


def _rank(label: str, words: list[str]) -> int:
    """0 for a name that begins with the question, 1 for one with a word of it, 2 for others."""
    if not words or label.startswith(words[0]):
        return 0
    return 1 if any(word in label for word in words) else 2


def _marked(label: str, words: list[str]) -> Markup:
    """A label with the first place of each word of the question marked."""
    starts = ((label.lower().find(word), len(word)) for word in words)
    hits = {at + n for at, length in starts if at >= 0 for n in range(length)}
    runs = groupby(enumerate(label), key=lambda each: each[0] in hits)
    parts = [(is_hit, "".join(sign for _, sign in run)) for is_hit, run in runs]
    return Markup().join(MARK.format(text) if is_hit else escape(text) for is_hit, text in parts)
