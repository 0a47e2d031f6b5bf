"""Rate limits for sign-in and enrolment, counted in the database for all processes together.

A limit delays and never locks out for good. A browser that has signed in before has a limit of its
own, so that attempts from elsewhere cannot delay it (see `desk/pages/sign_in.py`).
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
    """`free_tries` without a wait, then each wait is twice the one before; at most `max_tries` in
    a `window`."""

    name: str
    free_tries: int
    max_tries: int
    window: timedelta


UNKNOWN_BROWSER = RateLimit("stranger", free_tries=5, max_tries=10, window=timedelta(days=1))
KNOWN_BROWSER = RateLimit("known", free_tries=5, max_tries=10, window=timedelta(days=1))
"""Together at most 20 password hashes per account and day."""

ADDRESS = RateLimit("address", free_tries=50, max_tries=100, window=timedelta(hours=1))
ENROLMENT_CODE = RateLimit("code", free_tries=5, max_tries=5, window=timedelta(minutes=1))


def count_attempt(*keys: tuple[RateLimit, str]) -> timedelta | None:
    """Count an attempt against each limit and who it limits, and return None. If one of them has
    been reached, count nothing and return how long to wait."""
    now = datetime.now(UTC)
    with write_transaction():
        counters = [(limit, _locked_counter(limit, who, now)) for limit, who in keys]
        wait = max(_wait(limit, counter, now) for limit, counter in counters)
        if wait > timedelta(0):
            return wait
        for _, counter in counters:
            counter.tries, counter.last_at = counter.tries + 1, now
    return None


def reset_attempts(*keys: tuple[RateLimit, str]) -> None:
    """Delete the counters after a successful attempt."""
    with write_transaction():
        hashed = [_key(limit, who) for limit, who in keys]
        db.session.execute(delete(RateLimitCounter).where(RateLimitCounter.key.in_(hashed)))


def _locked_counter(limit: RateLimit, who: str, now: datetime) -> RateLimitCounter:
    """The counter of a key, locked, so that concurrent attempts are counted one by one."""
    key = _key(limit, who)
    insert = sqlite.insert if db.engine.dialect.name == "sqlite" else postgresql.insert
    new_row = insert(RateLimitCounter).values(key=key, tries=0, since=now, last_at=now)
    # an upsert locks the row, or inserts it where `reset_attempts` has just deleted it
    upsert = new_row.on_conflict_do_update(index_elements=["key"], set_={"key": key})
    counter = db.session.scalars(
        upsert.returning(RateLimitCounter), execution_options=RELOAD_OPTIONS
    ).one()
    if now - counter.since >= limit.window:
        counter.tries, counter.since = 0, now
    return counter


def _wait(limit: RateLimit, counter: RateLimitCounter, now: datetime) -> timedelta:
    """How long until the next attempt is allowed; zero if it is allowed now."""
    if counter.tries < limit.free_tries:
        return timedelta(0)
    if counter.tries >= limit.max_tries:
        allowed_at = counter.since + limit.window
    else:
        allowed_at = counter.last_at + FIRST_WAIT * 2 ** (counter.tries - limit.free_tries)
    return max(timedelta(0), allowed_at - now)


def _key(limit: RateLimit, who: str) -> str:
    """Hashed, because a username or an address is personal data."""
    return token_digest(f"{limit.name}\n{who}")
