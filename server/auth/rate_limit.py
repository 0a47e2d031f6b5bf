"""How often something may be tried. Kept in the database, so that all processes share it.

Nobody is ever locked out for good, and never by a stranger: a browser that has signed in before
has its own allowance, which guesses from elsewhere do not use up (see `pages/sign_in.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite

from server.auth.credentials import token_digest
from server.db.engine import db, write_transaction
from server.models.access import RateLimitCounter

FIRST_WAIT = timedelta(seconds=15)
RELOAD_OPTIONS = {"populate_existing": True}


@dataclass(frozen=True, slots=True)
class RateLimit:
    """`free` tries at once, then each wait is twice the one before, at most `most` in `span`."""

    name: str
    free_tries: int
    max_tries: int
    window: timedelta


UNKNOWN_BROWSER = RateLimit("stranger", free_tries=5, max_tries=10, window=timedelta(days=1))
KNOWN_BROWSER = RateLimit("known", free_tries=5, max_tries=10, window=timedelta(days=1))
"""Together at most 20 calls of the hasher an account and day."""

ADDRESS = RateLimit("address", free_tries=50, max_tries=100, window=timedelta(hours=1))
ENROLMENT_CODE = RateLimit("code", free_tries=5, max_tries=5, window=timedelta(minutes=1))


def count_attempt(*asked: tuple[RateLimit, str]) -> timedelta | None:
    """Count a try against each limit; or say how long to wait, and count nothing."""
    now = datetime.now(UTC)
    with write_transaction():
        rows = [(limit, _locked_counter(limit, who, now)) for limit, who in asked]
        waits = [_wait(limit, row, now) for limit, row in rows]
        if max(waits) > timedelta(0):
            return max(waits)
        for _, row in rows:
            row.tries, row.last_at = row.tries + 1, now
    return None


def reset_attempts(*asked: tuple[RateLimit, str]) -> None:
    """Success: the tries are forgotten."""
    with write_transaction():
        keys = [_key(limit, who) for limit, who in asked]
        db.session.execute(delete(RateLimitCounter).where(RateLimitCounter.key.in_(keys)))


def _locked_counter(limit: RateLimit, who: str, now: datetime) -> RateLimitCounter:
    """The count of one key, locked: tries at the same moment come one after the other."""
    key = _key(limit, who)
    insert = sqlite.insert if db.engine.dialect.name == "sqlite" else postgresql.insert
    fresh = insert(RateLimitCounter).values(key=key, tries=0, since=now, last_at=now)
    # an update locks the row, and makes it anew where `forgive` has just taken it away
    locked = fresh.on_conflict_do_update(index_elements=["key"], set_={"key": key})
    row = db.session.scalars(
        locked.returning(RateLimitCounter), execution_options=RELOAD_OPTIONS
    ).one()
    if now - row.since >= limit.window:
        row.tries, row.since = 0, now
    return row


def _wait(limit: RateLimit, row: RateLimitCounter, now: datetime) -> timedelta:
    if row.tries < limit.free_tries:
        return timedelta(0)
    if row.tries >= limit.max_tries:
        until = row.since + limit.window
    else:
        until = row.last_at + FIRST_WAIT * 2 ** (row.tries - limit.free_tries)
    return max(timedelta(0), until - now)


def _key(limit: RateLimit, who: str) -> str:
    return token_digest(f"{limit.name}\n{who}")
