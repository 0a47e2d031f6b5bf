"""The lists of tasks: all that is planned, and what was assigned besides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext
from sqlalchemy import String, and_, cast

from server.db.engine import db
from server.desk.form_fields import FormField, Options
from server.desk.lists import (
    AreaFilter,
    BulkAction,
    Cell,
    Choice,
    ChoiceFilter,
    Column,
    HomeFilter,
    ListContext,
    OptionFilter,
    PeriodFilter,
    PersonFilter,
    RecordList,
    View,
    WordsFilter,
    choice_column,
    label_column,
    person_column,
    place_column,
    text_column,
)
from server.desk.lists.orders import area_order, person_order
from server.desk.options import active_people, in_natural_order, person_options
from server.desk.payload_form import PayloadForm
from server.desk.task_states import STATUS_CONDITIONS, site_phones, unfinished
from server.i18n.locale import localize
from server.models.schedules import Schedule
from server.models.tasks import Task
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import Text, _l, _lp
from sync.work.board import HOUR, UNFINISHED_STATUSES, task_deadline, task_status
from sync.work.task_labels import VALUES
from sync.work.task_rules import AD_HOC_CODE
from sync.work.weather import TASK_CODE

CANCEL_FORM = PayloadForm("task.cancel", "reason")
REASSIGN_FORM = PayloadForm("task.reassign", "responsible_id")

SIGNS = {
    "missed": ("bad", "miss"),
    "unknown": ("dim", "unk"),
    "partial": ("go", "half"),
    "open": ("dim", "todo"),
    "planned_late": ("dim", "clock"),
    "done_late": ("warn", "clock"),
    "sent_late": ("warn", "clock"),
    "skipped": ("dim", "skipd"),
    "done": ("ok", "ok"),
    "cancelled": ("dim", "x"),
}
"""The tone and the icon of each status."""

STATUS_READ = (
    *(Task.window_start, Task.window_end, Task.grace, Task.planned_at, Task.ticked),
    *(Task.done_at, Task.done_received_at, Task.skipped_at, Task.cancelled_at),
)
"""What the status of a task depends on."""


def status(row: Any, context: ListContext) -> str:
    """D1: the status of a task on the board."""
    return task_status(row, site_phones(context), context.now)


def status_cell(row: Any, context: ListContext) -> Cell:
    """The status in words."""
    found = status(row, context)
    tone, icon = SIGNS[found]
    return Cell(context.value("task", "board_state", found), tone=tone, icon=icon)


def due(row: Any, context: ListContext) -> Cell:
    """The end of the time window, marked in its last hour."""
    is_soon = context.now < task_deadline(row) and row.window_end - context.now < HOUR
    if is_soon and status(row, context) in UNFINISHED_STATUSES:
        return Cell(row.window_end, tone="warn", icon="clock")
    return Cell(row.window_end)


def responsible(row: Any, context: ListContext) -> Cell:
    """Who answers for a task."""
    if row.responsible_id is None:
        return Cell(gettext("not assigned"), tone="warn", icon="user")
    return Cell(context.person(row.responsible_id))


def schedule_options(context: ListContext) -> Options:
    """The schedules of the site by code."""
    schedules = in_natural_order(db.session.scalars(Schedule.for_site(context.site_id)), "code")
    return [(each.code, f"{each.code} {localize(each.label)}") for each in schedules]


def reassign_inputs(context: ListContext) -> list[FormField]:
    """To whom tasks are given."""
    people = person_options(active_people(context.site_id))
    return REASSIGN_FORM.inputs(
        options={"responsible_id": people}, labels={"responsible_id": gettext("Assign to")}
    )


def reassign(id_: str, form: Mapping[str, str]) -> Sequence[tuple[str, str, dict[str, Any]]]:
    """T17: the op that gives a task to somebody else."""
    return [("task.reassign", id_, REASSIGN_FORM.payload(form))]


def cancel(id_: str, form: Mapping[str, str]) -> Sequence[tuple[str, str, dict[str, Any]]]:
    """The op that cancels a task."""
    return [("task.cancel", id_, CANCEL_FORM.payload(form))]


STATUSES = {
    "left": Choice(label=_l("not done yet"), condition=unfinished),
    **{
        name: Choice(label=label, condition=STATUS_CONDITIONS[name])
        for name, label in VALUES["board_state"].items()
    },
    "unassigned": Choice(
        label=_l("nobody assigned"),
        condition=lambda c: and_(unfinished(c), Task.responsible_id.is_(None)),
    ),
}

PLACE_ORDER = (area_order(Task.site_id, Task.area_id), Task.area_id, Task.unit_id)
LABEL = label_column("label", _l("Task"), Task.label, sort=(Task.code, Task.id))
PLACE = place_column("place", _l("Where"), Task.unit_id, Task.area_id, sort=PLACE_ORDER)
DUE = Column("due", _lp("task", "Due"), due, STATUS_READ, sort=(Task.window_end,))
RESPONSIBLE = Column(
    "responsible",
    _l("Responsible"),
    responsible,
    (Task.responsible_id,),
    sort=(person_order(Task.site_id, Task.responsible_id),),
)
STATUS = Column("status", _l("Status"), status_cell, STATUS_READ)
RESULTS = (
    person_column("done_by", _l("Done by"), Task.done_by_id, shown=False),
    text_column("done_at", _l("Done at"), Task.done_at, shown=False),
    text_column("received_at", _l("Received at"), Task.done_received_at, shown=False),
    choice_column("skip_reason", _l("Reason for skipping"), Task.skip_reason, "task", shown=False),
    text_column("note", _l("Note"), Task.note, shown=False, sort=(), css="cut"),
    choice_column(
        "disposition", _l("Decision on missed task"), Task.disposition, "task", shown=False
    ),
)
LATER = (
    person_column("reassigned_by", _l("Reassigned by"), Task.reassigned_by_id, shown=False),
    text_column("cancelled_at", _l("Cancelled at"), Task.cancelled_at, shown=False),
    text_column("cancel_reason", _l("Reason for cancelling"), Task.cancel_reason, shown=False),
)


def words(*columns: Any) -> WordsFilter:
    """Words in the name of a task, in the names of its places and people, or in `columns`."""
    return WordsFilter(
        name="words",
        label=_l("Task, place, home, person"),
        columns=(Task.code, cast(Task.label, String).label("name"), *columns),
        people=(Task.responsible_id, Task.done_by_id),
        homes=(Task.unit_id,),
        areas=(Task.area_id,),
    )


def state_filter(default: str) -> ChoiceFilter:
    """The statuses of tasks."""
    return ChoiceFilter(name="state", label=_l("Status"), choices=STATUSES, default=default)


PLACES_AND_PEOPLE = (
    PersonFilter(name="person", label=_l("Responsible"), columns=(Task.responsible_id,)),
    AreaFilter(name="area", label=_l("Area"), column=Task.area_id),
)

ACTIONS = (
    BulkAction(
        name="reassign", label=_l("Reassign"), ops=reassign, inputs=reassign_inputs, icon="swap"
    ),
    BulkAction(
        name="cancel",
        label=_l("Cancel tasks"),
        ops=cancel,
        inputs=lambda _: CANCEL_FORM.inputs(labels={"reason": gettext("Reason for cancelling")}),
        icon="x",
    ),
)


WITH_RESULT = "label,place,due,responsible,status,done_by,done_at"
"""The columns of views in which there are done tasks."""


def view(name: str, label: Text | None = None, *, alarms: bool = False, **values: str) -> View:
    """A view of tasks in a status."""
    shown = label or STATUSES[name].label
    return View(name=name, label=shown, values={"state": name, **values}, alarms=alarms)


TASKS = RecordList(
    name="tasks",
    title=_l("Tasks"),
    roles=DESK_ROLES,
    site=Task.site_id,
    id=Task.id,
    show="records.show",
    show_values={"type": "task"},
    formulas=("D1", "D2", "D4"),
    empty=_l("Nothing is left for today. Tasks are planned from the schedules that are in use."),
    order="due",
    columns=(
        LABEL,
        PLACE,
        text_column("begins", _lp("task", "From"), Task.window_start),
        DUE,
        RESPONSIBLE,
        STATUS,
        *RESULTS,
        text_column("code", _l("Code"), Task.code, shown=False),
        choice_column("role", _l("Role"), Task.role, "task", shown=False),
        text_column("planned_at", _l("Planned at"), Task.planned_at, shown=False),
        *LATER,
    ),
    filters=(
        words(),
        state_filter("left"),
        PeriodFilter(
            name="due",
            label=_l("Time"),
            column=Task.window_start,
            until_column=Task.window_end,
            default="today",
            ahead=True,
        ),
        OptionFilter(
            name="schedule",
            label=_l("Schedule"),
            column=Task.code,
            load=schedule_options,
        ),
        *PLACES_AND_PEOPLE,
        HomeFilter(name="home", label=_l("Home"), column=Task.unit_id),
    ),
    views=(
        view("left", _l("Today, not done")),
        view("missed", alarms=True),
        view("unknown"),
        view("done_late", columns=WITH_RESULT),
        view("unassigned", due_since="coming"),
        View(
            name="tomorrow",
            label=_l("Tomorrow"),
            values={"state": "any", "due_since": "tomorrow"},
        ),
        View(
            name="all",
            label=_l("All of today"),
            values={"state": "any", "columns": WITH_RESULT},
        ),
    ),
    actions=ACTIONS,
    template="desk/tasks/index.html",
)

AD_HOC_WORK = RecordList(
    name="ad_hoc_work",
    title=_l("Assigned tasks"),
    roles=DESK_ROLES,
    site=Task.site_id,
    id=Task.id,
    show="records.show",
    show_values={"type": "task"},
    conditions=lambda _: [Task.code.in_((AD_HOC_CODE, TASK_CODE))],
    formulas=("D1", "D2", "D4"),
    empty=_l("Nothing was assigned besides the schedules. Assign a task, or report rain or snow."),
    order="due",
    columns=(
        LABEL,
        text_column("reason", _lp("task", "Reason"), Task.reason, sort=(), css="cut"),
        PLACE,
        RESPONSIBLE,
        DUE,
        STATUS,
        person_column("assigned_by", _l("Assigned by"), Task.assigned_by_id),
        text_column("begins", _l("Assigned at"), Task.window_start),
        *RESULTS,
        *LATER,
    ),
    filters=(
        words(Task.reason),
        state_filter("any"),
        PeriodFilter(
            name="due",
            label=_l("Time"),
            column=Task.window_start,
            until_column=Task.window_end,
            default="days30",
            ahead=True,
        ),
        *PLACES_AND_PEOPLE,
        PersonFilter(name="giver", label=_l("Assigned by"), columns=(Task.assigned_by_id,)),
    ),
    views=(
        View(name="all", label=_l("30 days"), values={"state": "any"}),
        view("left"),
        view("missed", alarms=True),
        view("done_late", columns=WITH_RESULT),
        View(name="ever", label=_l("All"), values={"state": "any", "due_since": "any"}),
    ),
    actions=ACTIONS,
    template="desk/ad_hoc_work/index.html",
)
