"""The list of conflicts: open ones, decided ones, and those that settled themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from server.db.engine import db
from server.desk.conflict_cards import with_records
from server.desk.conflict_views import record_name
from server.desk.form_fields import Options
from server.desk.labels import refusal_label, state_labels, type_label
from server.desk.lists import (
    Cell,
    Choice,
    ChoiceFilter,
    Column,
    ListContext,
    OptionFilter,
    PeriodFilter,
    PersonFilter,
    RecordList,
    View,
    WordsFilter,
    person_column,
    text_column,
)
from server.models.conflicts import Conflict
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l, _lp
from sync.review.conflicts import AUTO_MERGED, MOOT

BY_THEMSELVES = (AUTO_MERGED, MOOT)

STATES = {
    "open": Choice(
        label=_lp("conflicts", "open"), condition=lambda _: Conflict.settled_at.is_(None)
    ),
    "decided": Choice(
        label=_lp("conflicts", "decided"),
        condition=lambda _: Conflict.settled_at.is_not(None) & Conflict.taken.not_in(BY_THEMSELVES),
    ),
    "themselves": Choice(
        label=_l("Settled by themselves"), condition=lambda _: Conflict.taken.in_(BY_THEMSELVES)
    ),
}


def name_records(rows: Sequence[Any], context: ListContext) -> None:
    """Read what the records of these conflicts are called."""
    ids = [row.id for row in rows]
    query = select(Conflict).where(Conflict.site_id == context.site_id, Conflict.id.in_(ids))
    questions = with_records(context.site_id, db.session.scalars(query).all())
    names = {each.conflict.id: record_name(each, context.names) for each in questions}
    context.memory.setdefault("conflict names", {}).update(names)


def record(row: Any, context: ListContext) -> str:
    """What the record is called, or its type if it has no name."""
    name = context.memory["conflict names"].get(row.id)
    return name or type_label(row.subject_type)


def state(row: Any, context: ListContext) -> Cell:
    """Whether it waits, or what was chosen."""
    if row.settled_at is None:
        waits = context.once("open conflict", lambda: state_labels("merge").get("open", ""))
        return Cell(waits, tone="warn", icon="clock")
    return Cell(context.value("merge", "taken", row.taken), tone="ok", icon="check")


def types_of_site(context: ListContext) -> Options:
    """The types of records that conflicts are about."""
    query = select(Conflict.subject_type).where(Conflict.site_id == context.site_id).distinct()
    return sorted((type_, type_label(type_)) for type_ in db.session.scalars(query))


CONFLICTS = RecordList(
    name="conflicts",
    title=_l("All conflicts"),
    help=_l("What two people said differently, and what was decided."),
    empty=_l("Nobody has said anything different yet."),
    roles=DESK_ROLES,
    site=Conflict.site_id,
    id=Conflict.id,
    show="records.show",
    show_values={"type": "merge"},
    prepare=name_records,
    order="-opened_at",
    columns=(
        Column("record", _l("About"), record, (Conflict.subject_type,), css="cut"),
        Column(
            "type",
            _l("Record type"),
            lambda row, _: type_label(row.subject_type),
            (Conflict.subject_type,),
            sort=(Conflict.subject_type,),
        ),
        Column(
            "rule",
            _l("Question"),
            lambda row, _: refusal_label(row.rule),
            (Conflict.rule,),
            css="cut",
        ),
        text_column("opened_at", _l("Arrived"), Conflict.opened_at),
        Column("state", _l("Status"), state, (Conflict.taken, Conflict.settled_at)),
        person_column("settled_by", _l("Decided by"), Conflict.settled_by_id),
        text_column("settled_at", _l("Decided at"), Conflict.settled_at),
        text_column("note", _l("Note"), Conflict.note, sort=(), shown=False),
    ),
    filters=(
        WordsFilter(name="words", label=_l("Words of the note"), columns=(Conflict.note,)),
        ChoiceFilter(name="state", label=_l("Status"), choices=STATES),
        OptionFilter(
            name="type",
            label=_l("Record type"),
            column=Conflict.subject_type,
            load=types_of_site,
        ),
        PersonFilter(name="person", label=_l("Decided by"), columns=(Conflict.settled_by_id,)),
        PeriodFilter(
            name="opened", label=_l("Arrived"), column=Conflict.opened_at, default="days30"
        ),
    ),
    views=[
        View(name="all", label=_l("30 days"), values={"state": "any"}),
        View(
            name="open", label=STATES["open"].label, values={"state": "open", "opened_since": "any"}
        ),
        View(name="decided", label=STATES["decided"].label, values={"state": "decided"}),
        View(name="themselves", label=STATES["themselves"].label, values={"state": "themselves"}),
    ],
)
