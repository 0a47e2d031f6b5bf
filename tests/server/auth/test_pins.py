"""PINs: checked by the server alone. Nothing that it sends to a phone verifies a guess."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any

import pytest

from server.auth.pins import set_pin
from server.db.engine import db, write_transaction
from server.models.oplog import LoggedOp
from tests.phone_client import KeyPair, PhoneClient
from tests.seed_data import ANA, BEN, HOME_SITE

PIN, NEW_PIN = "864297", "753108"
PAGE = 7
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


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


def hashes(pin: str, salts: set[bytes]) -> Iterator[bytes]:
    """What a cheap verifier of a PIN is: a hash of it, with a salt before, after or as its key."""
    for salt in salts:
        yield hashlib.sha256(salt + pin.encode()).digest()
        yield hashlib.sha256(pin.encode() + salt).digest()
        yield hmac.digest(salt, pin.encode(), "sha256")


def stretched(pin: str, salts: set[bytes], rounds: set[int]) -> Iterator[bytes]:
    """What a dear verifier is: PBKDF2 of it, with as many rounds as some number says."""
    for salt, number in product(salts, rounds):
        yield hashlib.pbkdf2_hmac("sha256", pin.encode(), salt, number)


def rounds_in(numbers: Iterable[Any]) -> set[int]:
    """The numbers that can be a number of rounds; more than 600,000 were never used."""
    return {n for n in numbers if isinstance(n, int) and 100 <= n <= 600_000}


def secrets_in(texts: Iterable[str]) -> set[bytes]:
    """The texts that can be a salt made for this purpose: random bytes in hex or base64."""
    coded = [text for text in texts if re.fullmatch(r"[\w+/=-]{16,64}", text)]
    coded = [text for text in coded if not UUID.fullmatch(text) and len({*text}) > 8]
    return set().union(*(readings(text) - {text.encode()} for text in coded))


def tells_pin(answers: list[Any], pin: str) -> bool:
    """Whether these answers have the PIN, or together show that a guess is right.

    Every text of any answer is tried as the salt of every other one; PBKDF2, which takes long, with
    the texts and numbers of the same object, and with whatever looks like a salt or a number of
    rounds anywhere.
    """
    found = list(parts(answers))
    values = [each for part in found for each in scalars(part)]
    texts = {each for each in values if isinstance(each, str)}
    if pin in texts or any(text.startswith("$argon2") for text in texts):
        return True
    known = set().union(*map(readings, texts))
    if not known.isdisjoint(hashes(pin, {b"", *known})):
        return True
    if not known.isdisjoint(stretched(pin, secrets_in(texts), rounds_in(values))):
        return True
    for part in found:
        own = [each for each in part.values() if isinstance(each, str)]
        salts = set().union(*map(readings, own))
        if not known.isdisjoint(stretched(pin, salts, rounds_in(part.values()))):
            return True
    return False


def scalars(part: dict[str, Any]) -> Iterator[Any]:
    """The values of an object, and those of its lists, that hold nothing further."""
    for value in part.values():
        yield from (value if isinstance(value, list) else [value])


def whole_feed(phone: PhoneClient, limit: int) -> Iterator[Any]:
    """Every page that a phone gets which begins anew."""
    cursor, more = None, True
    while more:
        page = phone.pull(cursor=cursor, limit=limit).expect_ok()
        yield page
        cursor, more = page["cursor"], page["more"]


def everything_sent(phone: PhoneClient) -> list[Any]:
    """Every answer that a phone gets, from its setup on."""
    key = KeyPair()
    answers = [phone.people, phone.request_unlock(PIN, key, person=ANA).json]
    answers.append(phone.request_new_pin(ANA, PIN, NEW_PIN).json)
    phone.keys[ANA] = key
    op = phone.add_op("ticket.revise", HOME_SITE, {"urgency": "urgent"}, by=ANA)
    answers += [phone.push(op).json, phone.hello().json]
    answers += [phone.request_unlock("000000", KeyPair(), person=ANA).json]
    pages = list(whole_feed(phone, limit=PAGE))
    assert len(pages) > 2, "the feed is longer than a page"
    return [*answers, *pages]


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


def test_the_search_puts_together_what_different_answers_say():
    salt = hashlib.sha256(b"a salt").digest()[:16]
    key = hashlib.pbkdf2_hmac("sha256", PIN.encode(), salt, 1000)
    salted = hashlib.sha256(salt + PIN.encode()).hexdigest()
    enrolled = {"people": [{"id": ANA, "rounds": 1000}], "draft_secret": salt.hex()}
    for verifier in (base64.b64encode(key).decode(), salted):
        page = {"changes": [{"type": "person", "record": {"checks": ["", verifier]}}]}
        assert tells_pin([enrolled, {"sync": "1"}, page], PIN)
        assert not tells_pin([enrolled, page], NEW_PIN)


@pytest.mark.rule("E5")
def test_a_pin_is_in_no_op(app, phone):
    everything_sent(phone)
    with app.app_context():
        texts = [op.body + str(op.changes) for op in db.session.scalars(db.select(LoggedOp))]
    assert texts and not any(PIN in text or NEW_PIN in text for text in texts)
