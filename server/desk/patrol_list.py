"""The lists of patrol rounds and of their checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask_babel import gettext, ngettext, pgettext
from sqlalchemy import JSON, ColumnElement, Select, String, and_, cast, column, join, or_, true

from server.db.engine import db
from server.db.expressions import json_elements
from server.desk.form_fields import Options
from server.desk.lists import (
    AreaFilter,
    Cell,
    Choice,
    ChoiceFilter,
    Column,
    ListContext,
    OptionFilter,
    PeriodFilter,
    PersonFilter,
    RecordList,
    View,
    WordsFilter,
    label_column,
    text_column,
)
from server.desk.lists.orders import area_order, person_order
from server.desk.task_states import known_until
from server.i18n.locale import localize
from server.models.patrol import PatrolRound, PatrolRoute
from sync.protocol.clock import parse_time
from sync.protocol.normalise import natural_key
from sync.protocol.roles import FRONT_DESK_ROLES
from sync.protocol.text import _l, _lp

Condition = ColumnElement[bool]

SITE = PatrolRound.site_id
UNDONE = PatrolRound.open_points > 0
BEGUN = PatrolRound.open_points < PatrolRound.point_count

ENDS: dict[str, Callable[[ListContext], Condition]] = {
    "open": lambda c: PatrolRound.window_end > c.now,
    "unknown": lambda c: and_(
        PatrolRound.window_end <= c.now, PatrolRound.window_end > known_until(c)
    ),
    "missed": lambda c: and_(
        PatrolRound.window_end <= known_until(c), PatrolRound.planned_at.is_(None)
    ),
    "planned_late": lambda c: and_(
        PatrolRound.window_end <= known_until(c), PatrolRound.planned_at.is_not(None)
    ),
}
"""N6, R10: what a checkpoint without a fact is, by the time window of its round."""


def end_of(row: Any, context: ListContext) -> str:
    """The same of a row."""
    if row.window_end > context.now:
        return "open"
    if row.window_end > known_until(context):
        return "unknown"
    return "planned_late" if row.planned_at else "missed"


def _undone(end: str) -> Callable[[ListContext], Condition]:
    return lambda c: and_(UNDONE, ENDS[end](c))


ROUND_STATES = {
    "missed": Choice(label=_lp("patrols", "with missed checkpoints"), condition=_undone("missed")),
    "unknown": Choice(label=_l("not known yet"), condition=_undone("unknown")),
    "going": Choice(
        label=_lp("patrols", "under way"),
        condition=lambda c: and_(UNDONE, ENDS["open"](c), PatrolRound.window_start <= c.now, BEGUN),
    ),
    "not_begun": Choice(
        label=_lp("patrols", "not begun"),
        condition=lambda c: and_(
            UNDONE, ENDS["open"](c), PatrolRound.window_start <= c.now, ~BEGUN
        ),
    ),
    "later": Choice(
        label=_lp("patrols", "later"),
        condition=lambda c: and_(UNDONE, PatrolRound.window_start > c.now),
    ),
    "planned_late": Choice(label=_l("planned late"), condition=_undone("planned_late")),
    "done": Choice(label=_lp("patrols", "complete"), condition=lambda _: ~UNDONE),
    "noted": Choice(
        label=_l("late or with a reason"), condition=lambda _: PatrolRound.noted_points > 0
    ),
    "flagged": Choice(
        label=_l("to review"),
        condition=lambda _: or_(PatrolRound.flagged_points > 0, PatrolRound.uncounted_scans > 0),
    ),
}


def round_state(row: Any, context: ListContext) -> Cell:
    """How a round went, or goes."""
    left = row.open_points
    if not left:
        noted = row.noted_points
        said = ngettext("complete, %(num)s noted", "complete, %(num)s noted", noted)
        if noted:
            return Cell(said, tone="dim", icon="skipd")
        return Cell(pgettext("patrols", "complete"), tone="ok", icon="ok")
    end = end_of(row, context)
    if end == "missed":
        said = ngettext("%(num)s point missed", "%(num)s points missed", left)
        return Cell(said, tone="bad", icon="miss")
    if end == "unknown":
        said = ngettext("%(num)s point not known yet", "%(num)s points not known yet", left)
        return Cell(said, tone="dim", icon="unk")
    if end == "planned_late":
        return Cell(gettext("planned late"), tone="dim", icon="clock")
    return _running(row, context)


def _running(row: Any, context: ListContext) -> Cell:
    """A round whose window is not over."""
    if row.window_start > context.now:
        return Cell(gettext("not yet time"), tone="dim", icon="todo")
    if row.open_points < row.point_count:
        return Cell(pgettext("patrols", "under way"), tone="go", icon="half")
    return Cell(pgettext("patrols", "not begun"), tone="warn", icon="alert")


def reached(row: Any, _: ListContext) -> str:
    """How many checkpoints have a scan or a reason, of how many."""
    return f"{row.point_count - row.open_points}/{row.point_count}"


def to_review(row: Any, _: ListContext) -> Cell | None:
    """Scans with flags, and those that do not count."""
    parts = []
    if row.flagged_points:
        parts.append(ngettext("%(num)s flagged scan", "%(num)s flagged scans", row.flagged_points))
    if row.uncounted_scans:
        parts.append(
            ngettext(
                "%(num)s scan does not count", "%(num)s scans do not count", row.uncounted_scans
            )
        )
    return Cell(", ".join(parts), tone="warn", icon="flag") if parts else None


def responsible(row: Any, context: ListContext) -> Cell:
    """Who walks the round."""
    if row.responsible_id is None:
        return Cell(gettext("not assigned"), tone="warn", icon="user")
    return Cell(context.person(row.responsible_id))


def route_options(context: ListContext) -> Options:
    """The patrol routes of the site, in natural order."""
    routes = db.session.scalars(PatrolRoute.for_site(context.site_id))
    found = [(route.id, localize(route.label)) for route in routes]
    return sorted(found, key=lambda option: natural_key(option[1]))


ROUTE_FILTER = OptionFilter(
    name="route", label=_l("Patrol route"), column=PatrolRound.route_id, load=route_options
)
TIME_FILTER = PeriodFilter(
    name="when",
    label=_l("Time"),
    column=PatrolRound.window_start,
    until_column=PatrolRound.window_end,
    default="today",
    ahead=True,
)
WINDOW = (
    text_column("begins", _lp("task", "From"), PatrolRound.window_start),
    text_column("ends", _lp("task", "Due"), PatrolRound.window_end),
)
RESPONSIBLE = Column(
    "responsible",
    _l("Responsible"),
    responsible,
    (PatrolRound.responsible_id,),
    sort=(person_order(SITE, PatrolRound.responsible_id),),
)


def _standing(_: ListContext) -> list[Any]:
    """Rounds that were not cancelled."""
    return [PatrolRound.cancelled_at.is_(None)]


def _round_view(name: str, *, alarms: bool = False, **values: str) -> View:
    label = ROUND_STATES[name].label
    return View(name=name, label=label, values={"state": name, **values}, alarms=alarms)


ROUNDS = RecordList(
    name="rounds",
    title=_l("Patrol"),
    roles=FRONT_DESK_ROLES,
    site=SITE,
    id=PatrolRound.id,
    show="patrol.show",
    conditions=_standing,
    formulas=("N5", "N6", "N9", "R10"),
    empty=_l("No patrols today. Rounds are planned from the routes that are in use."),
    order="begins",
    columns=(
        label_column("label", _l("Patrol route"), PatrolRound.label, sort=(PatrolRound.route_id,)),
        *WINDOW,
        RESPONSIBLE,
        Column(
            "reached",
            _l("Points"),
            reached,
            (PatrolRound.point_count, PatrolRound.open_points),
            sort=(PatrolRound.open_points,),
            css="num",
        ),
        Column(
            "state",
            _l("Status"),
            round_state,
            (
                *(PatrolRound.point_count, PatrolRound.open_points, PatrolRound.noted_points),
                *(PatrolRound.window_start, PatrolRound.window_end, PatrolRound.planned_at),
            ),
        ),
        Column(
            "review",
            _l("To review"),
            to_review,
            (PatrolRound.flagged_points, PatrolRound.uncounted_scans),
        ),
    ),
    filters=(
        WordsFilter(
            name="words",
            label=_l("Route, person"),
            columns=(cast(PatrolRound.label, String).label("name"),),
            people=(PatrolRound.responsible_id,),
        ),
        ChoiceFilter(name="state", label=_l("Status"), choices=ROUND_STATES),
        TIME_FILTER,
        ROUTE_FILTER,
        PersonFilter(name="person", label=_l("Responsible"), columns=(PatrolRound.responsible_id,)),
    ),
    views=(
        View(name="today", label=_l("Today"), values={}),
        _round_view("missed", alarms=True, when_since="week"),
        _round_view("unknown", when_since="week"),
        _round_view("flagged", when_since="week"),
        View(name="yesterday", label=_l("Yesterday"), values={"when_since": "yesterday"}),
        View(
            name="all",
            label=_l("30 days"),
            values={"when_since": "days30", "sort": "-begins"},
        ),
    ),
    template="desk/patrol/index.html",
)

POINTS = json_elements(PatrolRound.outcomes).table_valued(column("value", JSON))


def _fact(name: str) -> ColumnElement[Any]:
    """What the report of a round says of a checkpoint, as text."""
    text: ColumnElement[Any] = POINTS.c.value[name].as_string()
    return text


CHECKPOINT, STATE, AT = _fact("checkpoint"), _fact("state"), _fact("at")
AREA, BY = _fact("area_id").label("area_id"), _fact("by_id").label("by_id")
POINT = POINTS.c.value.label("point")


def with_points(query: Select[Any]) -> Select[Any]:
    """A row for each checkpoint of each round."""
    return query.select_from(join(PatrolRound.__table__, POINTS, true()))


def _without_fact(end: str) -> Callable[[ListContext], Condition]:
    return lambda c: and_(STATE.is_(None), ENDS[end](c))


POINT_STATES = {
    "missed": Choice(label=_lp("patrol checkpoint", "missed"), condition=_without_fact("missed")),
    "unknown": Choice(label=_l("not known yet"), condition=_without_fact("unknown")),
    "late": Choice(
        label=_lp("patrol checkpoint", "scanned late"), condition=lambda _: STATE == "late"
    ),
    "skipped": Choice(
        label=_lp("patrol checkpoint", "skipped"), condition=lambda _: STATE == "skipped"
    ),
    "scanned": Choice(label=_l("scanned"), condition=lambda _: STATE == "scanned"),
    "open": Choice(label=_lp("patrol checkpoint", "open"), condition=_without_fact("open")),
    "planned_late": Choice(label=_l("planned late"), condition=_without_fact("planned_late")),
}
POINT_SIGNS = {
    "missed": ("bad", "miss"),
    "unknown": ("dim", "unk"),
    "late": ("warn", "clock"),
    "skipped": ("dim", "skipd"),
    "scanned": ("ok", "ok"),
    "open": ("dim", "todo"),
    "planned_late": ("dim", "clock"),
}


def point_status(row: Any, context: ListContext) -> str:
    """N6: the status of a checkpoint in its round."""
    return row.point["state"] or end_of(row, context)


def point_state(row: Any, context: ListContext) -> Cell:
    """The status in words, with the reason of a skip."""
    status = point_status(row, context)
    tone, icon = POINT_SIGNS[status]
    said = context.value("round", "point", status)
    reason = context.value("round", "reason", row.point["reason"])
    return Cell(f"{said}: {reason}" if reason else said, tone=tone, icon=icon)


def scanned_at(row: Any, _: ListContext) -> Any:
    """When somebody was there, or said why not."""
    return parse_time(row.point["at"]) if row.point["at"] else None


def flags(row: Any, context: ListContext) -> str:
    """What should be looked at in a scan."""
    return ", ".join(context.value("round", "flag", flag) for flag in row.point["flags"])


def _point_view(name: str, *, alarms: bool = False, **values: str) -> View:
    label = POINT_STATES[name].label
    return View(name=name, label=label, values={"state": name, **values}, alarms=alarms)


POINT_LIST = RecordList(
    name="points",
    title=_l("Points of patrols"),
    roles=FRONT_DESK_ROLES,
    site=SITE,
    id=(PatrolRound.id + "|" + CHECKPOINT).label("id"),
    show="patrol.show",
    show_by="round_id",
    conditions=_standing,
    joined=with_points,
    formulas=("N5", "N6", "N9", "R10"),
    empty=_l("No patrols today. Rounds are planned from the routes that are in use."),
    order="begins",
    columns=(
        Column(
            "checkpoint",
            _l("Checkpoint"),
            lambda row, _: localize(row.point["label"]),
            (POINT, PatrolRound.id.label("round_id")),
            sort=(CHECKPOINT,),
        ),
        Column(
            "area",
            _l("Area"),
            lambda row, c: c.area(row.area_id),
            (AREA,),
            sort=(area_order(SITE, AREA.element),),
        ),
        label_column("label", _l("Patrol route"), PatrolRound.label, sort=(PatrolRound.route_id,)),
        text_column(
            "begins",
            _lp("task", "From"),
            PatrolRound.window_start,
            sort=(PatrolRound.window_start, PatrolRound.route_id, AT),
        ),
        text_column("ends", _lp("task", "Due"), PatrolRound.window_end, shown=False),
        Column(
            "state",
            _l("Status"),
            point_state,
            (PatrolRound.window_end, PatrolRound.planned_at),
        ),
        Column("at", _lp("scan", "Scanned at"), scanned_at, sort=(AT,)),
        Column("by", _lp("scan", "Scanned by"), lambda row, c: c.person(row.by_id), (BY,)),
        Column(
            "method",
            _l("Method"),
            lambda row, c: c.value("round", "method", row.point["method"]),
            shown=False,
        ),
        Column("flags", _l("To review"), flags),
        RESPONSIBLE,
    ),
    filters=(
        WordsFilter(
            name="words",
            label=_l("Checkpoint, area, person"),
            columns=(cast(POINTS.c.value["label"].as_string(), String).label("name"),),
            people=(PatrolRound.responsible_id, BY),
            areas=(AREA,),
        ),
        ChoiceFilter(name="state", label=_l("Status"), choices=POINT_STATES),
        TIME_FILTER,
        ROUTE_FILTER,
        PersonFilter(name="person", label=_l("Person"), columns=(PatrolRound.responsible_id, BY)),
        AreaFilter(name="area", label=_l("Area"), column=AREA),
    ),
    views=(
        View(name="today", label=_l("Today"), values={}),
        _point_view("missed", alarms=True, when_since="week"),
        _point_view("unknown", when_since="week"),
        _point_view("late", when_since="week"),
        _point_view("skipped", when_since="week"),
        View(name="yesterday", label=_l("Yesterday"), values={"when_since": "yesterday"}),
    ),
)
