"""Sessions of the desk. A session is a row of the database; the cookie holds only its token.

A session ends `IDLE_TIMEOUT` after its last request, `MAX_LIFETIME` after its start, and when its
person signs out or leaves the staff. It belongs to one site. A person may have several sessions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import abort, g, request
from sqlalchemy import delete, select, update
from werkzeug.wrappers import Response

from server.auth.credentials import new_token, token_digest
from server.db.engine import db, write_transaction
from server.models.access import EnrolmentCode, LoginSession, RateLimitCounter
from server.models.desk_forms import UnsavedForm
from server.models.feed import SiteHead
from server.models.people import Person
from server.models.places import Site
from sync.protocol.roles import FRONT_DESK_ROLES

IDLE_TIMEOUT, MAX_LIFETIME = timedelta(hours=8), timedelta(hours=12)
"""Long enough for a screen that shows the board all shift, too short to last overnight."""

SEEN_AT_PRECISION = timedelta(minutes=5)
"""How old `seen_at` may become before a request updates it, so that not every request writes."""


@dataclass(frozen=True, slots=True)
class CurrentUser:
    """The signed-in person, at the site of the session."""

    person_id: str
    name: str
    roles: frozenset[str]
    site_id: str
    site_label: dict[str, str]
    token_hash: str
    ends_at: datetime
    """When the session ends in any case."""
    idle_ends_at: datetime
    """When it ends unless the user does something before."""
    site_version: str
    """Changes whenever a record of the site changes or one of its phones connects."""

    def has_role(self, *roles: str) -> bool:
        """Whether the user has one of these roles at this site."""
        return not self.roles.isdisjoint(roles)


def current_user_or_none() -> CurrentUser | None:
    """The user who sent this request, or None. Looked up once a request."""
    if "current_user" not in g:
        token = request.cookies.get(cookie_name())
        g.current_user = _user_for_token(token) if token else None
    user: CurrentUser | None = g.current_user
    return user


def current_user() -> CurrentUser:
    """The user who sent this request; aborts with 401 if nobody is signed in."""
    return current_user_or_none() or abort(401)


def desk_sites(person_id: str) -> Sequence[Any]:
    """The sites where a person may use the desk: rows of `site_id`, `roles` and `label`."""
    rows = db.session.execute(
        select(Person.site_id, Person.roles, Site.label)
        .join(Site, (Site.site_id == Person.site_id) & (Site.id == Person.site_id))
        .where(Person.id == person_id, Person.active_to.is_(None))
        .order_by(Person.site_id)
    )
    return [row for row in rows if not FRONT_DESK_ROLES.isdisjoint(row.roles)]


def start_session(person_id: str, site_id: str, former: str | None = None) -> str:
    """Start a session and return its token. `former`: the browser's previous token, if it had one;
    that session ends."""
    token, now = new_token(), datetime.now(UTC)
    with write_transaction():
        _delete_session(former)
        _delete_expired(now)
        db.session.add(
            LoginSession(
                token_hash=token_digest(token),
                site_id=site_id,
                person_id=person_id,
                started_at=now,
                seen_at=now,
                expires_at=now + MAX_LIFETIME,
            )
        )
    return token


def end_session() -> None:
    """End the session of this request on the server, whatever cookie the browser still has."""
    with write_transaction():
        _delete_session(request.cookies.get(cookie_name()))
    g.pop("current_user", None)


def end_all_sessions(person_id: str, *, except_token_hash: str | None = None) -> None:
    """End every session of a person except one. The caller commits."""
    db.session.execute(
        delete(LoginSession).where(
            LoginSession.person_id == person_id,
            LoginSession.token_hash != (except_token_hash or ""),
        )
    )


def active_session_conditions(now: datetime) -> tuple[Any, ...]:
    """SQL conditions for an active session, in a query that joins LoginSession and Person."""
    return (
        LoginSession.expires_at > now,
        LoginSession.seen_at > now - IDLE_TIMEOUT,
        Person.active_to.is_(None),
    )


def cookie_name(name: str = "lodge") -> str:
    """A cookie's name with `__Host-`, which browsers accept over HTTPS only."""
    return f"__Host-{name}" if request.is_secure else name


def set_cookie(response: Response, name: str, value: str, days: int = 0) -> None:
    """Set a cookie that scripts cannot read and other sites do not send. With 0 days it ends with
    the browser."""
    response.set_cookie(
        name,
        value,
        max_age=days * 86400 or None,
        path="/",
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )


def _user_for_token(token: str) -> CurrentUser | None:
    """The user of an active session. One query by primary keys: polling pages cause no other."""
    now, token_hash = datetime.now(UTC), token_digest(token)
    row = db.session.execute(
        select(LoginSession.seen_at, LoginSession.site_id, Person.id, Person.name, Person.roles)
        .add_columns(LoginSession.expires_at, Site.label, SiteHead.head, SiteHead.heard_at)
        .join(
            Person, (Person.site_id == LoginSession.site_id) & (Person.id == LoginSession.person_id)
        )
        .join(Site, (Site.site_id == LoginSession.site_id) & (Site.id == LoginSession.site_id))
        .join(SiteHead, SiteHead.site_id == LoginSession.site_id)
        .where(LoginSession.token_hash == token_hash, *active_session_conditions(now))
    ).first()
    if row is None:
        return None
    is_poll = request.htmx  # type: ignore[attr-defined]  # htmx-flask adds it
    seen_at = row.seen_at
    if now - seen_at > SEEN_AT_PRECISION and not is_poll:
        _update_seen_at(token_hash, now)  # polling by an open page is not activity of the user
        seen_at = now
    head = f"{row.head}.{row.heard_at.timestamp() if row.heard_at else 0}"
    roles = frozenset(row.roles)
    ends = row.expires_at, seen_at + IDLE_TIMEOUT
    return CurrentUser(row.id, row.name, roles, row.site_id, row.label, token_hash, *ends, head)


def _update_seen_at(token_hash: str, now: datetime) -> None:
    with write_transaction():
        session = update(LoginSession).where(LoginSession.token_hash == token_hash)
        db.session.execute(session.values(seen_at=now))


def _delete_expired(now: datetime) -> None:
    """Delete expired sessions, enrolment codes and unsaved forms, and counters whose window is
    over."""
    db.session.execute(UnsavedForm.expired(now))
    db.session.execute(delete(LoginSession).where(LoginSession.expires_at <= now))
    db.session.execute(
        delete(EnrolmentCode).where(EnrolmentCode.expires_at <= now - timedelta(days=1))
    )
    db.session.execute(
        delete(RateLimitCounter).where(RateLimitCounter.last_at <= now - timedelta(days=2))
    )


def _delete_session(token: str | None) -> None:
    if token:
        db.session.execute(
            delete(LoginSession).where(LoginSession.token_hash == token_digest(token))
        )
