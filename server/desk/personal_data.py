"""What a site holds about somebody: finds it, and says what forbids to erase it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

from flask_babel import gettext
from sqlalchemy import Select, false, or_, select

from server.db.engine import db
from server.desk.formatting import labelled_values
from server.desk.labels import op_label
from server.desk.personal_search import NOT_EXPORTED, Found, Search, found_record, text_conditions
from server.desk.staff_data import find_staff_records
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
from server.models.people import Person
from server.oplog.directory import directory_of
from server.oplog.redaction import EMPTY_BODY

MAX_FOUND = 300
"""Records of one type that a page lists; a file has all."""


def find_records(search: Search, people: Sequence[Person]) -> list[Found]:
    """A25: everything that is held about somebody, by type, newest first, and all that is held
    about these people, who work here."""
    if not search.terms:
        return []
    records = [each for type_ in PERSONAL_TYPES for each in _of_type(search, type_)]
    return [*records, *find_staff_records(search, people), *_unapplied_ops(search)]


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
    conditions.append(table.id.in_(_subjects_that_said(search)))
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


def _subjects_that_said(search: Search) -> Select[Any]:
    """The records that an op names somebody in, though a correction may have removed the name."""
    ops = LoggedOp.metadata.tables["op"]
    said = or_(false(), *text_conditions([ops.c.body], search.terms))
    return select(ops.c.subject).where(ops.c.site_id == search.site_id, said)


def _obstacles(in_use: bool, is_held: bool) -> list[str]:
    obstacles = [gettext("It is not over yet: still inside, open or owed.")] if in_use else []
    held = gettext("A case needs it: legal hold, or a lost item case about this home.")
    return [*obstacles, held] if is_held else obstacles


def _unapplied_ops(search: Search) -> Iterator[Found]:
    """Ops that were never applied, also damaged ones, of which there is only the text."""
    site_id, terms = search.site_id, search.terms
    table = LoggedOp.metadata.tables["op"]
    conditions = text_conditions([table.c.payload, table.c.body], terms)
    if not conditions:
        return
    records = select(FeedRow.id).where(FeedRow.site_id == site_id, FeedRow.id == table.c.subject)
    query = (
        select(
            table.c.id,
            table.c.kind,
            table.c.payload,
            table.c.body,
            records.exists().label("has_record"),
        )
        .where(table.c.site_id == site_id, table.c.status.in_(UNAPPLIED_STATUSES))
        .where(table.c.body != EMPTY_BODY, or_(*conditions))
        .order_by(LoggedOp.in_order().desc())
        .limit(search.most)
    )
    names = directory_of(site_id)
    belongs = gettext("It is kept as long as the record that it is about.")
    for row in db.session.execute(query):
        sent = row.payload if row.payload and isinstance(row.payload, dict) else {"text": row.body}
        payload = {name: value for name, value in sent.items() if name not in NOT_EXPORTED}
        fields = labelled_values(None, payload, names, kind=row.kind, times=search.times)
        label = gettext("Not accepted: %(what)s", what=op_label(row.kind))
        obstacles = [belongs] if row.has_record else []
        yield Found("op", row.id, label, "", fields, payload, [], obstacles)
