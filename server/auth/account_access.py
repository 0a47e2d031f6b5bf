"""Who may reset somebody else's access to the desk."""

from __future__ import annotations

from sqlalchemy import select

from server.auth.sessions import CurrentUser
from server.db.engine import db
from server.models.people import Person
from sync.estate.places import MASTER_DATA_ROLES


def may_reset(user: CurrentUser, person_id: str) -> bool:
    """Whether a user may reset passwords and second steps of a person, and so act as that person:
    a manager or administrator, at every site where the person works; only an administrator for an
    administrator; nobody for themselves."""
    if person_id == user.person_id or not user.has_role(*MASTER_DATA_ROLES):
        return False
    own, theirs = _roles_by_site(user.person_id), _roles_by_site(person_id)
    return bool(theirs) and all(
        not own.get(site, frozenset()).isdisjoint(
            {"admin"} if "admin" in roles else MASTER_DATA_ROLES
        )
        for site, roles in theirs.items()
    )


def _roles_by_site(person_id: str) -> dict[str, frozenset[str]]:
    rows = db.session.execute(
        select(Person.site_id, Person.roles).where(
            Person.id == person_id, Person.active_to.is_(None)
        )
    )
    return {row.site_id: frozenset(row.roles) for row in rows}
