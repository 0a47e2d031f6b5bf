"""Everything that happened in one home: tickets, visits, entries, lost items, work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext
from sqlalchemy import func, select

from server.auth.access import current_user
from server.db.engine import db
from server.desk.formatting import ID_WITHIN
from server.desk.labels import state_label, type_label, value_label
from server.desk.related import record_url, ticket_subject
from server.i18n.filters import spaced
from server.i18n.locale import localize
from server.models.home_entries import HomeEntry
from server.models.lost_property import LostProperty
from server.models.tasks import Task
from server.models.tickets import Ticket
from server.models.visits import Visit
from server.oplog.directory import directory_of
from sync import RECORD_TYPES

MAX_EVENTS = 30
"""How many of the newest events the page of a home shows."""


@dataclass(frozen=True, slots=True)
class HomeEvent:
    """Something that happened in a home: when, what, who, and what became of it."""

    type: str
    at: datetime
    url: str
    what: str
    who: str
    state: str


@dataclass(frozen=True, slots=True)
class Source:
    """Records of a type that belong to a home. `home` is the column with its id, `at` is when each
    was, in a query; `what` and `who` say what it was and who was there."""

    model: Any
    home: Any
    at: Any
    what: Callable[[Any], str]
    who: Callable[[Any], str | None]

    def query(self, unit: str, now: datetime) -> Any:
        """Its records of a home, without what is only planned and what was erased."""
        mine = self.model.site_id == current_user().site_id, self.home == unit, self.at <= now
        kept = (self.model.purged_at.is_(None),) if hasattr(self.model, "purged_at") else ()
        return select(self.model).where(*mine, *kept)


def _person(field: str) -> Callable[[Any], str | None]:
    return lambda record: directory_of(record.site_id).person_name(getattr(record, field))


def _entry_person(entry: HomeEntry) -> str | None:
    return directory_of(entry.site_id).person_name(entry.worker_id) or entry.worker


def _visit_text(visit: Visit) -> str:
    purpose = value_label("visit", "purpose", visit.purpose)
    return " · ".join(filter(None, (visit.visitor, purpose, visit.plate)))


SOURCES = {
    "ticket": Source(
        Ticket,
        Ticket.unit,
        Ticket.opened_at,
        lambda ticket: f"{spaced(ticket.number)} {ticket_subject(ticket)}",
        _person("handler_id"),
    ),
    "visit": Source(
        Visit,
        Visit.host_unit,
        func.coalesce(Visit.arrived_at, Visit.expected_from, Visit.expected_at),
        _visit_text,
        _person("arrived_by_id"),
    ),
    "entry": Source(
        HomeEntry,
        HomeEntry.unit,
        HomeEntry.by_time(),
        lambda entry: value_label("entry", "purpose", entry.purpose or "") or gettext("Home entry"),
        _entry_person,
    ),
    "lost": Source(
        LostProperty,
        LostProperty.unit,
        LostProperty.opened_at,
        lambda case: case.item,
        _person("first_responder_id"),
    ),
    "task": Source(
        Task,
        Task.unit_id,
        func.coalesce(Task.done_at, Task.window_end),
        lambda task: localize(task.label),
        lambda task: directory_of(task.site_id).person_name(task.done_by_id or task.responsible_id),
    ),
}
"""What a home's page tells of, in the order of its tabs."""


def home_counts(unit: str, now: datetime) -> dict[str, int]:
    """How many records of each type a home has."""
    return {
        type_: db.session.scalar(
            select(func.count()).select_from(source.query(unit, now).subquery())
        )
        or 0
        for type_, source in SOURCES.items()
    }


def home_events(unit: str, type_: str, now: datetime) -> list[HomeEvent]:
    """The newest events of a home, of one type or, if `type_` is "", of all."""
    chosen = {type_: SOURCES[type_]} if type_ in SOURCES else SOURCES
    found = []
    for name, source in chosen.items():
        happened = source.query(unit, now).add_columns(source.at.label("at"))
        rows = db.session.execute(happened.order_by(source.at.desc()).limit(MAX_EVENTS))
        found += [_event(name, source, record, at) for record, at in rows]
    return sorted(found, key=lambda event: event.at, reverse=True)[:MAX_EVENTS]


def _event(type_: str, source: Source, record: Any, at: datetime) -> HomeEvent:
    what = source.what(record)
    return HomeEvent(
        type=type_,
        at=at,
        url=record_url(type_, record.id),
        what=type_label(type_) if ID_WITHIN.search(what) else what,
        who=source.who(record) or "",
        state=state_label(type_, RECORD_TYPES[type_].state(vars(record))),
    )
