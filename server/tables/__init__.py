"""The tables, and where each type of record lives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from server.db import Model
from server.tables import (
    arrears,
    asides,
    cards,
    cases,
    categories,
    contractors,
    entries,
    estate,
    finds,
    inspections,
    lost,
    merges,
    months,
    parcels,
    patrol,
    people,
    rectifications,
    regulars,
    releases,
    schedules,
    shifts,
    tasks,
    templates,
    tickets,
    training,
    visits,
    weather,
)
from server.tables.access import Account, Device, Enrolment, Session, Throttle
from server.tables.arrears import Arrears
from server.tables.asides import Aside
from server.tables.cards import Card
from server.tables.cases import Case
from server.tables.categories import Category
from server.tables.contractors import Contractor
from server.tables.entries import Entry
from server.tables.estate import Area, Checkpoint, Site, Unit
from server.tables.feed import FeedDigest, FeedRow, ServerState, SiteFeed
from server.tables.finds import Find
from server.tables.inspections import Inspection
from server.tables.lost import Lost
from server.tables.merges import Merge
from server.tables.months import Month
from server.tables.names import Names
from server.tables.oplog import Lineage, LoggedOp
from server.tables.parcels import Parcel
from server.tables.patrol import Round, Route
from server.tables.people import Person
from server.tables.photos import Photo, PhotoLink
from server.tables.purges import Purge
from server.tables.rectifications import Rectification
from server.tables.regulars import Regular
from server.tables.releases import Release
from server.tables.schedules import Schedule
from server.tables.shifts import Shift
from server.tables.tasks import Task
from server.tables.templates import Template
from server.tables.tickets import Ticket
from server.tables.training import Readiness, Training
from server.tables.visits import Visit
from server.tables.weather import Weather

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
    "site": estate.body,
    "area": estate.body,
    "unit": estate.body,
    "checkpoint": estate.body,
    "person": people.body,
    "contractor": contractors.body,
    "schedule": schedules.body,
    "task": tasks.body,
    "route": patrol.route_body,
    "round": patrol.body,
    "visit": visits.body,
    "release": releases.body,
    "regular": regulars.body,
    "ticket": tickets.body,
    "weather": weather.body,
    "template": templates.body,
    "inspection": inspections.body,
    "rectification": rectifications.body,
    "merge": merges.body,
    "aside": asides.body,
    "parcel": parcels.body,
    "arrears": arrears.body,
    "shift": shifts.body,
    "card": cards.body,
    "entry": entries.body,
    "lost": lost.body,
    "find": finds.body,
    "category": categories.body,
    "case": cases.body,
    "month": months.body,
    "session": training.body,
    "readiness": training.readiness_body,
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
