"""The second step of signing in: codes of an authenticator app (TOTP), and recovery codes."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pyotp
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import CursorResult, delete, func, or_, select, update

from server.auth.credentials import token_digest
from server.auth.devices import CODE_ALPHABET, normalize_code
from server.auth.keys import derived_keys
from server.db.engine import db, write_transaction
from server.models.access import Account, Passkey, RecoveryCode

STEP_S = 30
CLOCK_STEPS = 1
"""How many time steps a phone's clock may be off."""

RECOVERY_CODES, RECOVERY_LENGTH = 10, 24
"""24 characters of Crockford's base 32 are 120 random bits, so that a plain hash protects them."""


def has_second_factor(account: Account) -> bool:
    """Whether signing in with the password needs a second step."""
    return bool(account.totp_secret) or has_passkeys(account.person_id)


def people_with_second_factor(accounts: Iterable[Account]) -> set[str]:
    """The ids of the people among these accounts who have a second step."""
    apps = {account.person_id for account in accounts if account.totp_secret}
    return apps | set(db.session.scalars(select(Passkey.person_id).distinct()))


def has_passkeys(person_id: str) -> bool:
    return db.session.scalar(Passkey.of_person(person_id).limit(1)) is not None


def new_totp_secret() -> str:
    """A secret of 160 random bits, in base 32."""
    return pyotp.random_base32()


def totp_address(secret: str, username: str) -> str:
    """What an authenticator app reads from the QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name="Lodge")


def matching_step(secret: str, code: str, now: datetime) -> int | None:
    """The time step whose code this is: now, just before or just after; None if it is wrong."""
    totp, digits = pyotp.TOTP(secret), "".join(char for char in code if char.isdecimal())
    present = int(now.timestamp()) // STEP_S
    for step in range(present - CLOCK_STEPS, present + CLOCK_STEPS + 1):
        if digits.isascii() and secrets.compare_digest(totp.at(step * STEP_S), digits):
            return step
    return None


def set_totp(account: Account, secret: str, code: str) -> bool:
    """Store the secret of an authenticator app if the code is the one that it shows now. The caller
    commits."""
    step = matching_step(secret, code, datetime.now(UTC))
    if step is None:
        return False
    account.totp_secret, account.totp_step = _box().encrypt(secret.encode()).decode(), step
    return True


def use_totp(account: Account, code: str) -> bool:
    """Whether a code of the app is right, and is used for the first time: of two requests that
    send the same code at once, one succeeds."""
    secret = _open(account.totp_secret)
    step = matching_step(secret, code, datetime.now(UTC)) if secret else None
    if step is None:
        return False
    unused = update(Account).where(
        Account.person_id == account.person_id,
        or_(Account.totp_step.is_(None), Account.totp_step < step),
    )
    with write_transaction():
        used: CursorResult[Any] = db.session.execute(unused.values(totp_step=step))  # type: ignore[assignment]
    return used.rowcount == 1


def new_recovery_codes(person_id: str) -> list[str]:
    """New recovery codes; the former ones end. The caller commits."""
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person_id))
    codes = [
        "".join(secrets.choice(CODE_ALPHABET) for _ in range(RECOVERY_LENGTH))
        for _ in range(RECOVERY_CODES)
    ]
    hashes = [RecoveryCode(code_hash=token_digest(code), person_id=person_id) for code in codes]
    db.session.add_all(hashes)
    return ["-".join(code[at : at + 4] for at in range(0, len(code), 4)) for code in codes]


def use_recovery_code(person_id: str, code: str) -> bool:
    """Use up a recovery code; False if it is wrong or was used before."""
    unused = delete(RecoveryCode).where(
        RecoveryCode.person_id == person_id,
        RecoveryCode.code_hash == token_digest(normalize_code(code)),
    )
    with write_transaction():
        used: CursorResult[Any] = db.session.execute(unused)  # type: ignore[assignment]
    return used.rowcount == 1


def recovery_codes_left(person_id: str) -> int:
    query = select(func.count()).where(RecoveryCode.person_id == person_id)
    return db.session.scalar(query) or 0


def use_code(account: Account, code: str) -> bool:
    """Whether this is a code of the app or a recovery code that may be used now."""
    return use_totp(account, code) or use_recovery_code(account.person_id, code)


def remove_second_factors(account: Account) -> None:
    """Remove app, passkeys and recovery codes of an account. The caller commits."""
    account.totp_secret = account.totp_step = None
    for table in (Passkey, RecoveryCode):
        db.session.execute(delete(table).where(table.person_id == account.person_id))


def _open(sealed: str | None) -> str | None:
    try:
        return _box().decrypt(sealed.encode()).decode() if sealed else None
    except InvalidToken:
        return None  # the server has another key: the person needs a recovery code


def _box() -> MultiFernet:
    """Encrypts with a key of the server, so that a copy of the database alone makes no codes."""
    keys = [Fernet(base64.urlsafe_b64encode(key)) for key in derived_keys("totp")]
    return MultiFernet(keys)
