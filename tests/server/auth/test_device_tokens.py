"""The token of a phone is renewed, and ends when the phone was silent for long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from server.auth.devices import CONTACT_LIMIT
from server.db.engine import db, write_transaction
from server.models.access import Device
from server.oplog.sealed_rows import row_faults
from server.sync_api.device_tokens import TOKEN_LIFETIME

LATER = timedelta(minutes=1)


@pytest.fixture
def app(sqlite_app):
    return sqlite_app


@pytest.fixture
def age(app, phone):
    """Makes the phone's times so old."""

    def set_times(by, *columns):
        at = datetime.now(UTC) - by
        with app.app_context(), write_transaction():
            values = dict.fromkeys(columns, at)
            db.session.execute(update(Device).where(Device.id == phone.device).values(values))

    return set_times


def status(phone, token):
    phone.token = token
    return phone.pull().status


@pytest.mark.rule("W9")
@pytest.mark.asvs("7.2.2")
def test_a_token_is_renewed_and_the_old_one_ends_with_the_next_hello(app, phone, age):
    old = phone.token
    assert "token" not in phone.hello().expect_ok()
    age(TOKEN_LIFETIME + LATER, "token_at")
    lost, new = (phone.hello().expect_ok()["token"] for _ in range(2))
    assert (status(phone, lost), status(phone, old), status(phone, new)) == (401, 200, 200)
    assert "token" not in phone.hello().expect_ok()
    assert (status(phone, old), status(phone, new)) == (401, 200)
    with app.app_context():
        assert not [fault for fault in row_faults() if "says so" in fault]


@pytest.mark.rule("W9")
def test_a_phone_that_was_silent_for_ninety_days_has_to_be_set_up_again(phone, age):
    age(CONTACT_LIMIT - LATER, "seen_at", "enrolled_at")
    assert status(phone, phone.token) == 200
    age(CONTACT_LIMIT + LATER, "seen_at", "enrolled_at")
    assert status(phone, phone.token) == 401
