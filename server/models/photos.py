"""Photos that have arrived; their bytes are in the blob store."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model

DELETE_PENDING, DELETED = "leaving", "gone"
"""`subject_type` of a purged record's photo, before and after its bytes are deleted."""


class Photo(Model):
    """A photo by the SHA-256 of what the phone sent; `digest` is the SHA-256 of the bytes as they
    are stored, without metadata of the camera."""

    __tablename__ = "photo"

    site_id: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
    bytes: Mapped[int]
    digest: Mapped[str | None]
    mime: Mapped[str]
    received_at: Mapped[datetime]


class PhotoLink(Model):
    """The record that shows a photo; written with the op that names it."""

    __tablename__ = "photo_link"
    __table_args__ = (
        Index(None, "site_id", "subject", "sha256"),
        Index(None, "site_id", "subject_type"),
    )

    site_id: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    subject_type: Mapped[str]
