"""Unlocking a phone: who may, what comes back, and how guessing is slowed down."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from server.auth.pins import ACCOUNT, pin_weakness, reset_pin, set_pin
from server.auth.rate_limit import FIRST_WAIT
from server.db.engine import db, write_transaction
from server.models.access import Account
from server.models.credentials import Credential
from server.models.oplog import LoggedOp
from server.oplog.receive import submit
from tests.phone_client import KeyPair
from tests.seed_data import ANA, BEN, CHU, DAO, EVE, HOME_SITE, TASKS

PIN, NEW_PIN = "258001", "730914"
UNKNOWN = "0199d1c4-8a00-7000-8000-00000000000e"


@pytest.fixture
def app(sqlite_app):
    return sqlite_app


@pytest.fixture
def pins(app):
    """Everybody's PIN is the same; Ana has a one-time PIN."""
    with app.app_context(), write_transaction():
        for person in (BEN, EVE, DAO):
            set_pin(person, PIN)
        reset_pin(ANA, datetime.now(UTC), PIN)


@pytest.fixture
def bare_phone(new_phone):
    return new_phone(unlocks_for=None)


@pytest.mark.asvs("6.2.10")
def test_a_right_pin_registers_a_key_that_proves(app, pins, bare_phone):
    told = bare_phone.unlock(BEN, PIN)
    assert told["person"] == {"id": BEN, "name": "Ben", "roles": ["supervisor"]}
    assert told["pin_must_change"] is False
    assert told["scope"]
    assert bare_phone.hello().expect_ok()["credentials"] == {BEN: told["credential"]}
    verdict = bare_phone.send_op("task.cancel", TASKS[0], {"reason": "rain"}, by=BEN)
    assert verdict["status"] == "applied"


def test_a_person_is_found_by_their_staff_number(app, pins, bare_phone):
    with app.app_context():
        payload = {"name": "Fay", "roles": ["guard"], "employee_no": "GD-7"}
        submit(HOME_SITE, "person.add", UNKNOWN, payload)
        with write_transaction():
            set_pin(UNKNOWN, PIN)
    told = bare_phone.request_unlock(PIN, KeyPair(), staff_number=" GD-7 ").expect_ok()
    assert told["person"]["id"] == UNKNOWN


def who_may_not():
    yield "wrong PIN", {"person": BEN, "pin": "258002"}
    yield "no PIN", {"person": CHU, "pin": PIN}
    yield "of another site", {"person": DAO, "pin": PIN}
    yield "unknown", {"person": UNKNOWN, "pin": PIN}
    yield "unknown number", {"staff_number": "XX-1", "pin": PIN}
    yield "no number", {"staff_number": " ", "pin": PIN}
    yield "has left", {"person": EVE, "pin": PIN}


def test_everybody_who_may_not_is_answered_alike(app, pins, bare_phone, desk_op, monkeypatch):
    """The same words, and the same work: one hash is compared, whoever is named."""
    desk_op("person.leave", EVE, {}, by=EVE)
    compared = []
    monkeypatch.setattr(
        "server.auth.pins.hash_matches", lambda *args: compared.append(args[1]) or False
    )
    replies = set()
    for _, named in who_may_not():
        reply = bare_phone.request_unlock(key=KeyPair(), **named)
        replies.add((reply.status, reply.body))
    assert len(replies) == 1
    assert next(iter(replies))[0] == 403
    assert len(compared) == len(list(who_may_not()))


def test_whoever_may_not_gets_no_key(app, pins, bare_phone, desk_op):
    desk_op("person.leave", EVE, {}, by=EVE)
    for why, named in who_may_not():
        assert bare_phone.request_unlock(key=KeyPair(), **named).status == 403, why
    with app.app_context():
        assert db.session.scalars(select(Credential)).all() == []


def test_a_blocked_phone_unlocks_for_nobody(app, pins, bare_phone, ben):
    ben.post(f"/desk/people/phones/{bare_phone.device}/revoke")
    assert bare_phone.request_unlock(PIN, KeyPair(), person=BEN).status == 403


@pytest.mark.asvs("6.3.1")
def test_a_guesser_on_one_phone_locks_nobody_out_on_another(app, pins, new_phone, bare_phone):
    for guess in range(5):
        assert bare_phone.request_unlock(f"11235{guess}", KeyPair(), person=BEN).status == 403
    refused = bare_phone.request_unlock(PIN, KeyPair(), person=BEN)
    assert refused.status == 429
    assert 0 < int(refused.headers["Retry-After"]) <= FIRST_WAIT.total_seconds() + 1
    assert bare_phone.request_new_pin(BEN, PIN, NEW_PIN).status == 429
    assert bare_phone.request_unlock(PIN, KeyPair(), person=ANA).status == 200
    assert new_phone(unlocks_for=None).request_unlock(PIN, KeyPair(), person=BEN).status == 200


