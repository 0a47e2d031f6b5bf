"""Who may come in: accounts, sessions, phones, codes to enrol one, and throttles.

These rows are small and shared by all sites; secrets stand here alone, and only as hashes.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Select, String, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model


class Account(Model):
    """What a person proves oneself with: a password at the desk, a PIN on a phone."""

    __tablename__ = "account"

    person_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    username: Mapped[str | None] = mapped_column(String(64), unique=True)
    password_hash: Mapped[str | None] = mapped_column(String(200))
    pin_check: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))

    @classmethod
    def by_username(cls, username: str) -> Select[Any]:
        """The account that signs in under a name, which is kept in lower case."""
        return select(cls).where(cls.username == username.strip().lower())


class LoginSession(Model):
    """One sign-in at the desk, and the one site that it looks at."""

    __tablename__ = "session"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    site_id: Mapped[str] = mapped_column(String(36))
    person_id: Mapped[str] = mapped_column(String(36), index=True)
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class Device(Model):
    """A phone. `seen_at`: last contact; `clear_at`: until then we know all that it made; `told_at`:
    when it was told, after it was cut off, to clear what it knows.

    `misfit`: an end of the log that it was told once, and that the log does not have any more.
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
    told_at: Mapped[datetime | None]
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    lineage: Mapped[str | None] = mapped_column(String(64))
    seen_at: Mapped[datetime | None]
    clear_at: Mapped[datetime | None]
    offset_ms: Mapped[int | None]
    app: Mapped[str | None] = mapped_column(String(40))
    report: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    storage: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    misfit: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))

    @classmethod
    def for_site(cls, site_id: str) -> Select[Any]:
        """Every phone that was ever enrolled at a site, the newest first."""
        return select(cls).where(cls.site_id == site_id).order_by(cls.enrolled_at.desc(), cls.id)


class EnrolmentCode(Model):
    """A code that enrols one phone, once, for ten minutes."""

    __tablename__ = "enrolment"

    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    site_id: Mapped[str] = mapped_column(String(36))
    issued_by: Mapped[str | None] = mapped_column(String(36))
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class RateLimitCounter(Model):
    """How often something was tried; the key is a hash, so that nobody can be read from it."""

    __tablename__ = "throttle"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    tries: Mapped[int]
    since: Mapped[datetime]
    last_at: Mapped[datetime]
