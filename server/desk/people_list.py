"""The list of people: who works at the site, as what, and for how many open tickets."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

from flask_babel import gettext
from sqlalchemy import ColumnElement, String, and_, cast, not_

from server.db.engine import db
from server.desk.lists import (
    Cell,
    Choice,
    ChoiceFilter,
    Column,
    ListContext,
    OptionFilter,
    PeriodFilter,
    RecordList,
    View,
    WordsFilter,
    day_column,
    text_column,
)
from server.desk.lists.context import known_roles
from server.desk.options import active_contractors
from server.desk.ticket_list import on_duty
from server.i18n.locale import translate
from server.models.people import Person
from server.models.tickets import Ticket
from sync.protocol.roles import DESK_ROLES, ROLE_LABELS
from sync.protocol.text import _l, _lp


def has_role(role: str) -> ColumnElement[bool]:
    """Whether a person has a role: roles are stored as a JSON list of words without quotes."""
    found: ColumnElement[bool] = cast(Person.roles, String).contains(f'"{role}"')
    return found


def _has_role(role: str, _: ListContext) -> ColumnElement[bool]:
    return has_role(role)


def works_here() -> ColumnElement[bool]:
    """Whether a person has not left."""
    return Person.active_to.is_(None)


def is_on_duty(context: ListContext) -> ColumnElement[bool]:
    """Whether a person has a shift open now."""
    ids = context.once("on duty", lambda: on_duty(context))
    return and_(works_here(), Person.id.in_(ids))


STATES = {
    "here": Choice(label=_lp("people", "working here"), condition=lambda _: works_here()),
    "on_duty": Choice(label=_lp("people", "on duty"), condition=is_on_duty),
    "off_duty": Choice(
        label=_lp("people", "off duty"),
        condition=lambda c: and_(works_here(), not_(is_on_duty(c))),
    ),
    "no_firm": Choice(
        label=_l("no contractor yet"),
        condition=lambda _: and_(
            works_here(), has_role("contractor_worker"), Person.contractor_id.is_(None)
        ),
    ),
    "left": Choice(label=_lp("people", "left"), condition=lambda _: not_(works_here())),
}


def role_names(roles: list[str]) -> str:
    """The roles of a person, as people read them."""
    return ", ".join(translate(ROLE_LABELS[role]) for role in known_roles(roles))


def roles(row: Any, context: ListContext) -> Cell:
    """What a person does here: roles, trades, and the firm of a contractor's worker."""
    said = role_names(row.roles)
    trades = [context.value("person", "trade", trade) for trade in row.trades]
    firm = context.contractor(row.contractor_id)
    if not firm and "contractor_worker" in row.roles and row.active_to is None:
        return Cell(" · ".join([said, *trades, gettext("no contractor yet")]), "warn", "alert")
    return Cell(" · ".join(filter(None, [said, *trades, firm])))


def status(row: Any, context: ListContext) -> Cell | str:
    """Whether a person is on duty, or has left."""
    if row.active_to is not None:
        return Cell(context.state("person", "left"), tone="dim")
    if row.id in context.once("on duty", lambda: on_duty(context)):
        return Cell(gettext("on duty"), tone="ok", icon="ok")
    return ""


def open_tickets(row: Any, context: ListContext) -> Cell:
    """For how many open tickets a person is responsible."""
    number = context.once("open tickets", lambda: count_open_tickets(context.site_id))[row.id]
    return Cell(number, tone="" if number else "dim")


def count_open_tickets(site_id: str) -> Counter[str]:
    """How many open tickets each person answers for or handles."""
    query = Ticket.open_tickets(site_id).with_only_columns(Ticket.steward_id, Ticket.handler_id)
    rows = db.session.execute(query.order_by(None))
    return Counter(id_ for row in rows for id_ in {row.steward_id, row.handler_id})


ROLE_FILTER = ChoiceFilter(
    name="role",
    label=_l("Role"),
    choices={
        role: Choice(label=label, condition=partial(_has_role, role))
        for role, label in ROLE_LABELS.items()
    },
)
ROLE = (Person.roles, Person.trades, Person.contractor_id, Person.active_to)

PEOPLE = RecordList(
    name="people",
    title=_l("People"),
    roles=DESK_ROLES,
    site=Person.site_id,
    id=Person.id,
    show="person.show",
    empty=_l("Nobody works here yet."),
    order="name",
    columns=(
        text_column("name", _l("Name"), Person.name),
        text_column("employee_no", _l("Staff number"), Person.employee_no),
        Column("roles", _l("Roles"), roles, ROLE, css="cut"),
        Column("state", _l("Status"), status, (Person.active_to,)),
        Column("tickets", _l("Open tickets"), open_tickets, css="num"),
        day_column("active_from", _l("Joined"), Person.active_from),
        day_column("active_to", _l("Left on"), Person.active_to, shown=False),
    ),
    filters=(
        WordsFilter(
            name="words",
            label=_l("Name or staff number"),
            columns=(Person.name, Person.employee_no),
        ),
        ChoiceFilter(name="state", label=_l("Status"), choices=STATES, default="here"),
        ROLE_FILTER,
        OptionFilter(
            name="contractor",
            label=_l("Contractor"),
            column=Person.contractor_id,
            load=lambda c: [(firm.id, firm.name) for firm in active_contractors(c.site_id)],
        ),
        PeriodFilter(name="joined", label=_l("Joined"), column=Person.active_from),
    ),
    views=[
        *(
            View(name=name, label=choice.label, values={"state": name})
            for name, choice in STATES.items()
        ),
        View(name="all", label=_l("All"), values={"state": "any"}),
    ],
)
