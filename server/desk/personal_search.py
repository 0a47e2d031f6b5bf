"""What is looked for about somebody, and how what is found is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext
from sqlalchemy import JSON, ColumnElement, Text, func, select
from sqlalchemy import cast as cast_to

from server.db.engine import db
from server.desk.field_errors import FieldError, FormRefused
from server.desk.labels import state_label, type_label
from server.desk.personal_texts import Times, page_time, personal_texts
from server.models.places import Unit
from server.oplog.directory import directory_of
from sync import RECORD_TYPES
from sync.protocol.conflict_resolution import to_json_value
from sync.protocol.json_codec import dump_json
from sync.protocol.normalise import home_key, plate_key, visible

MIN_LETTERS, MAX_LETTERS = {"name": 1, "number": 4, "plate": 3, "home": 1}, 80
BLANKS = (" ", "-", "·", ".")
"""What stands between the digits of a number or a plate."""

NOT_EXPORTED = frozenset(
    {"site_id", "version", "purged_at", "plate_key", "name_key", "photos_here", "slip"}
    | {"owed_cents", "stored_state"}
)
"""Columns that are about storage or follow from others, and the code that opens the page of a
ticket."""


NAME_FIELDS = ("visitor", "phone", "plate", "contact", "worker", "carrier", "finder", "ended_with")
"""Fields of records that hold somebody's name, number or plate and nothing else."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is looked for; a record is found by any of them."""

    name: str = ""
    number: str = ""
    plate: str = ""
    home: str = ""

    @classmethod
    def of_form(cls, form: Mapping[str, str]) -> Terms:
        """The terms of a sent form; one that is too short to tell people apart is left out.

        Raises FormRefused for one that is longer than any name.
        """
        given = {name: visible(form.get(name, "")) for name in MIN_LETTERS}
        too_long = [
            FieldError((name,), _too_long(len(text)))
            for name, text in given.items()
            if len(text) > MAX_LETTERS
        ]
        if too_long:
            raise FormRefused(too_long[0].message, too_long)
        return cls(**{n: text for n, text in given.items() if len(text) >= MIN_LETTERS[n]})

    def __bool__(self) -> bool:
        return bool(self.name or self.number or self.plate or self.home)


@dataclass(frozen=True, slots=True)
class Found:
    """A record about somebody, or an op that belongs to none (`type` "op").

    `obstacles` are the reasons why it cannot be erased now.
    """

    type: str
    id: str
    label: str
    state: str
    fields: list[tuple[str, str]]
    values: dict[str, Any]
    photos: list[str]
    obstacles: list[str]

    @property
    def key(self) -> str:
        return f"{self.type}:{self.id}"


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for at a site, the homes that were named, how times are written, and how many
    records of a type are wanted (None: all)."""

    site_id: str
    terms: Terms
    homes: list[str]
    times: Times
    most: int | None


def _too_long(length: int) -> str:
    return gettext(
        "At most %(most)s characters; this has %(length)s.", most=MAX_LETTERS, length=length
    )


def names_in(terms: Terms, found: Sequence[Found]) -> list[str]:
    """The names, numbers and plates that were looked for, and those of these records."""
    texts = [terms.name, terms.number, terms.plate]
    return texts + [each.values.get(name) or "" for each in found for name in NAME_FIELDS]


def search_for(
    site_id: str, terms: Terms, *, times: Times = page_time, most: int | None = None
) -> Search:
    """A search at a site; the homes are those that the terms name."""
    return Search(site_id, terms, _homes(site_id, terms.home), times, most)


def _homes(site_id: str, typed: str) -> list[str]:
    if not typed:
        return []
    units = db.session.execute(select(Unit.id, Unit.label).where(Unit.site_id == site_id))
    wanted = home_key(typed)
    return [row.id for row in units if wanted in map(home_key, row.label.values())]


def found_record(
    search: Search, type_: str, values: Mapping[str, Any], obstacles: list[str]
) -> Found:
    """A record with its texts, without what is only about storage."""
    shown = {name: value for name, value in values.items() if name not in NOT_EXPORTED}
    return Found(
        type=type_,
        id=values["id"],
        label=type_label(type_),
        state=state_label(type_, RECORD_TYPES[type_].state(values)),
        fields=personal_texts(type_, shown, directory_of(search.site_id), search.times),
        values=to_json_value(shown),
        photos=list(values.get("photos") or ()),
        obstacles=obstacles,
    )


def text_conditions(columns: Sequence[Any], terms: Terms) -> list[ColumnElement[bool]]:
    """Whether a column contains the name, the number or the plate, however they are written."""
    conditions: list[ColumnElement[bool]] = []
    for column in columns:
        is_json = isinstance(column.type, JSON)
        text = func.lower(cast_to(column, Text))
        if terms.name:
            needle = dump_json(terms.name)[1:-1] if is_json else terms.name
            conditions.append(text.contains(needle.lower(), autoescape=True))
        for term in (terms.number, terms.plate):
            if key := plate_key(term):
                needle = dump_json(key)[1:-1] if is_json else key
                plain: Any = text
                for blank in BLANKS:
                    written = dump_json(blank)[1:-1] if is_json else blank
                    plain = func.replace(plain, written, "")
                conditions.append(plain.contains(needle.lower(), autoescape=True))
    return conditions
