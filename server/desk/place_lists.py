"""The lists of homes and of areas."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import aliased

from server.auth.access import current_user
from server.db.engine import db
from server.desk.lists import (
    AreaFilter,
    BulkAction,
    Cell,
    Choice,
    ChoiceFilter,
    Column,
    ListContext,
    RecordList,
    ValueFilter,
    View,
    WordsFilter,
    choice_column,
    count_column,
    label_column,
    label_texts,
    text_column,
)
from server.i18n.locale import localize
from server.models import MODELS_BY_TYPE
from server.models.places import Area, Checkpoint, Unit
from server.models.tickets import Ticket
from sync import KINDS, RECORD_TYPES
from sync.estate.places import MASTER_DATA_ROLES
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l, _lp

OCCUPANCY_EDITORS = KINDS["unit.occupy"].roles

_AREA = aliased(Area, name="around")
AREA_ORDER = (
    select(_AREA.ordinal)
    .where(_AREA.site_id == Unit.site_id, _AREA.id == Unit.area_id)
    .scalar_subquery()
)
HOMES_IN_AREA = (
    select(func.count(Unit.id))
    .where(Unit.site_id == Area.site_id, Unit.area_id == Area.id)
    .scalar_subquery()
    .label("homes")
)
CHECKPOINTS_IN_AREA = (
    select(func.count(Checkpoint.id))
    .where(Checkpoint.site_id == Area.site_id, Checkpoint.area_id == Area.id)
    .scalar_subquery()
    .label("checkpoints")
)


def duplicate_labels(*types: str) -> list[str]:
    """E20: what places of these types are called that share a name or a number: older ones, which
    are kept."""
    site_id, shared = current_user().site_id, dict[str, Any]()
    for type_ in types:
        unique_keys, by_key = RECORD_TYPES[type_].unique_keys, dict[str, dict[str, Any]]()
        table = MODELS_BY_TYPE[type_].__table__
        for place in db.session.execute(select(table).where(table.c.site_id == site_id)).mappings():
            for key in unique_keys(dict(place)) if unique_keys else ():
                by_key.setdefault(key, {})[place["id"]] = place["label"]
        for found in by_key.values():
            shared |= found if len(found) > 1 else {}
    return [localize(label) for label in shared.values()]


def is_open_at_home(context: ListContext) -> list[ColumnElement[bool]]:
    """The conditions of open tickets about homes."""
    return [
        Ticket.site_id == context.site_id,
        Ticket.closed_at.is_(None),
        Ticket.merged_into.is_(None),
        Ticket.unit.is_not(None),
    ]


def open_tickets(row: Any, context: ListContext) -> Cell:
    """How many tickets about a home are open."""
    number = context.once("open tickets", lambda: _count_by_home(context)).get(row.id, 0)
    return Cell(number, tone="" if number else "dim")


def _count_by_home(context: ListContext) -> dict[str, int]:
    query = select(Ticket.unit, func.count()).where(*is_open_at_home(context))
    counted = db.session.execute(query.group_by(Ticket.unit))
    return {str(home): number for home, number in counted}


def occupancy(row: Any, _: ListContext) -> Cell:
    """Whether somebody lives there."""
    if row.occupied:
        return Cell(gettext("occupied"))
    return Cell(gettext("vacant"), tone="dim", icon="todo")


def occupy(occupied: bool) -> Any:
    """What makes the op that says whether a home is occupied."""
    return lambda id_, _: [("unit.occupy", id_, {"occupied": occupied})]


STATES = {
    "occupied": Choice(label=_l("occupied"), condition=lambda _: Unit.occupied.is_(True)),
    "vacant": Choice(label=_l("vacant"), condition=lambda _: Unit.occupied.is_(False)),
    "tickets": Choice(
        label=_l("with open tickets"),
        condition=lambda c: Unit.id.in_(select(Ticket.unit).where(*is_open_at_home(c))),
    ),
}

HOMES = RecordList(
    name="homes",
    title=_l("Homes"),
    roles=DESK_ROLES,
    site=Unit.site_id,
    id=Unit.id,
    show="homes.show",
    empty=_l("No home yet. Add the areas first, then the homes in them."),
    order="home",
    columns=(
        label_column("home", _l("Home"), Unit.label, sort=(Unit.sort_key,)),
        Column(
            "area",
            _l("Area"),
            lambda row, c: c.area(row.area_id),
            (Unit.area_id,),
            sort=(AREA_ORDER, Unit.sort_key),
        ),
        Column("state", _l("Status"), occupancy, (Unit.occupied,), sort=(Unit.occupied,)),
        Column("open_tickets", _l("Open tickets"), open_tickets, css="num"),
    ),
    filters=(
        WordsFilter(
            name="words",
            label=_l("Number or area"),
            areas=(Unit.area_id,),
            named={Unit.id: lambda c: label_texts(c.names.units)},
        ),
        AreaFilter(name="area", label=_l("Area"), column=Unit.area_id),
        ChoiceFilter(name="state", label=_l("Status"), choices=STATES),
    ),
    views=[
        View(name="all", label=_l("All"), values={}),
        *(View(name=n, label=c.label, values={"state": n}) for n, c in STATES.items()),
    ],
    actions=(
        BulkAction(
            name="occupied",
            label=_l("Mark as occupied"),
            ops=occupy(True),
            roles=OCCUPANCY_EDITORS,
            icon="home",
        ),
        BulkAction(
            name="vacant",
            label=_l("Mark as vacant"),
            ops=occupy(False),
            roles=OCCUPANCY_EDITORS,
            icon="out",
            explains=_l("Planned work in these homes is cancelled."),
        ),
    ),
    template="desk/places/index.html",
    extra=lambda: {
        "duplicates": duplicate_labels("unit"),
        "may_add": current_user().has_role(*MASTER_DATA_ROLES),
    },
)

AREAS = RecordList(
    name="areas",
    title=_l("Areas"),
    roles=DESK_ROLES,
    site=Area.site_id,
    id=Area.id,
    show="records.show",
    show_values={"type": "area"},
    empty=_l("No area yet. Add the buildings and the grounds first."),
    order="area",
    columns=(
        label_column("area", _l("Area"), Area.label, sort=(Area.ordinal,)),
        choice_column("kind", _l("Type of area"), Area.kind, "area"),
        Column("parent", _l("Part of"), lambda row, c: c.area(row.parent_id), (Area.parent_id,)),
        count_column("homes", _l("Homes"), HOMES_IN_AREA),
        count_column("checkpoints", _l("Checkpoints"), CHECKPOINTS_IN_AREA),
        text_column("code", _lp("area", "Number"), Area.code, shown=False),
    ),
    filters=(
        WordsFilter(
            name="words", label=_l("Name or number"), areas=(Area.id,), columns=(Area.code,)
        ),
        AreaFilter(name="within", label=_l("Part of"), column=Area.id),
        ValueFilter(
            name="kind",
            label=_l("Type of area"),
            column=Area.kind,
            record_type="area",
            field="kind",
        ),
    ),
    views=[View(name="all", label=_l("All"), values={})],
    template="desk/places/index.html",
    extra=lambda: {
        "duplicates": duplicate_labels("area", "checkpoint"),
        "may_add": current_user().has_role(*MASTER_DATA_ROLES),
    },
)
