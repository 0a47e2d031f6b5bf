"""Phones: enrolment by a single-use code, identification by a token, revocation."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from server.auth.credentials import token_digest
from server.auth.devices import (
    device_for_token,
    enrol_device,
    issue_code,
    normalize_code,
    revoke_device,
)
from server.db.engine import db, write_transaction
from server.models.access import Device, EnrolmentCode
from tests import seed_data


@pytest.mark.asvs("6.4.1")
def test_a_code_enrols_one_phone(app, enrolment_code):
    issued = enrolment_code()
    with app.test_request_context():
        phone, token = enrol_device(issued, "Basement", "lineage-1")
        assert phone.site_id == seed_data.HOME_SITE
        assert device_for_token(token).site_id == seed_data.HOME_SITE
        assert enrol_device(issued, "Copy", "lineage-2") is None


@pytest.mark.asvs("6.4.1", "6.5.5", "9.2.1")
def test_a_code_expires_after_ten_minutes(app, enrolment_code):
    issued = enrolment_code()
    with app.test_request_context():
        with write_transaction():
            row = db.session.scalar(select(EnrolmentCode))
            assert row.expires_at - row.issued_at == timedelta(minutes=10)
            row.expires_at = row.issued_at
        assert enrol_device(issued, "Late", "lineage") is None


@pytest.mark.asvs("6.5.2", "6.5.4")
def test_a_code_has_forty_bits_and_is_stored_as_a_hash(app, enrolment_code):
    issued = enrolment_code()
    assert len(normalize_code(issued)) == 8
    with app.app_context():
        assert db.session.scalars(select(EnrolmentCode.code_hash)).all() == [
            token_digest(normalize_code(issued))
        ]


def test_a_code_may_be_typed_in_any_case_and_spacing(app, enrolment_code):
    issued = enrolment_code()
    assert normalize_code(" oil-0 ") == "0110"
    with app.test_request_context():
        assert enrol_device(issued.lower().replace("-", " "), "Typed", "lineage")


@pytest.mark.asvs("2.4.1", "6.6.3")
def test_enrolment_is_rate_limited(client):
    message = {"code": "AAAA-AAAA", "label": "x", "lineage": "11111111-1111-4111-8111-111111111111"}
    responses = [client.post("/sync/enrol", json=message) for _ in range(8)]
    assert [response.status_code for response in responses].count(429) == 3
    assert responses[-1].content_type == "application/problem+json"
    assert int(responses[-1].headers["Retry-After"]) > 0


@pytest.mark.asvs("6.5.1", "2.3.4")
def test_concurrent_enrolments_use_a_code_once(app, enrolment_code):
    issued, enrolled = enrolment_code(), []

    def enrol(n: int) -> None:
        with app.test_request_context():
            enrolled.append(enrol_device(issued, f"Phone {n}", f"lineage-{n}") is not None)
            db.session.remove()

    threads = [threading.Thread(target=enrol, args=(n,)) for n in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert enrolled.count(True) == 1


@pytest.mark.asvs("7.2.3")
def test_only_the_hash_of_a_token_is_stored(app, enrolment_code):
    with app.test_request_context():
        _, token = enrol_device(enrolment_code(), "Basement", "lineage")
        stored = db.session.scalar(select(Device.token_hash))
    assert stored == token_digest(token) and token not in stored
    assert len(token) >= 43


def test_a_revoked_phone_is_still_identified(app, enrolment_code):
    with app.test_request_context():
        phone, token = enrol_device(enrolment_code(), "Basement", "lineage")
        assert not revoke_device(seed_data.OTHER_SITE, phone.id, lost=False), (
            "the phone of another site"
        )
        assert revoke_device(seed_data.HOME_SITE, phone.id, lost=False)
        assert not revoke_device(seed_data.HOME_SITE, phone.id, lost=False), "already revoked"
        assert device_for_token(token).is_revoked


def test_codes_differ(app):
    with app.app_context():
        assert len({issue_code(seed_data.HOME_SITE, None) for _ in range(50)}) == 50
