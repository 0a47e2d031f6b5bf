"""What people and places of a site are called, kept in memory until one of them changes."""

from __future__ import annotations

import threading

from flask import current_app
from sqlalchemy import select

from server.db.engine import db
from server.models.access import Account
from server.models.contractors import Contractor
from server.models.directory import Directory
from server.models.feed import SiteHead
from server.models.people import Person
from server.models.places import Area, Unit

_cache_lock = threading.Lock()


def directory_of(site_id: str, seq: int | None = None) -> Directory:
    """The names of a site at its `names_seq`, which is looked up unless it is known."""
    if seq is None:
        seq = db.session.scalar(select(SiteHead.names_seq).where(SiteHead.site_id == site_id))
    kept = current_app.extensions.setdefault("lodge-names", {})
    with _cache_lock:
        known = kept.get(site_id)
    if known is None or seq is None or known[0] != seq:
        known = (seq, _load(site_id))
        with _cache_lock:
            kept[site_id] = known
    names: Directory = known[1]
    return names


def invalidate_directories() -> None:
    """After a PIN was set: verifiers are not records, so no number tells of them."""
    current_app.extensions.pop("lodge-names", None)


def _load(site_id: str) -> Directory:
    names = Directory()
    people = select(Person.id, Person.name, Person.roles, Person.active_to, Account.pin_check)
    people = people.outerjoin(Account, Account.person_id == Person.id)
    for id_, name, roles, left_at, pin in db.session.execute(
        people.where(Person.site_id == site_id)
    ):
        names.people[id_] = name
        names.roles[id_] = frozenset(roles)
        if left_at:
            names.left_at[id_] = left_at
        if pin:
            names.pin_verifiers[id_] = pin
    for table, labels in ((Area, names.areas), (Unit, names.units)):
        rows = select(table.id, table.label).where(table.site_id == site_id)
        labels.update((row.id, row.label) for row in db.session.execute(rows))
    firms = select(Contractor.id, Contractor.name).where(Contractor.site_id == site_id)
    names.contractors.update((row.id, row.name) for row in db.session.execute(firms))
    return names
