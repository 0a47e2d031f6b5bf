"""Photos that have arrived; their bytes are in the blob store."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model

DELETE_PENDING, DELETED = "leaving", "gone"
"""`subject_type` of a purged record's photo, before and after its bytes are deleted."""


class Photo(Model):
    __tablename__ = "photo"

    site_id: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
    bytes: Mapped[int]
    mime: Mapped[str]
    received_at: Mapped[datetime]


class PhotoLink(Model):
    """The record that shows a photo; written with the op that names it."""

    __tablename__ = "photo_link"

    site_id: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    subject_type: Mapped[str]
