"""The people of a phone: those who may unlock it, and whose records it may hold.

A phone either belongs to named people, or to everybody who works at its site, whoever comes or
leaves. `Device.people_key` identifies the choice, so that the lookup of a phone by its token says
whose records it may hold. Functions that change people expect the caller's write transaction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, delete, insert, select

from server.db.engine import db
from server.models.access import EVERYBODY, Device, DevicePerson
from server.models.credentials import Credential
from server.models.people import Person

DEVICE_PERSON_TABLE = DevicePerson.metadata.tables["device_person"]


def people_of(device_id: str) -> list[str]:
    """The ids of a phone's people who work at its site now, sorted; none for an unknown phone."""
    device = db.session.get(Device, device_id)
    if device is None:
        return []
    return active_people(device.site_id, device_id, device.people_key)


def active_people(site_id: str, device_id: str, people_key: str) -> list[str]:
    """As `people_of`, for a phone that is known already."""
    working = select(Person.id).where(Person.site_id == site_id, Person.active_to.is_(None))
    if people_key != EVERYBODY:
        named = select(DevicePerson.person_id).where(*_of_device(site_id, device_id))
        working = working.where(Person.id.in_(named))
    return list(db.session.scalars(working.order_by(Person.id)))


def set_people(
    site_id: str,
    device_id: str,
    person_ids: Iterable[str] | None,
    now: datetime | None = None,
) -> None:
    """Replace the people of a phone; None: everybody who works at its site. L6: the keys of others
    on it are revoked.

    Raises ValueError for somebody who is not of the site.
    """
    wanted = None if person_ids is None else set(person_ids)
    if wanted:
        at_site = select(Person.id).where(Person.site_id == site_id, Person.id.in_(wanted))
        if strangers := wanted.difference(db.session.scalars(at_site)):
            raise ValueError(f"not of this site: {', '.join(sorted(strangers))}")
    db.session.execute(delete(DevicePerson).where(*_of_device(site_id, device_id)))
    rows = [
        {"site_id": site_id, "device_id": device_id, "person_id": id_}
        for id_ in sorted(wanted or ())
    ]
    if rows:
        db.session.execute(insert(DEVICE_PERSON_TABLE), rows)
    db.session.get_one(Device, device_id).people_key = key_of_people(wanted)
    if wanted is not None:
        on_phone = Credential.site_id == site_id, Credential.device_id == device_id
        others = Credential.person_id.not_in(wanted)
        db.session.execute(Credential.revocation(now or datetime.now(UTC), *on_phone, others))


def add_person(site_id: str, device_id: str, person_id: str, now: datetime | None = None) -> bool:
    """Add a person to a phone; False, and nothing changes, if they are among its people already.

    Raises ValueError for somebody who is not of the site.
    """
    device = db.session.get_one(Device, device_id, with_for_update=True)
    named = set(
        db.session.scalars(select(DevicePerson.person_id).where(*_of_device(site_id, device_id)))
    )
    if device.people_key == EVERYBODY or person_id in named:
        return False
    set_people(site_id, device_id, {*named, person_id}, now)
    return True


def remove_person(site_id: str, device_id: str, person_id: str) -> None:
    """Take a person off a phone; one of everybody then belongs to the others by name."""
    device = db.session.get_one(Device, device_id, with_for_update=True)
    people = active_people(site_id, device_id, device.people_key)
    set_people(site_id, device_id, set(people) - {person_id})


def _of_device(site_id: str, device_id: str) -> tuple[ColumnElement[bool], ...]:
    return DevicePerson.site_id == site_id, DevicePerson.device_id == device_id


def key_of_people(wanted: set[str] | None) -> str:
    """Identifies a set of people; None: everybody of the site."""
    if wanted is None:
        return EVERYBODY
    return hashlib.sha256("\n".join(sorted(wanted)).encode()).hexdigest()[:32]
