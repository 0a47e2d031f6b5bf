"""PINs for phones: hashed with Argon2id, and checked by the server alone.

Nothing that verifies a PIN is ever sent to a phone.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import exists, select

from server.auth.credentials import get_or_create_account, hash_matches, hash_password
from server.auth.rate_limit import RateLimit
from server.db.engine import db
from server.models.access import Account
from server.models.credentials import Credential

MIN_PIN_LENGTH, MAX_PIN_LENGTH = 6, 12
ONE_TIME_LIFETIME = timedelta(days=7)

PHONE_AND_PERSON = RateLimit("pin", free_tries=5, max_tries=24, window=timedelta(days=1))
"""Of one person on one phone, so that guessing on one phone locks nobody out on another."""
PHONE = RateLimit("phone-pins", free_tries=30, max_tries=60, window=timedelta(hours=1))
"""Of everybody on one phone."""

ACCOUNT = RateLimit("account-pins", free_tries=10, max_tries=48, window=timedelta(days=1))
"""Of one person on all phones together on which they have never unlocked: guesses there delay
nobody on a phone of their own."""

NO_VERIFIER: dict[str, Any] = {"iterations": 600_000, "salt": "AAAA", "hash": ""}
"""Takes as long to compare with as any other, and never fits."""


def new_pin() -> str:
    """A random PIN of six digits that is not easy to guess."""
    while True:
        pin = f"{secrets.randbelow(10**MIN_PIN_LENGTH):0{MIN_PIN_LENGTH}}"
        if pin_weakness(pin) is None:
            return pin


def pin_weakness(pin: str) -> str | None:
    """Why a PIN cannot be chosen: `pin-short` (it has not six to twelve digits) or `pin-trivial`
    (one digit repeated, or digits in a row). None for a good one."""
    if not (pin.isascii() and pin.isdigit() and MIN_PIN_LENGTH <= len(pin) <= MAX_PIN_LENGTH):
        return "pin-short"
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(pin)}
    return "pin-trivial" if steps in ({0}, {1}, {9}) else None


def set_pin(person_id: str, pin: str, *, expires_at: datetime | None = None) -> None:
    """Set the PIN of a person; with `expires_at` a one-time PIN. The caller commits."""
    account = get_or_create_account(person_id)
    account.pin_hash, account.pin_check = hash_password(pin), None
    account.pin_expires_at = expires_at


def reset_pin(person_id: str, now: datetime, pin: str | None = None) -> str:
    """Set a PIN, by default a random one, that has to be changed when it is used, within a week.
    What the person registered on phones before proves nothing any more. Returns the PIN; the
    caller commits."""
    pin = pin or new_pin()
    set_pin(person_id, pin, expires_at=now + ONE_TIME_LIFETIME)
    db.session.execute(Credential.revocation(now, Credential.person_id == person_id))
    return pin


def must_change(account: Account, pin: str) -> bool:
    """Whether the PIN with which a person unlocked a phone has to be replaced."""
    return account.pin_expires_at is not None or len(pin) < MIN_PIN_LENGTH


def pin_matches(account: Account | None, pin: str, now: datetime) -> bool:
    """Whether a PIN is that of an account. Takes as long without an account, so that the time does
    not tell who works here. Raises HasherOverloaded."""
    is_right = hash_matches(account.pin_hash if account else None, pin)
    if _has_old_verifiers():
        is_right |= _matches_verifier(account.pin_check if account else None, pin)
    is_expired = bool(account and account.pin_expires_at and account.pin_expires_at <= now)
    return is_right and not is_expired


def replace_old_verifier(account: Account, pin_hash: str | None) -> bool:
    """Store the hash of a PIN that matched the verifier of an earlier version in its place. Returns
    whether there was one. The caller commits."""
    if not (pin_hash and account.pin_check):
        return False
    account.pin_hash, account.pin_check = pin_hash, None
    return True


def draft_secret(account: Account) -> str:
    """The key, as base64url, that seals a person's drafts on phones. The caller commits."""
    account.draft_secret = account.draft_secret or secrets.token_urlsafe(32)
    return account.draft_secret


def _has_old_verifiers() -> bool:
    """Whether any PIN of an earlier version has not been replaced yet."""
    return bool(db.session.scalar(select(exists().where(Account.pin_check.is_not(None)))))


def _matches_verifier(verifier: dict[str, Any] | None, pin: str) -> bool:
    known = verifier or NO_VERIFIER
    salt = base64.b64decode(known["salt"])
    key = hashlib.pbkdf2_hmac("sha256", pin.encode("utf-8"), salt, known["iterations"])
    return hmac.compare_digest(base64.b64encode(key).decode(), known["hash"])
