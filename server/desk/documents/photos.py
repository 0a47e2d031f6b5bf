"""The photos of a document, as far as they were received."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

from server.auth.access import current_user
from server.db.engine import db
from server.db.statements import chunks
from server.desk.documents.pdf import NoPdf
from server.models.photos import Photo
from server.photos import uploads

MAX_PHOTOS = 120
"""Of one PDF: they are in memory together."""


def received(hashes: Iterable[str]) -> list[str]:
    """Those of these photos that the current user's site has."""
    site_id = current_user().site_id
    found: list[str] = []
    for chunk in chunks(list(hashes)):
        query = select(Photo.sha256).where(Photo.site_id == site_id, Photo.sha256.in_(chunk))
        found.extend(db.session.scalars(query))
    return found


def read(hashes: Iterable[str]) -> dict[str, bytes]:
    """The JPEG files of those of these photos that the current user's site has, by hash. Raises
    NoPdf for more than MAX_PHOTOS."""
    site_id, here = current_user().site_id, received(hashes)
    if len(here) > MAX_PHOTOS:
        raise NoPdf("too-long")
    return {name: uploads.read_photo(site_id, name) for name in here}
