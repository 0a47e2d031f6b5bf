"""PINs: checked by the server alone. Nothing that it sends to a phone verifies a guess."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

import pytest

from server.auth.pins import set_pin
from server.db.engine import db, write_transaction
from server.models.oplog import LoggedOp
from tests.phone_client import KeyPair
from tests.seed_data import ANA, BEN, HOME_SITE

PIN, NEW_PIN = "864297", "753108"


@pytest.fixture
def app(sqlite_app):
    with sqlite_app.app_context(), write_transaction():
        set_pin(ANA, PIN)
        set_pin(BEN, PIN)
    return sqlite_app


def parts(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in an answer."""
    if isinstance(value, dict):
        yield value
    inner = value.values() if isinstance(value, dict) else value
    for each in inner if isinstance(inner, list | type({}.values())) else ():
        yield from parts(each)


def readings(text: str) -> set[bytes]:
    """What a text may stand for: its letters, hex, base64."""
    found = {text.encode()}
    for decode in (bytes.fromhex, base64.b64decode, base64.urlsafe_b64decode):
        try:
            found.add(decode(text))
        except ValueError:
            continue
    return found


def derived(pin: str, part: dict[str, Any], salts: set[bytes]) -> Iterator[bytes]:
    """What a verifier of a PIN usually is: a hash of it, with a salt, repeated or not."""
    rounds = [n for n in part.values() if isinstance(n, int) and 100 <= n <= 5_000_000]
    for salt in {b"", *salts}:
        yield hashlib.sha256(salt + pin.encode()).digest()
        yield hashlib.sha256(pin.encode() + salt).digest()
        yield hmac.digest(salt, pin.encode(), "sha256")
        if salt:
            yield from (hashlib.pbkdf2_hmac("sha256", pin.encode(), salt, n) for n in rounds)


def tells_pin(answers: list[Any], pin: str) -> bool:
    """Whether anything in these answers is the PIN, or shows that a guess is right."""
    for part in parts(answers):
        texts = [each for each in part.values() if isinstance(each, str)]
        known = set().union(*map(readings, texts))
        if pin in texts or any(text.startswith("$argon2") for text in texts):
            return True
        if not known.isdisjoint(derived(pin, part, known)):
            return True
    return False


def everything_sent(phone):
    """Every answer that a phone gets, from its setup on."""
    key = KeyPair()
    answers = [phone.people, phone.request_unlock(PIN, key, person=ANA).json]
    answers.append(phone.request_new_pin(ANA, PIN, NEW_PIN).json)
    phone.keys[ANA] = key
    op = phone.add_op("ticket.revise", HOME_SITE, {"urgency": "urgent"}, by=ANA)
    answers += [phone.push(op).json, phone.hello().json]
    answers += [phone.request_unlock("000000", KeyPair(), person=ANA).json]
    answers += [phone.pull(cursor=None, limit=500).json]
    return answers


@pytest.mark.rule("E5")
@pytest.mark.asvs("15.3.1")
def test_nothing_that_is_sent_to_a_phone_verifies_a_guess(app, client, phone, enrolment_code):
    message = {"code": enrolment_code(), "label": "x", "lineage": "an-enrolment-of-its-own"}
    enrolled = client.post("/sync/enrol", json=message).json
    answers = [enrolled, *everything_sent(phone)]
    assert {"people", "draft_secret", "changes"} <= {
        name for part in parts(answers) for name in part
    }
    assert not tells_pin(answers, PIN) and not tells_pin(answers, NEW_PIN)


def test_the_search_finds_a_verifier_of_an_earlier_version():
    salt = b"sixteen byte salt"
    key = hashlib.pbkdf2_hmac("sha256", PIN.encode(), salt, 1000)
    verifier = {
        "iterations": 1000,
        "salt": base64.b64encode(salt).decode(),
        "hash": base64.b64encode(key).decode(),
    }
    answers = [{"people": [{"id": ANA, "pin_check": verifier}]}]
    assert tells_pin(answers, PIN) and not tells_pin(answers, NEW_PIN)
    assert tells_pin([{"hash": hashlib.sha256(PIN.encode()).hexdigest()}], PIN)


@pytest.mark.rule("E5")
def test_a_pin_is_in_no_op(app, phone):
    everything_sent(phone)
    with app.app_context():
        texts = [op.body + str(op.changes) for op in db.session.scalars(db.select(LoggedOp))]
    assert texts and not any(PIN in text or NEW_PIN in text for text in texts)
