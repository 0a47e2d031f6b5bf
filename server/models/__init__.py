"""The tables, and where each type of record lives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from server.db.engine import Model
from server.models import (
    arrears,
    cards,
    cases,
    categories,
    checklists,
    conflicts,
    contractors,
    found_items,
    frequent_visitors,
    gate_passes,
    home_entries,
    inspections,
    lost_property,
    months,
    outbox_imports,
    patrol,
    people,
    places,
    quarantine,
    rectifications,
    schedules,
    shifts,
    tasks,
    tickets,
    training_sessions,
    visits,
    weather,
)
from server.models.access import Account, Device, Enrolment, Session, Throttle
from server.models.arrears import Arrears
from server.models.cards import Card
from server.models.cases import Case
from server.models.categories import Category
from server.models.checklists import Template
from server.models.conflicts import Merge
from server.models.contractors import Contractor
from server.models.directory import Names
from server.models.feed import FeedDigest, FeedRow, ServerState, SiteFeed
from server.models.found_items import Find
from server.models.frequent_visitors import Regular
from server.models.gate_passes import Release
from server.models.home_entries import Entry
from server.models.inspections import Inspection
from server.models.lost_property import Lost
from server.models.months import Month
from server.models.oplog import Lineage, LoggedOp
from server.models.outbox_imports import Parcel
from server.models.patrol import Round, Route
from server.models.people import Person
from server.models.photos import Photo, PhotoLink
from server.models.places import Area, Checkpoint, Site, Unit
from server.models.purges import Purge
from server.models.quarantine import Aside
from server.models.rectifications import Rectification
from server.models.schedules import Schedule
from server.models.shifts import Shift
from server.models.tasks import Task
from server.models.tickets import Ticket
from server.models.training_sessions import Readiness, Training
from server.models.visits import Visit
from server.models.weather import Weather

RECORDS: dict[str, type[Model]] = {
    "site": Site,
    "area": Area,
    "unit": Unit,
    "checkpoint": Checkpoint,
    "person": Person,
    "contractor": Contractor,
    "schedule": Schedule,
    "task": Task,
    "route": Route,
    "round": Round,
    "visit": Visit,
    "release": Release,
    "regular": Regular,
    "ticket": Ticket,
    "weather": Weather,
    "template": Template,
    "inspection": Inspection,
    "rectification": Rectification,
    "merge": Merge,
    "aside": Aside,
    "parcel": Parcel,
    "arrears": Arrears,
    "shift": Shift,
    "card": Card,
    "entry": Entry,
    "lost": Lost,
    "find": Find,
    "category": Category,
    "case": Case,
    "month": Month,
    "session": Training,
    "readiness": Readiness,
}

BODIES: dict[str, Callable[[Mapping[str, Any], Names], dict[str, Any]]] = {
    "site": places.body,
    "area": places.body,
    "unit": places.body,
    "checkpoint": places.body,
    "person": people.body,
    "contractor": contractors.body,
    "schedule": schedules.body,
    "task": tasks.body,
    "route": patrol.route_body,
    "round": patrol.body,
    "visit": visits.body,
    "release": gate_passes.body,
    "regular": frequent_visitors.body,
    "ticket": tickets.body,
    "weather": weather.body,
    "template": checklists.body,
    "inspection": inspections.body,
    "rectification": rectifications.body,
    "merge": conflicts.body,
    "aside": quarantine.body,
    "parcel": outbox_imports.body,
    "arrears": arrears.body,
    "shift": shifts.body,
    "card": cards.body,
    "entry": home_entries.body,
    "lost": lost_property.body,
    "find": found_items.body,
    "category": categories.body,
    "case": cases.body,
    "month": months.body,
    "session": training_sessions.body,
    "readiness": training_sessions.readiness_body,
}

__all__ = [
    "BODIES",
    "RECORDS",
    "Account",
    "Area",
    "Arrears",
    "Aside",
    "Card",
    "Case",
    "Category",
    "Checkpoint",
    "Contractor",
    "Device",
    "Enrolment",
    "Entry",
    "FeedDigest",
    "FeedRow",
    "Find",
    "Inspection",
    "Lineage",
    "LoggedOp",
    "Lost",
    "Merge",
    "Month",
    "Names",
    "Parcel",
    "Person",
    "Photo",
    "PhotoLink",
    "Purge",
    "Readiness",
    "Rectification",
    "Regular",
    "Release",
    "Round",
    "Route",
    "Schedule",
    "ServerState",
    "Session",
    "Shift",
    "Site",
    "SiteFeed",
    "Task",
    "Template",
    "Throttle",
    "Ticket",
    "Training",
    "Unit",
    "Visit",
    "Weather",
]
