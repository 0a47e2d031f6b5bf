"""The list of scans outside a patrol, with counting many for one at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext
from sqlalchemy import String, cast

from server.db.engine import db
from server.desk.form_fields import FormField, Options
from server.desk.lists import (
    AreaFilter,
    BulkAction,
    Cell,
    Choice,
    ChoiceFilter,
    Column,
    ListContext,
    PeriodFilter,
    PersonFilter,
    RecordList,
    View,
    WordsFilter,
    choice_column,
    person_column,
    text_column,
)
from server.desk.lists.orders import area_order, person_order
from server.desk.payload_form import PayloadForm
from server.i18n.filters import clock, day
from server.i18n.locale import localize
from server.models.patrol import PatrolRound
from server.models.scans import Scan
from server.oplog.directory import directory_of
from sync.protocol.roles import DESK_ROLES, FRONT_DESK_ROLES
from sync.protocol.text import _l, _lp

MOVE_FORM = PayloadForm("scan.move", "to", "because")
TARGETS_WITHIN = timedelta(days=7)
"""How old the patrols are that several scans are counted for at once."""

STATES = {
    "outside": Choice(label=_l("for no patrol"), condition=lambda _: Scan.moved_to.is_(None)),
    "moved": Choice(
        label=_l("counted for a patrol"), condition=lambda _: Scan.moved_to.is_not(None)
    ),
}


def round_options(site_id: str, start: datetime, end: datetime) -> Options:
    """The patrols of a period as options: name, times, and who answers for it."""
    names = directory_of(site_id)
    return [
        (
            round_.id,
            " ".join(
                [
                    *(localize(round_.label), day(round_.window_start)),
                    f"{clock(round_.window_start)}–{clock(round_.window_end)}",
                    f"· {names.person_name(round_.responsible_id) or '–'}",
                ]
            ),
        )
        for round_ in db.session.scalars(PatrolRound.between(site_id, start, end))
    ]


def move_inputs(context: ListContext) -> list[FormField]:
    """For which patrol scans count, and why."""
    return MOVE_FORM.inputs(
        options={"to": round_options(context.site_id, context.now - TARGETS_WITHIN, context.now)},
        labels={"to": gettext("Belongs to"), "because": gettext("Reason for moving it")},
    )


def move(id_: str, form: Mapping[str, str]) -> list[tuple[str, str, dict[str, Any]]]:
    """N8: the op that counts a scan for a patrol."""
    return [("scan.move", id_, MOVE_FORM.payload(form))]


def state(row: Any, _: ListContext) -> Cell:
    """Whether a scan counts for a patrol."""
    if row.moved_to:
        return Cell(gettext("counted for a patrol"), tone="ok", icon="ok")
    return Cell(gettext("for no patrol"), tone="dim")


SCANS = RecordList(
    name="scans",
    title=_l("Scans outside a patrol"),
    roles=FRONT_DESK_ROLES,
    site=Scan.site_id,
    id=Scan.id,
    show="records.show",
    show_values={"type": "scan"},
    formulas=("N8",),
    empty=_l("No scans outside a patrol in 30 days."),
    order="-at",
    columns=(
        Column(
            "label",
            _l("Checkpoint"),
            lambda row, _: localize(row.label) or gettext("Checkpoint"),
            (Scan.label,),
            sort=(Scan.checkpoint,),
        ),
        Column(
            "area",
            _l("Area"),
            lambda row, c: c.area(row.area_id),
            (Scan.area_id,),
            sort=(area_order(Scan.site_id, Scan.area_id),),
        ),
        text_column("at", _lp("scan", "Scanned at"), Scan.at),
        person_column(
            "by",
            _lp("scan", "Scanned by"),
            Scan.by_id,
            sort=(person_order(Scan.site_id, Scan.by_id),),
        ),
        choice_column("method", _l("Method"), Scan.method, "scan"),
        text_column("note", _l("Note"), Scan.note, sort=(), css="cut"),
        Column("state", _l("Status"), state, (Scan.moved_to,), sort=(Scan.moved_to,)),
    ),
    filters=(
        WordsFilter(
            name="words",
            label=_l("Checkpoint, area, person"),
            columns=(cast(Scan.label, String).label("name"), Scan.note),
            people=(Scan.by_id,),
            areas=(Scan.area_id,),
        ),
        ChoiceFilter(name="state", label=_l("Status"), choices=STATES),
        PeriodFilter(name="at", label=_lp("scan", "Scanned at"), column=Scan.at, default="days30"),
        PersonFilter(name="person", label=_l("Person"), columns=(Scan.by_id,)),
        AreaFilter(name="area", label=_l("Area"), column=Scan.area_id),
    ),
    views=(
        View(name="recent", label=_l("30 days"), values={}),
        View(name="outside", label=STATES["outside"].label, values={"state": "outside"}),
        View(name="all", label=_l("All"), values={"at_since": "any"}),
    ),
    actions=(
        BulkAction(
            name="move",
            label=_l("Count for a patrol"),
            ops=move,
            inputs=move_inputs,
            roles=DESK_ROLES,
            icon="put",
        ),
    ),
)
