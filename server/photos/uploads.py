"""Photos: bytes come in pieces, are checked, drawn anew without what they tell of the phone."""

from __future__ import annotations

import errno
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from uuid import UUID

from flask import current_app
from PIL import Image, ImageOps, UnidentifiedImageError
from sqlalchemy import select

from server.db.engine import db, write_transaction
from server.models.photos import DELETE_PENDING, DELETED, Photo, PhotoLink
from server.oplog import receive
from server.photos.storage import blob_store
from sync.protocol.photos import MAX_PHOTO_BYTES

UNFINISHED_LIFETIME = timedelta(days=7)
MAX_PIXELS = 40_000_000
MAX_SIDE_PIXELS = 2048
FORMATS = ("JPEG", "PNG", "WEBP")
RANGE = re.compile(r"bytes (\d{1,9})-(\d{1,9})/(\d{1,9})")


class InvalidPhoto(ValueError):
    """Bytes that are no photo, are not the ones named, or do not follow on what is here."""

    def __init__(self, status: int, remedy: str) -> None:
        super().__init__(remedy)
        self.status = status


def storage_key(site_id: str, sha256: str) -> str:
    """What a photo is called on its shelf."""
    return f"{UUID(site_id)}/{sha256}"


def read_photo(site_id: str, sha256: str) -> bytes:
    """The bytes of a photo that is here."""
    return blob_store().get(storage_key(site_id, sha256))


def _partial_path(site_id: str, sha256: str) -> Path:
    """Where the bytes gather until all have come: always on a disk of the server."""
    return Path(current_app.config["DATA_DIR"]) / "photos" / f"{storage_key(site_id, sha256)}.part"


def find_photo(site_id: str, sha256: str) -> Photo | None:
    """A photo whose bytes have all come."""
    return db.session.get(Photo, (site_id, sha256))


def belongs_to_purged_only(site_id: str, sha256: str) -> bool:
    """V12: whether a photo belongs to purged records alone: then its bytes are not kept."""
    mine = PhotoLink.site_id == site_id, PhotoLink.sha256 == sha256
    owners = set(db.session.scalars(select(PhotoLink.subject_type).where(*mine)))
    return bool(owners) and owners <= {DELETE_PENDING, DELETED}


def delete_photo(site_id: str, sha256: str) -> None:
    """Take the bytes away, whole or unfinished."""
    blob_store().remove(storage_key(site_id, sha256))
    _partial_path(site_id, sha256).unlink(missing_ok=True)


def received_bytes(site_id: str, sha256: str) -> int:
    """How many bytes of an unfinished photo are here."""
    part = _partial_path(site_id, sha256)
    return part.stat().st_size if part.exists() else 0


def add_piece(site_id: str, sha256: str, piece: bytes, content_range: str | None) -> bool:
    """Add a piece; True when the photo is whole. Raises Unusable with what helps."""
    start, total = _parse_range(content_range, len(piece))
    part = _partial_path(site_id, sha256)
    known = received_bytes(site_id, sha256)
    if start > known:
        raise InvalidPhoto(416, f"Send from byte {known} on: that is how much is here.")
    with _full_disk_as_507():
        part.parent.mkdir(parents=True, exist_ok=True)
        with part.open("r+b" if part.exists() else "wb") as file:
            file.seek(start)
            file.write(piece)
            file.truncate()
        if start + len(piece) < total:
            return False
        _complete_upload(site_id, sha256, part)
    return True


@contextmanager
def _full_disk_as_507() -> Iterator[None]:
    """A full disk refuses photos with what helps; ops go on, and the phone keeps the picture."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        remedy = "The disk of the server is full. Make room; phones send their photos again."
        raise InvalidPhoto(507, remedy) from None


def _parse_range(content_range: str | None, length: int) -> tuple[int, int]:
    if content_range is None:
        start, total = 0, length
    else:
        match = RANGE.fullmatch(content_range)
        if match is None or int(match[2]) - int(match[1]) + 1 != length:
            raise InvalidPhoto(400, "Say the piece as Content-Range: bytes first-last/total.")
        start, total = int(match[1]), int(match[3])
    if total > MAX_PHOTO_BYTES or start + length > total:
        raise InvalidPhoto(413, f"A photo has at most {MAX_PHOTO_BYTES} bytes. Make it smaller.")
    return start, total


def _complete_upload(site_id: str, sha256: str, part: Path) -> None:
    whole = part.read_bytes()
    if hashlib.sha256(whole).hexdigest() != sha256:
        part.unlink()
        raise InvalidPhoto(
            422, "These bytes are not the photo of that name. Send it from the start."
        )
    try:
        clean = reencode(whole)
    except InvalidPhoto:
        part.unlink()
        raise
    blob_store().put(storage_key(site_id, sha256), clean)
    with write_transaction():
        receive.lock_site(site_id)  # two uploads of one photo come one after the other
        if find_photo(site_id, sha256) is None:
            row = {"site_id": site_id, "sha256": sha256, "bytes": len(clean)}
            db.session.add(Photo(**row, mime="image/jpeg", received_at=datetime.now(UTC)))
            db.session.flush()
        receive.publish_photo_arrivals(site_id, [sha256])
    part.unlink()


def delete_stale_uploads(site_id: str, now: datetime) -> int:
    """Pieces that nobody has added to for a week go; how many there were."""
    folder, gone = _partial_path(site_id, "x").parent, 0
    for part in folder.glob("*.part") if folder.exists() else ():
        if now.timestamp() - part.stat().st_mtime > UNFINISHED_LIFETIME.total_seconds():
            part.unlink(missing_ok=True)
            gone += 1
    return gone


def reencode(whole: bytes) -> bytes:
    """The picture alone, as JPEG: place, camera and hidden parts stay behind."""
    try:
        with Image.open(BytesIO(whole), formats=FORMATS) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise InvalidPhoto(413, "This picture has too many pixels. Make it smaller.")
            upright = ImageOps.exif_transpose(picture).convert("RGB")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise InvalidPhoto(
            415, "This is no JPEG, PNG or WebP picture. Send one of those."
        ) from None
    upright.thumbnail((MAX_SIDE_PIXELS, MAX_SIDE_PIXELS))
    out = BytesIO()
    upright.save(out, "JPEG", quality=82)
    return out.getvalue()
