"""The list of those who may use the desk: how they sign in, and where they are signed in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask_babel import gettext, ngettext
from sqlalchemy import ColumnElement, and_, or_, select

from server.auth.access import current_user
from server.auth.second_factors import people_with_second_factor
from server.auth.sessions import active_session_conditions
from server.db.engine import db
from server.desk.lists import (
    Cell,
    Choice,
    ChoiceFilter,
    Column,
    ListContext,
    RecordList,
    View,
    WordsFilter,
    text_column,
)
from server.desk.people_list import has_role, role_names, works_here
from server.models.access import Account, LoginSession
from server.models.people import Person
from server.models.places import Site
from sync.estate.places import MASTER_DATA_ROLES
from sync.protocol.roles import FRONT_DESK_ROLES
from sync.protocol.text import _l, _lp


def uses_desk() -> ColumnElement[bool]:
    """Whether a person may use the desk."""
    return and_(works_here(), or_(*(has_role(role) for role in sorted(FRONT_DESK_ROLES))))


def is_signed_in(context: ListContext) -> ColumnElement[bool]:
    """Whether a person has an active session at this site."""
    sessions = select(LoginSession.person_id).where(*_active_here(context))
    return Person.id.in_(sessions)


def _active_here(context: ListContext) -> list[Any]:
    return [LoginSession.site_id == context.site_id, *active_session_conditions(context.now)]


def has_password() -> ColumnElement[bool]:
    """Whether a person has a password for the desk."""
    with_one = select(Account.person_id).where(Account.password_hash.is_not(None))
    return Person.id.in_(with_one)


STATES = {
    "signed_in": Choice(label=_lp("people", "signed in"), condition=is_signed_in),
    "first": Choice(
        label=_lp("people", "with a first password"),
        condition=lambda _: Person.id.in_(
            select(Account.person_id).where(Account.first_until.is_not(None))
        ),
    ),
    "without": Choice(label=_lp("people", "without access"), condition=lambda _: ~has_password()),
}


def prepare(rows: Sequence[Any], context: ListContext) -> None:
    """Read the accounts and sessions of these people."""
    ids = [row.id for row in rows]
    accounts = list(db.session.scalars(select(Account).where(Account.person_id.in_(ids))))
    context.memory["accounts"] = {account.person_id: account for account in accounts}
    context.memory["with second step"] = people_with_second_factor(accounts)
    seen: dict[str, list[datetime]] = {}
    here = (Person.site_id == LoginSession.site_id) & (Person.id == LoginSession.person_id)
    sessions = select(LoginSession.person_id, LoginSession.seen_at).join(Person, here)
    sessions = sessions.where(LoginSession.person_id.in_(ids), *_active_here(context))
    for person_id, seen_at in db.session.execute(sessions):
        seen.setdefault(person_id, []).append(seen_at)
    context.memory["sessions"] = seen


def username(row: Any, context: ListContext) -> str:
    """The name by which a person signs in."""
    account = context.memory["accounts"].get(row.id)
    return account.username or "" if account else ""


def password(row: Any, context: ListContext) -> Cell | str:
    """Whether a person has a password, and whether they chose it."""
    account = context.memory["accounts"].get(row.id)
    if account is None or account.password_hash is None:
        return Cell(gettext("no access yet"), tone="dim", icon="todo")
    if account.first_until:
        return Cell(gettext("has not replaced the first password yet"), tone="warn", icon="clock")
    return gettext("chosen by themselves")


def second_step(row: Any, context: ListContext) -> Cell:
    """Whether a person signs in with two steps."""
    if row.id in context.memory["with second step"]:
        return Cell(gettext("has a second step"), tone="ok", icon="ok")
    return Cell(gettext("none"), tone="dim")


def sessions(row: Any, context: ListContext) -> str:
    """In how many browsers a person is signed in."""
    seen = context.memory["sessions"].get(row.id, [])
    return ngettext("%(num)s browser", "%(num)s browsers", len(seen)) if seen else ""


def last_used(row: Any, context: ListContext) -> datetime | None:
    """When a person last used the desk in a session that is still open."""
    return max(context.memory["sessions"].get(row.id, []), default=None)


def settings() -> dict[str, Any]:
    """Whether two steps are asked for at this site."""
    site_id = current_user().site_id
    return {"two_step": db.session.get_one(Site, (site_id, site_id)).two_step}


SIGN_INS = RecordList(
    name="sign_ins",
    title=_l("Sign-ins"),
    roles=MASTER_DATA_ROLES,
    site=Person.site_id,
    id=Person.id,
    show="sign_ins.show",
    conditions=lambda _: [uses_desk()],
    prepare=prepare,
    order="name",
    columns=(
        text_column("name", _l("Name"), Person.name),
        Column("roles", _l("Roles"), lambda row, _: role_names(row.roles), (Person.roles,)),
        Column("username", _l("User name"), username),
        Column("password", _l("Password"), password, css="cut"),
        Column("second_step", _l("Second step"), second_step),
        Column("sessions", _l("Signed in"), sessions),
        Column("last_used", _l("Last used"), last_used, css="num"),
    ),
    filters=(
        WordsFilter(
            name="words",
            label=_l("Name or staff number"),
            columns=(Person.name, Person.employee_no),
        ),
        ChoiceFilter(name="state", label=_l("Status"), choices=STATES),
    ),
    views=[
        View(name="all", label=_l("All"), values={}),
        *(View(name=n, label=c.label, values={"state": n}) for n, c in STATES.items()),
    ],
    template="desk/sign_ins/index.html",
    extra=settings,
)
