"""Photos: which bytes are here; the bytes themselves are files."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model

DELETE_PENDING, DELETED = "leaving", "gone"
"""What a purged record's photo belongs to: its bytes go after the commit, and then it is gone."""


class Photo(Model):
    __tablename__ = "photo"

    site_id: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
    bytes: Mapped[int]
    mime: Mapped[str]
    received_at: Mapped[datetime]


class PhotoLink(Model):
    """Which record a photo belongs to: written with the op that names it."""

    __tablename__ = "photo_link"

    site_id: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    subject_type: Mapped[str]
