"""The lists of gate passes, and of visitors who come often."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_babel import gettext

from server.desk.lists import (
    AreaFilter,
    Cell,
    Choice,
    ChoiceFilter,
    Column,
    HomeFilter,
    ListContext,
    PeriodFilter,
    PersonFilter,
    RecordList,
    ValueFilter,
    View,
    WordsFilter,
    author_column,
    choice_column,
    home_order,
    load_authors,
    place_column,
    text_column,
)
from server.models.frequent_visitors import FrequentVisitor
from server.models.gate_passes import GatePass
from sync.protocol.roles import FRONT_DESK_ROLES
from sync.protocol.text import _l, _lp

PASS_STATES = {
    "waiting": Choice(
        label=_lp("gate passes", "Waiting"), condition=lambda _: GatePass.passed_at.is_(None)
    ),
    "passed": Choice(
        label=_lp("gate passes", "Released"), condition=lambda _: GatePass.passed_at.is_not(None)
    ),
}


def goods(row: Any, _: ListContext) -> str:
    """What is carried out, and how many."""
    return f"{row.what} × {row.quantity}" if row.quantity else row.what


def released(row: Any, _: ListContext) -> datetime | Cell:
    """When the gate let the goods out."""
    at: datetime | None = row.passed_at
    return at or Cell(gettext("not yet"), tone="warn", icon="clock")


GATE_PASSES = RecordList(
    name="gate_passes",
    title=_l("Gate passes"),
    roles=FRONT_DESK_ROLES,
    site=GatePass.site_id,
    id=GatePass.id,
    show="records.show",
    show_values={"type": "release"},
    personal=True,
    formulas=("V14",),
    empty=_l("No gate passes. The gate writes one when somebody carries out something large."),
    order="-recorded_at",
    conditions=lambda _: [GatePass.purged_at.is_(None)],
    prepare=load_authors,
    columns=(
        Column(
            "goods", _l("Goods"), goods, (GatePass.what, GatePass.quantity), sort=(GatePass.what,)
        ),
        text_column("carrier", _l("Carried by"), GatePass.carrier),
        place_column(
            "home", _l("From home"), GatePass.host_unit, sort=(home_order(GatePass.host_unit),)
        ),
        text_column("agreed_by", _l("Approved by"), GatePass.agreed_by),
        text_column("recorded_at", _l("Recorded at"), GatePass.recorded_at),
        author_column(
            "recorded_by", _l("Recorded by"), GatePass.recorded_by_id, GatePass.recorded_at
        ),
        Column(
            "passed_at",
            _l("Released"),
            released,
            (GatePass.passed_at,),
            sort=(GatePass.passed_at,),
        ),
        author_column("passed_by", _l("Released by"), GatePass.passed_by_id, GatePass.passed_at),
    ),
    filters=(
        WordsFilter(
            name="words",
            label=_l("Goods, person, home"),
            columns=(GatePass.what, GatePass.carrier, GatePass.agreed_by),
            homes=(GatePass.host_unit,),
        ),
        ChoiceFilter(name="state", label=_l("Status"), choices=PASS_STATES),
        PersonFilter(
            name="person",
            label=_l("Person"),
            columns=(GatePass.recorded_by_id, GatePass.passed_by_id),
        ),
        AreaFilter(name="area", label=_l("Area"), home=GatePass.host_unit),
        HomeFilter(name="home", label=_l("Home"), column=GatePass.host_unit),
        PeriodFilter(name="recorded", label=_l("Recorded"), column=GatePass.recorded_at),
    ),
    views=(
        View(name="all", label=_l("All"), values={}),
        *(
            View(name=name, label=each.label, values={"state": name})
            for name, each in PASS_STATES.items()
        ),
    ),
)

FREQUENT_VISITORS = RecordList(
    name="frequent_visitors",
    title=_l("Frequent visitors"),
    roles=FRONT_DESK_ROLES,
    site=FrequentVisitor.site_id,
    id=FrequentVisitor.id,
    show="records.show",
    show_values={"type": "regular"},
    personal=True,
    empty=_l("Nobody has come twice in the last 30 days."),
    order="-times",
    conditions=lambda _: [FrequentVisitor.purged_at.is_(None)],
    columns=(
        text_column("visitor", _l("Visitor"), FrequentVisitor.visitor),
        choice_column("purpose", _l("Purpose"), FrequentVisitor.purpose, "regular"),
        text_column("firm", _l("Visitor's company"), FrequentVisitor.firm),
        place_column(
            "home",
            _l("Home visited"),
            FrequentVisitor.host_unit,
            sort=(home_order(FrequentVisitor.host_unit),),
        ),
        text_column("plate", _l("Number plate"), FrequentVisitor.plate),
        text_column("times", _l("Number of visits"), FrequentVisitor.times, css="num"),
        text_column("last_at", _l("Last visit"), FrequentVisitor.last_at),
    ),
    filters=(
        WordsFilter(
            name="words",
            label=_l("Visitor, company, plate, home"),
            columns=(FrequentVisitor.visitor, FrequentVisitor.firm, FrequentVisitor.plate),
            homes=(FrequentVisitor.host_unit,),
        ),
        ValueFilter(
            name="purpose",
            label=_l("Purpose"),
            column=FrequentVisitor.purpose,
            record_type="regular",
            field="purpose",
        ),
        AreaFilter(name="area", label=_l("Area"), home=FrequentVisitor.host_unit),
        HomeFilter(name="home", label=_l("Home"), column=FrequentVisitor.host_unit),
        PeriodFilter(name="last", label=_l("Last visit"), column=FrequentVisitor.last_at),
    ),
    views=(View(name="all", label=_l("All"), values={}),),
)
