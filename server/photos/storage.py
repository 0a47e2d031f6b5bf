"""Storage for the bytes of photos: a folder of the server, or a bucket of S3-compatible storage.

Names have the form `<site id>/<sha256>` and are made by the server, so they need no escaping.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from flask import current_app

EXTENSION_KEY = "lodge-blob-store"


class BlobStore(Protocol):
    """Stores bytes by name. Each method raises OSError where the storage fails."""

    def put(self, name: str, content: bytes) -> None:
        """Store bytes; on return they survive a power cut."""

    def get(self, name: str) -> bytes:
        """The stored bytes."""

    def remove(self, name: str) -> None:
        """Delete the bytes, if there are any."""


class LocalStore:
    """A folder of files. A file appears under its name only when it is complete."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, name: str, content: bytes) -> None:
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(f".{uuid4().hex}.part")
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
        fsync_folder(target.parent)

    def get(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def remove(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)


class S3Store:
    """A bucket, given as `s3://bucket/prefix?endpoint=https://…`; boto3 finds the credentials."""

    def __init__(self, url: str) -> None:
        try:
            import boto3
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError, ClientError
        except ImportError:
            raise RuntimeError("Photos in a bucket need boto3: pip install boto3") from None
        parts = urlsplit(url)
        endpoint = parse_qs(parts.query).get("endpoint", [None])[0]
        self.bucket, self.prefix = parts.netloc, parts.path.strip("/")
        config = Config(connect_timeout=3, read_timeout=20, retries={"total_max_attempts": 2})
        self.client: Any = boto3.client("s3", endpoint_url=endpoint, config=config)
        self.failures = (BotoCoreError, ClientError)

    def put(self, name: str, content: bytes) -> None:
        with self._client_errors_as_oserror():
            self.client.put_object(**self._location(name), Body=content, ContentType="image/jpeg")

    def get(self, name: str) -> bytes:
        with self._client_errors_as_oserror():
            content: bytes = self.client.get_object(**self._location(name))["Body"].read()
        return content

    def remove(self, name: str) -> None:
        with self._client_errors_as_oserror():
            self.client.delete_object(**self._location(name))

    @contextmanager
    def _client_errors_as_oserror(self) -> Iterator[None]:
        """Raise the client's errors as OSError, as a local disk would."""
        try:
            yield
        except self.failures as error:
            raise OSError(errno.EIO, f"the bucket: {type(error).__name__}") from error

    def _location(self, name: str) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": f"{self.prefix}/{name}".lstrip("/")}


def blob_store() -> BlobStore:
    """The store of this application, by its settings; made once."""
    if EXTENSION_KEY not in current_app.extensions:
        url = current_app.config["PHOTOS_URL"]
        folder = Path(current_app.config["DATA_DIR"]) / "photos"
        current_app.extensions[EXTENSION_KEY] = S3Store(url) if url else LocalStore(folder)
    store: BlobStore = current_app.extensions[EXTENSION_KEY]
    return store


def fsync_folder(folder: Path) -> None:
    """Write a folder's entries to disk, so that a file renamed into it survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
