"""The list of checklists: their criteria, editions, and what they are for."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from sqlalchemy import String, and_, cast

from server.desk.lists import (
    Cell,
    Choice,
    ChoiceFilter,
    Column,
    ListContext,
    RecordList,
    View,
    WordsFilter,
    label_column,
    text_column,
)
from server.models.checklists import Checklist
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l, _lp

ITEMS = Checklist.__table__.c["items"].label("criteria")
IS_EMPTY = cast(Checklist.__table__.c["items"], String) == "[]"
IN_USE = Checklist.retired_at.is_(None)

STATES = {
    "used": Choice(label=_lp("record in use", "in use"), condition=lambda _: IN_USE),
    "empty": Choice(label=_l("no criteria yet"), condition=lambda _: and_(IN_USE, IS_EMPTY)),
    "retired": Choice(label=_l("retired"), condition=lambda _: ~IN_USE),
}


def about(row: Any, context: ListContext) -> str:
    """What a checklist inspects: areas, of some kinds or of all, or people."""
    if row.about == "person":
        return gettext("person")
    kinds = [context.value("area", "kind", kind) for kind in row.area_kinds]
    return ", ".join(kinds) or gettext("every type of area")


def state(row: Any, _: ListContext) -> Cell:
    """Whether a checklist can be used."""
    if row.retired_at:
        return Cell(gettext("retired"), tone="dim")
    if not row.criteria:
        return Cell(gettext("no criteria yet"), tone="warn", icon="alert")
    return Cell(gettext("in use"), tone="ok", icon="ok")


CHECKLISTS = RecordList(
    name="checklists",
    title=_l("Checklists"),
    roles=DESK_ROLES,
    site=Checklist.site_id,
    id=Checklist.id,
    show="checklists.show",
    formulas=("I3",),
    empty=_l("No checklists yet."),
    order="code",
    columns=(
        text_column("code", _l("Code"), Checklist.code),
        label_column("label", _lp("thing", "Name"), Checklist.label),
        Column(
            "about",
            _l("Checklist for"),
            about,
            (Checklist.about, Checklist.area_kinds),
            sort=(Checklist.about, Checklist.code),
        ),
        Column("count", _l("Criteria"), lambda row, _: len(row.criteria), (ITEMS,), css="num"),
        Column(
            "critical",
            _l("Critical criteria"),
            lambda row, _: sum(item["critical"] for item in row.criteria),
            css="num",
        ),
        text_column("edition", _l("Edition"), Checklist.edition, css="num"),
        Column(
            "state",
            _l("Status"),
            state,
            (Checklist.retired_at,),
            sort=(Checklist.retired_at, Checklist.code),
        ),
        text_column("clause", _l("Clause"), Checklist.clause, shown=False),
    ),
    filters=(
        WordsFilter(
            name="words",
            label=_l("Code, name, criterion"),
            columns=(
                Checklist.code,
                cast(Checklist.label, String).label("name"),
                cast(Checklist.__table__.c["items"], String).label("texts"),
            ),
        ),
        ChoiceFilter(name="state", label=_l("Status"), choices=STATES, default="used"),
    ),
    views=(
        View(name="used", label=STATES["used"].label, values={"state": "used"}),
        View(name="empty", label=STATES["empty"].label, values={"state": "empty"}),
        View(name="retired", label=STATES["retired"].label, values={"state": "retired"}),
    ),
    template="desk/checklists/index.html",
)
