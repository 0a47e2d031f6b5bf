"""The list of checkpoints: where labels hang, and which routes pass there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext
from sqlalchemy import String, cast

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
    View,
    WordsFilter,
    label_column,
    text_column,
)
from server.desk.lists.orders import area_order
from server.i18n.locale import localize
from server.models.patrol import PatrolRoute
from server.models.places import Checkpoint
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l
from sync.work.patrol import KINDS

EDITORS = KINDS["route.change"].roles


def routes_in_use(context: ListContext) -> list[PatrolRoute]:
    """The patrol routes that are in use."""
    query = PatrolRoute.for_site(context.site_id).where(PatrolRoute.active.is_(True))
    return context.once("routes in use", lambda: list(db.session.scalars(query)))


def visited(context: ListContext) -> set[str]:
    """The checkpoints on any route that is in use."""
    return {id_ for route in routes_in_use(context) for id_ in route.points}


STATES = {
    "visited": Choice(
        label=_l("on a route in use"), condition=lambda c: Checkpoint.id.in_(visited(c))
    ),
    "nowhere": Choice(
        label=_l("on no route in use"), condition=lambda c: Checkpoint.id.not_in(visited(c))
    ),
}


def routes(row: Any, context: ListContext) -> Cell | str:
    """The routes in use that pass there."""
    found = [localize(r.label) for r in routes_in_use(context) if row.id in r.points]
    if not found:
        return Cell(gettext("on no route in use"), tone="warn", icon="alert")
    return ", ".join(found)


def relabel(id_: str, _: Mapping[str, str]) -> list[tuple[str, str, dict[str, Any]]]:
    """The op that replaces a label; patrols under way accept the new one at once."""
    return [("checkpoint.relabel", id_, {})]


CHECKPOINTS = RecordList(
    name="checkpoints",
    title=_l("Checkpoints"),
    roles=DESK_ROLES,
    site=Checkpoint.site_id,
    id=Checkpoint.id,
    show="records.show",
    show_values={"type": "checkpoint"},
    empty=_l("No checkpoints yet. They are added under Places."),
    order="place",
    columns=(
        label_column("label", _l("Checkpoint"), Checkpoint.label, sort=(Checkpoint.code,)),
        text_column("code", _l("Short number"), Checkpoint.code),
        Column(
            "area",
            _l("Area"),
            lambda row, c: c.area(row.area_id),
            (Checkpoint.area_id,),
            sort=(area_order(Checkpoint.site_id, Checkpoint.area_id), Checkpoint.code),
        ),
        Column("routes", _l("Patrol routes"), routes),
        text_column("place", _l("Order"), Checkpoint.ordinal, css="num"),
        text_column("serial", _l("Label number"), Checkpoint.serial, css="num"),
    ),
    filters=(
        WordsFilter(
            name="words",
            label=_l("Name, short number, area"),
            columns=(Checkpoint.code, cast(Checkpoint.label, String).label("name")),
            areas=(Checkpoint.area_id,),
        ),
        ChoiceFilter(name="state", label=_l("Status"), choices=STATES),
        AreaFilter(name="area", label=_l("Area"), column=Checkpoint.area_id),
    ),
    views=(
        View(name="all", label=_l("All"), values={}),
        View(
            name="nowhere",
            label=STATES["nowhere"].label,
            values={"state": "nowhere"},
            alarms=True,
        ),
    ),
    actions=(
        BulkAction(
            name="relabel",
            label=_l("Replace labels"),
            ops=relabel,
            roles=EDITORS,
            icon="undo",
            explains=_l("For lost or torn labels: the old ones are invalid. Print the new ones."),
        ),
    ),
    template="desk/patrol/index.html",
)
