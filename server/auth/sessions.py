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

from server.auth.credentials import digest, new_token
from server.db.engine import db, writing
from server.models.access import Enrolment, Session, Throttle
from server.models.feed import SiteFeed
from server.models.people import Person
from server.models.places import Site
from sync.protocol.digest import FRONT

IDLE, ABSOLUTE = timedelta(hours=8), timedelta(hours=12)
"""Our choice: a board hangs on the wall for a shift, and nobody stays signed in overnight."""

TOUCH = timedelta(minutes=5)
"""How stale `seen_at` may be: not every look at a page shall cost a write."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever is signed in, and the one site that they look at."""

    person_id: str
    name: str
    roles: frozenset[str]
    site_id: str
    site_label: dict[str, str]
    token_hash: str
    head: str
    """Changes whenever a record of the site does, or a phone was heard."""

    def may(self, *roles: str) -> bool:
        """Whether the caller has one of these roles here."""
        return not self.roles.isdisjoint(roles)


def caller() -> Caller | None:
    """Who sent this request, looked up once."""
    if "caller" not in g:
        token = request.cookies.get(cookie_name())
        g.caller = _caller_of(token) if token else None
    found: Caller | None = g.caller
    return found


def here() -> Caller:
    """Whoever is signed in, on a route that only they can reach."""
    return caller() or abort(401)


def workplaces(person_id: str) -> Sequence[Any]:
    """The sites where a person may sit at the desk, with their labels."""
    rows = db.session.execute(
        select(Person.site_id, Person.roles, Site.label)
        .join(Site, (Site.site_id == Person.site_id) & (Site.id == Person.site_id))
        .where(Person.id == person_id, Person.active_to.is_(None))
        .order_by(Person.site_id)
    )
    return [row for row in rows if not FRONT.isdisjoint(row.roles)]


def start(person_id: str, site_id: str, former: str | None = None) -> str:
    """Begin a session and give its token; the one that the browser had before ends."""
    token, now = new_token(), datetime.now(UTC)
    with writing():
        _drop(former)
        _forget_what_is_over(now)
        db.session.add(
            Session(
                token_hash=digest(token),
                site_id=site_id,
                person_id=person_id,
                started_at=now,
                seen_at=now,
                expires_at=now + ABSOLUTE,
            )
        )
    return token


def end() -> None:
    """Sign out: the session is gone on the server, whatever the browser keeps."""
    with writing():
        _drop(request.cookies.get(cookie_name()))
    g.pop("caller", None)


def end_all(person_id: str, *, but: str | None = None) -> None:
    """End every session of a person, but one. The caller commits."""
    db.session.execute(
        delete(Session).where(Session.person_id == person_id, Session.token_hash != (but or ""))
    )


def alive(now: datetime) -> tuple[Any, ...]:
    """What a session joined with its person must fulfil."""
    return (
        Session.expires_at > now,
        Session.seen_at > now - IDLE,
        Person.active_to.is_(None),
    )


def cookie_name(what: str = "lodge") -> str:
    """Browsers take `__Host-` only over TLS; on localhost and a LAN there may be none."""
    return f"__Host-{what}" if request.is_secure else what


def give_cookie(response: Response, name: str, value: str, days: int = 0) -> None:
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


def _caller_of(token: str) -> Caller | None:
    """One statement, every row by its primary key: a board that polls asks nothing more."""
    now, token_hash = datetime.now(UTC), digest(token)
    row = db.session.execute(
        select(Session.seen_at, Session.site_id, Person.id, Person.name, Person.roles)
        .add_columns(Site.label, SiteFeed.head, SiteFeed.heard_at)
        .join(Person, (Person.site_id == Session.site_id) & (Person.id == Session.person_id))
        .join(Site, (Site.site_id == Session.site_id) & (Site.id == Session.site_id))
        .join(SiteFeed, SiteFeed.site_id == Session.site_id)
        .where(Session.token_hash == token_hash, *alive(now))
    ).first()
    if row is None:
        return None
    if now - row.seen_at > TOUCH and not request.headers.get("HX-Request"):
        _touch(token_hash, now)  # what a page asks by itself is nobody's doing
    head = f"{row.head}.{row.heard_at.timestamp() if row.heard_at else 0}"
    roles = frozenset(row.roles)
    return Caller(row.id, row.name, roles, row.site_id, row.label, token_hash, head)


def _touch(token_hash: str, now: datetime) -> None:
    with writing():
        mine = update(Session).where(Session.token_hash == token_hash)
        db.session.execute(mine.values(seen_at=now))


def _forget_what_is_over(now: datetime) -> None:
    """Sessions that ended, codes that lapsed, tries that no longer count."""
    db.session.execute(delete(Session).where(Session.expires_at <= now))
    db.session.execute(delete(Enrolment).where(Enrolment.expires_at <= now - timedelta(days=1)))
    db.session.execute(delete(Throttle).where(Throttle.last_at <= now - timedelta(days=2)))


def _drop(token: str | None) -> None:
    if token:
        db.session.execute(delete(Session).where(Session.token_hash == digest(token)))
