"""The list of contractors: what they do, who of ours answers for them, and what is missing."""

from __future__ import annotations

from collections import Counter
from typing import Any

from flask_babel import gettext
from sqlalchemy import and_, select

from server.db.engine import db
from server.desk.lists import (
    Cell,
    Choice,
    ChoiceFilter,
    Column,
    ListContext,
    PersonFilter,
    RecordList,
    View,
    WordsFilter,
    day_column,
    text_column,
)
from server.desk.people_list import works_here
from server.models.contractors import Contractor
from server.models.people import Person
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l, _lp

STATES = {
    "active": Choice(
        label=_lp("contractors", "under contract"),
        condition=lambda _: Contractor.ended_at.is_(None),
    ),
    "no_agreement": Choice(
        label=_l("no personal data agreement"),
        condition=lambda _: and_(Contractor.ended_at.is_(None), Contractor.agreement.is_(None)),
    ),
    "manager_left": Choice(
        label=_lp("contractors", "manager has left"),
        condition=lambda c: and_(
            Contractor.ended_at.is_(None), Contractor.accountable_id.in_(list(c.names.left_at))
        ),
    ),
    "ended": Choice(
        label=_l("contract ended"), condition=lambda _: Contractor.ended_at.is_not(None)
    ),
}


def accountable(row: Any, context: ListContext) -> Cell | str:
    """Our manager who answers for the firm; marked if they have left."""
    name = context.person(row.accountable_id)
    if row.ended_at is None and context.names.left_at.get(row.accountable_id):
        return Cell(f"{name} · {gettext('left the staff')}", tone="bad", icon="alert")
    return name


def agreement(row: Any, _: ListContext) -> Cell | str:
    """Until when, and for what, the firm may use personal data."""
    if row.agreement:
        return " · ".join(filter(None, (row.agreement.get(n) for n in ("purpose", "term"))))
    if row.ended_at:
        return ""
    return Cell(gettext("no personal data agreement"), tone="warn", icon="alert")


def workers(row: Any, context: ListContext) -> Cell:
    """How many people of the firm work here."""
    number = context.once("workers of firms", lambda: _count_workers(context.site_id))[row.id]
    return Cell(number, tone="" if number else "dim")


def _count_workers(site_id: str) -> Counter[str | None]:
    query = select(Person.contractor_id).where(Person.site_id == site_id, works_here())
    return Counter(db.session.scalars(query))


CONTRACTORS = RecordList(
    name="contractors",
    title=_l("Contractors"),
    roles=DESK_ROLES,
    site=Contractor.site_id,
    id=Contractor.id,
    show="contractors.show",
    empty=_l("No contractors yet."),
    order="name",
    columns=(
        text_column("name", _lp("thing", "Name"), Contractor.name),
        text_column("service", _l("Service"), Contractor.service),
        Column(
            "accountable",
            _l("Accountable manager"),
            accountable,
            (Contractor.accountable_id, Contractor.ended_at),
        ),
        text_column("contact", _l("Contact"), Contractor.contact, sort=()),
        Column(
            "agreement",
            _l("Personal data agreement"),
            agreement,
            (Contractor.agreement,),
            css="cut",
        ),
        Column("workers", _l("Workers"), workers, css="num"),
        text_column("contract_ref", _l("Contract number"), Contractor.contract_ref, shown=False),
        day_column("ended_at", _l("Ended on"), Contractor.ended_at, shown=False),
    ),
    filters=(
        WordsFilter(
            name="words",
            label=_l("Name, service, contact"),
            columns=(
                Contractor.name,
                Contractor.service,
                Contractor.contact,
                Contractor.contract_ref,
            ),
        ),
        ChoiceFilter(name="state", label=_l("Status"), choices=STATES, default="active"),
        PersonFilter(
            name="person", label=_l("Accountable manager"), columns=(Contractor.accountable_id,)
        ),
    ),
    views=[
        *(View(name=n, label=c.label, values={"state": n}) for n, c in STATES.items()),
        View(name="all", label=_l("All"), values={"state": "any"}),
    ],
    template="desk/contractors/index.html",
)
