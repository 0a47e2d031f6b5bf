"""The list of home entries: who was in which home, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import url_for
from flask_babel import gettext
from sqlalchemy import ColumnElement, and_, or_

from server.desk.entry_questions import entry_questions
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
    View,
    WordsFilter,
    author_column,
    home_order,
    load_authors,
    place_column,
    text_column,
)
from server.desk.lists.asked import asked_by_address
from server.i18n.locale import duration_text
from server.models.home_entries import HomeEntry
from sync.gate.home_entries import state as state_of
from sync.protocol.roles import FRONT_DESK_ROLES
from sync.protocol.text import _l, _lp

LATE_RECEIPT = timedelta(minutes=2)
"""A record that came so much later from its phone says so."""


@dataclass(frozen=True, kw_only=True)
class StayFilter(PeriodFilter):
    """J5, J8: entries that may overlap a period, also where the time of one end is not known."""

    def condition(
        self, values: Mapping[str, str], context: ListContext
    ) -> ColumnElement[bool] | None:
        return HomeEntry.overlaps(*self.span(values))


def is_valid() -> ColumnElement[bool]:
    """Whether an entry was not voided."""
    return HomeEntry.struck_at.is_(None)


def is_told_without_times() -> ColumnElement[bool]:
    """Whether an entry was told afterwards, and nobody knew when it began."""
    return and_(HomeEntry.afterwards, HomeEntry.in_at.is_(None))


STATES = {
    "inside": Choice(
        label=_l("In homes now"),
        condition=lambda _: and_(is_valid(), HomeEntry.out_at.is_(None), ~is_told_without_times()),
    ),
    "out": Choice(
        label=_l("Came out"),
        condition=lambda _: and_(
            is_valid(), or_(HomeEntry.out_at.is_not(None), is_told_without_times())
        ),
    ),
    "afterwards": Choice(
        label=_l("Added later"), condition=lambda _: and_(is_valid(), HomeEntry.afterwards)
    ),
    "struck": Choice(
        label=_lp("home entries", "Voided"), condition=lambda _: HomeEntry.struck_at.is_not(None)
    ),
}


def who(row: Any, context: ListContext) -> str:
    """Who went in, and from which firm."""
    name = context.person(row.worker_id) or row.worker or "?"
    return f"{name} ({context.contractor(row.contractor) or '?'})" if row.contractor else name


def went_in(row: Any, _: ListContext) -> datetime | Cell:
    """When the worker went in, if it is known."""
    at: datetime | None = row.in_at
    return at or Cell(gettext("not known"), tone="warn")


def came_out(row: Any, context: ListContext) -> datetime | Cell:
    """When the worker came out, if it is known."""
    at: datetime | None = row.out_at
    if at:
        return at
    if row.afterwards:
        return Cell(gettext("not known"), tone="warn")
    return Cell(context.state("entry", "inside"), tone="go", icon="home")


def resident(row: Any, context: ListContext) -> str:
    """Whether the resident was there and agreed, and who came along."""
    at_home = {True: gettext("resident at home"), False: gettext("resident not at home")}
    agreed = context.value("entry", "acknowledgement", row.acknowledgement)
    second = f"+ {row.second_person}" if row.second_person else ""
    return " · ".join(filter(None, (at_home.get(row.resident_present), agreed, second)))


def reliability(row: Any, context: ListContext) -> Cell | str:
    """What has to be known besides: that the entry is void, or was recorded or came later."""
    if row.struck_at:
        because = context.value("entry", "struck_because", row.struck_because)
        return Cell(f"{gettext('voided')}: {because}", tone="dim", icon="x")
    later = row.received_at - row.recorded_at
    notes = [gettext("added later")] if row.afterwards else []
    if later > LATE_RECEIPT:
        notes.append(gettext("received %(span)s later", span=duration_text(later)))
    return Cell(" · ".join(notes), tone="warn", icon="clock") if notes else ""


def ticket(row: Any, _: ListContext) -> Cell | str:
    """The ticket that the entry belongs to."""
    if not row.ticket:
        return ""
    return Cell(gettext("Ticket"), url=url_for("tickets.show", id=row.ticket))


def visit(row: Any, _: ListContext) -> Cell | str:
    """The visit at the gate that the entry belongs to."""
    if not row.visit:
        return ""
    return Cell(gettext("Visitor"), url=url_for("visits.show", id=row.visit))


READ = (
    *(HomeEntry.worker_id, HomeEntry.worker, HomeEntry.contractor, HomeEntry.purpose),
    *(HomeEntry.in_at, HomeEntry.out_at, HomeEntry.afterwards, HomeEntry.joined_to),
    *(HomeEntry.resident_present, HomeEntry.acknowledgement, HomeEntry.second_person),
    *(HomeEntry.struck_at, HomeEntry.struck_because, HomeEntry.recorded_at),
    *(HomeEntry.received_at, HomeEntry.ticket, HomeEntry.visit),
)

HOME_ENTRIES = RecordList(
    name="home_entries",
    title=_l("Home entries"),
    roles=FRONT_DESK_ROLES,
    site=HomeEntry.site_id,
    id=HomeEntry.id,
    show="records.show",
    show_values={"type": "entry"},
    personal=True,
    formulas=("J5", "J8"),
    empty=_l("Nobody was in a home. Whoever goes into one records it on the phone."),
    order="-in_at",
    conditions=lambda _: [HomeEntry.joined_to.is_(None), HomeEntry.purged_at.is_(None)],
    prepare=load_authors,
    columns=(
        Column("who", _lp("home entry", "Who"), who, READ),
        place_column("home", _l("Home"), HomeEntry.unit, sort=(home_order(HomeEntry.unit),)),
        Column("in_at", _l("Went in at"), went_in, READ, sort=(HomeEntry.by_time(),)),
        Column("out_at", _l("Came out at"), came_out, READ, sort=(HomeEntry.out_at,)),
        Column(
            "purpose",
            _l("Purpose"),
            lambda row, c: c.value("entry", "purpose", row.purpose),
            READ,
            sort=(HomeEntry.purpose,),
        ),
        Column("resident", _l("Resident"), resident, READ),
        author_column(
            "recorded_by", _l("Recorded by"), HomeEntry.recorded_by_id, HomeEntry.recorded_at
        ),
        Column("reliability", _l("Note"), reliability, READ),
        Column("ticket", _l("Ticket"), ticket, READ),
        Column("visit", _l("Visitor"), visit, READ),
        Column(
            "state",
            _l("Status"),
            lambda r, c: c.state("entry", state_of(r._mapping)),
            READ,
            shown=False,
        ),
        text_column("recorded_at", _l("Recorded at"), HomeEntry.recorded_at, shown=False),
        text_column("remarks", _l("Remarks"), HomeEntry.remarks, shown=False, sort=()),
    ),
    filters=(
        WordsFilter(
            name="words",
            label=_l("Person, contractor, home"),
            columns=(HomeEntry.worker, HomeEntry.second_person, HomeEntry.purpose),
            people=(HomeEntry.worker_id,),
            named={HomeEntry.contractor: lambda c: c.names.contractors},
            homes=(HomeEntry.unit,),
        ),
        ChoiceFilter(name="state", label=_l("Status"), choices=STATES),
        PersonFilter(
            name="person",
            label=_l("Person"),
            columns=(HomeEntry.worker_id, HomeEntry.recorded_by_id, HomeEntry.out_by_id),
        ),
        AreaFilter(name="area", label=_l("Area"), home=HomeEntry.unit),
        HomeFilter(name="home", label=_l("Home"), column=HomeEntry.unit),
        StayFilter(
            name="when",
            label=_l("In the home"),
            column=HomeEntry.in_at,
            times=True,
            default="days30",
        ),
    ),
    views=(
        View(name="recent", label=_l("30 days"), values={}),
        View(
            name="inside",
            label=STATES["inside"].label,
            values={"state": "inside", "when_since": "any"},
        ),
        View(
            name="afterwards",
            label=STATES["afterwards"].label,
            values={"state": "afterwards", "when_since": "any"},
        ),
        View(
            name="struck",
            label=STATES["struck"].label,
            values={"state": "struck", "when_since": "any"},
        ),
        View(name="all", label=_l("All"), values={"when_since": "any"}),
    ),
    template="desk/home_entries/index.html",
    extra=lambda: _questions(ListContext.of_request()),
)


def _questions(context: ListContext) -> dict[str, Any]:
    asked = asked_by_address(HOME_ENTRIES, context)
    (period,) = (each for each in HOME_ENTRIES.filters if isinstance(each, StayFilter))
    before = period.span(asked.values)[1]
    return entry_questions(context.site_id, before, context.now)
