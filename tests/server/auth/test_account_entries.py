"""What changes an account is in the security log, with the digest of the account as it is then."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pyotp
import pytest
from flask import Flask
from sqlalchemy import select

from server.auth.credentials import set_password
from server.auth.pins import set_pin
from server.db.engine import db, write_transaction
from server.models.access import Account
from server.models.credentials import Credential
from server.models.security_log import AccessEntry
from server.oplog.sealed_rows import row_faults
from server.oplog.security_log import log_access
from tests.phone_client import KeyPair, PhoneClient
from tests.seed_data import ANA, BEN, DAO, EVE, HOME_SITE
from tests.server.conftest import PASSWORD, DeskBrowser

OWN = "nine grey geese at dawn"


@pytest.fixture
def app(sqlite_app: Flask) -> Flask:
    return sqlite_app


@pytest.fixture
def eve(app: Flask, signed_in: Callable[..., DeskBrowser]) -> DeskBrowser:
    with app.app_context(), write_transaction():
        set_password(EVE, "eve", PASSWORD)
        log_access("password", site_id=None, by=None, about=EVE)
    return signed_in(EVE, HOME_SITE)


def entries(app: Flask) -> list[tuple[str, str | None, str | None, str | None]]:
    """Event, author, person and action of each entry about accounts, oldest first."""
    with app.app_context():
        assert list(row_faults()) == []
        found = db.session.scalars(AccessEntry.newest(HOME_SITE)).all()[::-1]
        return [
            (each.event, each.by_id, each.about_id, each.details.get("action"))
            for each in found
            if each.about_id and each.by_id
        ]


@pytest.mark.rule("A20", "A22")
@pytest.mark.asvs("16.3.1", "16.2.1")
def test_what_people_do_with_their_own_account_is_logged(app, eve, signed_in):
    page = eve.get("/desk/account/two-steps").text
    secret = re.search(r'name="app_secret" value="([A-Z2-7]{32})"', page)[1]
    sent = {"app_secret": secret, "one_time_code": pyotp.TOTP(secret).now()}
    assert eve.post("/desk/account/two-steps/app", sent).status_code == 200
    assert eve.post("/desk/account/two-steps/recovery").status_code == 200
    assert eve.post("/desk/account/two-steps/app/remove").status_code == 303
    signed_in(EVE)
    assert eve.post("/desk/account/sessions/end").status_code == 303
    assert eve.post("/desk/account", {"password": PASSWORD, "new": OWN}).status_code == 303
    assert entries(app) == [
        ("second_factor", EVE, EVE, "app_added"),
        ("second_factor", EVE, EVE, "recovery_codes"),
        ("second_factor", EVE, EVE, "app_removed"),
        ("session_ended", EVE, EVE, None),
        ("password", EVE, EVE, "changed"),
    ]


@pytest.mark.rule("A20", "A22")
@pytest.mark.asvs("16.3.1", "6.4.4")
def test_what_managers_do_with_accounts_of_others_is_logged(app, eve, signed_in):
    signed_in(BEN)
    assert eve.post(f"/desk/sign-ins/{BEN}/end").status_code == 303
    assert eve.post(f"/desk/sign-ins/{BEN}/first-password", {"username": "ben"}).status_code == 200
    assert eve.post(f"/desk/sign-ins/{BEN}/second-step").status_code == 303
    assert eve.post(f"/desk/people/{BEN}/pin").status_code == 200
    assert entries(app) == [
        ("session_ended", EVE, BEN, None),
        ("password", EVE, BEN, "first_password"),
        ("second_factor", EVE, BEN, "removed"),
        ("pin", EVE, BEN, "one_time_pin"),
    ]


def test_a_first_password_and_a_second_step_are_sealed(app, eve):
    """Whoever takes a second step away in the database is noticed."""
    with app.app_context():
        for column, value in (("totp_secret", "x"), ("first_until", datetime.now(UTC))):
            with write_transaction():
                account = db.session.get_one(Account, EVE)
                before = getattr(account, column)
                setattr(account, column, value)
            assert [fault.split(":")[0] for fault in row_faults()] == [f"account/{EVE}"]
            with write_transaction():
                setattr(db.session.get_one(Account, EVE), column, before)
        assert list(row_faults()) == []


@pytest.mark.rule("A20")
def test_an_action_that_no_page_can_word_is_not_written(app):
    with app.app_context(), pytest.raises(KeyError):
        log_access("pin", site_id=HOME_SITE, by=BEN, about=ANA, details={"action": "unheard_of"})


def one_time_pin(page: str) -> str:
    return re.search(r"<code>(\d{6})</code>", page)[1]


@pytest.mark.asvs("6.4.1")
def test_the_desk_gives_a_one_time_pin(app, eve, new_phone: Callable[..., PhoneClient]):
    """It is shown once, has to be changed on the phone, and ends what the old PIN had opened."""
    phone, old, new = new_phone(unlocks_for=None), "258001", "730914"
    with app.app_context(), write_transaction():
        set_pin(ANA, old)
    phone.unlock(ANA, old)
    answer = eve.post(f"/desk/people/{ANA}/pin")
    pin = one_time_pin(answer.text)
    assert pin not in eve.get(f"/desk/people/{ANA}/work").text
    with app.app_context():
        assert all(db.session.scalars(select(Credential.revoked_at)))
    assert phone.request_unlock(old, KeyPair(), person=ANA).status == 403
    assert phone.unlock(ANA, pin)["pin_must_change"] is True
    phone.request_new_pin(ANA, pin, new).expect_ok()
    assert phone.unlock(ANA, new)["pin_must_change"] is False


@pytest.mark.asvs("7.5.1", "8.2.1")
def test_only_managers_of_a_person_reset_their_pin(app, ben, eve):
    assert ben.post(f"/desk/people/{ANA}/pin").status_code == 403
    assert ben.get(f"/desk/people/{ANA}/work").status_code == 403
    assert eve.post(f"/desk/people/{EVE}/pin").status_code == 403, "their own: on the phone"
    assert eve.post(f"/desk/people/{DAO}/pin").status_code == 404, "of another site"
    assert f"/desk/people/{ANA}/pin" in eve.get(f"/desk/people/{ANA}/work").text
