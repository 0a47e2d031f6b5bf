"""Rate limits for secrets that can be guessed, counted in the database for all processes together.

A limit delays and never locks out: after some free tries each wait is twice the one before, up to
a longest wait. Whom a limit hits is in its key, see `known_browsers.sign_in_limits`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from flask import request
from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from server.auth.credentials import token_digest
from server.db.engine import db, write_transaction
from server.models.access import RateLimitCounter

FIRST_WAIT = timedelta(seconds=15)
RELOAD_OPTIONS = {"populate_existing": True}


@dataclass(frozen=True, slots=True)
class RateLimit:
    """`free_tries` without a wait, then each wait is twice the one before, until there are about
    `max_tries` in a `window`, which begins with the first try and is followed by a new one."""

    name: str
    free_tries: int
    max_tries: int
    window: timedelta

    @property
    def longest_wait(self) -> timedelta:
        return timedelta(seconds=self.window.total_seconds() / self.max_tries)

    @property
    def bound(self) -> int:
        """How many tries there are in a window at most, however many are made."""
        tries, waited = self.free_tries + 1, timedelta(0)
        while (waited := waited + self.wait_after(tries - 1)) < self.window:
            tries += 1
        return tries

    def wait_after(self, tries: int) -> timedelta:
        """How long to wait after so many tries."""
        if tries < self.free_tries:
            return timedelta(0)
        doublings = min(tries - self.free_tries, 20)
        return min(FIRST_WAIT * (1 << doublings), self.longest_wait)


class Counted(NamedTuple):
    """The tries of a counter since a time, and when the last one was."""

    tries: int
    since: datetime
    last_at: datetime


DAY = timedelta(days=1)
UNKNOWN_BROWSER = RateLimit("stranger", free_tries=5, max_tries=24, window=DAY)
"""Tries for one account from one address, by browsers in which its person never signed in."""

ACCOUNT = RateLimit("account", free_tries=20, max_tries=144, window=DAY)
"""Tries for one account by such browsers, from all addresses together."""

KNOWN_BROWSER = RateLimit("known", free_tries=5, max_tries=48, window=DAY)
"""Tries for one account in one browser in which its person has signed in."""

ADDRESS = RateLimit("address", free_tries=50, max_tries=100, window=timedelta(hours=1))
"""Tries from one address for all accounts, by browsers in which nobody of them signed in."""

ENROLMENT_CODE = RateLimit("code", free_tries=5, max_tries=5, window=timedelta(minutes=1))


def count_attempt(*keys: tuple[RateLimit, str], now: datetime | None = None) -> timedelta | None:
    """Count an attempt against each limit and who it limits, and return None. If one of them has
    been reached, count nothing and return how long to wait."""
    now = now or datetime.now(UTC)
    counters = _counters(keys)
    wait = max(_wait(limit, counters.get(_key(limit, who)), now) for limit, who in keys)
    if wait > timedelta(0):
        return wait  # whoever guesses on and on does not take the write lock
    with write_transaction():
        locked = [(limit, _locked_counter(limit, who, now)) for limit, who in keys]
        wait = max(_wait(limit, counter, now) for limit, counter in locked)
        if wait > timedelta(0):
            return wait
        for _, counter in locked:
            counter.tries, counter.last_at = counter.tries + 1, now
    return None


def reset_attempts(*keys: tuple[RateLimit, str]) -> None:
    """Delete the counters after a successful attempt."""
    with write_transaction():
        hashed = [_key(limit, who) for limit, who in keys]
        db.session.execute(delete(RateLimitCounter).where(RateLimitCounter.key.in_(hashed)))


def uncount_attempt(*keys: tuple[RateLimit, str]) -> None:
    """Take back one counted attempt that succeeded; those of others before it still count."""
    with write_transaction():
        hashed = [_key(limit, who) for limit, who in keys]
        counters = update(RateLimitCounter).where(
            RateLimitCounter.key.in_(hashed), RateLimitCounter.tries > 0
        )
        db.session.execute(counters.values(tries=RateLimitCounter.tries - 1))


def client_address() -> str:
    """The address that a request came from, as far as limits know it: of an IPv6 address the
    network that a customer gets, because it has 2^64 addresses to change to."""
    text = request.remote_addr or ""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(getattr(address, "ipv4_mapped", None) or address)


def _counters(keys: Iterable[tuple[RateLimit, str]]) -> dict[str, Counted]:
    """What was counted until now, by the hashed key."""
    hashed = [_key(limit, who) for limit, who in keys]
    table = RateLimitCounter
    query = select(table.key, table.tries, table.since, table.last_at)
    rows = db.session.execute(query.where(table.key.in_(hashed)))
    return {row.key: Counted(row.tries, row.since, row.last_at) for row in rows}


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


def _wait(limit: RateLimit, counter: RateLimitCounter | Counted | None, now: datetime) -> timedelta:
    """How long until the next attempt is allowed; zero if it is allowed now."""
    if counter is None or now - counter.since >= limit.window:
        return timedelta(0)
    pause = limit.wait_after(counter.tries)
    # `last_at` may be later than `now`: another request was counted in between
    return max(timedelta(0), counter.last_at + pause - now) if pause else pause


def _key(limit: RateLimit, who: str) -> str:
    """Hashed, because a username or an address is personal data."""
    return token_digest(f"{limit.name}\n{who}")
