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
from server.models.access import Account, Device, EnrolmentCode, LoginSession, RateLimitCounter
from server.models.arrears import ArrearsAccount
from server.models.cards import Card
from server.models.cases import Case
from server.models.categories import CaseCategory
from server.models.checklists import Checklist
from server.models.conflicts import Conflict
from server.models.contractors import Contractor
from server.models.directory import Directory
from server.models.feed import FeedDigest, FeedRow, ServerState, SiteHead
from server.models.found_items import FoundItem
from server.models.frequent_visitors import FrequentVisitor
from server.models.gate_passes import GatePass
from server.models.home_entries import HomeEntry
from server.models.inspections import Inspection
from server.models.lost_property import LostProperty
from server.models.months import ClosedMonth
from server.models.oplog import Lineage, LoggedOp
from server.models.outbox_imports import OutboxImport
from server.models.patrol import PatrolRound, PatrolRoute
from server.models.people import Person
from server.models.photos import Photo, PhotoLink
from server.models.places import Area, Checkpoint, Site, Unit
from server.models.purges import PurgeRun
from server.models.quarantine import QuarantinedOp
from server.models.rectifications import Rectification
from server.models.schedules import Schedule
from server.models.shifts import Shift
from server.models.tasks import Task
from server.models.tickets import Ticket
from server.models.training_sessions import ReadinessAttestation, TrainingSession
from server.models.visits import Visit
from server.models.weather import WeatherReport

MODELS_BY_TYPE: dict[str, type[Model]] = {
    "site": Site,
    "area": Area,
    "unit": Unit,
    "checkpoint": Checkpoint,
    "person": Person,
    "contractor": Contractor,
    "schedule": Schedule,
    "task": Task,
    "route": PatrolRoute,
    "round": PatrolRound,
    "visit": Visit,
    "release": GatePass,
    "regular": FrequentVisitor,
    "ticket": Ticket,
    "weather": WeatherReport,
    "template": Checklist,
    "inspection": Inspection,
    "rectification": Rectification,
    "merge": Conflict,
    "aside": QuarantinedOp,
    "parcel": OutboxImport,
    "arrears": ArrearsAccount,
    "shift": Shift,
    "card": Card,
    "entry": HomeEntry,
    "lost": LostProperty,
    "find": FoundItem,
    "category": CaseCategory,
    "case": Case,
    "month": ClosedMonth,
    "session": TrainingSession,
    "readiness": ReadinessAttestation,
}

PHONE_BODIES: dict[str, Callable[[Mapping[str, Any], Directory], dict[str, Any]]] = {
    "site": places.phone_body,
    "area": places.phone_body,
    "unit": places.phone_body,
    "checkpoint": places.phone_body,
    "person": people.phone_body,
    "contractor": contractors.phone_body,
    "schedule": schedules.phone_body,
    "task": tasks.phone_body,
    "route": patrol.route_phone_body,
    "round": patrol.round_phone_body,
    "visit": visits.phone_body,
    "release": gate_passes.phone_body,
    "regular": frequent_visitors.phone_body,
    "ticket": tickets.phone_body,
    "weather": weather.phone_body,
    "template": checklists.phone_body,
    "inspection": inspections.phone_body,
    "rectification": rectifications.phone_body,
    "merge": conflicts.phone_body,
    "aside": quarantine.phone_body,
    "parcel": outbox_imports.phone_body,
    "arrears": arrears.phone_body,
    "shift": shifts.phone_body,
    "card": cards.phone_body,
    "entry": home_entries.phone_body,
    "lost": lost_property.phone_body,
    "find": found_items.phone_body,
    "category": categories.phone_body,
    "case": cases.phone_body,
    "month": months.phone_body,
    "session": training_sessions.session_phone_body,
    "readiness": training_sessions.readiness_phone_body,
}

__all__ = [
    "MODELS_BY_TYPE",
    "PHONE_BODIES",
    "Account",
    "Area",
    "ArrearsAccount",
    "Card",
    "Case",
    "CaseCategory",
    "Checklist",
    "Checkpoint",
    "ClosedMonth",
    "Conflict",
    "Contractor",
    "Device",
    "Directory",
    "EnrolmentCode",
    "FeedDigest",
    "FeedRow",
    "FoundItem",
    "FrequentVisitor",
    "GatePass",
    "HomeEntry",
    "Inspection",
    "Lineage",
    "LoggedOp",
    "LoginSession",
    "LostProperty",
    "OutboxImport",
    "PatrolRound",
    "PatrolRoute",
    "Person",
    "Photo",
    "PhotoLink",
    "PurgeRun",
    "QuarantinedOp",
    "RateLimitCounter",
    "ReadinessAttestation",
    "Rectification",
    "Schedule",
    "ServerState",
    "Shift",
    "Site",
    "SiteHead",
    "Task",
    "Ticket",
    "TrainingSession",
    "Unit",
    "Visit",
    "WeatherReport",
]
