"""The list of accountability categories: which are in force, and who has read them."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from sqlalchemy import and_, select

from server.auth.access import current_user
from server.db.engine import db
from server.desk.lists import (
    BulkAction,
    Cell,
    Choice,
    ChoiceFilter,
    Column,
    ListContext,
    RecordList,
    View,
    WordsFilter,
    day_column,
    label_column,
    label_texts,
    text_column,
)
from server.desk.options import active_people
from server.desk.payload_form import PayloadForm
from server.models.categories import CaseCategory
from server.models.places import Site
from sync.accountability.categories import state
from sync.estate.places import MASTER_DATA_ROLES
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l, _lp

HOURS_FORM = PayloadForm("site.retain", "statement_hours")

PUBLISHED, ENDED = CaseCategory.published_at, CaseCategory.deactivated_at
STATES = {
    "active": Choice(
        label=_lp("record in use", "in use"),
        condition=lambda _: and_(PUBLISHED.is_not(None), ENDED.is_(None)),
    ),
    "unpublished": Choice(
        label=_l("not published"),
        condition=lambda _: and_(PUBLISHED.is_(None), ENDED.is_(None)),
    ),
    "inactive": Choice(label=_l("not in use"), condition=lambda _: ENDED.is_not(None)),
}


def said_state(row: Any, context: ListContext) -> Cell:
    """Whether the category applies."""
    name = state(row._mapping)
    said = context.state("category", name)
    if name == "active":
        return Cell(said, tone="ok", icon="ok")
    return Cell(said, tone="warn" if name == "unpublished" else "dim", icon="todo")


def read_by(row: Any, context: ListContext) -> Cell:
    """How many of those who work here have read it."""
    people = context.once("working", lambda: {p.id for p in active_people(context.site_id)})
    read, everybody = len(people & set(row.acknowledged)), len(people)
    said = gettext("%(read)s of %(all)s", read=read, all=everybody)
    is_due = state(row._mapping) == "active" and read < everybody
    return Cell(said, tone="warn" if is_due else "")


def origin(row: Any, _: ListContext) -> str:
    """Where the category comes from."""
    return gettext("from the content pack") if row.seeded else gettext("added by this site")


def texts(context: ListContext) -> dict[str, str]:
    """What to look for words in, by category."""
    query = select(CaseCategory.id, CaseCategory.label, CaseCategory.text)
    rows = db.session.execute(query.where(CaseCategory.site_id == context.site_id)).all()
    both = label_texts({row.id: row.label for row in rows})
    return {row.id: f"{both[row.id]} {' '.join(row.text.values())}" for row in rows}


def settings() -> dict[str, Any]:
    """The form of the time for statements."""
    site_id = current_user().site_id
    label = gettext("Minimum hours for giving a statement")
    return {
        "hours_inputs": HOURS_FORM.inputs(
            vars(db.session.get_one(Site, (site_id, site_id))), labels={"statement_hours": label}
        ),
        "may_change": current_user().has_role(*MASTER_DATA_ROLES),
    }


STATE_COLUMNS = (PUBLISHED, ENDED)

CATEGORIES = RecordList(
    name="categories",
    title=_l("Accountability categories"),
    roles=DESK_ROLES,
    site=CaseCategory.site_id,
    id=CaseCategory.id,
    show="categories.show",
    formulas=("A1", "A2"),
    empty=_l("No category yet. Nobody can be held to account before one is published."),
    order="code",
    columns=(
        text_column("code", _l("Code"), CaseCategory.code),
        label_column("label", _l("Category"), CaseCategory.label, css="cut"),
        Column("state", _l("Status"), said_state, STATE_COLUMNS, STATE_COLUMNS),
        Column("read", _lp("category", "Read by"), read_by, (CaseCategory.acknowledged,)),
        day_column("published_at", _l("Published at"), PUBLISHED),
        Column("origin", _lp("category", "Origin"), origin, (CaseCategory.seeded,), shown=False),
        text_column("clause", _l("Clause"), CaseCategory.clause, shown=False),
        day_column("deactivated_at", _l("Deactivated at"), ENDED, shown=False),
    ),
    filters=(
        WordsFilter(
            name="words",
            label=_l("Code or words"),
            columns=(CaseCategory.code,),
            named={CaseCategory.id: texts},
        ),
        ChoiceFilter(name="state", label=_l("Status"), choices=STATES),
    ),
    views=[
        View(name="all", label=_l("All"), values={}),
        *(View(name=n, label=c.label, values={"state": n}) for n, c in STATES.items()),
    ],
    actions=(
        BulkAction(
            name="publish",
            label=_l("Publish"),
            ops=lambda id_, _: [("category.publish", id_, {})],
            roles=MASTER_DATA_ROLES,
            icon="ok",
            explains=_l("Everybody is asked to read what is published."),
        ),
        BulkAction(
            name="deactivate",
            label=_l("Deactivate"),
            ops=lambda id_, _: [("category.deactivate", id_, {})],
            roles=MASTER_DATA_ROLES,
            icon="x",
            explains=_l("No new case can be opened in these categories."),
        ),
    ),
    template="desk/categories/index.html",
    extra=settings,
)
