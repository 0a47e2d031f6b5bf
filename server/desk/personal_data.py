"""What a site holds about somebody: finds it, says what forbids to erase it, packs it for them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any, cast

from flask_babel import gettext
from sqlalchemy import JSON, ColumnElement, Text, func, or_, select
from sqlalchemy import cast as cast_to

from server.db.engine import db
from server.desk.evidence_pack import archive
from server.desk.field_errors import FieldError, FormRefused
from server.desk.formatting import labelled_values
from server.desk.labels import op_label, state_label, type_label
from server.desk.personal_texts import Times, page_time, personal_texts
from server.jobs.retention import (
    PERSONAL_TYPES,
    UNAPPLIED_STATUSES,
    ended_at,
    is_on_hold,
)
from server.models import MODELS_BY_TYPE
from server.models.column_classes import PERSONAL, SENSITIVE, columns_of
from server.models.feed import FeedRow
from server.models.oplog import LoggedOp
from server.models.places import Unit
from server.oplog.directory import directory_of
from server.oplog.hash_chain import log_head
from server.oplog.redaction import EMPTY_BODY
from server.photos import uploads
from sync import RECORD_TYPES
from sync.protocol.conflict_resolution import to_json_value
from sync.protocol.normalise import home_key, plate_key, visible

MAX_FOUND = 300
"""Records of one type that a page lists; a file has all."""

MIN_LETTERS, MAX_LETTERS = {"name": 1, "number": 4, "plate": 3, "home": 1}, 80
BLANKS = (" ", "-", "·", ".")
"""What stands between the digits of a number or a plate."""

NOT_EXPORTED = frozenset(
    {"site_id", "version", "purged_at", "plate_key", "name_key", "photos_here", "slip"}
)
"""Columns that are about storage, and the code that opens the page of a ticket."""


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


def find_records(
    site_id: str, terms: Terms, *, times: Times = page_time, most: int | None = None
) -> list[Found]:
    """A25: everything that is held about somebody, by type, newest first; `most` of each type at
    most. `times` writes a time."""
    if not terms:
        return []
    search = Search(site_id, terms, _homes(site_id, terms.home), times, most)
    records = [each for type_ in PERSONAL_TYPES for each in _of_type(search, type_)]
    return [*records, *_unapplied_ops(search)]


def _homes(site_id: str, typed: str) -> list[str]:
    if not typed:
        return []
    units = db.session.execute(select(Unit.id, Unit.label).where(Unit.site_id == site_id))
    wanted = home_key(typed)
    return [row.id for row in units if wanted in map(home_key, row.label.values())]


def _of_type(search: Search, type_: str) -> Iterator[Found]:
    table, personal = cast(Any, MODELS_BY_TYPE[type_]), PERSONAL_TYPES[type_]
    columns = [
        table.__table__.c[name]
        for name in columns_of(table.__tablename__, PERSONAL, SENSITIVE)
        if name not in ("photos", "slip", personal.home_field)
    ]
    conditions = text_conditions(columns, search.terms)
    if search.homes and personal.home_field:
        conditions.append(getattr(table, personal.home_field).in_(search.homes))
    if not conditions:
        return
    query = (
        select(table, ended_at(type_).is_(None), is_on_hold(search.site_id, type_))
        .where(table.site_id == search.site_id, table.purged_at.is_(None), or_(*conditions))
        .order_by(table.id.desc())
        .limit(search.most)
    )
    for record, is_open, is_held in db.session.execute(query):
        values = {c.key: getattr(record, c.key) for c in table.__table__.columns}
        in_use = is_open or personal.in_use(values) or not personal.is_over(values)
        yield found_record(search, type_, values, _obstacles(in_use, is_held))


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


def _obstacles(in_use: bool, is_held: bool) -> list[str]:
    obstacles = [gettext("It is not over yet: still inside, open or owed.")] if in_use else []
    held = gettext("A case needs it: legal hold, or a lost item case about this home.")
    return [*obstacles, held] if is_held else obstacles


def text_conditions(columns: Sequence[Any], terms: Terms) -> list[ColumnElement[bool]]:
    """Whether a column contains the name, the number or the plate, however they are written."""
    conditions: list[ColumnElement[bool]] = []
    for column in columns:
        is_json = isinstance(column.type, JSON)
        text = func.lower(cast_to(column, Text))
        if terms.name:
            needle = json.dumps(terms.name)[1:-1] if is_json else terms.name
            conditions.append(text.contains(needle.lower(), autoescape=True))
        for term in (terms.number, terms.plate):
            if key := plate_key(term):
                needle = json.dumps(key)[1:-1] if is_json else key
                plain: Any = text
                for blank in BLANKS:
                    written = json.dumps(blank)[1:-1] if is_json else blank
                    plain = func.replace(plain, written, "")
                conditions.append(plain.contains(needle.lower(), autoescape=True))
    return conditions


def _unapplied_ops(search: Search) -> Iterator[Found]:
    """Ops that were never applied and belong to no record."""
    site_id, terms = search.site_id, search.terms
    table = LoggedOp.metadata.tables["op"]
    conditions = text_conditions([table.c.payload], terms)
    if not conditions:
        return
    records = select(FeedRow.id).where(FeedRow.site_id == site_id, FeedRow.id == table.c.subject)
    query = (
        select(table.c.id, table.c.kind, table.c.payload)
        .where(table.c.site_id == site_id, table.c.status.in_(UNAPPLIED_STATUSES))
        .where(table.c.body != EMPTY_BODY, or_(table.c.subject.is_(None), ~records.exists()))
        .where(or_(*conditions))
        .order_by(LoggedOp.in_order().desc())
        .limit(search.most)
    )
    names = directory_of(site_id)
    for row in db.session.execute(query):
        sent = row.payload if isinstance(row.payload, dict) else {"payload": str(row.payload)}
        payload = {name: value for name, value in sent.items() if name not in NOT_EXPORTED}
        fields = labelled_values(None, payload, names, kind=row.kind, times=search.times)
        label = gettext("Not accepted: %(what)s", what=op_label(row.kind))
        yield Found("op", row.id, label, "", fields, payload, [], [])


def pack(site_id: str, found: Sequence[Found]) -> bytes:
    """A ZIP of what was found: everything as JSON, a table for each type, the photos, and
    where the log ended."""
    records = [
        {"type": each.type, "label": each.label, "state": each.state, "values": each.values}
        | {"fields": [{"label": label, "text": text} for label, text in each.fields]}
        for each in found
    ]
    content = json.dumps(records, ensure_ascii=False, indent=1, sort_keys=True)
    head = log_head(site_id)
    log = json.dumps({"place": head.judged, "link": head.link})
    files = {"records.json": content.encode(), "log.json": log.encode()}
    for type_ in dict.fromkeys(each.type for each in found):
        files[f"{type_}.csv"] = _table([each for each in found if each.type == type_])
    for sha256 in {name for each in found for name in each.photos}:
        if uploads.find_photo(site_id, sha256):
            files[f"photos/{sha256}.jpg"] = uploads.read_photo(site_id, sha256)
    return archive(files)


def _table(found: Sequence[Found]) -> bytes:
    """One line a record, one column a field. A cell that a spreadsheet would compute is text."""
    headings = list(dict.fromkeys(label for each in found for label, _ in each.fields))
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow([gettext("State"), *headings])
    for each in found:
        texts = dict(each.fields)
        writer.writerow([each.state, *(_as_text(texts.get(label, "")) for label in headings)])
    return out.getvalue().encode("utf-8-sig")


def _as_text(cell: str) -> str:
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
