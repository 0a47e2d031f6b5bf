"""Signing in: passwords, rate limits, accounts."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from server.auth.credentials import password_hasher
from server.auth.password_rules import password_weakness
from server.auth.rate_limit import ENROLMENT_CODE, UNKNOWN_BROWSER, count_attempt
from server.db.engine import db, write_transaction
from server.models.access import Account, RateLimitCounter
from tests import seed_data
from tests.server.conftest import PASSWORD

WRONG_PASSWORD = "a wrong guess"


def age_rate_limits(app, by: timedelta) -> None:
    """Move the times of all counters back."""
    with app.app_context(), write_transaction():
        for counter in db.session.scalars(select(RateLimitCounter)):
            counter.since, counter.last_at = counter.since - by, counter.last_at - by


def test_username_and_password_open_the_desk(bens_password, new_browser):
    desk = new_browser()
    assert desk.sign_in("Ben ").status_code == 303
    assert desk.get("/desk/").status_code == 200


@pytest.mark.parametrize("password", [PASSWORD + " ", PASSWORD.upper(), PASSWORD[:-1], "", "\0"])
@pytest.mark.asvs("6.2.8")
def test_a_password_must_match_exactly(bens_password, new_browser, password):
    assert new_browser().sign_in("ben", password).status_code == 401


def test_unknown_usernames_and_wrong_passwords_look_the_same(bens_password, new_browser):
    nobody = new_browser().sign_in("nobody", WRONG_PASSWORD)
    ben = new_browser().sign_in("ben", WRONG_PASSWORD)
    assert (nobody.status_code, nobody.text) == (ben.status_code, ben.text)


def test_phone_only_roles_cannot_use_the_desk(anas_password, new_browser):
    assert new_browser().sign_in("ana").status_code == 403


@pytest.mark.asvs("11.4.2")
def test_passwords_are_stored_as_argon2id(app, bens_password):
    with app.app_context():
        account = db.session.scalar(Account.by_username("ben"))
        assert account.password_hash.startswith("$argon2id$")
        assert PASSWORD not in account.password_hash
    assert password_hasher.memory_cost >= 19 * 1024


@pytest.mark.asvs("6.1.1")
def test_guessing_elsewhere_does_not_delay_a_known_browser(app, bens_password, new_browser):
    ben = new_browser()
    assert ben.sign_in("ben").status_code == 303
    ben.post("/sign-out")
    for _ in range(12):
        new_browser().sign_in("ben", WRONG_PASSWORD)
    assert new_browser().sign_in("ben").status_code == 429, "an unknown browser has to wait"
    assert ben.sign_in("ben").status_code == 303, "the known one does not"


def test_a_guesser_delays_strangers_for_minutes_and_not_for_a_day(app, bens_password, new_browser):
    for _ in range(12):
        new_browser().sign_in("ben", WRONG_PASSWORD)
    age_rate_limits(app, timedelta(minutes=2))
    assert new_browser().sign_in("ben").status_code == 303


def test_a_success_resets_the_rate_limit(app, bens_password, new_browser):
    for _ in range(3):
        for _ in range(3):
            new_browser().sign_in("ben", WRONG_PASSWORD)
        assert new_browser().sign_in("ben").status_code == 303


@pytest.mark.asvs("6.3.1")
def test_concurrent_attempts_are_all_counted(app):
    admitted = []

    def attempt() -> None:
        with app.app_context():
            admitted.append(count_attempt((UNKNOWN_BROWSER, "ben")) is None)
            db.session.remove()

    threads = [threading.Thread(target=attempt) for _ in range(12)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert admitted.count(True) == UNKNOWN_BROWSER.free_tries


def test_rate_limit_keys_do_not_reveal_usernames(app, bens_password, new_browser):
    new_browser().sign_in("ben", WRONG_PASSWORD)
    with app.app_context():
        keys = db.session.scalars(select(RateLimitCounter.key)).all()
        assert all(len(key) == 64 and "ben" not in key for key in keys)
    assert ENROLMENT_CODE.max_tries == 5


@pytest.mark.asvs("6.2.1", "6.2.9")
@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("short", "short"),
        ("x" * 300, "long"),
        ("lodge-lodge-1", "guessable"),
        ("password12345", "guessable"),
        ("ben-ben-ben-ben", "guessable"),
        ("aaaaaaaaaaaa", "guessable"),
        ("seven blue herons", None),
        ("七只蓝鹭在黄昏飞过水面", None),
        ("four words and a full stop. " * 3, None),
    ],
)
@pytest.mark.asvs("6.2.1")
@pytest.mark.asvs("6.2.5", "6.2.11")
def test_weak_passwords_are_refused(password, why):
    assert password_weakness("ben", password) == why


@pytest.mark.asvs("6.2.2", "6.2.3", "7.4.3")
def test_changing_the_password_ends_other_sessions(app, signed_in, bens_password, new_browser):
    this_browser, other_browser = signed_in(seed_data.BEN), signed_in(seed_data.BEN)
    new = "nine grey geese at dawn"
    wrong = this_browser.post("/desk/account", {"password": WRONG_PASSWORD, "new": new})
    assert wrong.status_code == 400
    weak = this_browser.post("/desk/account", {"password": PASSWORD, "new": "lodge-lodge"})
    assert weak.status_code == 400
    assert this_browser.post("/desk/account", {"password": PASSWORD, "new": new}).status_code == 303
    assert this_browser.get("/desk/").status_code == 200
    assert other_browser.get("/desk/").status_code == 303
    assert new_browser().sign_in("ben", new).status_code == 303


@pytest.mark.asvs("6.3.2", "13.2.3")
def test_there_are_no_default_accounts(app, new_browser):
    with app.app_context():
        assert db.session.scalars(select(Account)).all() == []
    assert new_browser().sign_in("admin", "admin").status_code == 401
