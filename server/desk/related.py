"""Records that have to do with another one: what the page of a record links to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import url_for
from flask_babel import gettext
from sqlalchemy import Select

from server.auth.access import current_user
from server.db.engine import db
from server.desk.formatting import RECORD_ID
from server.desk.labels import state_label, type_label, value_label
from server.i18n.filters import spaced
from server.i18n.locale import localize, moment
from server.models.home_entries import HomeEntry
from server.models.tickets import Ticket
from server.oplog.directory import directory_of
from sync.service.tickets import state

MAX_RELATED = 5
"""How many records of a kind a page names; the list has all of them."""

RECENT = timedelta(days=90)
"""For how long what happened in a home is of interest to what happens there now."""


@dataclass(frozen=True, slots=True)
class Related:
    """One related record: its address, what it is called, and what more is said of it."""

    url: str
    title: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class RelatedGroup:
    """Related records of one kind, newest first. `more_url` leads to all of them."""

    heading: str
    records: list[Related]
    more_url: str = ""


def tickets_of_home(unit: str | None, now: datetime, but: str = "") -> RelatedGroup:
    """The newest tickets of a home within the last 90 days, without the one that is shown."""
    heading = gettext("This home, last 90 days")
    if not unit:
        return RelatedGroup(heading, [])
    recent = Ticket.newest(current_user().site_id).where(
        Ticket.unit == unit, Ticket.opened_at >= now - RECENT, Ticket.id != but
    )
    return group(heading, recent, ticket_link)


def entries_of(**linked: str) -> RelatedGroup:
    """The entries into homes that belong to a ticket or a visit."""
    entries = HomeEntry.linked(current_user().site_id, **linked)
    return group(gettext("Entries into homes"), entries, entry_link)


def group(heading: str, query: Select[Any], link: Any, more_url: str = "") -> RelatedGroup:
    """The first records of a query; all of them are behind `more_url` if there are more."""
    found = db.session.scalars(query.limit(MAX_RELATED + 1)).all()
    shown = [link(record) for record in found[:MAX_RELATED]]
    return RelatedGroup(heading, shown, more_url if len(found) > MAX_RELATED else "")


def ticket_link(ticket: Ticket) -> Related:
    """A ticket by its number and its subject."""
    return Related(
        url_for("tickets.show", id=ticket.id),
        spaced(ticket.number),
        f"{ticket_subject(ticket)} · {state_label('ticket', state(vars(ticket)))}",
    )


def ticket_subject(ticket: Ticket) -> str:
    """What a ticket is about, in a line: the words of the resident, else its category or matter."""
    details = " ".join(ticket.details.split())
    if details:
        return details if len(details) <= 60 else f"{details[:59]}…"
    for field in ("category", "matter"):
        if value := getattr(ticket, field):
            return value_label("ticket", field, value)
    return type_label("ticket")


def entry_link(entry: HomeEntry) -> Related:
    """An entry into a home by who went in, and when."""
    names = directory_of(entry.site_id)
    who = names.person_name(entry.worker_id) or entry.worker or gettext("somebody")
    times = [moment(time) for time in (entry.in_at, entry.out_at) if time]
    home = localize(names.unit_label(entry.unit))
    note = " · ".join(filter(None, (home, "–".join(times) or moment(entry.recorded_at))))
    return Related(url_for("records.show", type="entry", id=entry.id), who, note)


def any_link(type_: str, record: Any, title: str, *notes: str) -> Related:
    """A record of any other type; an id is never a title."""
    shown = title if title and not RECORD_ID.search(title) else type_label(type_)
    return Related(record_url(type_, record.id), shown, " · ".join(filter(None, notes)))


PAGES = {
    "ticket": "tickets.show",
    "lost": "lost_property.show",
    "find": "found_items.show",
    "case": "cases.show",
    "round": "patrol.show",
    "inspection": "inspections.show",
    "arrears": "arrears.show",
    "visit": "visits.show",
    "contractor": "contractors.show",
    "session": "training_sessions.show",
    "card": "cards.show",
    "team": "teams.show",
    "unit": "homes.show",
    "person": "person.show",
}
"""The endpoint of the page of each type that has one of its own."""


def record_url(type_: str, id_: str) -> str:
    """The address of the page of a record."""
    if type_ in PAGES:
        return url_for(PAGES[type_], id=id_)
    return url_for("records.show", type=type_, id=id_)


def without_empty(groups: Iterable[RelatedGroup]) -> list[RelatedGroup]:
    """The groups that have something in them."""
    return [each for each in groups if each.records]
