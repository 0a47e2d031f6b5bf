"""The page of a phone: who confirms by PIN on it, ending that, and why it was blocked."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from server.auth.phone_credentials import register_credential
from server.auth.pins import set_pin
from server.db.engine import db, write_transaction
from server.maintenance.verification import site_faults
from server.models.credentials import Credential
from server.models.oplog import LoggedOp
from server.models.security_log import AccessEntry
from server.oplog.sealed_rows import row_faults
from tests.phone_client import KeyPair
from tests.seed_data import ANA, BEN, CHU, EVE, HOME_SITE, TASKS

EN = {"Accept-Language": "en"}
CANCEL = {"reason": "rain"}
PIN = "258001"


@pytest.fixture
def app(sqlite_app):
    return sqlite_app


@pytest.fixture
def bare_phone(new_phone):
    return new_phone(unlocks_for=None)


@pytest.fixture
def unlocked(app, bare_phone):
    """A phone that Eve has unlocked with her PIN, and its credential."""
    with app.app_context(), write_transaction():
        set_pin(EVE, PIN)
    return bare_phone, bare_phone.unlock(EVE, PIN)["credential"]


def page_of(browser, phone):
    return " ".join(browser.get(f"/desk/people/phones/{phone.device}", headers=EN).text.split())


def test_the_page_lists_who_confirms_by_pin(app, ben, unlocked):
    phone, _ = unlocked
    with app.app_context(), write_transaction():
        owner = HOME_SITE, phone.device, CHU, KeyPair().public_key
        register_credential(*owner, datetime.now(UTC), usable=False)
    page = page_of(ben, phone)
    assert re.search(r"Eve</th>.*?✓</span> in use", page)
    assert re.search(r"Chu</th>.*?PIN has to be changed first", page)
    assert "Ana</th>" not in page


def test_the_page_says_what_a_phone_was_called_before(ben, bare_phone):
    assert "Earlier names" not in page_of(ben, bare_phone)
    for name in ("Lobby", "Gate 2"):
        answer = ben.post(f"/desk/people/phones/{bare_phone.device}/name", {"label": name})
        assert answer.status_code == 303
    assert re.search(r"Earlier names</dt> <dd>Lobby \(until .*?\), ", page_of(ben, bare_phone))


def test_a_phone_that_nobody_unlocked_says_so(ben, bare_phone):
    assert "What is done on it is claimed." in page_of(ben, bare_phone)


@pytest.mark.rule("L6", "L11")
def test_whoever_is_taken_off_a_phone_proves_nothing_on_it(app, ben, unlocked):
    """Nor is a fact in their name taken for that of somebody who uses the phone."""
    phone, _ = unlocked
    at = f"/desk/people/phones/{phone.device}/people"
    assert ben.post(at, {"person": [ANA, EVE]}).status_code == 303
    assert phone.send_op("task.cancel", TASKS[0], CANCEL, by=EVE)["status"] == "applied"
    assert ben.post(at, {"person": [ANA]}).status_code == 303
    assert phone.hello().expect_ok()["credentials"] == {}
    verdict = phone.send_op("task.cancel", TASKS[1], CANCEL, by=EVE)
    assert (verdict["status"], verdict["code"]) == ("held", "revoked-credential")
    for task, person, flags in ((TASKS[2], ANA, []), (TASKS[3], CHU, ["not-on-phone"])):
        op = phone.add_op("task.complete", task, by=person)
        assert phone.send_outbox()[op["id"]]["status"] == "applied"
        with app.app_context():
            row = db.session.scalar(select(LoggedOp).filter_by(id=op["id"]))
            assert (row.proof, row.flags) == ("claimed", flags)
    assert "does not use the phone" in ben.get(f"/desk/record/task/{TASKS[3]}", headers=EN).text
    phone.unlock(EVE, PIN)
    assert phone.send_op("task.cancel", TASKS[4], CANCEL, by=EVE)["status"] == "applied"
    with app.app_context():
        assert [*site_faults(HOME_SITE), *row_faults()] == []


@pytest.mark.rule("L6")
def test_the_desk_ends_a_credential(app, ben, dao, signed_in, unlocked):
    phone, credential = unlocked
    assert phone.send_op("task.cancel", TASKS[0], CANCEL, by=EVE)["status"] == "applied"
    made_before = phone.add_op("task.cancel", TASKS[1], CANCEL, by=EVE)
    at = f"/desk/people/phones/{phone.device}/credentials/{credential}/end"
    assert dao.post(at).status_code == 404, "of another site"
    assert signed_in(CHU).post(at).status_code == 403, "guards end none"
    assert ben.post(f"/desk/people/phones/{phone.device}/credentials/x/end").status_code == 404
    for _ in range(2):
        assert ben.post(at).status_code == 303
    assert phone.send_outbox()[made_before["id"]]["code"] == "revoked-credential"
    assert phone.hello().expect_ok()["credentials"] == {}
    assert re.search(r"Eve</th>.*?ended", page_of(ben, phone))
    with app.app_context():
        ended = select(AccessEntry).where(
            AccessEntry.event == "credential", AccessEntry.by_id == BEN
        )
        entries = db.session.scalars(ended).all()
        assert [entry.details for entry in entries] == [{"action": "ended"}], "once"
        assert (entries[0].about_id, entries[0].device_id) == (EVE, phone.device)
    phone.unlock(EVE, PIN)
    assert phone.send_op("task.cancel", TASKS[2], CANCEL, by=EVE)["status"] == "applied"


def test_a_credential_of_another_phone_is_not_ended_here(app, ben, new_phone, unlocked):
    _, credential = unlocked
    other = new_phone()
    at = f"/desk/people/phones/{other.device}/credentials/{credential}/end"
    assert ben.post(at).status_code == 404
    with app.app_context():
        assert db.session.get(Credential, (HOME_SITE, credential)).revoked_at is None


@pytest.mark.rule("W3")
@pytest.mark.parametrize("how", ["revoke", "lost"])
def test_a_blocked_phone_says_why(app, ben, phone, how):
    at = f"/desk/people/phones/{phone.device}"
    answer = ben.post(f"{at}/{how}", {"because": "Left on the bus"})
    assert answer.location == at
    assert "Left on the bus" in page_of(ben, phone)
    told = phone.hello().expect_ok()["revoked"]
    assert (told["because"], told["lost"]) == ("Left on the bus", how == "lost")
    assert "Left on the bus" in logged_reasons(app)


def logged_reasons(app):
    with app.app_context():
        entries = db.session.scalars(select(AccessEntry).where(AccessEntry.event == "device"))
        return [entry.details.get("because") for entry in entries]


def test_a_reason_is_short_and_may_be_missing(ben, phone):
    at = f"/desk/people/phones/{phone.device}"
    for odd in ("x" * 121, "a\u202eb"):
        assert ben.post(f"{at}/revoke", {"because": odd}).status_code == 422
    assert phone.hello().expect_ok()["revoked"] is None
    assert ben.post(f"{at}/revoke").location == "/desk/people/phones"
    assert phone.hello().expect_ok()["revoked"]["because"] is None
