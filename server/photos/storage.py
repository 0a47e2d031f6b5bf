"""Where photos lie: on a disk of the server, or in a bucket of S3-compatible storage.

A name is `<site>/<sha256>`: it comes from us, never from a phone.
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


class BlobStore(Protocol):
    """What is put there stays there: `put` returns when a power cut can take it no more."""

    def put(self, name: str, content: bytes) -> None: ...

    def get(self, name: str) -> bytes: ...

    def remove(self, name: str) -> None: ...


class LocalStore:
    """A folder; whole files alone have a name in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, name: str, content: bytes) -> None:
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_suffix(f".{uuid4().hex}.part")
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(target)
        fsync_folder(target.parent)

    def get(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def remove(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)


class S3Store:
    """`s3://bucket/prefix?endpoint=https://…`; keys come from where boto3 looks for them."""

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
        patience = Config(connect_timeout=3, read_timeout=20, retries={"total_max_attempts": 2})
        self.client: Any = boto3.client("s3", endpoint_url=endpoint, config=patience)
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
        """A bucket that does not answer is a disk that does not: try again later."""
        try:
            yield
        except self.failures as error:
            raise OSError(errno.EIO, f"the bucket: {type(error).__name__}") from error

    def _location(self, name: str) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": f"{self.prefix}/{name}".lstrip("/")}


def blob_store() -> BlobStore:
    """The one of this application."""
    kept = current_app.extensions
    if "lodge-shelf" not in kept:
        url = current_app.config["PHOTOS_URL"]
        disk = Path(current_app.config["DATA_DIR"]) / "photos"
        kept["lodge-shelf"] = S3Store(url) if url else LocalStore(disk)
    found: BlobStore = kept["lodge-shelf"]
    return found


def fsync_folder(folder: Path) -> None:
    """What a folder holds is on the disk as well."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
