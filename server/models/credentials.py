"""The public keys of people on phones."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Index, Select, String, Update, select, update
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model


class Credential(Model):
    """A key with which a person signs on one phone, registered with their PIN.

    `activated_at`: since when it proves anything; None until a one-time or too short PIN has been
    changed. `revoked_at`: since when it proves nothing any more.
    """

    __tablename__ = "credential"
    __table_args__ = (
        Index(None, "site_id", "device_id"),
        Index(None, "site_id", "person_id"),
    )

    site_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    device_id: Mapped[str] = mapped_column(String(36))
    person_id: Mapped[str] = mapped_column(String(36))
    public_key: Mapped[str] = mapped_column(String(200))
    """SPKI (DER) as base64url."""
    created_at: Mapped[datetime]
    activated_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    @classmethod
    def of_device(cls, site_id: str, device_id: str) -> Select[Any]:
        """Every credential that was ever registered on a phone, the newest first."""
        mine = select(cls).where(cls.site_id == site_id, cls.device_id == device_id)
        return mine.order_by(cls.created_at.desc(), cls.id)

    @classmethod
    def of_person(cls, site_id: str, person_id: str) -> Select[Any]:
        """Every credential of a person at a site, the newest first."""
        mine = select(cls).where(cls.site_id == site_id, cls.person_id == person_id)
        return mine.order_by(cls.created_at.desc(), cls.id)

    @classmethod
    def revocation(cls, now: datetime, *whose: ColumnElement[bool]) -> Update:
        """Revoke the credentials that fit all conditions."""
        return update(cls).where(*whose, cls.revoked_at.is_(None)).values(revoked_at=now)

    @property
    def is_usable(self) -> bool:
        """Whether it proves who made an op that arrives now."""
        return self.activated_at is not None and self.revoked_at is None
