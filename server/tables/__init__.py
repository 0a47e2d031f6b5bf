"""The tables, and where each type of record lives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from server.db import Model
from server.tables import estate, merges, people, schedules, tasks, tickets, visits, weather
from server.tables.access import Account, Device, Enrolment, Session, Throttle
from server.tables.estate import Area, Checkpoint, Site, Unit
from server.tables.feed import FeedDigest, FeedRow, ServerState, SiteFeed
from server.tables.merges import Merge
from server.tables.names import Names
from server.tables.oplog import Lineage, LoggedOp
from server.tables.people import Person
from server.tables.photos import Photo, PhotoLink
from server.tables.schedules import Schedule
from server.tables.tasks import Task
from server.tables.tickets import Ticket
from server.tables.visits import Visit
from server.tables.weather import Weather

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
    "weather": Weather,
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
    "weather": weather.body,
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
    "Lineage",
    "LoggedOp",
    "Merge",
    "Names",
    "Person",
    "Photo",
    "PhotoLink",
    "Schedule",
    "ServerState",
    "Session",
    "Site",
    "SiteFeed",
    "Task",
    "Throttle",
    "Ticket",
    "Unit",
    "Visit",
    "Weather",
]
