"""Forms of the desk: which were taken, and what people had typed when their session ended."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, Delete, Select, String, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model

KEEP_TAKEN, KEEP_UNSAVED = timedelta(days=3), timedelta(days=1)
"""For how long forms are remembered: they hold what people typed, perhaps about residents."""


class TakenForm(Model):
    """A form that was saved, so that it is not saved twice. `token_hash` names the drawn form,
    `content_hash` what was sent with it, `location` is the page that followed."""

    __tablename__ = "taken_form"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    content_hash: Mapped[str] = mapped_column(String(64))
    location: Mapped[str] = mapped_column(String(2000))
    at: Mapped[datetime] = mapped_column(index=True)

    @classmethod
    def expired(cls, now: datetime) -> Delete:
        """Deletes forms that were taken too long ago to be sent again."""
        return delete(cls).where(cls.at < now - KEEP_TAKEN)


class UnsavedForm(Model):
    """A form that arrived after its person's session had ended: nobody else ever sees it.

    `page` is the page that it stands on, `address` where it is sent; `fields` are pairs of name and
    text, without passwords.
    """

    __tablename__ = "unsaved_form"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(36), index=True)
    site_id: Mapped[str] = mapped_column(String(36))
    page: Mapped[str] = mapped_column(String(2000))
    address: Mapped[str] = mapped_column(String(2000))
    fields: Mapped[list[Any]] = mapped_column(JSON)
    at: Mapped[datetime]

    @classmethod
    def of_person(cls, person_id: str) -> Select[Any]:
        """The unsaved forms of a person, newest first."""
        return select(cls).where(cls.person_id == person_id).order_by(cls.at.desc(), cls.id)

    @classmethod
    def expired(cls, now: datetime) -> Delete:
        """Deletes forms that nobody came back for."""
        return delete(cls).where(cls.at < now - KEEP_UNSAVED)
