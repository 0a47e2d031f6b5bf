"""Who may reset somebody else's access: to the desk, and to phones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import select

from server.auth.sessions import CurrentUser
from server.db.engine import db
from server.models.people import Person
from sync.estate.places import MASTER_DATA_ROLES


def may_reset(user: CurrentUser, person_id: str) -> bool:
    """Whether a user may reset passwords, second steps and PINs of a person, and so act as that
    person."""
    return person_id in resettable_people(user, [person_id])


def resettable_people(user: CurrentUser, person_ids: Iterable[str]) -> set[str]:
    """Whose access a user may reset: as a manager or administrator, of people at all of whose sites
    the user is one; only an administrator that of an administrator; nobody their own."""
    if not user.has_role(*MASTER_DATA_ROLES):
        return set()
    wanted = set(person_ids) - {user.person_id}
    roles = _roles_by_site({user.person_id, *wanted})
    own = roles[user.person_id]
    return {
        id_
        for id_ in wanted
        if roles[id_] and all(_is_above(own.get(site), held) for site, held in roles[id_].items())
    }


def _is_above(own: frozenset[str] | None, theirs: frozenset[str]) -> bool:
    needed = {"admin"} if "admin" in theirs else MASTER_DATA_ROLES
    return own is not None and not own.isdisjoint(needed)


def _roles_by_site(person_ids: set[str]) -> dict[str, dict[str, frozenset[str]]]:
    """The roles of people at each site where they work now, by person."""
    rows = db.session.execute(
        select(Person.id, Person.site_id, Person.roles).where(
            Person.id.in_(person_ids), Person.active_to.is_(None)
        )
    )
    roles: dict[str, dict[str, frozenset[str]]] = defaultdict(dict)
    for row in rows:
        roles[row.id][row.site_id] = frozenset(row.roles)
    return roles
