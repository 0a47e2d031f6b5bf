"""What lists are sorted by for places and people: their order, not their ids."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, select

from server.models.people import Person
from server.models.places import Area


def area_order(site_id: Any, area_id: Any) -> ColumnElement[Any]:
    """The place of an area in the order of its site. Both are columns."""
    query = select(Area.ordinal).where(Area.site_id == site_id, Area.id == area_id)
    return query.scalar_subquery()


def person_order(site_id: Any, person_id: Any) -> ColumnElement[Any]:
    """The name of somebody. Both are columns."""
    query = select(Person.name).where(Person.site_id == site_id, Person.id == person_id)
    return query.scalar_subquery()
