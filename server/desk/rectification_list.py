"""The list of corrective actions: what inspections found, who fixes it and by when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import url_for
from flask_babel import gettext
from sqlalchemy import String, and_, cast

from server.desk.form_fields import FormField
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
    label_column,
    person_column,
    text_column,
)
from server.desk.lists.orders import area_order, person_order
from server.desk.options import active_people, person_options
from server.desk.payload_form import PayloadForm, form_moment
from server.models.rectifications import Rectification
from sync.protocol.clock import SITE_ZONE, format_time
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l, _lp

ASSIGN_FORM = PayloadForm("rectification.assign", "responsible_id", "due_at")
VERIFY_FORM = PayloadForm("rectification.verify", "result", "note")

IS_OPEN = and_(Rectification.verified_at.is_(None), Rectification.done_at.is_(None))

STATES = {
    "unverified": Choice(
        label=_l("not checked yet"), condition=lambda _: Rectification.verified_at.is_(None)
    ),
    "late": Choice(
        label=_l("overdue"), condition=lambda c: and_(IS_OPEN, Rectification.due_at < c.now)
    ),
    "open": Choice(label=_l("to be fixed"), condition=lambda _: IS_OPEN),
    "unassigned": Choice(
        label=_l("nobody assigned"),
        condition=lambda _: and_(IS_OPEN, Rectification.responsible_id.is_(None)),
    ),
    "done": Choice(
        label=_l("fixed, not checked yet"),
        condition=lambda _: and_(
            Rectification.verified_at.is_(None), Rectification.done_at.is_not(None)
        ),
    ),
    "verified": Choice(
        label=_l("checked"), condition=lambda _: Rectification.verified_at.is_not(None)
    ),
}


def state_cell(row: Any, context: ListContext) -> Cell:
    """How far the fix is."""
    if row.verified_at:
        return Cell(context.state("rectification", "verified"), tone="ok", icon="ok")
    if row.done_at:
        return Cell(context.state("rectification", "done"), tone="go", icon="half")
    if row.due_at < context.now:
        return Cell(gettext("overdue"), tone="bad", icon="alert")
    return Cell(context.state("rectification", "open"), tone="dim", icon="todo")


def subject(row: Any, context: ListContext) -> str:
    """The area or the person."""
    return context.area(row.area) or context.person(row.person)


def responsible(row: Any, context: ListContext) -> Cell:
    """Who fixes it."""
    if row.responsible_id is None:
        return Cell(gettext("not assigned"), tone="warn", icon="user")
    return Cell(context.person(row.responsible_id))


def critical(row: Any, _: ListContext) -> Cell | None:
    """Whether the criterion is critical."""
    return Cell(gettext("critical"), tone="bad", icon="flag") if row.critical else None


def inspection(row: Any, _: ListContext) -> Cell:
    """The inspection that found it, with its photos, by the code of its checklist."""
    return Cell(row.code, url=url_for("inspections.show", id=row.inspection_id))


def due_time(form: Mapping[str, str]) -> datetime | None:
    """The evening of the due day, None if the form names none. Raises FormRefused for others."""
    day = form_moment(form, "due_at")
    return day and day.astimezone(SITE_ZONE).replace(hour=20, minute=0)


def assign_inputs(context: ListContext) -> list[FormField]:
    """Who fixes it, and by when."""
    person, due = ASSIGN_FORM.inputs(
        options={"responsible_id": person_options(active_people(context.site_id))},
        labels={"responsible_id": gettext("Who fixes it"), "due_at": gettext("Fix by")},
    )
    return [person, replace(due, input_type="date")]


def assign(id_: str, form: Mapping[str, str]) -> list[tuple[str, str, dict[str, Any]]]:
    """I11: the op that says who fixes it, and by when; what is left empty stays."""
    person, due = form.get("responsible_id"), due_time(form)
    payload = {"responsible_id": person, "due_at": due and format_time(due)}
    return [("rectification.assign", id_, {name: v for name, v in payload.items() if v})]


def verify(id_: str, form: Mapping[str, str]) -> list[tuple[str, str, dict[str, Any]]]:
    """I10: the op that says what the check of a fix found."""
    return [("rectification.verify", id_, VERIFY_FORM.payload(form))]


def _view(name: str, *, alarms: bool = False) -> View:
    return View(name=name, label=STATES[name].label, values={"state": name}, alarms=alarms)


SITE = Rectification.site_id

RECTIFICATIONS = RecordList(
    name="rectifications",
    title=_l("Corrective actions"),
    roles=DESK_ROLES,
    site=SITE,
    id=Rectification.id,
    show="records.show",
    show_values={"type": "rectification"},
    formulas=("I9", "I10", "I11"),
    empty=_l("Nothing is to be fixed. Corrective actions begin with an inspection."),
    order="due_at",
    columns=(
        label_column("label", _l("What is wrong"), Rectification.label, sort=(Rectification.code,)),
        Column(
            "subject",
            _l("Where or who"),
            subject,
            (Rectification.area, Rectification.person),
            sort=(area_order(SITE, Rectification.area), person_order(SITE, Rectification.person)),
        ),
        text_column(
            "finding", _lp("rectification", "Finding"), Rectification.finding, sort=(), css="cut"
        ),
        Column(
            "responsible",
            _l("Who fixes it"),
            responsible,
            (Rectification.responsible_id,),
            sort=(person_order(SITE, Rectification.responsible_id),),
        ),
        text_column("due_at", _l("Fix by"), Rectification.due_at),
        Column(
            "state",
            _l("Status"),
            state_cell,
            (Rectification.verified_at, Rectification.done_at, Rectification.due_at),
        ),
        Column(
            "critical",
            _lp("rectification", "Critical"),
            critical,
            (Rectification.critical,),
            sort=(Rectification.critical,),
        ),
        Column(
            "inspection",
            _l("Inspection"),
            inspection,
            (Rectification.code, Rectification.inspection_id),
            sort=(Rectification.code,),
        ),
        text_column("failures", _l("Times failed"), Rectification.failures, shown=False, css="num"),
        person_column("done_by", _l("Fixed by"), Rectification.done_by_id, shown=False),
        text_column("done_at", _l("Fixed at"), Rectification.done_at, shown=False),
        text_column("note", _l("Note"), Rectification.note, shown=False, sort=(), css="cut"),
        person_column("verified_by", _l("Checked by"), Rectification.verified_by_id, shown=False),
        text_column("verified_at", _l("Checked at"), Rectification.verified_at, shown=False),
        person_column("raised_by", _l("Found by"), Rectification.raised_by_id, shown=False),
        text_column("failed_at", _l("Detected at"), Rectification.failed_at, shown=False),
    ),
    filters=(
        WordsFilter(
            name="words",
            label=_l("Finding, area, person"),
            columns=(
                Rectification.code,
                cast(Rectification.label, String).label("name"),
                Rectification.finding,
                Rectification.note,
            ),
            people=(Rectification.responsible_id, Rectification.person),
            areas=(Rectification.area,),
        ),
        ChoiceFilter(name="state", label=_l("Status"), choices=STATES, default="unverified"),
        PersonFilter(
            name="person", label=_l("Who fixes it"), columns=(Rectification.responsible_id,)
        ),
        AreaFilter(name="area", label=_l("Area"), column=Rectification.area),
        PeriodFilter(name="due", label=_l("Fix by"), column=Rectification.due_at, ahead=True),
    ),
    views=(
        _view("unverified"),
        _view("late", alarms=True),
        _view("unassigned"),
        _view("done"),
        _view("verified"),
        View(name="all", label=_l("All"), values={"state": "any"}),
    ),
    actions=(
        BulkAction(
            name="assign", label=_l("Assign"), ops=assign, inputs=assign_inputs, icon="swap"
        ),
        BulkAction(
            name="verify",
            label=_l("Record a check"),
            ops=verify,
            inputs=lambda _: VERIFY_FORM.inputs(),
            icon="check",
            explains=_l("You saw that it is fixed, or that it is not. Whoever fixed it cannot."),
        ),
    ),
)
