"""Deletes photos of purged records that no other record shows: first their rows, then the files.

In between, their links are marked DELETE_PENDING, so that a crash leaves a list of what is to go.
"""

from __future__ import annotations

from sqlalchemy import delete, select, update

from server.db.engine import db, write_transaction
from server.models.photos import DELETE_PENDING, DELETED, Photo, PhotoLink
from server.photos import uploads


def unlink_photos(site_id: str, record_ids: list[str]) -> int:
    """Mark the photo links of purged records; delete the rows of photos that no other record has.

    Runs in the caller's transaction; returns the number of photos deleted.
    """
    links = PhotoLink.site_id == site_id, PhotoLink.subject.in_(record_ids)
    hashes = set(db.session.scalars(select(PhotoLink.sha256).where(*links)))
    db.session.execute(update(PhotoLink).where(*links).values(subject_type=DELETE_PENDING))
    still_shown = select(PhotoLink.sha256).where(
        PhotoLink.site_id == site_id,
        PhotoLink.sha256.in_(hashes),
        PhotoLink.subject_type.not_in((DELETE_PENDING, DELETED)),
    )
    unused = hashes - set(db.session.scalars(still_shown))
    rows = delete(Photo).where(Photo.site_id == site_id, Photo.sha256.in_(unused))
    db.session.execute(rows.execution_options(synchronize_session=False))
    return len(unused)


def delete_photo_files(site_id: str) -> None:
    """Delete the files behind pending links, after the transaction that marked them."""
    pending = PhotoLink.site_id == site_id, PhotoLink.subject_type == DELETE_PENDING
    hashes = set(db.session.scalars(select(PhotoLink.sha256).where(*pending)))
    for sha256 in hashes:
        is_unused = uploads.find_photo(site_id, sha256) is None
        if is_unused or uploads.belongs_to_purged_only(site_id, sha256):
            uploads.delete_photo(site_id, sha256)
    if hashes:
        with write_transaction():
            db.session.execute(update(PhotoLink).where(*pending).values(subject_type=DELETED))
