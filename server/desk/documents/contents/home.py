"""A home on a page: what happened there, and what it owes."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import gettext

from server.auth.access import get_or_404
from server.db.engine import db
from server.desk.documents.document_type import DocumentType
from server.desk.documents.model import Document, Section, Table
from server.desk.documents.sources import (
    area,
    as_of,
    full_time,
    home,
    newest_op,
    said,
    site_label,
    site_mark,
    words,
)
from server.desk.home_events import SOURCES, HomeEvent, home_counts, home_events
from server.desk.labels import type_label
from server.desk.record_access import may_open
from server.i18n.filters import money
from server.models.arrears import ArrearsAccount
from server.models.places import Unit
from sync.protocol.roles import FRONT_DESK_ROLES
from sync.service.arrears import owed_cents


def build(id_: str) -> Document:
    unit, now = get_or_404(Unit, id_), as_of(newest_op())
    counts = home_counts(unit.id, now)
    occupied = gettext("Yes") if unit.occupied else gettext("No")
    return Document(
        words(gettext("Home"), home(unit.id)),
        subtitle=site_label(),
        facts=said(
            [
                (gettext("Area"), area(unit.area_id)),
                (gettext("Occupied"), occupied),
                (gettext("Still owed"), _owed(unit)),
                *((type_label(type_), str(counts[type_])) for type_ in SOURCES),
            ]
        ),
        sections=[
            Section(gettext("The newest of what happened"), [_table(home_events(unit.id, "", now))])
        ],
        footer=site_mark(),
    )


def _owed(unit: Unit) -> str:
    """What a home owes; "" for people who must not know it."""
    if not may_open("arrears"):
        return ""
    accounts = ArrearsAccount.for_site(unit.site_id).where(ArrearsAccount.unit == unit.id)
    owed = sum(owed_cents(vars(account)) for account in db.session.scalars(accounts))
    return f"¥ {money(owed)}" if owed else ""


def _table(found: Sequence[HomeEvent]) -> Table:
    rows = [
        [full_time(event.at), type_label(event.type), event.what, event.who, event.state]
        for event in found
    ]
    columns = [
        gettext("Time"),
        gettext("Type"),
        gettext("What it is about"),
        gettext("Person"),
        gettext("Status"),
    ]
    return Table(columns, rows, gettext("Nothing yet."))


DOCUMENT = DocumentType("home", "/desk/homes/<id>", FRONT_DESK_ROLES, build, logged_as="unit")
