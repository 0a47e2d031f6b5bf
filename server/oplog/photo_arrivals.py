"""Which records show photos whose bytes have arrived."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import func, select

from server.db.engine import db
from server.models.photos import DELETE_PENDING, DELETED, Photo, PhotoLink


class PhotoArrival(NamedTuple):
    """A photo that a record shows, and how many photos of that record have arrived."""

    subject: str
    sha256: str
    photos_here: int
    digest: str | None
    """The SHA-256 of its bytes as they are stored."""


def find_photo_arrivals(site_id: str, sha256s: Collection[str]) -> list[PhotoArrival]:
    """P2. One entry for each of these photos that has arrived, and each record that shows it.

    Reads the links and photos that the current transaction has written.
    """
    if not sha256s:
        return []
    arrived = (
        select(PhotoLink.subject, PhotoLink.sha256, Photo.digest)
        .join(Photo, (Photo.site_id == PhotoLink.site_id) & (Photo.sha256 == PhotoLink.sha256))
        .where(PhotoLink.site_id == site_id)
    )
    shown = arrived.where(
        PhotoLink.sha256.in_(sha256s), PhotoLink.subject_type.not_in((DELETE_PENDING, DELETED))
    )
    found = db.session.execute(shown).all()
    if not found:
        return []
    of_subjects = arrived.where(PhotoLink.subject.in_({row.subject for row in found}))
    counts = of_subjects.with_only_columns(PhotoLink.subject, func.count())
    rows = db.session.execute(counts.group_by(PhotoLink.subject))
    photos_here = {subject: count for subject, count in rows}  # noqa: C416
    return [
        PhotoArrival(row.subject, row.sha256, photos_here[row.subject], row.digest) for row in found
    ]
