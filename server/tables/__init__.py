"""The tables, and where each type of record lives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from server.db import Model
from server.tables import (
    estate,
    inspections,
    merges,
    people,
    rectifications,
    schedules,
    tasks,
    templates,
    tickets,
    visits,
)
from server.tables.access import Account, Device, Enrolment, Session, Throttle
from server.tables.estate import Area, Checkpoint, Site, Unit
from server.tables.feed import FeedDigest, FeedRow, ServerState, SiteFeed
from server.tables.inspections import Inspection
from server.tables.merges import Merge
from server.tables.names import Names
from server.tables.oplog import Lineage, LoggedOp
from server.tables.people import Person
from server.tables.photos import Photo, PhotoLink
from server.tables.rectifications import Rectification
from server.tables.schedules import Schedule
from server.tables.tasks import Task
from server.tables.templates import Template
from server.tables.tickets import Ticket
from server.tables.visits import Visit

RECORDS: dict[str, type[Model]] = {
    "site": Site,
    "area": Area,
    "unit": Unit,
    "checkpoint": Checkpoint,
    "person": Person,
    "schedule": Schedule,
    "task": Task,
    "visit": Visit,
    "ticket": Ticket,
    "template": Template,
    "inspection": Inspection,
    "rectification": Rectification,
    "merge": Merge,
}

BODIES: dict[str, Callable[[Mapping[str, Any], Names], dict[str, Any]]] = {
    "site": estate.body,
    "area": estate.body,
    "unit": estate.body,
    "checkpoint": estate.body,
    "person": people.body,
    "schedule": schedules.body,
    "task": tasks.body,
    "visit": visits.body,
    "ticket": tickets.body,
    "template": templates.body,
    "inspection": inspections.body,
    "rectification": rectifications.body,
    "merge": merges.body,
}

__all__ = [
    "BODIES",
    "RECORDS",
    "Account",
    "Area",
    "Checkpoint",
    "Device",
    "Enrolment",
    "FeedDigest",
    "FeedRow",
    "Inspection",
    "Lineage",
    "LoggedOp",
    "Merge",
    "Names",
    "Person",
    "Photo",
    "PhotoLink",
    "Rectification",
    "Schedule",
    "ServerState",
    "Session",
    "Site",
    "SiteFeed",
    "Task",
    "Template",
    "Throttle",
    "Ticket",
    "Unit",
    "Visit",
]
