"""The directory of a site (names of people and places), cached until one of them changes."""

from __future__ import annotations

import threading

from flask import current_app
from sqlalchemy import select

from server.db.engine import db
from server.models.contractors import Contractor
from server.models.directory import Directory
from server.models.feed import SiteHead
from server.models.people import Person
from server.models.places import Area, Unit

CACHE_KEY = "lodge-names"

_cache_lock = threading.Lock()


def directory_of(site_id: str, names_seq: int | None = None) -> Directory:
    """The directory of a site. `names_seq` is the number of its last change, looked up unless the
    caller knows it. The result is shared between threads: copy it before you change it."""
    if names_seq is None:
        names_seq = db.session.scalar(select(SiteHead.names_seq).where(SiteHead.site_id == site_id))
    cache: dict[str, tuple[int | None, Directory]]
    cache = current_app.extensions.setdefault(CACHE_KEY, {})
    with _cache_lock:
        cached = cache.get(site_id)
    if cached is None or names_seq is None or cached[0] != names_seq:
        cached = (names_seq, _load(site_id))
        with _cache_lock:
            cache[site_id] = cached
    return cached[1]


def invalidate_directories() -> None:
    """Empty the cache after the database was replaced: `names_seq` may be the same by chance."""
    current_app.extensions.pop(CACHE_KEY, None)


def _load(site_id: str) -> Directory:
    directory = Directory()
    work = Person.roles, Person.trades, Person.contractor_id
    people = select(Person.id, Person.name, *work, Person.active_to)
    for id_, name, roles, trades, firm, left_at in db.session.execute(
        people.where(Person.site_id == site_id)
    ):
        directory.people[id_] = name
        directory.set_work(id_, roles, trades, firm)
        if left_at:
            directory.left_at[id_] = left_at
    for table, labels in ((Area, directory.areas), (Unit, directory.units)):
        rows = select(table.id, table.label).where(table.site_id == site_id)
        labels.update((row.id, row.label) for row in db.session.execute(rows))
    contractors = select(Contractor.id, Contractor.name).where(Contractor.site_id == site_id)
    directory.contractors.update((row.id, row.name) for row in db.session.execute(contractors))
    return directory
