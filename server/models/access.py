"""Accounts, second factors, login sessions, devices, enrolment codes and rate-limit counters.

These tables are small and shared by all sites. Secrets are stored only as hashes.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Select, String, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model

EVERYBODY = "*"
"""`Device.people_key` of a phone that belongs to everybody who works at its site."""


class Account(Model):
    """The credentials of a person: a password for the desk, a PIN for phones.

    `pin_hash` is of the PIN (Argon2id). `pin_expires_at`: the PIN is a one-time PIN, to be changed
    when it is used. `draft_secret` seals the drafts of the person on phones; whoever types the PIN
    gets it, so that drafts outlive a reset PIN. `pin_check`: a PBKDF2 verifier, with which a PIN of
    an earlier version is checked until it is replaced.
    """

    __tablename__ = "account"

    person_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    username: Mapped[str | None] = mapped_column(String(64), unique=True)
    password_hash: Mapped[str | None] = mapped_column(String(200))
    pin_check: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    pin_hash: Mapped[str | None] = mapped_column(String(200))
    pin_expires_at: Mapped[datetime | None]
    draft_secret: Mapped[str | None] = mapped_column(String(64))
    first_until: Mapped[datetime | None]
    """Until when a first password may be used, once. None: the person chose the password."""
    totp_secret: Mapped[str | None] = mapped_column(String(200))
    """The encrypted secret of the authenticator app."""
    totp_step: Mapped[int | None]
    """The time step of the newest code that was used: none is taken twice."""

    @classmethod
    def by_username(cls, username: str) -> Select[Any]:
        """The account with a user name; stored names are in lower case."""
        return select(cls).where(cls.username == username.strip().lower())


class Passkey(Model):
    """A passkey of a person. `credential_id` and `public_key` are base64url."""

    __tablename__ = "passkey"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(36), index=True)
    credential_id: Mapped[str] = mapped_column(String(1400), unique=True)
    public_key: Mapped[str] = mapped_column(String(2000))
    sign_count: Mapped[int]
    label: Mapped[str] = mapped_column(String(80))
    made_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    @classmethod
    def of_person(cls, person_id: str) -> Select[Any]:
        """The passkeys of a person, oldest first."""
        return select(cls).where(cls.person_id == person_id).order_by(cls.made_at, cls.id)


class RecoveryCode(Model):
    """A recovery code that was not used yet."""

    __tablename__ = "recovery_code"

    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(36), index=True)


class SignInStep(Model):
    """A step of signing in, or of adding a passkey, that waits for its browser's answer.

    `person_id`: whose password was right, or who adds a passkey; None for a passkey sign-in.
    """

    __tablename__ = "sign_in_step"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[str | None] = mapped_column(String(36))
    challenge: Mapped[str | None] = mapped_column(String(200))
    page: Mapped[str] = mapped_column(String(2000))
    tries: Mapped[int]
    expires_at: Mapped[datetime]


class LoginSession(Model):
    """One session of a person at the desk, at one site.

    `proven_at`: when the person last proved who they are. `factors`: how, see `auth.sessions`.
    `must_change`: a first password opened it, and has to be replaced before anything else.
    """

    __tablename__ = "session"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    site_id: Mapped[str] = mapped_column(String(36))
    person_id: Mapped[str] = mapped_column(String(36), index=True)
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    id: Mapped[str] = mapped_column(String(36), unique=True)
    browser: Mapped[str] = mapped_column(String(80))
    address: Mapped[str] = mapped_column(String(64))
    proven_at: Mapped[datetime]
    factors: Mapped[str] = mapped_column(String(20))
    must_change: Mapped[bool]


class Device(Model):
    """A phone. `seen_at`: its last contact. `clear_at`: all ops made until then arrived.
    `told_at`: when, after its access ended, it was told to delete its records.

    `misfit`: a log head that it was given once and that the log does not contain any more.
    `people_key` identifies the set of its people, see `server.auth.device_people`. `token_at`:
    since when its token is valid, if that is not the one of its enrolment; `next_token_hash`: see
    `server.sync_api.device_tokens`.
    """

    __tablename__ = "device"
    __table_args__ = (Index(None, "site_id", "enrolled_at"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    site_id: Mapped[str] = mapped_column(String(36))
    label: Mapped[str] = mapped_column(String(80))
    enrolled_by: Mapped[str | None] = mapped_column(String(36))
    enrolled_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    lost_at: Mapped[datetime | None]
    ended_because: Mapped[str | None] = mapped_column(String(120))
    """Why the desk blocked it or reported it lost."""
    told_at: Mapped[datetime | None]
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    token_at: Mapped[datetime | None]
    next_token_hash: Mapped[str | None] = mapped_column(String(64), index=True)
    lineage: Mapped[str | None] = mapped_column(String(64))
    seen_at: Mapped[datetime | None]
    clear_at: Mapped[datetime | None]
    offset_ms: Mapped[int | None]
    app: Mapped[str | None] = mapped_column(String(40))
    report: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    storage: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    misfit: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    people_key: Mapped[str] = mapped_column(String(32), default=EVERYBODY, server_default=EVERYBODY)

    @classmethod
    def for_site(cls, site_id: str) -> Select[Any]:
        """Every device that was ever enrolled at a site, newest first."""
        return select(cls).where(cls.site_id == site_id).order_by(cls.enrolled_at.desc(), cls.id)

    @classmethod
    def contacts(cls, site_id: str) -> Any:
        """When the phones that may still send something were heard from."""
        when = cls.enrolled_at, cls.seen_at, cls.clear_at, cls.revoked_at, cls.lost_at
        active = cls.site_id == site_id, cls.revoked_at.is_(None), cls.lost_at.is_(None)
        query: Any = select(*when)
        return query.where(*active)


class DevicePerson(Model):
    """A person of a phone that belongs to named people."""

    __tablename__ = "device_person"

    site_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    device_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(36), primary_key=True)


class EnrolmentCode(Model):
    """A code that enrols one device, once, within ten minutes.

    `people` are the ids of those whom the phone will belong to; None: everybody of the site.
    """

    __tablename__ = "enrolment"

    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    site_id: Mapped[str] = mapped_column(String(36))
    issued_by: Mapped[str | None] = mapped_column(String(36))
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    people: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))


class RateLimitCounter(Model):
    """How often something was tried. The key is a hash, so that it identifies nobody."""

    __tablename__ = "throttle"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    tries: Mapped[int]
    since: Mapped[datetime]
    last_at: Mapped[datetime]
