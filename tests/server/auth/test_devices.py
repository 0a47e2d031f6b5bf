"""Phones: enrolled by a code that works once, recognised by a token, cut off for good."""

from __future__ import annotations

import threading
from datetime import timedelta

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


def test_a_code_enrols_one_phone_and_is_then_used_up(app, enrolment_code):
    issued = enrolment_code()
    with app.test_request_context():
        phone, token = enrol_device(issued, "Basement", "lineage-1")
        assert phone.site_id == seed_data.HOME_SITE
        assert device_for_token(token).site_id == seed_data.HOME_SITE
        assert enrol_device(issued, "Copy", "lineage-2") is None


def test_a_code_lasts_ten_minutes(app, enrolment_code):
    issued = enrolment_code()
    with app.test_request_context():
        with write_transaction():
            row = db.session.scalar(select(EnrolmentCode))
            assert row.expires_at - row.issued_at == timedelta(minutes=10)
            row.expires_at = row.issued_at
        assert enrol_device(issued, "Late", "lineage") is None


def test_a_code_has_forty_bits_and_is_kept_as_a_hash(app, enrolment_code):
    issued = enrolment_code()
    assert len(normalize_code(issued)) == 8
    with app.app_context():
        assert db.session.scalars(select(EnrolmentCode.code_hash)).all() == [
            token_digest(normalize_code(issued))
        ]


def test_a_code_may_be_typed_as_people_type(app, enrolment_code):
    issued = enrolment_code()
    assert normalize_code(" oil-0 ") == "0110"
    with app.test_request_context():
        assert enrol_device(issued.lower().replace("-", " "), "Typed", "lineage")


def test_codes_cannot_be_guessed_fast(client):
    asked = {"code": "AAAA-AAAA", "label": "x", "lineage": "11111111-1111-4111-8111-111111111111"}
    answers = [client.post("/sync/enrol", json=asked) for _ in range(8)]
    assert [a.status_code for a in answers].count(429) == 3
    assert answers[-1].content_type == "application/problem+json"
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_two_phones_with_one_code_and_only_one_gets_in(app, enrolment_code):
    issued, got = enrolment_code(), []

    def one(n: int) -> None:
        with app.test_request_context():
            got.append(enrol_device(issued, f"Phone {n}", f"lineage-{n}") is not None)
            db.session.remove()

    threads = [threading.Thread(target=one, args=(n,)) for n in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert got.count(True) == 1


def test_a_token_is_kept_only_as_its_hash(app, enrolment_code):
    with app.test_request_context():
        _, token = enrol_device(enrolment_code(), "Basement", "lineage")
        kept = db.session.scalar(select(Device.token_hash))
    assert kept == token_digest(token) and token not in kept
    assert len(token) >= 43


def test_a_phone_that_is_cut_off_is_still_known_so_that_its_work_is_kept(app, enrolment_code):
    with app.test_request_context():
        phone, token = enrol_device(enrolment_code(), "Basement", "lineage")
        assert not revoke_device(seed_data.OTHER_SITE, phone.id, lost=False), "another site's phone"
        assert revoke_device(seed_data.HOME_SITE, phone.id, lost=False)
        assert not revoke_device(seed_data.HOME_SITE, phone.id, lost=False), "once"
        assert device_for_token(token).is_revoked


def test_codes_differ(app):
    with app.app_context():
        assert len({issue_code(seed_data.HOME_SITE, None) for _ in range(50)}) == 50
