"""The list of lost items: how far each case has come, what is next and what is still missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext, ngettext
from sqlalchemy import ColumnElement, String, and_, cast, not_, or_, true

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
    place_column,
    text_column,
)
from server.desk.lost_property_forms import STEP_FORMS
from server.models.lost_property import LostProperty
from sync.protocol.roles import FRONT_DESK_ROLES
from sync.protocol.text import _l, _lp
from sync.service.lost_property import missing_steps
from sync.service.lost_property import state as state_of
from sync.service.lost_property.labels import STATES as STATE_LABELS


def has_any(column: Any) -> ColumnElement[bool]:
    """Whether a list of a case has an entry."""
    return cast(column, String) != "[]"


STAGES = {
    "closed": LostProperty.closed_at.is_not(None),
    "returned": has_any(LostProperty.returned),
    "found": has_any(LostProperty.found),
    "police": has_any(LostProperty.handed),
    "inquiry": or_(has_any(LostProperty.asked), has_any(LostProperty.statements)),
    "compiled": has_any(LostProperty.lists),
    "reported": true(),
}
"""What makes each state, the furthest first: a case is in the first that holds."""


def is_open() -> ColumnElement[bool]:
    """Whether a case is not closed."""
    return LostProperty.closed_at.is_(None)


def is_overdue(context: ListContext) -> ColumnElement[bool]:
    """Q8: whether the next step of an open case should have been done."""
    return and_(is_open(), LostProperty.next_action_at < context.now)


def in_state(state: str) -> ColumnElement[bool]:
    """Whether a case has this state."""
    further = [not_(condition) for name, condition in STAGES.items() if name != state]
    return and_(*further[: list(STAGES).index(state)], STAGES[state])


def _choice(state: str) -> Choice:
    return Choice(label=STATE_LABELS[state], condition=lambda _: in_state(state))


STATES = {
    "open": Choice(label=_lp("lost items", "Open"), condition=lambda _: is_open()),
    "overdue": Choice(label=_lp("lost items", "Next step overdue"), condition=is_overdue),
    **{state: _choice(state) for state in reversed(STAGES)},
}

READ = tuple(
    getattr(LostProperty, name)
    for name in (
        *("item", "urgency", "unit", "outcome", "closed_at", "next_action", "next_action_at"),
        *("lists", "asked", "statements", "offers", "handed", "found", "returned", "told"),
        *("contact", "declined_because", "contractor_id", "accountable_id"),
    )
)


def item(row: Any, context: ListContext) -> Cell | str:
    """What is missing; an urgent case says so."""
    if row.urgency != "urgent":
        return str(row.item)
    urgent = context.value("lost", "urgency", "urgent")
    return Cell(row.item, tone="bad", icon="flag", lead=urgent)


def progress(row: Any, context: ListContext) -> str:
    """How far the case has come, or how it ended."""
    return context.state("lost", row.outcome or state_of(row._mapping))


def next_step(row: Any, _: ListContext) -> str:
    """What is to be done next."""
    return "" if row.closed_at else row.next_action or gettext("continue the search")


def due(row: Any, context: ListContext) -> Cell | str:
    """When the next step is due."""
    if row.closed_at:
        return ""
    is_late = row.next_action_at < context.now
    return Cell(row.next_action_at, **({"tone": "bad", "icon": "alert"} if is_late else {}))


def missing(row: Any, context: ListContext) -> str:
    """Q7: the first step that is missing to close, and how many there are."""
    codes = [] if row.closed_at else missing_steps(row._mapping)
    if not codes:
        return ""
    first, more = context.value("lost", "requirement", codes[0]), len(codes) - 1
    if not more:
        return first
    return ngettext(
        "%(step)s and %(num)s more step", "%(step)s and %(num)s more steps", more, step=first
    )


def contractor(row: Any, context: ListContext) -> str:
    """The contractor who searches, and who of ours answers for them."""
    if not row.contractor_id:
        return ""
    firm, ours = context.contractor(row.contractor_id), context.person(row.accountable_id)
    return f"{firm or '?'} ({ours or '?'})"


def set_next(id_: str, form: Mapping[str, str]) -> list[tuple[str, str, dict[str, Any]]]:
    """The op that says what is to be done next."""
    return [("lost.next", id_, STEP_FORMS["next"].payload(form))]


LOST_PROPERTY = RecordList(
    name="lost_property",
    title=_l("Lost items"),
    roles=FRONT_DESK_ROLES,
    site=LostProperty.site_id,
    id=LostProperty.id,
    show="lost_property.show",
    personal=True,
    formulas=("Q7", "Q8"),
    empty=_l("No case is open. A loss is reported here or on a phone."),
    order="next_action_at",
    conditions=lambda _: [LostProperty.purged_at.is_(None)],
    prepare=load_authors,
    columns=(
        Column("item", _lp("lost", "Item lost"), item, READ, sort=(LostProperty.item,)),
        place_column("home", _l("Home"), LostProperty.unit, sort=(home_order(LostProperty.unit),)),
        Column("progress", _l("Progress"), progress, READ),
        Column("next_action", _l("Next step"), next_step, READ),
        Column("next_action_at", _l("Due"), due, READ, sort=(LostProperty.next_action_at,)),
        Column("missing", _l("Still to do"), missing, READ),
        author_column(
            "first_responder",
            _l("First responder"),
            LostProperty.first_responder_id,
            LostProperty.opened_at,
        ),
        text_column("opened_at", _l("Reported at"), LostProperty.opened_at, css="num"),
        Column("contractor", _l("Contractor"), contractor, READ, shown=False),
        text_column("contact", _l("Contact"), LostProperty.contact, shown=False, sort=()),
        text_column("last_seen_at", _l("Last seen at"), LostProperty.last_seen_at, shown=False),
        text_column(
            "last_seen_where", _l("Last seen where"), LostProperty.last_seen_where, shown=False
        ),
        text_column(
            "closed_at", _lp("lost", "Case closed at"), LostProperty.closed_at, shown=False
        ),
    ),
    filters=(
        WordsFilter(
            name="words",
            label=_l("Item, home, person"),
            columns=(LostProperty.item, LostProperty.details, LostProperty.contact),
            people=(LostProperty.first_responder_id, LostProperty.next_by_id),
            named={LostProperty.contractor_id: lambda c: c.names.contractors},
            homes=(LostProperty.unit,),
        ),
        ChoiceFilter(name="state", label=_l("Status"), choices=STATES, default="open"),
        ValueFilter(
            name="outcome",
            label=_lp("lost items", "Result"),
            column=LostProperty.outcome,
            record_type="lost",
            field="outcome",
        ),
        PersonFilter(
            name="person",
            label=_l("Person"),
            columns=(
                LostProperty.first_responder_id,
                LostProperty.next_by_id,
                LostProperty.closed_by_id,
                LostProperty.accountable_id,
            ),
        ),
        AreaFilter(name="area", label=_l("Area"), home=LostProperty.unit),
        HomeFilter(name="home", label=_l("Home"), column=LostProperty.unit),
        PeriodFilter(name="opened", label=_l("Reported"), column=LostProperty.opened_at),
    ),
    views=(
        View(name="open", label=STATES["open"].label, values={"state": "open"}),
        View(
            name="overdue", label=STATES["overdue"].label, values={"state": "overdue"}, alarms=True
        ),
        View(name="inquiry", label=STATES["inquiry"].label, values={"state": "inquiry"}),
        View(name="police", label=STATES["police"].label, values={"state": "police"}),
        View(
            name="closed",
            label=STATES["closed"].label,
            values={"state": "closed", "sort": "-closed_at"},
        ),
        View(name="all", label=_l("All"), values={"state": "any", "sort": "-opened_at"}),
    ),
    actions=(
        BulkAction(
            name="next",
            label=_l("Set the next step"),
            ops=set_next,
            inputs=lambda _: STEP_FORMS["next"].inputs(),
            icon="right",
        ),
    ),
    template="desk/lost_property/index.html",
)
