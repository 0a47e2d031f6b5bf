"""Somebody who works here on a page: what they are, what they have to do, what they did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext
from sqlalchemy import select

from server.auth.access import get_or_404
from server.db.engine import db
from server.desk.documents.document_type import DocumentType
from server.desk.documents.model import Document, Facts, Section, Story, Table
from server.desk.documents.sources import (
    RECENT_OPS,
    contractor,
    events,
    full_time,
    said,
    site_label,
    site_mark,
    words,
)
from server.desk.labels import role_label, state_label, value_label
from server.desk.record_access import may_open
from server.i18n.filters import spaced
from server.models.oplog import APPLIED_STATUSES, LoggedOp
from server.models.people import Person
from server.models.tickets import Ticket
from server.models.training_sessions import ReadinessAttestation
from server.oplog.hash_chain import log_head
from sync.protocol.roles import DESK_ROLES
from sync.service.tickets import state

MAX_DONE = 15
"""How much of what somebody did is told: what fits on a page."""


def build(id_: str) -> Document:
    person = get_or_404(Person, id_)
    return Document(
        words(gettext("Employee"), person.name),
        subtitle=site_label(),
        facts=_facts(person),
        sections=[
            Section(gettext("Open tickets"), [_tickets(person)]),
            Section(gettext("Readiness"), [_readiness(person)]),
            Section(
                gettext("The newest of what they did"),
                [Story(events(_done(person)), gettext("Nothing yet."))],
            ),
        ],
        footer=site_mark(),
    )


def _facts(person: Person) -> Facts:
    trades = [value_label("ticket", "trade", trade) for trade in person.trades]
    return said(
        [
            (gettext("Staff number"), person.employee_no),
            (gettext("Roles"), ", ".join(map(role_label, person.roles))),
            (gettext("Trades"), ", ".join(trades)),
            (gettext("Contractor"), contractor(person.contractor_id)),
            (gettext("Works here since"), full_time(person.active_from)),
            (gettext("Left at"), full_time(person.active_to)),
        ]
    )


def _tickets(person: Person) -> Table:
    mine = (Ticket.steward_id == person.id) | (Ticket.handler_id == person.id)
    found: Sequence[Ticket] = db.session.scalars(Ticket.open_tickets(person.site_id, mine)).all()
    rows = [
        [
            spaced(ticket.number),
            full_time(ticket.opened_at),
            ticket.details,
            state_label("ticket", state(vars(ticket))),
        ]
        for ticket in found
    ]
    columns = [gettext("Number"), gettext("Opened at"), gettext("Details"), gettext("Progress")]
    return Table(columns, rows, gettext("none"))


def _readiness(person: Person) -> Table:
    """What somebody has confirmed that they know, and until when."""
    mine = ReadinessAttestation.for_site(person.site_id).where(
        ReadinessAttestation.person == person.id
    )
    found: Sequence[ReadinessAttestation] = db.session.scalars(mine).all()
    rows = [
        [value_label("readiness", "item", each.item), full_time(each.attested_at), each.refresh_on]
        for each in found
    ]
    columns = [gettext("Skill"), gettext("Confirmed at"), gettext("Refresh by")]
    return Table(columns, rows, gettext("none"))


def _done(person: Person) -> list[LoggedOp]:
    """The newest of what somebody did, of the last RECENT_OPS of the site."""
    hidden = ["access", *(["arrears"] if not may_open("arrears") else [])]
    recent: Any = LoggedOp.place > log_head(person.site_id).judged - RECENT_OPS
    done = select(LoggedOp).where(
        LoggedOp.site_id == person.site_id,
        recent,
        LoggedOp.by == person.id,
        LoggedOp.status.in_(APPLIED_STATUSES),
        LoggedOp.subject_type.not_in(hidden),
    )
    return list(db.session.scalars(done.order_by(LoggedOp.place.desc()).limit(MAX_DONE)))


DOCUMENT = DocumentType("person", "/desk/people/<id>", DESK_ROLES, build, logged_as="person")
