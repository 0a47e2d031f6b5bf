"""The list of homes in arrears: what each owes, how far the collection has come, who calls."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from flask_babel import gettext
from sqlalchemy import and_

from server.desk.form_fields import FormField
from server.desk.lists import (
    AreaFilter,
    BulkAction,
    Cell,
    Choice,
    ChoiceFilter,
    Column,
    HomeFilter,
    ListContext,
    PeriodFilter,
    PersonFilter,
    RecordList,
    View,
    WordsFilter,
    home_order,
    person_column,
    place_column,
    text_column,
)
from server.desk.lists.filters import day_start
from server.desk.options import active_people, person_options
from server.desk.payload_form import PayloadForm
from server.models.arrears import ArrearsAccount
from sync.protocol.clock import SITE_ZONE
from sync.protocol.roles import DESK_ROLES, FRONT_DESK_ROLES
from sync.protocol.text import _l, _lp
from sync.service.arrears.labels import STATES as STATE_LABELS
from sync.service.arrears.rules import FORBIDDEN_ROLES

ASSIGN_FORM = PayloadForm("arrears.assign")
HAND_UP_FORM = PayloadForm("arrears.hand_up")


def _in_state(state: str) -> Choice:
    return Choice(
        label=STATE_LABELS[state], condition=lambda _: ArrearsAccount.stored_state == state
    )


def _is_due(context: ListContext) -> Any:
    """U3: whether the resident wants to pay, or be called, until the end of today."""
    tomorrow = day_start(context.now.astimezone(SITE_ZONE).date() + timedelta(days=1))
    is_agreed = ArrearsAccount.stored_state == "appointment"
    return and_(is_agreed, ArrearsAccount.appointment_at < tomorrow)


STATES = {
    "owing": Choice(
        label=_lp("arrears", "Owing"), condition=lambda _: ArrearsAccount.stored_state != "paid"
    ),
    "due": Choice(label=_l("Appointment due"), condition=_is_due),
    **{state: _in_state(state) for state in STATE_LABELS},
}
TABS = ("owing", "due", "listed", "not_reached", "disputed", "handed_up", "paid")
TONES = {"paid": "ok", "disputed": "warn", "handed_up": "warn", "appointment": "go"}


def owed(row: Any, _: ListContext) -> Decimal:
    """What is still owed, in yuan."""
    return Decimal(row.owed_cents).scaleb(-2)


def status(row: Any, context: ListContext) -> Cell:
    """How far the collection has come."""
    return Cell(context.state("arrears", row.stored_state), tone=TONES.get(row.stored_state, ""))


def appointment(row: Any, context: ListContext) -> Cell | str:
    """The time that the resident has set."""
    if row.appointment_at is None:
        return ""
    is_past = row.stored_state == "appointment" and row.appointment_at < context.now
    return Cell(row.appointment_at, **({"tone": "warn", "icon": "clock"} if is_past else {}))


def last_outcome(row: Any, context: ListContext) -> str:
    """What came of the last call."""
    return context.value("arrears", "outcome", row.calls[-1]["outcome"]) if row.calls else ""


def call_hours(row: Any, _: ListContext) -> Cell | str:
    """U5: when the resident may be called."""
    if row.do_not_call:
        return Cell(gettext("Do not call"), tone="warn", icon="miss")
    return ", ".join(row.windows)


def collectors(site_id: str) -> list[Any]:
    """U8: who may be given an account."""
    return [
        person
        for person in active_people(site_id)
        if set(person.roles) & FRONT_DESK_ROLES and not set(person.roles) & FORBIDDEN_ROLES
    ]


def _collector_inputs(context: ListContext) -> list[FormField]:
    options = person_options(collectors(context.site_id))
    return ASSIGN_FORM.inputs(options={"collector_id": options})


def assign(id_: str, form: Mapping[str, str]) -> list[tuple[str, str, dict[str, Any]]]:
    """The op that says who collects."""
    return [("arrears.assign", id_, ASSIGN_FORM.payload(form))]


def hand_up(id_: str, form: Mapping[str, str]) -> list[tuple[str, str, dict[str, Any]]]:
    """The op that passes an account to a manager."""
    return [("arrears.hand_up", id_, HAND_UP_FORM.payload(form))]


READ = (
    *(ArrearsAccount.owed_cents, ArrearsAccount.stored_state, ArrearsAccount.appointment_at),
    *(ArrearsAccount.calls, ArrearsAccount.windows, ArrearsAccount.do_not_call),
)

ARREARS = RecordList(
    name="arrears",
    title=_l("Arrears"),
    roles=FRONT_DESK_ROLES,
    site=ArrearsAccount.site_id,
    id=ArrearsAccount.id,
    show="arrears.show",
    personal=True,
    formulas=("U9", "U12"),
    empty=_l("No home owes anything. Take in the ledger of the accounts department."),
    order="home",
    conditions=lambda _: [ArrearsAccount.purged_at.is_(None)],
    columns=(
        place_column(
            "home", _l("Home"), ArrearsAccount.unit, sort=(home_order(ArrearsAccount.unit),)
        ),
        Column(
            "owed",
            _l("Owed (yuan)"),
            owed,
            READ,
            sort=(ArrearsAccount.owed_cents,),
            css="num",
        ),
        Column("state", _l("Status"), status, READ, sort=(ArrearsAccount.stored_state,)),
        Column(
            "appointment_at",
            _l("Appointment"),
            appointment,
            READ,
            sort=(ArrearsAccount.appointment_at,),
        ),
        text_column("last_called_at", _l("Last call"), ArrearsAccount.last_called_at),
        Column("last_outcome", _l("Result of the call"), last_outcome, READ),
        Column("call_hours", _l("Call hours"), call_hours, READ),
        person_column("collector", _l("Collector"), ArrearsAccount.collector_id),
        text_column("listed_at", _l("First listed at"), ArrearsAccount.listed_at, shown=False),
        text_column("ledger_at", _l("Last ledger"), ArrearsAccount.ledger_at, shown=False),
        text_column("visited_at", _l("Last visit"), ArrearsAccount.visited_at, shown=False),
        text_column("handed_at", _l("Passed on at"), ArrearsAccount.handed_at, shown=False),
    ),
    filters=(
        WordsFilter(
            name="words",
            label=_l("Home, collector, ledger"),
            columns=(ArrearsAccount.batch,),
            people=(ArrearsAccount.collector_id,),
            homes=(ArrearsAccount.unit,),
        ),
        ChoiceFilter(name="state", label=_l("Status"), choices=STATES, default="owing"),
        PersonFilter(name="person", label=_l("Collector"), columns=(ArrearsAccount.collector_id,)),
        AreaFilter(name="area", label=_l("Area"), home=ArrearsAccount.unit),
        HomeFilter(name="home", label=_l("Home"), column=ArrearsAccount.unit),
        PeriodFilter(name="called", label=_l("Last call"), column=ArrearsAccount.last_called_at),
    ),
    views=(
        *(
            View(name=n, label=STATES[n].label, values={"state": n}, alarms=n == "due")
            for n in TABS
        ),
        View(name="all", label=_l("All"), values={"state": "any"}),
    ),
    actions=(
        BulkAction(
            name="assign",
            label=_l("Assign a collector"),
            ops=assign,
            inputs=_collector_inputs,
            roles=DESK_ROLES,
            icon="user",
        ),
        BulkAction(
            name="hand_up",
            label=_l("Pass to a manager"),
            ops=hand_up,
            inputs=lambda _: HAND_UP_FORM.inputs(),
            icon="up",
        ),
    ),
    template="desk/arrears/index.html",
)
