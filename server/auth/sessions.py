"""Who is signed in at the desk. A session is a row here; the cookie only names it.

`IDLE` without a request or `ABSOLUTE` after its start a session is over, and so it is when its
person signs out or leaves. It looks at one site. Any number of sessions a person is fine.
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
from server.models.feed import SiteHead
from server.models.people import Person
from server.models.places import Site
from sync.protocol.roles import FRONT_DESK_ROLES

IDLE_TIMEOUT, MAX_LIFETIME = timedelta(hours=8), timedelta(hours=12)
"""Our choice: a board hangs on the wall for a shift, and nobody stays signed in overnight."""

SEEN_AT_PRECISION = timedelta(minutes=5)
"""How stale `seen_at` may be: not every look at a page shall cost a write."""


@dataclass(frozen=True, slots=True)
class CurrentUser:
    """Whoever is signed in, and the one site that they look at."""

    person_id: str
    name: str
    roles: frozenset[str]
    site_id: str
    site_label: dict[str, str]
    token_hash: str
    site_version: str
    """Changes whenever a record of the site does, or a phone was heard."""

    def has_role(self, *roles: str) -> bool:
        """Whether the caller has one of these roles here."""
        return not self.roles.isdisjoint(roles)


def current_user_or_none() -> CurrentUser | None:
    """Who sent this request, looked up once."""
    if "current_user" not in g:
        token = request.cookies.get(cookie_name())
        g.current_user = _user_for_token(token) if token else None
    found: CurrentUser | None = g.current_user
    return found


def current_user() -> CurrentUser:
    """Whoever is signed in, on a route that only they can reach."""
    return current_user_or_none() or abort(401)


def desk_sites(person_id: str) -> Sequence[Any]:
    """The sites where a person may sit at the desk, with their labels."""
    rows = db.session.execute(
        select(Person.site_id, Person.roles, Site.label)
        .join(Site, (Site.site_id == Person.site_id) & (Site.id == Person.site_id))
        .where(Person.id == person_id, Person.active_to.is_(None))
        .order_by(Person.site_id)
    )
    return [row for row in rows if not FRONT_DESK_ROLES.isdisjoint(row.roles)]


def start_session(person_id: str, site_id: str, former: str | None = None) -> str:
    """Begin a session and give its token; the one that the browser had before ends."""
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
    """Sign out: the session is gone on the server, whatever the browser keeps."""
    with write_transaction():
        _delete_session(request.cookies.get(cookie_name()))
    g.pop("current_user", None)


def end_all_sessions(person_id: str, *, except_token_hash: str | None = None) -> None:
    """End every session of a person, but one. The caller commits."""
    db.session.execute(
        delete(LoginSession).where(
            LoginSession.person_id == person_id,
            LoginSession.token_hash != (except_token_hash or ""),
        )
    )


def active_session_conditions(now: datetime) -> tuple[Any, ...]:
    """What a session joined with its person must fulfil."""
    return (
        LoginSession.expires_at > now,
        LoginSession.seen_at > now - IDLE_TIMEOUT,
        Person.active_to.is_(None),
    )


def cookie_name(what: str = "lodge") -> str:
    """Browsers take `__Host-` only over TLS; on localhost and a LAN there may be none."""
    return f"__Host-{what}" if request.is_secure else what


def set_cookie(response: Response, name: str, value: str, days: int = 0) -> None:
    """A cookie that no script reads and no other site sends."""
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
    """One statement, every row by its primary key: a board that polls asks nothing more."""
    now, token_hash = datetime.now(UTC), token_digest(token)
    row = db.session.execute(
        select(LoginSession.seen_at, LoginSession.site_id, Person.id, Person.name, Person.roles)
        .add_columns(Site.label, SiteHead.head, SiteHead.heard_at)
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
    if now - row.seen_at > SEEN_AT_PRECISION and not is_poll:
        _update_seen_at(token_hash, now)  # what a page asks by itself is nobody's doing
    head = f"{row.head}.{row.heard_at.timestamp() if row.heard_at else 0}"
    roles = frozenset(row.roles)
    return CurrentUser(row.id, row.name, roles, row.site_id, row.label, token_hash, head)


def _update_seen_at(token_hash: str, now: datetime) -> None:
    with write_transaction():
        mine = update(LoginSession).where(LoginSession.token_hash == token_hash)
        db.session.execute(mine.values(seen_at=now))


def _delete_expired(now: datetime) -> None:
    """Sessions that ended, codes that lapsed, tries that no longer count."""
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
