"""Which phones hold each record of a site, as columns of the feed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypedDict

from sqlalchemy import select

from server.db.engine import db
from server.models.directory import Directory
from server.models.lost_property import LostProperty
from server.models.places import Area
from server.models.tasks import Task
from sync import RECORD_TYPES
from sync.protocol.scope import SiteScope, scope_of, workers_by_area

WORK_BEFORE, WORK_AHEAD = timedelta(days=2), timedelta(days=7)
"""Somebody works in an area whose tasks in this period they are responsible for."""


class ScopeColumns(TypedDict):
    """Columns of the feed: who holds a record now, who ever did, and when this changes by itself.

    `readers` and `past_readers` are people's ids, `audience` and `seen_by` masks of roles.
    """

    audience: int
    seen_by: int
    readers: str
    past_readers: str
    changes_at: datetime | None


class PastScope(NamedTuple):
    """Who has ever held a record."""

    seen_by: int
    past_readers: str


NOBODY = PastScope(0, "")


def scope_columns(
    type_: str, record: Mapping[str, Any], site: SiteScope, now: datetime, past: PastScope
) -> ScopeColumns:
    """The columns of a record that is not deleted."""
    scope = scope_of(RECORD_TYPES[type_], record, site, now)
    return {
        "audience": scope.roles,
        "seen_by": scope.roles | past.seen_by,
        "readers": join_ids(scope.people),
        "past_readers": join_ids(scope.people.union(past.past_readers.split())),
        "changes_at": scope.changes_at,
    }


def deleted_columns(past: PastScope) -> ScopeColumns:
    """The columns of a deleted record: those who held it are told."""
    return {
        "audience": 0,
        "seen_by": past.seen_by,
        "readers": "",
        "past_readers": past.past_readers,
        "changes_at": None,
    }


def join_ids(ids: Iterable[str]) -> str:
    """Ids as the text that a column holds."""
    return " ".join(sorted(ids))


def site_scope(site_id: str, names: Directory, types: Iterable[str], now: datetime) -> SiteScope:
    """What the scope of records of these types depends on; reads no more than they need."""
    of = [RECORD_TYPES[type_] for type_ in types]
    return SiteScope(
        roles_of=names.roles_of,
        workers=_workers(site_id, now) if any(type_.area_field for type_ in of) else {},
        held_homes=_held_homes(site_id) if any(type_.home_field for type_ in of) else frozenset(),
    )


def _workers(site_id: str, now: datetime) -> dict[str, frozenset[str]]:
    """Who works in each area, by the tasks of these days."""
    work = (
        select(Task.area_id, Task.responsible_id)
        .where(Task.site_id == site_id, Task.window_end > now - WORK_BEFORE)
        .where(Task.window_start < now + WORK_AHEAD)
        .where(Task.cancelled_at.is_(None), Task.responsible_id.is_not(None))
        .distinct()
    )
    pairs = [(area, str(person)) for area, person in db.session.execute(work)]
    parents = select(Area.id, Area.parent_id).where(Area.site_id == site_id)
    return workers_by_area(pairs, {row.id: row.parent_id for row in db.session.execute(parents)})


def _held_homes(site_id: str) -> frozenset[str]:
    """Homes with an open lost-property case."""
    homes = select(LostProperty.unit).where(
        LostProperty.site_id == site_id,
        LostProperty.closed_at.is_(None),
        LostProperty.unit.is_not(None),
    )
    return frozenset(db.session.scalars(homes))
