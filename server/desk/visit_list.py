"""The list of visitors: who is inside, expected, not logged out, and everybody who was here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import url_for
from flask_babel import gettext
from sqlalchemy import ColumnElement, String, and_, cast, func

from server.auth.access import current_user
from server.db.engine import db
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
    ValueFilter,
    View,
    WordsFilter,
    author_column,
    home_order,
    load_authors,
    text_column,
)
from server.desk.lists.filters import day_start
from server.desk.payload_form import PayloadForm
from server.models.visits import Visit
from sync.gate import visits as rules
from sync.protocol.clock import SITE_ZONE
from sync.protocol.normalise import name_key, plate_key
from sync.protocol.roles import DESK_ROLES, FRONT_DESK_ROLES
from sync.protocol.text import _l, _lp

HOLD_FORM = PayloadForm("visit.hold", "reason")
BEGINS_AT = func.coalesce(
    Visit.arrived_at, Visit.refused_at, Visit.expected_from, Visit.expected_at
).label("begins_at")
"""When a visit began, or will."""
READ = (
    *(Visit.visitor, Visit.party_size, Visit.purpose, Visit.firm, Visit.host_unit),
    *(Visit.host_person, Visit.plate, Visit.expected_at, Visit.expected_from, Visit.expected_until),
    *(Visit.arrived_at, Visit.due_at, Visit.departed_at, Visit.presumed, Visit.refused_at),
    *(Visit.refuse_reason, Visit.steps, Visit.held_at, Visit.purged_at),
)


def is_inside() -> ColumnElement[bool]:
    """V1: whether a visitor came in and no departure is recorded."""
    return and_(Visit.arrived_at.is_not(None), Visit.departed_at.is_(None))


def is_overdue(context: ListContext) -> ColumnElement[bool]:
    """V7: whether a visitor is inside for longer than was said."""
    return and_(is_inside(), Visit.due_at < context.now)


def is_expected() -> ColumnElement[bool]:
    """V6: whether a pre-registered visitor was neither let in nor refused."""
    return and_(Visit.arrived_at.is_(None), Visit.departed_at.is_(None), Visit.refused_at.is_(None))


def is_refused() -> ColumnElement[bool]:
    """V8: whether a visitor was refused, and not let in afterwards."""
    return and_(
        Visit.arrived_at.is_(None), Visit.departed_at.is_(None), Visit.refused_at.is_not(None)
    )


def has_come_today(context: ListContext) -> ColumnElement[bool]:
    """Whether a visitor came in today."""
    return Visit.arrived_at >= day_start(context.now.astimezone(SITE_ZONE).date())


def lacks_farewell() -> ColumnElement[bool]:
    """V11: whether a visitor left and nobody said goodbye."""
    said_goodbye = cast(Visit.steps, String).contains('"farewell"')
    return and_(Visit.departed_at.is_not(None), Visit.arrived_at.is_not(None), ~said_goodbye)


STATES = {
    "inside": Choice(label=_l("Inside now"), condition=lambda _: is_inside()),
    "overdue": Choice(label=_l("Overdue"), condition=is_overdue),
    "expected": Choice(label=_l("Expected"), condition=lambda _: is_expected()),
    "not_come": Choice(
        label=_l("Not arrived"),
        condition=lambda c: and_(is_expected(), Visit.expected_until < c.now),
    ),
    "today": Choice(label=_l("Came in today"), condition=has_come_today),
    "departed": Choice(label=_l("Left"), condition=lambda _: Visit.departed_at.is_not(None)),
    "no_farewell": Choice(
        label=_l("Left today without a goodbye"),
        condition=lambda c: and_(has_come_today(c), lacks_farewell()),
    ),
    "not_seen_out": Choice(
        label=_l("Came today, not logged out"),
        condition=lambda c: and_(has_come_today(c), is_inside()),
    ),
    "refused": Choice(label=_lp("visits", "Refused"), condition=lambda _: is_refused()),
    "held": Choice(label=_l("Legal hold"), condition=lambda _: Visit.held_at.is_not(None)),
}


def visitor(row: Any, _: ListContext) -> str:
    """Who came, and how many."""
    return f"{row.visitor} × {row.party_size}" if (row.party_size or 0) > 1 else row.visitor


def state(row: Any, context: ListContext) -> Cell:
    """Where the visitor is, in colour where somebody has to look."""
    name = rules.state(row._mapping)
    if name == "inside" and row.due_at and row.due_at < context.now:
        return Cell(gettext("Overdue"), tone="bad", icon="alert")
    if name == "expected" and row.expected_until and row.expected_until < context.now:
        return Cell(gettext("Not arrived"), tone="warn", icon="clock")
    label = context.state("visit", name)
    if name == "refused":
        reason = context.value("visit", "refuse_reason", row.refuse_reason)
        return Cell(f"{label}: {reason}" if reason else label, tone="warn", icon="miss")
    return Cell(label, tone={"inside": "go", "departed": "dim"}.get(name, ""))


def purpose(row: Any, context: ListContext) -> str:
    """What for, and from which firm."""
    return " · ".join(filter(None, (context.value("visit", "purpose", row.purpose), row.firm)))


def host(row: Any, context: ListContext) -> Cell:
    """The home that is visited, or whom."""
    return Cell(row.host_person or "", lead=context.home(row.host_unit))


def begins(row: Any, _: ListContext) -> Cell | datetime | None:
    """When the visitor came in, was refused, or is expected."""
    begun: datetime | None = row.arrived_at or row.refused_at
    return begun or Cell(row.expected_from or row.expected_at, tone="dim", icon="clock")


def due(row: Any, context: ListContext) -> Cell | datetime | None:
    """Until when the visitor wants to stay."""
    if row.due_at and not row.departed_at and row.due_at < context.now:
        return Cell(row.due_at, tone="bad")
    until: datetime | None = row.due_at or row.expected_until
    return until


def departed(row: Any, _: ListContext) -> Cell | datetime | None:
    """When the visitor left; a departure that nobody saw is presumed."""
    if row.departed_at and row.presumed:
        return Cell(row.departed_at, tone="dim", lead=gettext("presumed"))
    left: datetime | None = row.departed_at
    return left


def depart(id_: str, _: Mapping[str, str]) -> list[tuple[str, str, dict[str, Any]]]:
    """The op that logs a visitor out who is inside."""
    return [("visit.depart", id_, {})] if _state_of(id_) == "inside" else []


def admit(id_: str, _: Mapping[str, str]) -> list[tuple[str, str, dict[str, Any]]]:
    """The op that lets in a visitor who is expected."""
    return [("visit.admit", id_, {})] if _state_of(id_) == "expected" else []


def hold(id_: str, form: Mapping[str, str]) -> list[tuple[str, str, dict[str, Any]]]:
    """The op that keeps a visit for a case."""
    return [("visit.hold", id_, HOLD_FORM.payload(form))]


def _state_of(id_: str) -> str:
    visit = db.session.get(Visit, (current_user().site_id, id_))
    return rules.state(vars(visit)) if visit else ""


def row_action(row: Any, _: ListContext) -> str:
    """Visitors inside are logged out, expected ones are let in."""
    return {"inside": "depart", "expected": "admit"}.get(rules.state(row._mapping), "")


def today() -> dict[str, Any]:
    """V11: how many of today's visitors left without a goodbye, and are not logged out."""
    context = ListContext.of_request()
    names = ("no_farewell", "not_seen_out")
    counts = VISITS.counts([{"state": name} for name in names], context)
    return {
        "today": [
            (count, url_for("visits.index", state=name))
            for name, count in zip(names, counts, strict=True)
        ]
    }


