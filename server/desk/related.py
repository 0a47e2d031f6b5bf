"""Records that have to do with another one: what the page of a record links to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import url_for
from flask_babel import gettext
from sqlalchemy import Select, select

from server.auth.access import current_user
from server.db.engine import db
from server.db.statements import chunks
from server.desk.formatting import RECORD_ID
from server.desk.history import record_title
from server.desk.labels import state_label, type_label, value_label
from server.desk.record_access import may_open
from server.i18n.filters import spaced
from server.i18n.locale import localize, moment
from server.models import MODELS_BY_TYPE
from server.models.feed import FeedRow
from server.models.gate_passes import GatePass
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


LINK_FIELDS = {
    **dict.fromkeys(("unit", "unit_id", "host_unit"), "unit"),
    **dict.fromkeys(("person", "person_id", "worker_id", "responsible_id"), "person"),
    "contractor_id": "contractor",
    "contractor": "contractor",
    "ticket": "ticket",
    "visit": "visit",
    "task_id": "task",
    "inspection_id": "inspection",
    "route_id": "route",
    "schedule_id": "schedule",
    "moved_to": "round",
    "joined_to": "entry",
}
"""Fields of records that name another record, and its type."""


def linked_records(record: Any, but: Iterable[str] = ()) -> RelatedGroup:
    """The records that a record names and the current user may open, without those in the fields
    `but`."""
    found = {}
    for field, type_ in LINK_FIELDS.items():
        id_ = getattr(record, field, None) if field not in but else None
        if isinstance(id_, str) and RECORD_ID.fullmatch(id_) and may_open(type_):
            found[id_] = type_
    about_type = getattr(record, "about_type", None)
    if about_type in MODELS_BY_TYPE and record.about and may_open(about_type):
        found[record.about] = about_type
    return RelatedGroup(gettext("Has to do with"), [*titled_links(found).values()])


def linked_facts(case: Any) -> RelatedGroup:
    """The records that the facts of an accountability case rest on."""
    named = {fact["id"]: fact["type"] for fact in case.facts if fact.get("id")}
    found = {id_: type_ for id_, type_ in named.items() if type_ in MODELS_BY_TYPE}
    links = [*titled_links(found).values()]
    return RelatedGroup(gettext("Records behind the facts"), links[:MAX_RELATED])


def gate_passes_of(visit_id: str) -> RelatedGroup:
    """What a visitor carries out."""
    passes = GatePass.for_visit(current_user().site_id, visit_id)
    return group(gettext("Gate passes"), passes, _gate_pass_link)


def _gate_pass_link(note: GatePass) -> Related:
    passed = moment(note.passed_at) if note.passed_at else ""
    what = note.what if not note.quantity else f"{note.what} × {note.quantity}"
    return Related(record_url("release", note.id), what, passed)


def titled_links(types: Mapping[str, str]) -> dict[str, Related]:
    """Records by what they are called, given their types by their ids; only those that exist."""
    site_id, titles = current_user().site_id, dict[str, str]()
    for chunk in chunks(sorted(types)):
        rows = select(FeedRow.id, FeedRow.type, FeedRow.body).where(
            FeedRow.site_id == site_id, FeedRow.id.in_(chunk)
        )
        for row in db.session.execute(rows):
            titles[row.id] = localize(record_title(row.type, json.loads(row.body) or {}))
    return {
        id_: Related(record_url(type_, id_), titles[id_] or type_label(type_), type_label(type_))
        for id_, type_ in types.items()
        if id_ in titles
    }


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
