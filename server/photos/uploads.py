"""Uploads of photos: pieces are collected, checked, and stored without the camera's metadata."""

from __future__ import annotations

import errno
import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from flask import current_app
from sqlalchemy import select

from server.auth.rate_limit import RateLimit, count_attempt
from server.bounded.process import Busy
from server.db.engine import db, write_transaction
from server.models.photos import DELETE_PENDING, DELETED, Photo, PhotoLink
from server.oplog import receive
from server.photos.decoding import NotAPicture, PictureTooLarge, reencode
from server.photos.storage import blob_store
from sync.protocol.photos import MAX_PHOTO_BYTES

UNFINISHED_LIFETIME = timedelta(days=7)
"""After this time without a new piece, an unfinished upload is deleted."""
UPLOADS_PER_DEVICE = RateLimit("photo", 1_000, 1_000, timedelta(days=1))
"""Far more than a shift takes, and few enough that one phone cannot fill the disk in a day."""
BEING_STORED = "This photo is being stored. Send it again in a moment."
LOCK_SECONDS = 2
_UPLOAD_LOCKS = tuple(threading.Lock() for _ in range(64))
CONTENT_RANGE = re.compile(r"bytes (\d{1,9})-(\d{1,9})/(\d{1,9})")


class InvalidPhoto(ValueError):
    """Bytes that are not a photo, do not match their hash, do not continue the upload, or cannot be
    stored now.

    Its text says the remedy; `status` is the HTTP status of the response.
    """

    def __init__(self, status: int, remedy: str) -> None:
        super().__init__(remedy)
        self.status = status


def storage_key(site_id: str, sha256: str) -> str:
    """The name of a photo in the blob store."""
    return f"{UUID(site_id)}/{sha256}"


def read_photo(site_id: str, sha256: str) -> bytes:
    """The bytes of a complete photo; raises OSError where the store fails."""
    return blob_store().get(storage_key(site_id, sha256))


def _partial_path(site_id: str, sha256: str) -> Path:
    """The file that collects pieces: always a local one, even if photos are stored in a bucket."""
    return Path(current_app.config["DATA_DIR"]) / "photos" / f"{storage_key(site_id, sha256)}.part"


def find_photo(site_id: str, sha256: str) -> Photo | None:
    """A photo that was uploaded completely, or None."""
    return db.session.get(Photo, (site_id, sha256))


def belongs_to_purged_only(site_id: str, sha256: str) -> bool:
    """V12. Whether only purged records have this photo, so that its bytes must not be stored."""
    links = select(PhotoLink.subject_type).where(
        PhotoLink.site_id == site_id, PhotoLink.sha256 == sha256
    )
    owners = set(db.session.scalars(links))
    return bool(owners) and owners <= {DELETE_PENDING, DELETED}


def delete_photo(site_id: str, sha256: str) -> None:
    """Delete the bytes of a photo, whether its upload is complete or not."""
    blob_store().remove(storage_key(site_id, sha256))
    _partial_path(site_id, sha256).unlink(missing_ok=True)


def received_bytes(site_id: str, sha256: str) -> int:
    """How many bytes of an unfinished upload have arrived."""
    part = _partial_path(site_id, sha256)
    return part.stat().st_size if part.exists() else 0


def add_piece(
    site_id: str, sha256: str, piece: bytes, content_range: str | None, device_id: str | None = None
) -> bool:
    """Add a piece to an upload; True once the photo is complete. Raises InvalidPhoto.

    `device_id`: the phone whose daily number of uploads counts it. Pieces of one photo that arrive
    at once are added one after the other.
    """
    start, total = _parse_range(content_range, len(piece))
    part = _partial_path(site_id, sha256)
    with _one_at_a_time(part), _failures_as_invalid():
        db.session.rollback()  # the photo may have been completed while this request waited
        if find_photo(site_id, sha256):
            return True
        received = received_bytes(site_id, sha256)
        if start > received:
            raise InvalidPhoto(416, f"Continue at byte {received}; the bytes before have arrived.")
        if not part.exists():
            _count_upload(device_id)
        part.parent.mkdir(parents=True, exist_ok=True)
        with part.open("r+b" if part.exists() else "wb") as file:
            file.seek(start)
            file.write(piece)
            file.truncate()
        if start + len(piece) < total:
            return False
        _complete_upload(site_id, sha256, part)
    return True


