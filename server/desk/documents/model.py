"""What a document consists of, whether it becomes a PDF or a page of HTML. All of it is text that
is ready to be shown, in the language of the request."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

Facts = Sequence[tuple[str, str]]
"""Labels with their values."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A sentence or more. `is_warning`: something that is missing or must be looked at."""

    text: str
    is_warning: bool = False
    type: str = "paragraph"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under a heading each; `empty` stands instead of no rows."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    empty: str = ""
    type: str = "table"

    def shares(self, room: int) -> list[int]:
        """The shares of the columns in a line of so many Latin characters, by their longest texts;
        none if these need more than the line, so that the columns have to be weighed anew."""
        widths = [
            max(_width(line[place]) for line in [self.columns, *self.rows])
            for place in range(len(self.columns))
        ]
        return widths if sum(widths) < room else []


def _width(text: str) -> int:
    """The width of a text in Latin characters; a Chinese one takes two."""
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text) + 2


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo of the site by its hash, and the words below it."""

    sha256: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Photos:
    """Photos beside each other."""

    photos: Sequence[Photo]
    type: str = "photos"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: when, a sentence about it, further lines, and its photos."""

    time: str
    text: str
    notes: Sequence[str] = ()
    photos: Sequence[Photo] = ()


@dataclass(frozen=True, slots=True)
class Story:
    """What happened, in order; `empty` stands instead of no events."""

    events: Sequence[Event]
    empty: str = ""
    type: str = "story"


@dataclass(frozen=True, slots=True)
class FactList:
    """Labels with their values, within a section."""

    facts: Facts
    type: str = "facts"


Block = Paragraph | Table | Photos | Story | FactList


@dataclass(frozen=True, slots=True)
class Section:
    """A part with a heading, "" for none."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Document:
    """A document. `subtitle` stands below the title, `footer` at the foot of each page, and a line
    to sign for each of `signatures` at the end."""

    title: str
    subtitle: str = ""
    facts: Facts = ()
    sections: Sequence[Section] = ()
    signatures: Sequence[str] = ()
    footer: str = ""
    is_landscape: bool = False

    def photos(self) -> list[str]:
        """The hashes of all photos, each once, in the order of the document."""
        blocks = [block for section in self.sections for block in section.blocks]
        shown = [photo for block in blocks for photo in _photos_of(block)]
        return list(dict.fromkeys(photo.sha256 for photo in shown))


def _photos_of(block: Block) -> list[Photo]:
    if isinstance(block, Photos):
        return list(block.photos)
    if isinstance(block, Story):
        return [photo for event in block.events for photo in event.photos]
    return []
