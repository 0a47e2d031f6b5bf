"""The second step of signing in: codes of an app, recovery codes, and who has to have one."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from flask import Flask
from sqlalchemy import select, text

from server.auth import second_factors
from server.auth.credentials import set_password
from server.auth.sign_in_steps import MAX_TRIES
from server.db.engine import db, write_transaction
from server.models.access import Account, LoginSession, RecoveryCode, SignInStep
from tests.seed_data import BEN, EVE, HOME_SITE
from tests.server.conftest import PASSWORD, DeskBrowser

CODES = re.compile(r"<li><code>([0-9A-Z-]{29})</code></li>")


@pytest.fixture
def app(sqlite_app: Flask) -> Flask:
    return sqlite_app


@pytest.fixture
def eves_password(app: Flask) -> str:
    with app.app_context(), write_transaction():
        set_password(EVE, "eve", PASSWORD)
    return PASSWORD


@pytest.fixture
def eve(signed_in: Callable[..., DeskBrowser], eves_password: str) -> DeskBrowser:
    return signed_in(EVE, HOME_SITE)


def add_app(browser: DeskBrowser) -> tuple[pyotp.TOTP, list[str]]:
    """Set up an authenticator app: it, and the recovery codes."""
    page = browser.get("/desk/account/two-steps").text
    secret = re.search(r'name="app_secret" value="([A-Z2-7]{32})"', page)[1]
    totp = pyotp.TOTP(secret)
    sent = {"app_secret": secret, "one_time_code": totp.now()}
    return totp, CODES.findall(browser.post("/desk/account/two-steps/app", sent).text)


def forget_used_step(app: Flask) -> None:
    """As if the last code had been used long ago."""
    with app.app_context(), write_transaction():
        db.session.execute(text("UPDATE account SET totp_step = 0"))


def password_step(browser: DeskBrowser) -> None:
    answer = browser.sign_in("eve")
    assert (answer.status_code, answer.location) == (303, "/sign-in/code")
    assert browser.get("/desk/").status_code == 303, "the password alone opens nothing"


@pytest.mark.asvs("6.3.3", "6.5.1", "7.4.3")
def test_a_code_is_needed_and_works_once(app, eve, signed_in, new_browser):
    other = signed_in(EVE)
    totp, codes = add_app(eve)
    assert len(set(codes)) == 10
    assert other.get("/desk/").status_code == 303, "sessions without the new factor end"
    assert eve.get("/desk/").status_code == 200
    browser = new_browser()
    password_step(browser)
    used = browser.post("/sign-in/code", {"one_time_code": totp.now()})
    assert used.status_code == 401, "it was used to set the app up"
    forget_used_step(app)
    code = totp.now()
    assert browser.post("/sign-in/code", {"one_time_code": code}).status_code == 303
    assert browser.get("/desk/").status_code == 200
    again = new_browser()
    password_step(again)
    assert again.post("/sign-in/code", {"one_time_code": code}).status_code == 401


def test_a_wrong_code_leaves_the_key_that_is_in_the_app(eve):
    page = eve.get("/desk/account/two-steps").text
    secret = re.search(r'name="app_secret" value="([A-Z2-7]{32})"', page)[1]
    sent = {"app_secret": secret, "one_time_code": "12345"}
    wrong = eve.post("/desk/account/two-steps/app", sent)
    assert wrong.status_code == 400
    assert f'name="app_secret" value="{secret}"' in wrong.text
    sent["one_time_code"] = pyotp.TOTP(secret).now()
    assert CODES.search(eve.post("/desk/account/two-steps/app", sent).text)


def test_recovery_codes_that_were_shown_stay_valid_when_the_page_is_loaded_again(app, eve):
    add_app(eve)
    page = eve.get("/desk/account/two-steps").text
    form = page.partition('action="/desk/account/two-steps/recovery"')[2]
    sent = {"form_token": re.search(r'name="form_token" value="([^"]+)"', form)[1]}
    codes = CODES.findall(eve.post("/desk/account/two-steps/recovery", sent).text)
    again = eve.post("/desk/account/two-steps/recovery", sent)
    assert (again.status_code, again.location) == (303, "/desk/account/two-steps")
    with app.app_context():
        assert all(second_factors.use_recovery_code(EVE, code) for code in codes)


def test_a_form_that_was_kept_is_gone_once_it_is_saved(app, eve):
    page, kept = "/desk/sign-ins/", "请看一遍，再保存"
    form = eve.get(page).text.partition('action="/desk/sign-ins/two-step"')[2]
    token = {"form_token": re.search(r'name="form_token" value="([^"]+)"', form)[1]}
    with app.app_context(), write_transaction():
        db.session.execute(text("UPDATE session SET proven_at = '2026-01-01 00:00:00'"))
    assert eve.post(f"{page}two-step", {"two_step": "true", **token}).status_code == 401
    assert eve.post("/desk/account/confirm", {"password": PASSWORD}).status_code == 303
    assert kept in eve.get(page).text
    assert eve.post(f"{page}two-step", {"two_step": "false"}).status_code == 303
    assert kept not in eve.get(page).text


@pytest.mark.asvs("6.5.1")
def test_a_recovery_code_works_once(app, eve, new_browser):
    _, codes = add_app(eve)
    for expected in (303, 401):
        browser = new_browser()
        password_step(browser)
        typed = codes[3].lower().replace("-", " ")
        assert browser.post("/sign-in/code", {"one_time_code": typed}).status_code == expected
    with app.app_context():
        assert second_factors.recovery_codes_left(EVE) == 9


@pytest.mark.asvs("6.5.1")
@pytest.mark.parametrize("kind", ["app", "recovery"])
def test_of_requests_with_one_code_at_once_one_succeeds(app, eve, kind):
    totp, codes = add_app(eve)
    for turn in range(5):
        forget_used_step(app)
        code, used = totp.now() if kind == "app" else codes[turn], []

        def use(code: str = code, used: list[bool] = used) -> None:
            with app.app_context():
                account = db.session.get(Account, EVE)
                used.append(second_factors.use_code(account, code))
                db.session.remove()

        threads = [threading.Thread(target=use) for _ in range(4)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert used.count(True) == 1, used


@pytest.mark.asvs("6.5.2", "6.5.4")
def test_codes_are_stored_as_hashes_and_the_secret_encrypted(app, eve):
    totp, codes = add_app(eve)
    plain = [code.replace("-", "") for code in codes]
    assert all(len(code) == 24 for code in plain), "120 bits"
    with app.app_context():
        stored = db.session.scalars(select(RecoveryCode.code_hash)).all()
        account = db.session.get(Account, EVE)
        row = repr(list(stored)) + repr(vars(account))
    assert len(stored) == 10
    assert not any(secret in row for secret in (*plain, *codes, totp.secret))


@pytest.mark.asvs("6.5.5")
def test_a_code_is_right_for_one_step_before_and_after(app):
    totp, now = pyotp.TOTP(second_factors.new_totp_secret()), datetime(2026, 11, 29, 3, tzinfo=UTC)
    for steps in (-2, -1, 0, 1, 2):
        code = totp.at(now + timedelta(seconds=30 * steps))
        found = second_factors.matching_step(totp.secret, code, now)
        assert (found is not None) == (abs(steps) <= 1)
    for wrong in ("", "12345", "١٢٣٤٥٦", "x" * 500):
        assert second_factors.matching_step(totp.secret, wrong, now) is None


@pytest.mark.asvs("6.6.2", "6.6.3")
def test_a_step_belongs_to_its_browser_and_takes_five_codes(app, eve, new_browser):
    totp, _ = add_app(eve)
    forget_used_step(app)
    browser = new_browser()
    assert new_browser().post("/sign-in/code", {"one_time_code": totp.now()}).status_code == 401
    password_step(browser)
    for _ in range(MAX_TRIES):
        assert browser.post("/sign-in/code", {"one_time_code": "000000"}).status_code == 401
    ended = browser.post("/sign-in/code", {"one_time_code": totp.now()})
    assert ended.status_code == 401 and 'name="username"' in ended.text


def test_a_step_ends_after_five_minutes(app, eve, new_browser):
    totp, _ = add_app(eve)
    forget_used_step(app)
    browser = new_browser()
    password_step(browser)
    with app.app_context(), write_transaction():
        for step in db.session.scalars(select(SignInStep)):
            step.expires_at -= timedelta(minutes=6)
    assert browser.post("/sign-in/code", {"one_time_code": totp.now()}).status_code == 401
    assert browser.get("/sign-in/code").location.startswith("/sign-in")


@pytest.mark.asvs("6.3.3", "6.3.4")
def test_a_site_asks_managers_for_a_second_step(app, eve, signed_in, new_browser):
    """Who signed in with the password alone can do nothing but add one; supervisors may go on."""
    assert eve.post("/desk/sign-ins/two-step", {"two_step": "true"}).status_code == 303
    for page in ("/desk/", "/desk/tickets/", "/desk/sign-ins/"):
        assert eve.get(page).location.startswith("/desk/account/two-steps"), page
    assert eve.post("/desk/tickets/", {"details": "x"}).status_code == 401
    assert signed_in(BEN).get("/desk/").status_code == 200
    totp, _ = add_app(eve)
    assert eve.get("/desk/").status_code == 200
    forget_used_step(app)
    browser = new_browser()
    password_step(browser)
    assert browser.post("/sign-in/code", {"one_time_code": totp.now()}).status_code == 303
    assert browser.get("/desk/").status_code == 200
    assert signed_in(BEN).post("/desk/sign-ins/two-step", {"two_step": "x"}).status_code == 403


@pytest.mark.asvs("6.3.4", "6.4.3")
def test_a_password_alone_adds_no_second_factor_beside_one(app, eve, signed_in):
    """A session from before cannot replace the factor; it has to prove the one there is."""
    totp, _ = add_app(eve)
    stale = signed_in(EVE)  # a session that began with the password alone
    secret = second_factors.new_totp_secret()
    sent = {"app_secret": secret, "one_time_code": pyotp.TOTP(secret).now()}
    for what in ("app", "recovery", "passkeys/options"):
        answer = stale.post(f"/desk/account/two-steps/{what}", sent)
        assert answer.location.startswith("/desk/account/confirm"), what
    assert stale.get("/desk/account/two-steps").location.startswith("/desk/account/confirm")
    forget_used_step(app)
    alone = stale.post("/desk/account/confirm", {"password": PASSWORD, "one_time_code": ""})
    assert alone.status_code == 401
    proven = stale.post(
        "/desk/account/confirm", {"password": PASSWORD, "one_time_code": totp.now()}
    )
    assert proven.status_code == 303


@pytest.mark.asvs("6.4.3", "6.4.4")
def test_a_new_password_leaves_the_second_step(app, eve, signed_in, new_browser, desk_op):
    totp, _ = add_app(eve)
    with app.app_context(), write_transaction():
        set_password(EVE, "eve", PASSWORD, first=True)
    forget_used_step(app)
    browser = new_browser()
    password_step(browser)
    assert browser.post("/sign-in/code", {"one_time_code": totp.now()}).status_code == 303
    with app.app_context():
        account = db.session.get(Account, EVE)
        assert account.totp_secret and account.first_until <= datetime.now(UTC)


def test_removing_the_app_needs_the_session_that_proved_it(app, eve, signed_in):
    add_app(eve)
    assert "/confirm" in signed_in(EVE).post("/desk/account/two-steps/app/remove").location
    assert eve.post("/desk/account/two-steps/app/remove").status_code == 303
    with app.app_context():
        assert db.session.get(Account, EVE).totp_secret is None
        assert db.session.scalar(select(LoginSession.factors).limit(1))
