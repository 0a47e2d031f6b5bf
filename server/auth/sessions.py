"""Sessions of the desk. A session is a row of the database; the cookie holds only its token.

A session ends `IDLE_TIMEOUT` after its last request, `MAX_LIFETIME` after its start, and when its
person signs out or leaves the staff. It belongs to one site. A person may have several sessions,
sees them all, and can end them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import abort, g, request
from sqlalchemy import CursorResult, delete, select, update
from uuid_utils.compat import uuid7
from werkzeug.wrappers import Response

from server.auth.credentials import new_token, token_digest
from server.auth.user_agents import browser_name
from server.db.engine import db, write_transaction
from server.models.access import EnrolmentCode, LoginSession, RateLimitCounter, SignInStep
from server.models.desk_forms import UnsavedForm
from server.models.feed import SiteHead
from server.models.people import Person
from server.models.places import Site
from sync.protocol.roles import FRONT_DESK_ROLES

IDLE_TIMEOUT, MAX_LIFETIME = timedelta(minutes=30), timedelta(hours=12)
"""A desk stands in a room with visitors: whoever left it is signed out soon. Typing is activity."""

SEEN_AT_PRECISION = timedelta(minutes=1)
"""How old `seen_at` may become before a request updates it, so that not every request writes."""

RECENT = timedelta(minutes=15)
"""How long after proving who they are a person may do what needs a recent sign-in."""

PASSWORD, TWO_STEPS, PASSKEY = "password", "two-steps", "passkey"
"""How a session began: with the password, with a second step after it, or with a passkey, which
counts as two factors: something that one has, and its PIN or a fingerprint."""

TWO_STEP_ROLES = frozenset({"manager", "admin"})
"""Who has to sign in with two steps at a site that asks for it."""


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
    proven_at: datetime
    """When the person last proved who they are."""
    factors: str
    must_change: bool
    """A first password opened the session; it has to be replaced before anything else."""
    must_add_step: bool
    """The site asks for two steps, and this session began with one."""

    @property
    def is_recent(self) -> bool:
        """Whether the person proved lately who they are."""
        return datetime.now(UTC) - self.proven_at < RECENT

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


def start_session(
    person_id: str, site_id: str, factors: str = PASSWORD, *, must_change: bool = False
) -> str:
    """Start a session and return its token. The session that the browser had before ends."""
    token, now = new_token(), datetime.now(UTC)
    with write_transaction():
        _delete_session(request.cookies.get(cookie_name()))
        _delete_expired(now)
        db.session.add(
            LoginSession(
                token_hash=token_digest(token),
                id=str(uuid7()),
                site_id=site_id,
                person_id=person_id,
                started_at=now,
                seen_at=now,
                expires_at=now + MAX_LIFETIME,
                browser=browser_name(request.user_agent.string)[:80],
                address=(request.remote_addr or "")[:64],
                proven_at=now,
                factors=factors,
                must_change=must_change,
            )
        )
    return token


def renew_session(**changes: Any) -> str:
    """Give the session of this request a new token, and change it: another site, a later proof.
    Returns the token. How long it lasts stays."""
    token = new_token()
    with write_transaction():
        session = update(LoginSession).where(LoginSession.token_hash == current_user().token_hash)
        db.session.execute(session.values(token_hash=token_digest(token), **changes))
    g.current_user = _user_for_token(token)
    return token


def sessions_of(*person_ids: str) -> Sequence[LoginSession]:
    """The active sessions of people, the last used first."""
    now = datetime.now(UTC)
    query = (
        select(LoginSession)
        .join(
            Person, (Person.site_id == LoginSession.site_id) & (Person.id == LoginSession.person_id)
        )
        .where(LoginSession.person_id.in_(person_ids), *active_session_conditions(now))
        .order_by(LoginSession.seen_at.desc())
    )
    return db.session.scalars(query).all()


def end_session_by_id(person_id: str, id_: str) -> bool:
    """End one session of a person; False if there is no such one."""
    with write_transaction():
        ended: CursorResult[Any] = db.session.execute(  # type: ignore[assignment]
            delete(LoginSession).where(LoginSession.id == id_, LoginSession.person_id == person_id)
        )
    return ended.rowcount == 1


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
        .add_columns(LoginSession.proven_at, LoginSession.factors, LoginSession.must_change)
        .add_columns(Site.two_step)
        .join(
            Person, (Person.site_id == LoginSession.site_id) & (Person.id == LoginSession.person_id)
        )
        .join(Site, (Site.site_id == LoginSession.site_id) & (Site.id == LoginSession.site_id))
        .join(SiteHead, SiteHead.site_id == LoginSession.site_id)
        .where(LoginSession.token_hash == token_hash, *active_session_conditions(now))
    ).first()
    if row is None:
        return None
    htmx = request.htmx  # type: ignore[attr-defined]  # htmx-flask adds it
    is_poll = htmx and not htmx.boosted
    seen_at = row.seen_at
    if now - seen_at > SEEN_AT_PRECISION and not is_poll:
        _update_seen_at(token_hash, now)  # polling by an open page is not activity of the user
        seen_at = now
    head = f"{row.head}.{row.heard_at.timestamp() if row.heard_at else 0}"
    roles = frozenset(row.roles)
    ends = row.expires_at, seen_at + IDLE_TIMEOUT
    is_asked = row.two_step and not roles.isdisjoint(TWO_STEP_ROLES)
    has_to = bool(is_asked) and row.factors == PASSWORD
    who = row.id, row.name, roles, row.site_id, row.label
    proof = row.proven_at, row.factors, row.must_change
    return CurrentUser(*who, token_hash, *ends, head, *proof, has_to)


def _update_seen_at(token_hash: str, now: datetime) -> None:
    with write_transaction():
        session = update(LoginSession).where(LoginSession.token_hash == token_hash)
        db.session.execute(session.values(seen_at=now))


def _delete_expired(now: datetime) -> None:
    """Delete expired sessions, steps, enrolment codes and unsaved forms, and counters whose window
    is over."""
    db.session.execute(delete(SignInStep).where(SignInStep.expires_at <= now))
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
