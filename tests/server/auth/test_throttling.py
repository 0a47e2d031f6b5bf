"""Whom limits hit: the guesser, and neither the owner nor their colleagues."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import ceil

import pytest
from flask import Flask
from sqlalchemy import select

from server.auth.known_browsers import COOKIE, KNOWN_DAYS, known_browser
from server.auth.rate_limit import (
    ACCOUNT,
    ADDRESS,
    ENROLMENT_CODE,
    KNOWN_BROWSER,
    UNKNOWN_BROWSER,
    RateLimit,
    client_address,
    count_attempt,
)
from server.db.engine import db
from server.models.access import Account, RateLimitCounter
from tests.seed_data import BEN
from tests.server.conftest import PASSWORD

WRONG = "a wrong guess"
GUESSES = 10_000
PAUSE = timedelta(days=1) / GUESSES


@pytest.fixture
def app(sqlite_app: Flask) -> Flask:
    return sqlite_app


def admitted(app: Flask, addresses: int) -> int:
    """How many of 10,000 guesses of one password in a day, from so many addresses, are checked.

    Those that fall into the wait of a guess that was refused are not made: it is refused to all.
    """
    start, passed, number = datetime(2026, 11, 29, tzinfo=UTC), 0, 0
    with app.app_context():
        while number < GUESSES:
            address = f"address {number % addresses}"
            keys = (UNKNOWN_BROWSER, f"ben\n{address}"), (ACCOUNT, "ben"), (ADDRESS, address)
            wait = count_attempt(*keys, now=start + PAUSE * number)
            passed += wait is None
            number += ceil(wait / PAUSE) if wait else 1
    return passed


@pytest.mark.asvs("6.3.1")
def test_ten_thousand_guesses_from_one_address(app):
    assert UNKNOWN_BROWSER.bound <= 40
    assert 20 < admitted(app, 1) <= UNKNOWN_BROWSER.bound


@pytest.mark.asvs("6.3.1")
def test_ten_thousand_guesses_from_a_thousand_addresses(app):
    assert ACCOUNT.bound <= 170
    assert 100 < admitted(app, 1000) <= ACCOUNT.bound


@pytest.mark.asvs("6.1.1")
def test_a_guesser_does_not_shut_out_the_owner(app, bens_password, new_browser):
    """Neither in a browser in which Ben has signed in, even from the same address, nor in a new
    one at another address."""
    ben = new_browser()
    assert ben.sign_in("ben").status_code == 303
    ben.post("/sign-out")
    guesser = {"REMOTE_ADDR": "203.0.113.9"}
    answers = [
        new_browser().sign_in("ben", WRONG, environ_overrides=guesser).status_code
        for _ in range(12)
    ]
    assert answers.count(401) == UNKNOWN_BROWSER.free_tries and answers[-1] == 429
    assert ben.sign_in("ben", environ_overrides=guesser).status_code == 303
    elsewhere = {"REMOTE_ADDR": "198.51.100.7"}
    assert new_browser().sign_in("ben", environ_overrides=elsewhere).status_code == 303


@pytest.mark.asvs("6.1.1")
def test_no_limit_waits_longer_than_an_hour():
    for limit in (ACCOUNT, ADDRESS, KNOWN_BROWSER, UNKNOWN_BROWSER, ENROLMENT_CODE):
        longest = max(limit.wait_after(tries) for tries in range(5000))
        assert longest == limit.longest_wait <= timedelta(hours=1), limit.name


def test_a_success_takes_back_only_its_own_attempt(app, bens_password, new_browser):
    new_browser().sign_in("ben", WRONG, environ_overrides={"REMOTE_ADDR": "203.0.113.9"})
    new_browser().sign_in("ben", environ_overrides={"REMOTE_ADDR": "198.51.100.7"})
    with app.app_context():
        assert sorted(db.session.scalars(select(RateLimitCounter.tries))) == [0, 1, 1, 1]


@pytest.mark.parametrize(
    ("address", "limited"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_an_ipv6_network_counts_as_one_address(app, address, limited):
    with app.test_request_context(environ_overrides={"REMOTE_ADDR": address}):
        assert client_address() == limited


def is_known(app: Flask, cookie: str, days: int = 0) -> bool:
    later = datetime.now(UTC) + timedelta(days=days)
    with app.test_request_context(headers={"Cookie": f"{COOKIE}={cookie}"}):
        return known_browser(db.session.get(Account, BEN), later.timestamp()) is not None


def test_a_known_browser_ends_after_ninety_days_and_with_the_password(
    app, bens_password, new_browser
):
    ben = new_browser()
    ben.sign_in("ben")
    cookie = ben.client.get_cookie(COOKIE).value
    assert is_known(app, cookie) and is_known(app, cookie, days=KNOWN_DAYS - 1)
    assert not is_known(app, cookie, days=KNOWN_DAYS + 1)
    assert not is_known(app, cookie[:-3] + "AAA"), "not signed by the server"
    new = "nine grey geese at dawn"
    assert ben.post("/desk/account", {"password": PASSWORD, "new": new}).status_code == 303
    assert not is_known(app, cookie)
    assert is_known(app, ben.client.get_cookie(COOKIE).value), "where it was changed"


def test_a_limit_that_is_reached_does_not_write(app):
    limit = RateLimit("few", free_tries=1, max_tries=2, window=timedelta(days=1))
    now = datetime.now(UTC)
    with app.app_context():
        assert count_attempt((limit, "me"), now=now) is None
        for _ in range(3):
            assert count_attempt((limit, "me"), now=now)
        assert db.session.scalars(select(RateLimitCounter.tries)).all() == [1]