def _count_upload(device_id: str | None) -> None:
    if device_id and count_attempt((UPLOADS_PER_DEVICE, device_id)):
        raise InvalidPhoto(429, "This phone has sent too many photos today. Try again tomorrow.")


@contextmanager
def _one_at_a_time(part: Path) -> Iterator[None]:
    """Hold the lock of an upload; raise InvalidPhoto if another request holds it for long. Locks
    are shared by uploads, as one for each name that somebody sends would be kept for ever."""
    lock = _UPLOAD_LOCKS[hash(part) % len(_UPLOAD_LOCKS)]
    if not lock.acquire(timeout=LOCK_SECONDS):
        raise InvalidPhoto(503, BEING_STORED)
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _failures_as_invalid() -> Iterator[None]:
    """Raise InvalidPhoto where the disk is full, or another process completed the same upload. Ops
    are still accepted, and the phone tries to send its photos again later."""
    try:
        yield
    except FileNotFoundError:
        raise InvalidPhoto(503, BEING_STORED) from None
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        remedy = "The server's disk is full. Make room; phones will send their photos again."
        raise InvalidPhoto(507, remedy) from None


def _parse_range(content_range: str | None, length: int) -> tuple[int, int]:
    """First byte and total size of a piece of this length."""
    if content_range is None:
        start, total = 0, length
    else:
        match = CONTENT_RANGE.fullmatch(content_range)
        if match is None or int(match[2]) - int(match[1]) + 1 != length:
            raise InvalidPhoto(400, "Send Content-Range: bytes first-last/total.")
        start, total = int(match[1]), int(match[3])
    if total > MAX_PHOTO_BYTES or start + length > total:
        raise InvalidPhoto(413, f"A photo may have {MAX_PHOTO_BYTES} bytes. Make it smaller.")
    return start, total


def _complete_upload(site_id: str, sha256: str, part: Path) -> None:
    """Check and store a photo, and count it in the records that show it, in one transaction."""
    content = part.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        part.unlink()
        raise InvalidPhoto(422, "The bytes do not match the hash. Send the photo from the start.")
    clean = _reencode(content, part)
    blob_store().put(storage_key(site_id, sha256), clean)
    with write_transaction():
        receive.lock_site(site_id)  # two uploads of one photo come one after the other
        if find_photo(site_id, sha256) is None:
            row = {"site_id": site_id, "sha256": sha256, "bytes": len(clean)}
            row |= {"digest": hashlib.sha256(clean).hexdigest()}
            db.session.add(Photo(**row, mime="image/jpeg", received_at=datetime.now(UTC)))
            db.session.flush()
        receive.publish_photo_arrivals(site_id, [sha256])
    part.unlink()


def _reencode(content: bytes, part: Path) -> bytes:
    """The photo as it is stored. Raises InvalidPhoto; what cannot be decoded is deleted."""
    try:
        return reencode(content)
    except Busy:  # what has arrived stays, so the phone need not send it again
        raise InvalidPhoto(503, "Many photos are arriving. Send it again in a moment.") from None
    except NotAPicture:
        part.unlink()
        raise InvalidPhoto(415, "Send a JPEG, PNG or WebP picture.") from None
    except PictureTooLarge:
        part.unlink()
        raise InvalidPhoto(413, "The picture has too many pixels. Make it smaller.") from None


def delete_stale_uploads(site_id: str, now: datetime) -> int:
    """Delete unfinished uploads without a new piece for a week; returns how many."""
    folder, deleted = _partial_path(site_id, "x").parent, 0
    for part in folder.glob("*.part") if folder.exists() else ():
        if now.timestamp() - part.stat().st_mtime > UNFINISHED_LIFETIME.total_seconds():
            part.unlink(missing_ok=True)
            deleted += 1
    return deleted
