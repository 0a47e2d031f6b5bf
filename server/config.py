"""Settings from the environment; secrets made on the first start."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

from sync.protocol.json_codec import dump_json, load_json

COMPRESSED = ["text/javascript", "text/css", "image/svg+xml", "application/json"]
MIN_KEY_LENGTH = 32
"""Fewer characters than this are no key."""


def data_folder(name: str) -> Path:
    """The folder `templates` or `static`: inside this package in a wheel, else beside it."""
    package = Path(__file__).resolve().parent
    packed = package / name
    return packed if packed.is_dir() else package.parent / name


def settings() -> dict[str, Any]:
    """What the environment says of data folder, database and photos; all optional."""
    ask = os.environ.get
    return {
        "DATA_DIR": str(Path(ask("LODGE_DATA_DIR", "./var")).resolve()),
        "SQLALCHEMY_DATABASE_URI": ask("LODGE_DATABASE_URL"),
        "PHOTOS_URL": ask("LODGE_PHOTOS_URL"),
    }


def fill_in_defaults(config: Any) -> None:
    """Fill in what nobody set: the data folder, the database in it, the secret key."""
    data = Path(config["DATA_DIR"])
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    config["SQLALCHEMY_DATABASE_URI"] = with_psycopg_driver(
        config.get("SQLALCHEMY_DATABASE_URI") or f"sqlite:///{data / 'lodge.sqlite3'}"
    )
    # hidden parameters: an error of the database must not carry a visitor's name into the log
    options = {
        "hide_parameters": True,
        "json_serializer": dump_json,
        "json_deserializer": load_json,
    }
    config.setdefault("SQLALCHEMY_ENGINE_OPTIONS", options)
    # what a slow phone loads most; pages of the desk stay plain, so that their size tells nothing
    config.setdefault("COMPRESS_MIMETYPES", COMPRESSED)
    config.setdefault("COMPRESS_ALGORITHM", ["gzip"])
    config["SECRET_KEY"] = config.get("SECRET_KEY") or load_or_create_secret_key(
        data / "secret-key"
    )


def with_psycopg_driver(url: str) -> str:
    """PostgreSQL speaks through psycopg 3, however its URL is written."""
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def load_or_create_secret_key(file: Path) -> str:
    """The key of this installation, readable by its owner alone; made when it is not there."""
    if not file.exists():
        own = file.with_name(f"{file.name}.{os.getpid()}")
        with os.fdopen(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(secrets.token_urlsafe(48))
        with suppress(FileExistsError):  # another process was faster: its key is the key
            os.link(own, file)
        own.unlink()
    return _read_secret_key(file)


def _read_secret_key(file: Path) -> str:
    if file.stat().st_mode & 0o077:
        raise RuntimeError(f"{file} can be read by others. Run: chmod 600 {file}")
    key = file.read_text().strip()
    if len(key) < MIN_KEY_LENGTH:
        raise RuntimeError(f"{file} holds no key. Delete it; a new one is made, all sign in anew.")
    return key
