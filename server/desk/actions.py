"""What can be begun at the desk, and pages and beginnings found by a part of their name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from flask import Flask, current_app, url_for
from markupsafe import Markup, escape

from server.desk.navigation import may_open, navigation
from server.i18n.locale import translate
from sync.protocol.text import Text

_KEY = "lodge-actions"


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
    """A label with every word of the question marked."""
    small, parts, place = label.lower(), list[Markup](), 0
    if len(small) != len(label):  # a letter whose small form is longer: nothing is at its place
        return escape(label)
    while found := min(_occurrences(small, words, place), default=None):
        start, end = found
        parts += [escape(label[place:start]), Markup("<mark>{}</mark>").format(label[start:end])]
        place = end
    return Markup().join([*parts, escape(label[place:])])


def _occurrences(text: str, words: list[str], place: int) -> Iterator[tuple[int, int]]:
    """Where each word stands first from a place on, if it does: start and end."""
    for word in words:
        start = text.find(word.lower(), place)
        if word and start >= 0:
            yield start, start + len(word)
