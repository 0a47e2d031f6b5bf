"""Tokens, passwords and PINs. Only their hashes are stored."""

from __future__ import annotations

import hashlib
import secrets
import threading
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import CursorResult, select, update

from server.db.engine import db
from server.models.access import Account

FIRST_PASSWORD_DAYS = 7
"""How long a first password can be used, once."""

password_hasher = PasswordHasher()  # argon2-cffi's defaults: Argon2id, 64 MiB, 3 rounds

HASHING_SLOTS = threading.BoundedSemaphore(2)
HASHING_TIMEOUT_S = 10.0
"""Argon2 needs much memory by design: two hashes run at a time, and others wait this long."""


@cache
def _dummy_hash() -> str:
    """A hash that no password matches, and that takes as long to verify as any other."""
    return password_hasher.hash(secrets.token_urlsafe())


class HasherOverloaded(Exception):
    """No hashing slot became free in time: too many people are signing in."""


def new_token() -> str:
    """A random token of 256 bits."""
    return secrets.token_urlsafe(32)


def token_digest(token: str) -> str:
    """The SHA-256 of a token, in hex, as it is stored. Long random tokens need no salt."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def hash_password(password: str) -> str:
    """The Argon2id hash of a password, exactly as typed."""
    return password_hasher.hash(password.encode("utf-8", "surrogatepass"))


def password_matches(account: Account | None, password: str) -> bool:
    """Whether a password is the account's. Takes as long without an account, so that timing does
    not reveal which usernames exist. Raises HasherOverloaded."""
    return hash_matches(account.password_hash if account else None, password)


def hash_matches(stored: str | None, secret: str) -> bool:
    """Whether a secret is that of an Argon2id hash. Takes as long for None. Raises
    HasherOverloaded."""
    if not HASHING_SLOTS.acquire(timeout=HASHING_TIMEOUT_S):
        raise HasherOverloaded
    try:
        password_hasher.verify(stored or _dummy_hash(), secret.encode("utf-8", "surrogatepass"))
    except (VerificationError, InvalidHashError):
        return False
    finally:
        HASHING_SLOTS.release()
    return stored is not None


def set_password(person_id: str, username: str, password: str, *, first: bool = False) -> None:
    """Set the desk password of a person. The caller checks `password_weakness` first, and commits
    afterwards. `first`: somebody else knows it, so it works once, and has to be replaced then."""
    account = get_or_create_account(person_id)
    account.username = username.strip().lower()
    account.password_hash = hash_password(password)
    days = timedelta(days=FIRST_PASSWORD_DAYS)
    account.first_until = datetime.now(UTC) + days if first else None


def use_first_password(account: Account, now: datetime) -> bool:
    """Use up a first password; False if that was done before, or its days are over. The caller
    commits."""
    unused = update(Account).where(
        Account.person_id == account.person_id, Account.first_until > now
    )
    used: CursorResult[Any] = db.session.execute(unused.values(first_until=now))  # type: ignore[assignment]
    return used.rowcount == 1


def get_or_create_account(person_id: str) -> Account:
    """The account of a person, created if there is none. The caller commits."""
    account = db.session.scalar(select(Account).where(Account.person_id == person_id))
    if account is None:
        account = Account(person_id=person_id)
        db.session.add(account)
    return account