VISITS = RecordList(
    name="visits",
    title=_l("Visitors"),
    roles=FRONT_DESK_ROLES,
    site=Visit.site_id,
    id=Visit.id,
    show="visits.show",
    personal=True,
    formulas=("V1", "V7"),
    empty=_l("Nobody is inside. Visitors are logged in at the gate, or pre-registered here."),
    order="-begins_at",
    conditions=lambda _: [Visit.purged_at.is_(None)],
    prepare=load_authors,
    columns=(
        Column("visitor", _l("Visitor"), visitor, READ, sort=(Visit.name_key,)),
        Column("state", _l("Status"), state, READ),
        Column("purpose", _l("Purpose"), purpose, READ, sort=(Visit.purpose,)),
        Column("host", _l("Home visited"), host, READ, sort=(home_order(Visit.host_unit),)),
        text_column("plate", _l("Number plate"), Visit.plate, sort=(Visit.plate_key,)),
        Column("begins_at", _l("Came in at"), begins, READ, sort=(BEGINS_AT,)),
        Column("due_at", _l("Stays until"), due, READ, sort=(Visit.due_at,)),
        Column("departed_at", _l("Left at"), departed, READ, sort=(Visit.departed_at,)),
        author_column("arrived_by", _l("Let in by"), Visit.arrived_by_id, Visit.arrived_at),
        text_column("phone", _l("Phone number"), Visit.phone, shown=False, sort=()),
        text_column("note", _l("Special needs"), Visit.note, shown=False, sort=()),
        text_column("expected_from", _l("Expected from"), Visit.expected_from, shown=False),
        text_column("expected_until", _l("Expected until"), Visit.expected_until, shown=False),
        text_column("held_at", _l("Legal hold since"), Visit.held_at, shown=False),
    ),
    filters=(
        WordsFilter(
            name="words",
            label=_l("Plate, visitor, host, home"),
            keys={Visit.plate_key: plate_key, Visit.name_key: name_key},
            columns=(Visit.firm,),
            homes=(Visit.host_unit,),
        ),
        ChoiceFilter(name="state", label=_l("Status"), choices=STATES, default="inside"),
        ValueFilter(
            name="purpose",
            label=_l("Purpose"),
            column=Visit.purpose,
            record_type="visit",
            field="purpose",
        ),
        PersonFilter(
            name="person",
            label=_l("Person"),
            columns=(Visit.arrived_by_id, Visit.departed_by_id, Visit.refused_by_id),
        ),
        AreaFilter(name="area", label=_l("Area"), home=Visit.host_unit),
        HomeFilter(name="home", label=_l("Home"), column=Visit.host_unit),
        PeriodFilter(
            name="inside",
            label=_l("Inside at"),
            column=BEGINS_AT,
            until_column=Visit.departed_at,
            times=True,
        ),
    ),
    views=(
        View(name="inside", label=STATES["inside"].label, values={"state": "inside"}),
        View(
            name="overdue",
            label=STATES["overdue"].label,
            values={"state": "overdue", "sort": "due_at"},
            alarms=True,
        ),
        View(
            name="expected",
            label=STATES["expected"].label,
            values={"state": "expected", "sort": "begins_at"},
        ),
        View(name="today", label=STATES["today"].label, values={"state": "today"}),
        View(name="refused", label=STATES["refused"].label, values={"state": "refused"}),
        View(name="held", label=STATES["held"].label, values={"state": "held"}),
        View(name="all", label=_l("All"), values={"state": "any"}),
    ),
    actions=(
        BulkAction(name="depart", label=_l("Log out"), ops=depart, icon="out"),
        BulkAction(name="admit", label=_l("Let in"), ops=admit, icon="gate"),
        BulkAction(
            name="hold",
            label=_l("Set legal hold"),
            ops=hold,
            inputs=lambda _: HOLD_FORM.inputs(labels={"reason": gettext("Reason for legal hold")}),
            roles=DESK_ROLES,
            icon="lock",
        ),
    ),
    row_action=row_action,
    template="desk/visits/index.html",
    extra=today,
)
