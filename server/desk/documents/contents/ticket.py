"""A ticket with its history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext

from server.auth.access import get_or_404
from server.desk.documents.document_type import DocumentType
from server.desk.documents.model import Document, Facts, Section, Story, Table
from server.desk.documents.sources import (
    area,
    author,
    contractor,
    events,
    full_time,
    home,
    log_mark,
    person,
    said,
    site_label,
    words,
)
from server.desk.labels import state_label, value_label
from server.i18n.filters import spaced
from server.models.tickets import Ticket
from server.oplog.receive import ops_about
from sync.protocol.roles import FRONT_DESK_ROLES
from sync.service.tickets import state


def build(id_: str) -> Document:
    ticket = get_or_404(Ticket, id_)
    ops = ops_about(ticket.site_id, ticket.id)
    sections = [Section(gettext("What happened"), [Story(events(ops))])]
    if ticket.things:
        sections.insert(0, Section(gettext("Items"), [_things(ticket)]))
    return Document(
        words(gettext("Ticket"), spaced(ticket.number)),
        subtitle=site_label(),
        facts=_facts(ticket),
        sections=sections,
        signatures=[gettext("Handler"), gettext("Resident"), gettext("Date")],
        footer=log_mark(ops),
    )


def _facts(ticket: Ticket) -> Facts:
    def label(field: str, value: str | None) -> str:
        return value_label("ticket", field, value) if value else ""

    return said(
        [
            (gettext("Progress"), state_label("ticket", state(vars(ticket)))),
            (gettext("Matter"), label("matter", ticket.matter)),
            (gettext("Category"), label("category", ticket.category)),
            (gettext("Channel"), label("channel", ticket.channel)),
            (gettext("Urgency"), label("urgency", ticket.urgency)),
            (gettext("Home"), home(ticket.unit)),
            (gettext("Area"), area(ticket.area)),
            (gettext("Contact details"), ticket.contact or ticket.declined_because),
            (gettext("Opened at"), full_time(ticket.opened_at)),
            (
                gettext("First responder"),
                author(ticket.first_responder_id, ticket.id, ticket.opened_at),
            ),
            (gettext("Handler"), person(ticket.handler_id)),
            (gettext("Contractor"), contractor(ticket.contractor_id)),
            (gettext("Reply promised by"), full_time(ticket.promised_at)),
            (gettext("What was done"), label("resolved_how", ticket.resolved_how)),
            (gettext("Resident's response"), label("reaction", ticket.reaction)),
            (gettext("Closed at"), full_time(ticket.closed_at)),
            (gettext("Details"), ticket.details),
        ]
    )


def _things(ticket: Ticket) -> Table:
    columns = [gettext("Item"), gettext("Quantity"), gettext("Condition"), gettext("Custody")]
    rows = [
        [
            name,
            str(thing["quantity"]),
            thing.get("condition") or "",
            " → ".join(
                f"{link.get('to') or person(link['by_id'])} {full_time(link['at'])}"
                for link in thing["chain"]
            )
            + _returned(thing),
        ]
        for name, thing in ticket.things.items()
    ]
    return Table(columns, rows)


def _returned(thing: Mapping[str, Any]) -> str:
    returned = gettext("returned")
    return f" ✓ {returned}" if thing.get("returned_at") else ""


DOCUMENT = DocumentType("ticket", "/desk/tickets/<id>", FRONT_DESK_ROLES, build, logged_as="ticket")
