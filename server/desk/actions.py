"""What can be begun at the desk, and pages and beginnings found by a part of their name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from flask import Flask, current_app, url_for
from markupsafe import Markup, escape

from server.desk.navigation import Link, may_open, navigation
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
    """The pages and actions that the current user may open and whose name, or whose place, holds
    every word of a question; all of them if it is empty. Names that begin with it come first."""
    words = asked.casefold().split()
    places = navigation()
    pages = [(page, place) for place in places for page in place.pages]
    found = [_found(page, place.label, place.icon, words) for page, place in pages]
    actions = [
        _found(
            Link(url_for(each.endpoint, _anchor=each.anchor), translate(each.label)),
            "",
            "plus",
            words,
        )
        for each in current_app.extensions[_KEY]
        if may_open(each.endpoint)
    ]
    return Offer(_in_order(found), _in_order(actions))


def _found(page: Link, place: str, icon: str, words: list[str]) -> tuple[int, Found] | None:
    name, text = page.label.casefold(), f"{page.label} {place}".casefold()
    if not all(word in text for word in words):
        return None
    rank = 0 if words and name.startswith(words[0]) else 1
    return rank, Found(page.url, _marked(page.label, words), place, icon)


def _marked(label: str, words: list[str]) -> Markup:
    """A label with the first place of each word marked."""
    hits = {
        at + n
        for word in words
        if (at := label.casefold().find(word)) >= 0
        for n in range(len(word))
    }
    text, is_open = Markup(), False
    for number, sign in enumerate(label):
        if (number in hits) != is_open:
            is_open = number in hits
            text += Markup("<mark>") if is_open else Markup("</mark>")
        text += escape(sign)
    return text + Markup("</mark>") if is_open else text


def _in_order(found: Iterable[tuple[int, Found] | None]) -> list[Found]:
    ranked = [each for each in found if each is not None]
    return [line for _, line in sorted(ranked, key=lambda each: each[0])]
