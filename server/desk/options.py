"""What the forms of the desk offer to choose from: the people and places of a site."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select

from server.db.engine import db
from server.desk.form_fields import Options
from server.i18n.locale import localize
from server.models.contractors import Contractor
from server.models.people import Person
from server.models.places import Area
from sync.protocol.normalise import natural_key


def in_natural_order(records: Iterable[Any], field: str) -> list[Any]:
    """Records in the natural order of their names or codes; those that have ended come last."""
    ended = ("active_to", "ended_at", "retired_at")

    def order(record: Any) -> tuple[bool, str, str]:
        has_ended = any(getattr(record, name, None) for name in ended)
        return has_ended, natural_key(getattr(record, field)), record.id

    return sorted(records, key=order)


def list_areas(site_id: str) -> list[Area]:
    """Every area, in the order of the site."""
    areas = db.session.scalars(select(Area).where(Area.site_id == site_id))
    return sorted(areas, key=lambda area: (area.ordinal, natural_key(localize(area.label))))


def area_options(site_id: str) -> Options:
    """Every area by its label, in the order of the site."""
    return [(area.id, localize(area.label)) for area in list_areas(site_id)]


def list_people(site_id: str) -> list[Person]:
    """Everybody who works or worked at a site, in the natural order of their names."""
    return in_natural_order(db.session.scalars(Person.for_site(site_id)), "name")


def active_people(site_id: str) -> list[Person]:
    """Everybody who has not left, in the natural order of their names."""
    return [person for person in list_people(site_id) if person.active_to is None]


def person_options(people: Iterable[Person]) -> Options:
    """These people by name."""
    return [(person.id, person.name) for person in people]


def active_contractors(site_id: str) -> list[Contractor]:
    """Contractors whose contract has not ended, in the natural order of their names."""
    contractors = in_natural_order(db.session.scalars(Contractor.for_site(site_id)), "name")
    return [contractor for contractor in contractors if contractor.ended_at is None]
