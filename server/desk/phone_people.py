"""The people among whom the desk chooses those of a phone."""

from __future__ import annotations

from collections.abc import Set
from typing import NamedTuple

from server.desk.options import active_people
from sync.protocol.roles import ROLES


class Choice(NamedTuple):
    """A person who may be ticked."""

    id: str
    name: str
    is_chosen: bool


class RoleChoices(NamedTuple):
    """The people with a role, who may be ticked together."""

    role: str
    people: list[Choice]


def people_choices(site_id: str, chosen: Set[str] = frozenset()) -> list[RoleChoices]:
    """Everybody who works at a site, each under the first of their roles."""
    groups: dict[str, list[Choice]] = {role: [] for role in ROLES}
    for person in active_people(site_id):
        role = min(person.roles, key=ROLES.index)
        groups[role].append(Choice(person.id, person.name, person.id in chosen))
    return [RoleChoices(role, people) for role, people in groups.items() if people]
