"""Signing in: right and wrong, too often, and what a password may be."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from server.auth.credentials import make_pin_verifier, password_hasher, password_weakness
from server.auth.rate_limit import ENROLMENT_CODE, UNKNOWN_BROWSER, count_attempt
from server.db.engine import db, write_transaction
from server.models.access import Account, RateLimitCounter
from tests import seed_data
from tests.server.conftest import PASSWORD

WRONG_PASSWORD = "a wrong guess"


def age_rate_limits(app, by: timedelta) -> None:
    """Time passes: what was counted lies further back."""
    with app.app_context(), write_transaction():
        for row in db.session.scalars(select(RateLimitCounter)):
            row.since, row.last_at = row.since - by, row.last_at - by


def test_the_right_name_and_password_open_the_desk(bens_password, new_browser):
    desk = new_browser()
    assert desk.sign_in("Ben ").status_code == 303
    assert desk.get("/desk/").status_code == 200


@pytest.mark.parametrize("password", [PASSWORD + " ", PASSWORD.upper(), PASSWORD[:-1], "", "\0"])
def test_a_password_counts_exactly_as_typed(bens_password, new_browser, password):
    assert new_browser().sign_in("ben", password).status_code == 401


def test_a_wrong_name_and_a_wrong_password_look_the_same(bens_password, new_browser):
    nobody = new_browser().sign_in("nobody", WRONG_PASSWORD)
    ben = new_browser().sign_in("ben", WRONG_PASSWORD)
    assert (nobody.status_code, nobody.text) == (ben.status_code, ben.text)


def test_somebody_who_only_works_on_a_phone_does_not_sit_at_the_desk(anas_password, new_browser):
    assert new_browser().sign_in("ana").status_code == 403


def test_passwords_are_kept_as_argon2id_only(app, bens_password):
    with app.app_context():
        account = db.session.scalar(Account.by_username("ben"))
        assert account.password_hash.startswith("$argon2id$")
        assert PASSWORD not in account.password_hash
    assert password_hasher.memory_cost >= 19 * 1024


def test_guessing_gets_slow_and_reaches_the_hasher_at_most_twenty_times_a_day(
    app, bens_password, new_browser
):
    answers = []
    for _ in range(60):
        answers.append(new_browser().sign_in("ben", WRONG_PASSWORD).status_code)
        age_rate_limits(app, timedelta(minutes=9))
    assert answers.count(401) <= 20
    assert answers[-1] == 429


def test_a_guesser_does_not_lock_out_whoever_signed_in_here_before(app, bens_password, new_browser):
    ben = new_browser()
    assert ben.sign_in("ben").status_code == 303
    ben.post("/sign-out")
    for _ in range(12):
        new_browser().sign_in("ben", WRONG_PASSWORD)
    assert new_browser().sign_in("ben").status_code == 429, "a stranger has to wait"
    assert ben.sign_in("ben").status_code == 303, "Ben on his own computer has not"


def test_nobody_is_locked_out_for_good(app, bens_password, new_browser):
    for _ in range(12):
        new_browser().sign_in("ben", WRONG_PASSWORD)
    age_rate_limits(app, timedelta(days=1, minutes=1))
    assert new_browser().sign_in("ben").status_code == 303


def test_success_forgets_the_tries_before(app, bens_password, new_browser):
    for _ in range(3):
        for _ in range(3):
            new_browser().sign_in("ben", WRONG_PASSWORD)
        assert new_browser().sign_in("ben").status_code == 303


def test_tries_at_the_same_moment_are_all_counted(app):
    admitted = []

    def one() -> None:
        with app.app_context():
            admitted.append(count_attempt((UNKNOWN_BROWSER, "ben")) is None)
            db.session.remove()

    threads = [threading.Thread(target=one) for _ in range(12)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert admitted.count(True) == UNKNOWN_BROWSER.free_tries


def test_the_throttle_does_not_say_whom_it_is_about(app, bens_password, new_browser):
    new_browser().sign_in("ben", WRONG_PASSWORD)
    with app.app_context():
        keys = db.session.scalars(select(RateLimitCounter.key)).all()
        assert all(len(key) == 64 and "ben" not in key for key in keys)
    assert ENROLMENT_CODE.max_tries == 5


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
def test_a_password_must_be_long_and_not_the_first_guess(password, why):
    assert password_weakness("ben", password) == why


def test_a_new_password_ends_every_other_session(app, signed_in, bens_password, new_browser):
    here, there = signed_in(seed_data.BEN), signed_in(seed_data.BEN)
    new = "nine grey geese at dawn"
    wrong = here.post("/desk/account", {"password": WRONG_PASSWORD, "new": new})
    assert wrong.status_code == 400
    weak = here.post("/desk/account", {"password": PASSWORD, "new": "lodge-lodge"})
    assert weak.status_code == 400
    assert here.post("/desk/account", {"password": PASSWORD, "new": new}).status_code == 303
    assert here.get("/desk/").status_code == 200
    assert there.get("/desk/").status_code == 303
    assert new_browser().sign_in("ben", new).status_code == 303


def test_a_pin_is_kept_as_a_verifier_that_a_phone_can_use():
    check = make_pin_verifier("2468")
    assert check["iterations"] == 600_000
    assert make_pin_verifier("2468")["hash"] != check["hash"], "salted"


def test_a_new_account_has_nothing_that_anybody_knows(app, new_browser):
    with app.app_context():
        assert db.session.scalars(select(Account)).all() == []
    assert new_browser().sign_in("admin", "admin").status_code == 401