@pytest.mark.asvs("6.3.1")
def test_many_phones_guess_no_more_than_one_account_allows(app, pins, new_phone, bare_phone):
    """Whoever has unlocked a phone of their own is not delayed on it."""
    bare_phone.unlock(BEN, PIN)
    strangers = [new_phone(unlocks_for=None) for _ in range(3)]
    statuses = [
        phone.request_unlock(f"11235{guess}", KeyPair(), person=BEN).status
        for phone in strangers
        for guess in range(4)
    ]
    assert statuses == [403] * ACCOUNT.free_tries + [429] * (12 - ACCOUNT.free_tries)
    assert strangers[2].request_unlock(PIN, KeyPair(), person=EVE).status == 200
    assert bare_phone.request_unlock(PIN, KeyPair(), person=BEN).status == 200


@pytest.mark.asvs("6.4.1")
def test_a_one_time_pin_proves_nothing_until_it_is_changed(app, pins, bare_phone):
    assert bare_phone.unlock(ANA, PIN)["pin_must_change"] is True
    op = bare_phone.add_op("category.acknowledge", UNKNOWN, by=ANA)
    assert bare_phone.push(op).expect_ok()["verdicts"][0]["code"] == "unproven"
    bare_phone.request_new_pin(ANA, PIN, NEW_PIN).expect_ok()
    assert bare_phone.push(op).expect_ok()["verdicts"][0]["code"] == "no-such-record"
    assert bare_phone.request_unlock(PIN, KeyPair(), person=ANA).status == 403
    assert bare_phone.unlock(ANA, NEW_PIN)["pin_must_change"] is False


def test_a_one_time_pin_ends_after_a_week(app, pins, bare_phone):
    with app.app_context(), write_transaction():
        reset_pin(ANA, datetime.now(UTC) - timedelta(days=8), PIN)
    assert bare_phone.request_unlock(PIN, KeyPair(), person=ANA).status == 403


@pytest.mark.rule("L6")
@pytest.mark.parametrize("person", [ANA, BEN], ids=["one-time PIN", "own PIN"])
def test_a_new_pin_ends_every_key_but_the_one_that_changed_it(pins, new_phone, bare_phone, person):
    other = new_phone(unlocks_for=None)
    other.unlock(person, PIN)
    bare_phone.unlock(person, PIN)
    kept = bare_phone.unlock(person, PIN)["credential"]
    answer = bare_phone.request_new_pin(person, PIN, NEW_PIN).expect_ok()
    assert answer["credential"] == kept
    assert bare_phone.hello().expect_ok()["credentials"] == {person: kept}
    assert other.hello().expect_ok()["credentials"] == {}


@pytest.mark.rule("L4", "L6")
def test_what_somebody_else_signed_with_a_one_time_pin_is_never_proven(app, pins, bare_phone):
    """Whoever else knew the PIN has registered a key on the same phone, and signed with it."""
    bare_phone.unlock(ANA, PIN)
    others = bare_phone.keys[ANA]
    early = bare_phone.add_op("category.acknowledge", UNKNOWN, by=ANA)
    assert bare_phone.push(early).expect_ok()["verdicts"][0]["code"] == "unproven"
    bare_phone.unlock(ANA, PIN)
    bare_phone.request_new_pin(ANA, PIN, NEW_PIN).expect_ok()
    bare_phone.unlock(ANA, NEW_PIN)
    bare_phone.request_new_pin(ANA, NEW_PIN, PIN).expect_ok()
    bare_phone.keys[ANA] = others
    late = bare_phone.add_op("category.acknowledge", UNKNOWN, by=ANA)
    codes = [verdict["code"] for verdict in bare_phone.push(early, late).expect_ok()["verdicts"]]
    assert codes == ["unproven", "revoked-credential"]
    with app.app_context():
        rows = db.session.scalars(select(LoggedOp).filter_by(kind="category.acknowledge")).all()
        assert {(row.status, row.proof) for row in rows} == {("held", "claimed")}


