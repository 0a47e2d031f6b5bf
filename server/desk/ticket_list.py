"""The list of tickets: what is open, late, not accepted, and everything that is over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask_babel import gettext, ngettext
from sqlalchemy import ColumnElement, and_

from server.db.engine import db
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
    ValueFilter,
    View,
    WordsFilter,
    person_column,
    place_name,
    text_column,
)
from server.desk.payload_form import PayloadForm
from server.desk.ticket_forms import FACT_FORMS, RECEIVER_INPUTS, handed_over, receiver_options
from server.models.shifts import Shift
from server.models.tickets import Ticket
from sync.protocol.roles import FRONT_DESK_ROLES
from sync.protocol.text import _l, _lp
from sync.service.ticket_lists import DUE_SOON, missing_steps_if_open
from sync.service.tickets import state
from sync.work.shifts import MAX_SHIFT

SOON_AMBER = timedelta(hours=2)
"""A promise that is so near is marked."""

NOT_LISTED = ("timeline", "photos", "photos_here", "numbers", "slip", "successions", "voices")
READ = [
    getattr(Ticket, column.name)
    for column in Ticket.__table__.columns
    if column.name not in NOT_LISTED
]
"""A list of tickets tells states, which depend on nearly everything."""


def is_open() -> ColumnElement[bool]:
    """Whether somebody still has something to do for a ticket."""
    return and_(Ticket.closed_at.is_(None), Ticket.merged_into.is_(None))


def is_owed() -> ColumnElement[bool]:
    """K19: whether an open ticket has a promise that is not kept yet."""
    kept = and_(Ticket.feedback_at.is_not(None), Ticket.resolved_at.is_not(None))
    return and_(is_open(), Ticket.promised_at.is_not(None), ~kept)


def is_breached(context: ListContext) -> ColumnElement[bool]:
    """K19: whether the promised time has passed without feedback."""
    return and_(is_owed(), Ticket.promised_at <= context.now)


def is_waiting() -> ColumnElement[bool]:
    """K9: whether a ticket was transferred and nobody has accepted it."""
    return and_(is_open(), Ticket.handed_at.is_not(None), Ticket.accepted_at.is_(None))


def on_duty(context: ListContext) -> list[str]:
    """The ids of the people whose shift is open now."""
    shifts = db.session.scalars(Shift.since(context.site_id, context.now - MAX_SHIFT))
    return [s.person_id for s in shifts if not (s.closed_at or s.handed_over_at)]


STATES = {
    "open": Choice(label=_lp("tickets", "open"), condition=lambda _: is_open()),
    "breached": Choice(label=_l("Reply overdue"), condition=is_breached),
    "soon": Choice(
        label=_l("Reply due within a day"),
        condition=lambda c: and_(
            is_owed(), Ticket.promised_at > c.now, Ticket.promised_at <= c.now + DUE_SOON
        ),
    ),
    "waiting": Choice(label=_l("Waiting to be accepted"), condition=lambda _: is_waiting()),
    "nudged": Choice(
        label=_l("Received on behalf, person now on duty"),
        condition=lambda c: and_(is_open(), Ticket.proxy_for_id.in_(on_duty(c))),
    ),
    "held": Choice(
        label=_l("Received on behalf"),
        condition=lambda _: and_(is_open(), Ticket.proxy_for_id.is_not(None)),
    ),
    "escalated": Choice(
        label=_l("Escalated"),
        condition=lambda _: and_(is_open(), Ticket.escalated_at.is_not(None)),
    ),
    "answering": Choice(
        label=_l("My responsibility"),
        condition=lambda c: and_(is_open(), Ticket.steward_id == c.person_id),
    ),
    "handling": Choice(
        label=_l("Handled by me"),
        condition=lambda c: and_(is_open(), Ticket.handler_id == c.person_id),
    ),
    "contractor": Choice(
        label=_l("With contractors"),
        condition=lambda _: and_(is_open(), Ticket.contractor_id.is_not(None)),
    ),
    "closed": Choice(
        label=_lp("tickets", "closed"), condition=lambda _: Ticket.closed_at.is_not(None)
    ),
    "merged": Choice(
        label=_l("merged into another ticket"),
        condition=lambda _: Ticket.merged_into.is_not(None),
    ),
}
TABS = ("open", "breached", "waiting", "soon", "answering", "contractor")
ALARMING = ("breached", "waiting")

MATTER_ICONS = {"repair": "wrench", "complaint": "chat", "lost": "box", "query": "info"}


def matter(row: Any, context: ListContext) -> Cell:
    """What the resident wants."""
    text = context.value("ticket", "matter", row.matter) or gettext("not asked yet")
    return Cell(text, tone="dim", icon=MATTER_ICONS.get(row.matter or "", "ticket"))


def content(row: Any, context: ListContext) -> Cell:
    """Where, and what is the matter."""
    category = context.value("ticket", "category", row.category)
    said = " · ".join(filter(None, (category, row.details)))
    place = place_name(context, row.unit, row.area)
    if row.urgency == "urgent":
        urgent = context.value("ticket", "urgency", "urgent")
        return Cell(said, tone="bad", icon="flag", lead=f"{urgent} {place}".strip())
    return Cell(said, lead=place)


def handler(row: Any, context: ListContext) -> str:
    """Who deals with it: a contractor, with our manager who answers for them, or one of us."""
    if row.contractor_id:
        firm, ours = context.contractor(row.contractor_id), context.person(row.accountable_id)
        return f"{firm} ({ours})" if ours else firm
    return context.person(row.handler_id)


def missing(row: Any, context: ListContext) -> str:
    """K10: the first step that is missing, and how many there are."""
    steps = missing_steps_if_open(_Row(row))
    if not steps:
        return ""
    first = context.value("ticket", "requirement", steps[0])
    more = len(steps) - 1
    if not more:
        return first
    return ngettext(
        "%(step)s and %(num)s more step", "%(step)s and %(num)s more steps", more, step=first
    )


class _Row:
    """A row as the rules read a ticket: `vars()` of it are its columns."""

    def __init__(self, row: Any) -> None:
        self.__dict__ = dict(row._mapping)


def promise(row: Any, context: ListContext) -> Cell | str:
    """Until when the resident is to have an answer."""
    if row.promised_at is None:
        return ""
    is_over = row.closed_at or row.merged_into or (row.feedback_at and row.resolved_at)
    if not is_over and row.promised_at <= context.now:
        return Cell(row.promised_at, tone="bad", icon="alert")
    if not is_over and row.promised_at <= context.now + SOON_AMBER:
        return Cell(row.promised_at, tone="warn", icon="clock")
    return Cell(row.promised_at, tone="dim")


def receiver_inputs(context: ListContext) -> list[FormField]:
    """To whom tickets are handed, and why."""
    choice = FormField(
        "to",
        gettext("Transfer to"),
        "choice",
        "",
        False,
        receiver_options(context.site_id),
        None,
        None,
        None,
    )
    (reason,) = PayloadForm("ticket.hand_over", "reason").inputs()
    return [choice, reason]


def hand_over(id_: str, form: Mapping[str, str]) -> list[tuple[str, str, dict[str, Any]]]:
    """The op that hands a ticket over."""
    return [("ticket.hand_over", id_, handed_over(form.get("to", ""), form.get("reason", "")))]


def new_promise(id_: str, form: Mapping[str, str]) -> list[tuple[str, str, dict[str, Any]]]:
    """The op that promises an answer at another time."""
    return [("ticket.promise", id_, FACT_FORMS["promise"].payload(form))]


TICKETS = RecordList(
    name="tickets",
    title=_l("Tickets"),
    roles=FRONT_DESK_ROLES,
    site=Ticket.site_id,
    id=Ticket.id,
    show="tickets.show",
    personal=True,
    formulas=("K10", "K19"),
    empty=_l("No ticket is open. Whoever is asked something first opens one."),
    order="promised_at",
    columns=(
        text_column("number", _l("Number"), Ticket.number),
        Column("matter", _l("Request type"), matter, READ, sort=(Ticket.matter,)),
        Column("content", _l("Where and what"), content, READ, css="cut"),
        person_column("steward", _l("First contact"), Ticket.steward_id),
        Column("handler", _l("Handler"), handler, READ),
        Column("missing", _l("Still missing"), missing, READ),
        Column("promised_at", _l("Reply promised by"), promise, READ, sort=(Ticket.promised_at,)),
        text_column("opened_at", _l("Opened at"), Ticket.opened_at, css="num"),
        Column(
            "state",
            _l("Status"),
            lambda row, c: c.state("ticket", state(row._mapping)),
            READ,
            shown=False,
        ),
        Column(
            "channel",
            _l("Received through"),
            lambda row, c: c.value("ticket", "channel", row.channel),
            READ,
            shown=False,
        ),
        text_column("contact", _l("Contact"), Ticket.contact, shown=False, sort=()),
        text_column("resolved_at", _l("Done at"), Ticket.resolved_at, shown=False),
        text_column("feedback_at", _l("Answered at"), Ticket.feedback_at, shown=False),
        text_column("closed_at", _lp("ticket", "Ticket closed at"), Ticket.closed_at, shown=False),
    ),
    filters=(
        WordsFilter(
            name="words",
            label=_l("Text, home, person, number"),
            columns=(Ticket.number, Ticket.details, Ticket.contact),
            people=(Ticket.steward_id, Ticket.handler_id),
            homes=(Ticket.unit,),
            areas=(Ticket.area,),
        ),
        ChoiceFilter(name="state", label=_l("Status"), choices=STATES, default="open"),
        ValueFilter(
            name="matter",
            label=_l("Request type"),
            column=Ticket.matter,
            record_type="ticket",
            field="matter",
        ),
        PersonFilter(
            name="person",
            label=_l("Person"),
            columns=(Ticket.steward_id, Ticket.handler_id, Ticket.first_responder_id),
        ),
        AreaFilter(name="area", label=_l("Area"), column=Ticket.area),
        HomeFilter(name="home", label=_l("Home"), column=Ticket.unit),
        PeriodFilter(name="opened", label=_l("Opened"), column=Ticket.opened_at),
    ),
    views=[
        View(name=name, label=STATES[name].label, values={"state": name}, alarms=name in ALARMING)
        for name in TABS
    ]
    + [View(name="all", label=_l("All"), values={"state": "any", "sort": "-opened_at"})],
    actions=(
        BulkAction(
            name="hand_over",
            label=_l("Transfer"),
            ops=hand_over,
            inputs=receiver_inputs,
            input_of=RECEIVER_INPUTS,
            icon="swap",
        ),
        BulkAction(
            name="promise",
            label=_l("Change promised time"),
            ops=new_promise,
            inputs=lambda _: FACT_FORMS["promise"].inputs(),
            icon="clock",
        ),
    ),
    template="desk/tickets/index.html",
)
