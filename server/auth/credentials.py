"""What proves that somebody is who they say: tokens, passwords, PINs. Kept only as hashes."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import threading
from functools import cache
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select

from server.db.engine import db
from server.models.access import Account

PIN_ROUNDS = 600_000
MIN_PASSWORD_LENGTH, MAX_PASSWORD_LENGTH = 10, 256
FORBIDDEN_WORDS = ("lodge", "password", "12345", "qwert", "abcde")
"""What a password may not be made of: our own name and the first guesses."""

password_hasher = PasswordHasher()  # argon2-cffi's defaults: Argon2id, 64 MiB, 3 rounds

HASHING_SLOTS = threading.BoundedSemaphore(2)
HASHING_TIMEOUT_S = 10.0
"""Argon2 is dear by design: two at a time, and nobody waits longer than this (seconds)."""


@cache
def _dummy_hash() -> str:
    """A hash that no password has, as dear to try as any other."""
    return password_hasher.hash(secrets.token_urlsafe())


class HasherOverloaded(Exception):
    """Too many people are signing in at this moment."""


def new_token() -> str:
    """256 bits that nobody can guess."""
    return secrets.token_urlsafe(32)


def token_digest(token: str) -> str:
    """What the database keeps of a token; long random tokens need no salt."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def password_weakness(username: str, password: str) -> str | None:
    """Why a password is not taken: `short`, `long`, `guessable`; None for a good one."""
    if len(password) < MIN_PASSWORD_LENGTH:
        return "short"
    if len(password) > MAX_PASSWORD_LENGTH:
        return "long"
    bare = re.sub(r"[\W_]+", "", password.lower())
    for word in (*FORBIDDEN_WORDS, username.lower()):
        bare = bare.replace(word, "")
    return "guessable" if len(set(bare)) < 4 else None


def hash_password(password: str) -> str:
    """An Argon2id hash of a password, exactly as typed."""
    return password_hasher.hash(password.encode("utf-8", "surrogatepass"))


def password_matches(account: Account | None, password: str) -> bool:
    """Whether a password is the account's; takes as long when there is no such account."""
    stored = account.password_hash if account else None
    if not HASHING_SLOTS.acquire(timeout=HASHING_TIMEOUT_S):
        raise HasherOverloaded
    try:
        password_hasher.verify(stored or _dummy_hash(), password.encode("utf-8", "surrogatepass"))
    except (VerificationError, InvalidHashError):
        return False
    finally:
        HASHING_SLOTS.release()
    return stored is not None


def make_pin_verifier(pin: str) -> dict[str, Any]:
    """A verifier that a phone can hold a PIN against without a network."""
    salt = secrets.token_bytes(16)
    key = hashlib.pbkdf2_hmac("sha256", pin.encode(), salt, PIN_ROUNDS)
    return {
        "iterations": PIN_ROUNDS,
        "salt": base64.b64encode(salt).decode(),
        "hash": base64.b64encode(key).decode(),
    }


def set_password(person_id: str, username: str, password: str) -> None:
    """Give a person a way in at the desk. The caller commits, and has asked for `weakness`."""
    account = get_or_create_account(person_id)
    account.username = username.strip().lower()
    account.password_hash = hash_password(password)


def set_pin(person_id: str, pin: str) -> None:
    """Give a person a way in on a phone. The caller commits."""
    get_or_create_account(person_id).pin_check = make_pin_verifier(pin)


def get_or_create_account(person_id: str) -> Account:
    """The account of a person, made when there is none."""
    account = db.session.scalar(select(Account).where(Account.person_id == person_id))
    if account is None:
        account = Account(person_id=person_id)
        db.session.add(account)
    return account
