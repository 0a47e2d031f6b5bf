"""The list of schedules: what is due how often, where, and who answers for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import String, and_, cast

from server.desk.form_fields import FormField
from server.desk.labels import role_label
from server.desk.lists import (
    BulkAction,
    Cell,
    Choice,
    ChoiceFilter,
    Column,
    ListContext,
    PersonFilter,
    RecordList,
    ValueFilter,
    View,
    WordsFilter,
    label_column,
    text_column,
)
from server.desk.lists.orders import person_order
from server.desk.options import active_people, person_options
from server.desk.payload_form import PayloadForm
from server.desk.schedule_form import describe_recurrence, due_anywhere, next_windows
from server.jobs import plan_history, scheduler
from server.models.schedules import Schedule
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l, _lp

WINDOW_LABELS = {
    "PT1H": _("within an hour"),
    "PT2H": _("within 2 hours"),
    "PT3H": _("within 3 hours"),
    "PT4H": _("within 4 hours"),
    "PT10H": _("within 10 hours"),
    "P1D": _("that day"),
    "P7D": _("that week"),
    "UNTIL_NEXT": _("until the next date"),
}
ASSIGN_FORM = PayloadForm("schedule.change", "responsible_id", "from_on")
RECURRENCE = (Schedule.rrule, Schedule.rdate, Schedule.workdays_only, Schedule.window)
HAS_RECURRENCE = Schedule.rrule.is_not(None) | (cast(Schedule.rdate, String) != "[]")

STATES = {
    "active": Choice(
        label=_lp("record in use", "in use"), condition=lambda _: Schedule.active.is_(True)
    ),
    "inactive": Choice(label=_l("not in use"), condition=lambda _: ~Schedule.active),
    "unset": Choice(
        label=_l("without a frequency"),
        condition=lambda _: and_(~Schedule.active, ~HAS_RECURRENCE),
    ),
    "unclear": Choice(
        label=_l("to be confirmed"), condition=lambda _: Schedule.needs_confirmation.is_(True)
    ),
    "unassigned": Choice(
        label=_l("nobody assigned"),
        condition=lambda _: and_(Schedule.active, Schedule.responsible_id.is_(None)),
    ),
}


def load_dates(rows: Sequence[Any], context: ListContext) -> None:
    """R10: read for these schedules when they are due next."""
    versions = plan_history.schedule_versions(context.site_id, [row.id for row in rows])
    is_due = context.once("due", lambda: due_anywhere(scheduler.list_places(context.site_id)))
    found = {id_: next_windows(of, is_due, context.now) for id_, of in versions.items()}
    context.memory.setdefault("dates", {}).update(found)


def often(row: Any, _: ListContext) -> str:
    """How often a schedule is due, and within what time."""
    window = WINDOW_LABELS.get(row.window, row.window)
    return ", ".join(filter(None, (describe_recurrence(row), str(window) if window else "")))


def where(row: Any, context: ListContext) -> str:
    """The areas that are named, else all of a kind."""
    if row.area_ids:
        return ", ".join(map(context.area, row.area_ids))
    return context.value("area", "kind", row.area_kind)


def responsible(row: Any, context: ListContext) -> Cell:
    """Who answers for the schedule."""
    if row.responsible_id is None:
        return Cell(gettext("not assigned"), tone="warn" if row.active else "dim")
    return Cell(context.person(row.responsible_id))


def next_date(row: Any, context: ListContext) -> Cell:
    """When it is due next."""
    dates = context.memory["dates"].get(row.id)
    if dates:
        return Cell(dates[0])
    if not row.active:
        return Cell("")
    said = gettext("Nothing will be planned: no place or no date fits.")
    return Cell(said, tone="bad", icon="alert")


def next_dates(row: Any, context: ListContext) -> str:
    """The next dates, as many as a form shows."""
    return " · ".join(context.memory["dates"].get(row.id) or ())


def state(row: Any, _: ListContext) -> Cell:
    """Whether a schedule is in use, and what is missing."""
    if row.needs_confirmation:
        return Cell(gettext("to be confirmed"), tone="warn", icon="unk")
    if row.active:
        return Cell(gettext("in use"), tone="ok", icon="ok")
    if not row.rrule and not row.rdate:
        return Cell(gettext("not in use: set how often"), tone="warn", icon="alert")
    return Cell(gettext("not in use"), tone="dim")


def assign_inputs(context: ListContext) -> list[FormField]:
    """Who answers for schedules, and from which day on."""
    return ASSIGN_FORM.inputs(
        options={"responsible_id": person_options(active_people(context.site_id))},
        labels={"from_on": gettext("Effective from")},
    )


def assign(id_: str, form: Mapping[str, str]) -> list[tuple[str, str, dict[str, Any]]]:
    """The op by which somebody else answers for a schedule."""
    return [("schedule.change", id_, ASSIGN_FORM.payload(form))]


SCHEDULES = RecordList(
    name="schedules",
    title=_l("Schedules"),
    roles=DESK_ROLES,
    site=Schedule.site_id,
    id=Schedule.id,
    show="schedules.edit",
    prepare=load_dates,
    formulas=("R10",),
    empty=_l("No schedules yet."),
    order="code",
    columns=(
        text_column("code", _l("Code"), Schedule.code, sort=(Schedule.sort_key,)),
        label_column("label", _lp("thing", "Name"), Schedule.label),
        Column("often", _l("How often"), often, RECURRENCE, css="cut"),
        Column("where", _l("Where"), where, (Schedule.area_ids, Schedule.area_kind)),
        Column(
            "responsible",
            _l("Responsible"),
            responsible,
            (Schedule.responsible_id, Schedule.active),
            sort=(person_order(Schedule.site_id, Schedule.responsible_id),),
        ),
        Column("next", _lp("schedule", "Next"), next_date),
        Column(
            "state",
            _l("Status"),
            state,
            (Schedule.active, Schedule.needs_confirmation),
            sort=(Schedule.active, Schedule.sort_key),
        ),
        Column("next_dates", _l("Next five dates"), next_dates, shown=False),
        text_column("clause", _l("Clause"), Schedule.clause, shown=False),
        Column(
            "role",
            _l("Role"),
            lambda row, _: role_label(row.role),
            (Schedule.role,),
            sort=(Schedule.role,),
            shown=False,
        ),
        text_column("grace", _l("Grace period (minutes)"), Schedule.grace, shown=False, css="num"),
    ),
    filters=(
        WordsFilter(
            name="words",
            label=_l("Code, name, person"),
            columns=(Schedule.code, cast(Schedule.label, String).label("name"), Schedule.clause),
            people=(Schedule.responsible_id,),
        ),
        ChoiceFilter(name="state", label=_l("Status"), choices=STATES),
        ValueFilter(
            name="kind",
            label=_l("Where"),
            column=Schedule.area_kind,
            record_type="area",
            field="kind",
        ),
        PersonFilter(name="person", label=_l("Responsible"), columns=(Schedule.responsible_id,)),
    ),
    views=[View(name="all", label=_l("All"), values={})]
    + [
        View(
            name=name,
            label=STATES[name].label,
            values={"state": name},
            alarms=name == "unassigned",
        )
        for name in ("active", "inactive", "unclear", "unassigned")
    ],
    actions=(
        BulkAction(
            name="assign",
            label=_l("Change responsible"),
            ops=assign,
            inputs=assign_inputs,
            icon="swap",
            explains=_l("Work that is planned and not done goes over with it from that day on."),
        ),
    ),
    template="desk/schedules/index.html",
)
