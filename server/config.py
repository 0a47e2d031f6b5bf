"""Settings from environment variables, and the secret key, created on the first start."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

from sync.protocol.json_codec import dump_json, load_json

COMPRESSED = ["text/javascript", "text/css", "image/svg+xml", "application/json"]
MIN_KEY_LENGTH = 32
"""A shorter secret key is refused."""


def data_folder(name: str) -> Path:
    """The folder `templates` or `static`: inside this package in a wheel, else beside it."""
    package = Path(__file__).resolve().parent
    packed = package / name
    return packed if packed.is_dir() else package.parent / name


def settings() -> dict[str, Any]:
    """The settings in the environment: data folder, database, photos, more languages, host names.

    All are optional.
    """
    return {
        "DATA_DIR": str(Path(os.environ.get("LODGE_DATA_DIR", "./var")).resolve()),
        "SQLALCHEMY_DATABASE_URI": os.environ.get("LODGE_DATABASE_URL"),
        "PHOTOS_URL": os.environ.get("LODGE_PHOTOS_URL"),
        "TRANSLATIONS": os.environ.get("LODGE_TRANSLATIONS"),
        "HOSTS": os.environ.get("LODGE_HOSTS"),
    }


def fill_in_defaults(config: Any) -> None:
    """Set the defaults for what is not configured, and create data folder and secret key."""
    data = Path(config["DATA_DIR"])
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    config["SQLALCHEMY_DATABASE_URI"] = with_psycopg_driver(
        config.get("SQLALCHEMY_DATABASE_URI") or f"sqlite:///{data / 'lodge.sqlite3'}"
    )
    # hidden parameters: a database error must not write a visitor's name to the log
    options = {
        "hide_parameters": True,
        "json_serializer": dump_json,
        "json_deserializer": load_json,
    }
    config.setdefault("SQLALCHEMY_ENGINE_OPTIONS", options)
    # what phones load most; desk pages are not compressed, as their size could reveal secrets
    config.setdefault("COMPRESS_MIMETYPES", COMPRESSED)
    config.setdefault("COMPRESS_ALGORITHM", ["gzip"])
    config["SECRET_KEY"] = config.get("SECRET_KEY") or load_or_create_secret_key(
        data / "secret-key"
    )


def with_psycopg_driver(url: str) -> str:
    """A PostgreSQL URL in any spelling, with psycopg 3 as its driver; other URLs unchanged."""
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def load_or_create_secret_key(file: Path) -> str:
    """The secret key in a file that only its owner may read; creates the file if it is missing.

    Raises RuntimeError for a file that others can read, or without a key.
    """
    if not file.exists():
        draft = file.with_name(f"{file.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(secrets.token_urlsafe(48))
        with suppress(FileExistsError):  # another process was faster, and its key is used
            os.link(draft, file)
        draft.unlink()
    return _read_secret_key(file)


def _read_secret_key(file: Path) -> str:
    if file.stat().st_mode & 0o077:
        raise RuntimeError(f"Other users can read {file}. Run: chmod 600 {file}")
    key = file.read_text().strip()
    if len(key) < MIN_KEY_LENGTH:
        raise RuntimeError(f"{file} holds no key. Delete it: a new key ends all sessions.")
    return key
