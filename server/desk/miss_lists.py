"""The lists of missed work: tasks, and checkpoints of patrols."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask import g, url_for
from flask_babel import gettext
from sqlalchemy import ColumnElement, Select, and_, false, select, true

from server.db.engine import db
from server.db.json_items import json_items
from server.desk.field_errors import refused_by_rule
from server.desk.form_fields import Options
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
    label_column,
    person_column,
    place_column,
    text_column,
)
from server.desk.lists.filters import ANY
from server.desk.miss_doubts import doubts_about, not_known_yet, read_duty
from server.desk.misses import is_missed, missed_rounds
from server.desk.payload_form import PayloadForm
from server.i18n.locale import localize
from server.models.patrol import PatrolRound, PatrolRoute
from server.models.schedules import Schedule
from server.models.tasks import Task
from sync.protocol.normalise import natural_key
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import Text, _l
from sync.work.dispositions import DISPOSITION_LABELS

MAX_ITEMS = 3
"""So many items of a task are named."""

POINT = json_items(PatrolRound.points, "point")
CHECKPOINT = POINT.c.value["checkpoint"].as_string()
POINT_KEY = (PatrolRound.id + "|" + CHECKPOINT).label("id")
POINT_AREA = POINT.c.value["area_id"].as_string().label("area_id")
POINT_LABEL = POINT.c.value["label"].label("point_label")
ROUND_ID = PatrolRound.id.label("round_id")

FORM = PayloadForm("task.dispose", "disposition", "note")


def _decision(form: Mapping[str, str]) -> dict[str, Any]:
    return {"note": None, **FORM.payload(form)}


def _context() -> ListContext:
    """One reading for all rows of a form."""
    if "miss_context" not in g:
        g.miss_context = ListContext.of_request()
    found: ListContext = g.miss_context
    return found


def dispose_task(id_: str, form: Mapping[str, str]) -> list[tuple[str, str, dict[str, Any]]]:
    """The op that decides about a missed task. Raises FormRefused if it is not known for certain
    that it was missed."""
    context = _context()
    asked = Task.site_id == context.site_id, Task.id == id_
    if not db.session.scalar(select(Task.id).where(*asked, is_missed(context))):
        raise refused_by_rule("not-yet-known", {}, url_for("missed_tasks.index"))
    return [("task.dispose", id_, _decision(form))]


def dispose_point(id_: str, form: Mapping[str, str]) -> list[tuple[str, str, dict[str, Any]]]:
    """The op that decides about a missed checkpoint. Raises FormRefused as `dispose_task`."""
    round_id, _, checkpoint = id_.partition("|")
    if not any(
        each.id == round_id and checkpoint in ids for each, ids in missed_rounds(_context())
    ):
        raise refused_by_rule("not-yet-known", {}, url_for("missed_tasks.points"))
    return [("round.dispose", round_id, {"checkpoints": [checkpoint], **_decision(form)})]


def task_name(row: Any, _: ListContext) -> str:
    """What was to be done, with its items."""
    items = [localize(item) for item in row.items or ()]
    more = "…" if len(items) > MAX_ITEMS else ""
    listed = f"{gettext(', ').join(items[:MAX_ITEMS])}{more}"
    return f"{localize(row.label)} · {listed}" if items else localize(row.label)


def case_link(code: str, type_: str, id_: str) -> Cell:
    """Where a case about a miss is opened."""
    address = url_for("new_case.form", code=code, type=type_, id=id_)
    return Cell(gettext("Open a case"), url=address)


def standards(context: ListContext) -> Options:
    """The standards of the site by their codes."""
    query = select(Schedule.code, Schedule.label).where(Schedule.site_id == context.site_id)
    found = [(row.code, f"{row.code} {localize(row.label)}") for row in db.session.execute(query)]
    return sorted(found, key=lambda option: natural_key(option[0]))


def routes(context: ListContext) -> Options:
    """The patrol routes of the site."""
    found = db.session.scalars(PatrolRoute.for_site(context.site_id))
    return [(route.id, localize(route.label)) for route in found]


def decided_tasks(disposition: str) -> Callable[[ListContext], ColumnElement[bool]]:
    """Whether this was decided about a missed task."""
    return lambda context: and_(is_missed(context), Task.disposition == disposition)


def points_decided(disposition: str | None) -> Callable[[ListContext], ColumnElement[bool]]:
    """Whether this was decided about a missed checkpoint; None: nothing yet."""

    def condition(context: ListContext) -> ColumnElement[bool]:
        keys = [
            f"{each.id}|{id_}"
            for each, ids in missed_rounds(context)
            for id_ in ids
            if (each.disposed.get(id_) or {}).get("disposition") == disposition
        ]
        return POINT_KEY.in_(keys) if keys else false()

    return condition


def is_missed_point(context: ListContext) -> Sequence[ColumnElement[bool]]:
    """Whether a checkpoint was missed for certain."""
    found = missed_rounds(context)
    keys = [f"{each.id}|{id_}" for each, ids in found for id_ in ids]
    return PatrolRound.id.in_([each.id for each, _ in found]), POINT_KEY.in_(keys)


def with_points(query: Select[Any]) -> Select[Any]:
    """A row for each checkpoint of each patrol."""
    return query.select_from(PatrolRound).join(POINT, true())


def point_decision(row: Any, context: ListContext) -> str:
    """What was decided about a missed checkpoint, and why."""
    decision = row.disposed.get(row.id.partition("|")[2]) or {}
    return _decision_text(decision.get("disposition"), decision.get("note"), context)


def _decision_text(disposition: str | None, note: str | None, context: ListContext) -> str:
    word = context.value("task", "disposition", disposition)
    return f"{word}: {note}" if note else word


def views(open_label: Text) -> list[View]:
    """What waits for a decision, then each decision, then everything."""
    decided = [
        View(name=name, label=label, values={"state": name})
        for name, label in DISPOSITION_LABELS.items()
    ]
    waiting = View(name="open", label=open_label, values={"state": "open"}, alarms=True)
    return [waiting, *decided, View(name="all", label=_l("All"), values={"state": ANY})]


def state_filter(
    undecided: Callable[[ListContext], ColumnElement[bool]],
    decided: Callable[[str], Callable[[ListContext], ColumnElement[bool]]],
) -> ChoiceFilter:
    """Undecided, or what was decided."""
    choices = {"open": Choice(label=WAITING, condition=undecided)}
    for name, label in DISPOSITION_LABELS.items():
        choices[name] = Choice(label=label, condition=decided(name))
    return ChoiceFilter(name="state", label=_l("Decision"), choices=choices, default="open")


WAITING = _l("Without a decision")

MISSED_TASKS = RecordList(
    name="missed_tasks",
    title=_l("Missed work"),
    roles=DESK_ROLES,
    site=Task.site_id,
    id=Task.id,
    show="records.show",
    show_values={"type": "task"},
    conditions=lambda context: [is_missed(context)],
    order="-window_end",
    formulas=("D2", "D5"),
    empty=_l("Nothing missed is waiting for a decision."),
    columns=(
        Column("what", _l("Task"), task_name, (Task.label, Task.items), css="cut"),
        place_column("place", _l("Place"), Task.unit_id, Task.area_id),
        text_column("window_end", _l("Due"), Task.window_end, css="num"),
        person_column("responsible", _l("Responsible"), Task.responsible_id),
        Column(
            "against", _l("What speaks against it"), doubts_about, (Task.window_start, Task.area_id)
        ),
        Column(
            "decision",
            _l("Decision"),
            lambda row, c: _decision_text(row.disposition, row.disposition_note, c),
            (Task.disposition, Task.disposition_note),
            css="cut",
        ),
        Column("case", _l("Case"), lambda row, _: case_link("missed", "task", row.id)),
        text_column("code", _l("Standard"), Task.code, shown=False),
    ),
    filters=(
        state_filter(lambda _: Task.disposition.is_(None), decided_tasks),
        WordsFilter(
            name="words",
            label=_l("Words of the reason"),
            columns=(Task.disposition_note,),
            people=(Task.responsible_id,),
            homes=(Task.unit_id,),
            areas=(Task.area_id,),
        ),
        OptionFilter(name="standard", label=_l("Standard"), column=Task.code, load=standards),
        PersonFilter(name="person", label=_l("Responsible"), columns=(Task.responsible_id,)),
        AreaFilter(name="area", label=_l("Area"), column=Task.area_id),
        HomeFilter(name="home", label=_l("Home"), column=Task.unit_id),
        PeriodFilter(name="due", label=_l("Due"), column=Task.window_end),
    ),
    views=views(WAITING),
    actions=(
        BulkAction(
            name="dispose",
            label=_l("Decide"),
            ops=dispose_task,
            inputs=lambda _: FORM.inputs(),
            icon="ok",
            explains=_l("One decision and one reason for all that are selected."),
        ),
    ),
    prepare=read_duty,
    template="desk/missed_tasks/index.html",
    extra=not_known_yet,
)

MISSED_POINTS = RecordList(
    name="missed_points",
    title=_l("Missed checkpoints"),
    roles=DESK_ROLES,
    site=PatrolRound.site_id,
    id=POINT_KEY,
    show="patrol.show",
    show_by="round_id",
    conditions=is_missed_point,
    joined=with_points,
    order="-window_end",
    formulas=("N6", "N9"),
    empty=_l("Nothing missed is waiting for a decision."),
    columns=(
        Column("what", _l("Checkpoint"), lambda row, _: localize(row.point_label), (POINT_LABEL,)),
        label_column("round", _l("Patrol"), PatrolRound.label),
        Column("place", _l("Area"), lambda row, c: c.area(row.area_id), (POINT_AREA, ROUND_ID)),
        text_column("window_end", _l("Due"), PatrolRound.window_end, css="num"),
        person_column("responsible", _l("Responsible"), PatrolRound.responsible_id),
        Column("against", _l("What speaks against it"), doubts_about, (PatrolRound.window_start,)),
        Column("decision", _l("Decision"), point_decision, (PatrolRound.disposed,), css="cut"),
        Column("case", _l("Case"), lambda row, _: case_link("missed_point", "round", row.round_id)),
    ),
    filters=(
        state_filter(points_decided(None), points_decided),
        OptionFilter(name="route", label=_l("Patrol"), column=PatrolRound.route_id, load=routes),
        PersonFilter(name="person", label=_l("Responsible"), columns=(PatrolRound.responsible_id,)),
        AreaFilter(name="area", label=_l("Area"), column=POINT_AREA),
        PeriodFilter(name="due", label=_l("Due"), column=PatrolRound.window_end),
    ),
    views=views(WAITING),
    actions=(
        BulkAction(
            name="dispose",
            label=_l("Decide"),
            ops=dispose_point,
            inputs=lambda _: FORM.inputs(),
            icon="ok",
            explains=_l("One decision and one reason for all that are selected."),
        ),
    ),
    prepare=read_duty,
    template="desk/missed_tasks/index.html",
    extra=not_known_yet,
)
