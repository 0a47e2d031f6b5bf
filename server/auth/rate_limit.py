"""How often something may be tried. Kept in the database, so that all processes share it.

Nobody is ever locked out for good, and never by a stranger: a browser that has signed in before
has its own allowance, which guesses from elsewhere do not use up (see `pages/sign_in.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite

from server.auth.credentials import digest
from server.db.engine import db, writing
from server.models.access import Throttle

FIRST_WAIT = timedelta(seconds=15)
FRESH = {"populate_existing": True}


@dataclass(frozen=True, slots=True)
class Limit:
    """`free` tries at once, then each wait is twice the one before, at most `most` in `span`."""

    name: str
    free: int
    most: int
    span: timedelta


STRANGER = Limit("stranger", free=5, most=10, span=timedelta(days=1))
KNOWN = Limit("known", free=5, most=10, span=timedelta(days=1))
"""Together at most 20 calls of the hasher an account and day."""

ADDRESS = Limit("address", free=50, most=100, span=timedelta(hours=1))
CODE = Limit("code", free=5, most=5, span=timedelta(minutes=1))


def admit(*asked: tuple[Limit, str]) -> timedelta | None:
    """Count a try against each limit; or say how long to wait, and count nothing."""
    now = datetime.now(UTC)
    with writing():
        rows = [(limit, _row(limit, who, now)) for limit, who in asked]
        waits = [_wait(limit, row, now) for limit, row in rows]
        if max(waits) > timedelta(0):
            return max(waits)
        for _, row in rows:
            row.tries, row.last_at = row.tries + 1, now
    return None


def forgive(*asked: tuple[Limit, str]) -> None:
    """Success: the tries are forgotten."""
    with writing():
        keys = [_key(limit, who) for limit, who in asked]
        db.session.execute(delete(Throttle).where(Throttle.key.in_(keys)))


def _row(limit: Limit, who: str, now: datetime) -> Throttle:
    """The count of one key, locked: tries at the same moment come one after the other."""
    key = _key(limit, who)
    insert = sqlite.insert if db.engine.dialect.name == "sqlite" else postgresql.insert
    fresh = insert(Throttle).values(key=key, tries=0, since=now, last_at=now)
    # an update locks the row, and makes it anew where `forgive` has just taken it away
    locked = fresh.on_conflict_do_update(index_elements=["key"], set_={"key": key})
    row = db.session.scalars(locked.returning(Throttle), execution_options=FRESH).one()
    if now - row.since >= limit.span:
        row.tries, row.since = 0, now
    return row


def _wait(limit: Limit, row: Throttle, now: datetime) -> timedelta:
    if row.tries < limit.free:
        return timedelta(0)
    if row.tries >= limit.most:
        until = row.since + limit.span
    else:
        until = row.last_at + FIRST_WAIT * 2 ** (row.tries - limit.free)
    return max(timedelta(0), until - now)


def _key(limit: Limit, who: str) -> str:
    return digest(f"{limit.name}\n{who}")