@pytest.mark.rule("L6")
def test_a_key_stays_only_if_it_signs_the_new_pin(pins, bare_phone):
    """Without such a proof the new PIN counts, and a key has to be registered with it."""
    bare_phone.unlock(BEN, PIN)
    own, bare_phone.keys[BEN] = bare_phone.keys[BEN], KeyPair()
    assert bare_phone.request_new_pin(BEN, PIN, NEW_PIN).status == 422
    bare_phone.keys[BEN], credential = own, bare_phone.credentials.pop(BEN)
    assert bare_phone.request_new_pin(BEN, PIN, NEW_PIN).expect_ok()["credential"] is None
    assert bare_phone.hello().expect_ok()["credentials"] == {}
    bare_phone.credentials[BEN] = credential
    assert bare_phone.request_new_pin(BEN, NEW_PIN, PIN).expect_ok()["credential"] is None


@pytest.mark.asvs("6.2.3")
@pytest.mark.parametrize(
    ("new", "code"),
    [
        (PIN, "pin-same"),
        ("73091", "pin-short"),
        ("abcdef", "pin-short"),
        ("٧٣٠٩١٤", "pin-short"),
        ("111111", "pin-trivial"),
        ("123456", "pin-trivial"),
        ("987654", "pin-trivial"),
        ("890123", "pin-trivial"),
    ],
)
def test_a_weak_pin_is_not_taken(pins, bare_phone, new, code):
    reply = bare_phone.request_new_pin(BEN, PIN, new)
    assert (reply.status, reply.json["code"]) == (422, code)
    assert bare_phone.request_unlock(PIN, KeyPair(), person=BEN).status == 200


def test_a_reset_revokes_what_the_person_had(app, pins, bare_phone):
    bare_phone.unlock(BEN, PIN)
    with app.app_context(), write_transaction():
        one_time = reset_pin(BEN, datetime.now(UTC))
    assert pin_weakness(one_time) is None
    assert bare_phone.hello().expect_ok()["credentials"] == {}
    op = bare_phone.add_op("task.cancel", TASKS[0], {"reason": "rain"}, by=BEN)
    assert bare_phone.push(op).expect_ok()["verdicts"][0]["code"] == "revoked-credential"


def test_the_same_key_is_registered_once(app, pins, bare_phone):
    key = KeyPair()
    first = bare_phone.request_unlock(PIN, key, person=BEN).expect_ok()
    again = bare_phone.request_unlock(PIN, key, person=BEN).expect_ok()
    assert first["credential"] == again["credential"]
    assert first["draft_secret"] == again["draft_secret"]


def test_an_old_key_signs_the_next_one_and_a_lost_one_says_nothing(app, pins, bare_phone):
    told = bare_phone.unlock(BEN, PIN)
    old, new = bare_phone.keys[BEN], KeyPair()
    text = f"lodge-key-1\n{HOME_SITE}\n{bare_phone.device}\n{new.public_key}"
    for credential, sig, status in (
        (told["credential"], new.sign(text), 422),
        (told["credential"], old.sign(text), 200),
        (UNKNOWN, new.sign(text), 200),
    ):
        previous = {"credential": credential, "sig": sig}
        reply = bare_phone.request_unlock(PIN, new, person=BEN, previous=previous)
        assert reply.status == status


@pytest.mark.parametrize("public_key", ["", "AAAA", "%%%", KeyPair().public_key[:-4], "A" * 190])
def test_what_is_no_key_is_refused(pins, bare_phone, public_key):
    key = KeyPair()
    key.public_key = public_key
    assert bare_phone.request_unlock(PIN, key, person=BEN).status == 422


def old_verifier(pin):
    """What an earlier version stored of a PIN, and sent to phones."""
    key = hashlib.pbkdf2_hmac("sha256", pin.encode(), b"salt", 600_000)
    texts = {"salt": base64.b64encode(b"salt").decode(), "hash": base64.b64encode(key).decode()}
    return {"iterations": 600_000, **texts}


def test_a_pin_of_an_earlier_version_opens_and_is_hashed_anew(app, pins, bare_phone):
    """Four digits have to be changed, six stay; the old verifier goes with the first use."""
    with app.app_context(), write_transaction():
        for person, pin in ((BEN, "2468"), (EVE, PIN)):
            account = db.session.scalar(select(Account).where(Account.person_id == person))
            account.pin_hash, account.pin_check = None, old_verifier(pin)
    assert bare_phone.request_unlock("2469", KeyPair(), person=BEN).status == 403
    assert bare_phone.unlock(BEN, "2468")["pin_must_change"] is True
    assert bare_phone.unlock(EVE, PIN)["pin_must_change"] is False
    with app.app_context():
        account = db.session.get(Account, BEN)
        assert account.pin_hash and account.pin_check is None
    assert bare_phone.unlock(BEN, "2468")["pin_must_change"] is True
