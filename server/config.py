"""Settings from environment variables, and the secret key, created on the first start."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sqlalchemy.engine import make_url

from sync.protocol.json_codec import dump_json, load_json

COMPRESSED = ["text/javascript", "text/css", "image/svg+xml", "application/json"]
DIGEST_SECONDS = 600
"""How often the digest of a phone's records is computed anew at most."""
MIN_KEY_LENGTH = 32
"""A shorter secret key is refused."""
MAX_KEYS = 5
"""So many keys are kept: the newest signs, the others verify what was signed before."""
KEY_FILE, BACKUP_KEY_FILE = "secret-key", "backup-key"
VERIFIED = frozenset({"verify-ca", "verify-full"})
"""The values of `sslmode` with which PostgreSQL's client knows whom it talks to."""
OWN_FILES = ("lodge.sqlite3*", "photos", "photos/*", "photos/*/*")
"""What is in the data folder besides the keys."""


class UnencryptedService(Exception):
    """A setting sends records to another machine in the clear, or to whoever answers there; the
    text of the exception is its name."""


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
    refuse_unencrypted(config["SQLALCHEMY_DATABASE_URI"], config.get("PHOTOS_URL"))
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
    config.setdefault("DIGEST_SECONDS", DIGEST_SECONDS)
    if not config.get("SECRET_KEY"):
        newest, *older = load_or_create_keys(data / KEY_FILE)
        config.update(SECRET_KEY=newest, SECRET_KEY_FALLBACKS=older)


def with_psycopg_driver(url: str) -> str:
    """A PostgreSQL URL in any spelling, with psycopg 3 as its driver; other URLs unchanged."""
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def refuse_unencrypted(database: str, photos: str | None) -> None:
    """Raise UnencryptedService for a database or a bucket of another machine without TLS that
    verifies who answers."""
    url = make_url(database)
    named = [url.host or "", *str(url.query.get("host", "")).split(",")]
    is_verified = (url.query.get("sslmode") or os.environ.get("PGSSLMODE")) in VERIFIED
    if url.get_backend_name() == "postgresql" and not (is_verified or all(map(_is_here, named))):
        raise UnencryptedService("LODGE_DATABASE_URL")
    for endpoint in parse_qs(urlsplit(photos or "").query).get("endpoint", ()):
        address = urlsplit(endpoint)
        if address.scheme != "https" and not _is_here(address.hostname or ""):
            raise UnencryptedService("LODGE_PHOTOS_URL")


def _is_here(host: str) -> bool:
    """Whether a host is this machine: no name, the folder of a socket, or a loopback address."""
    return host in ("", "localhost", "::1") or host.startswith(("/", "127."))


def load_or_create_keys(file: Path) -> list[str]:
    """The secret keys in a file that only its owner may read, one a line, the newest first; creates
    the file with one key if it is missing.

    Raises RuntimeError for a file that others can read, or without a key.
    """
    if not file.exists():
        draft = _draft_key_file(file, [secrets.token_urlsafe(48)])
        with suppress(FileExistsError):  # another process was faster, and its key is used
            os.link(draft, file)
        draft.unlink()
    return read_keys(file)


def add_key(file: Path) -> int:
    """Put a new key before those of the file, and drop those beyond `MAX_KEYS`; returns how many
    there are now. Raises RuntimeError as `load_or_create_keys`."""
    keys = [secrets.token_urlsafe(48), *load_or_create_keys(file)][:MAX_KEYS]
    _draft_key_file(file, keys).replace(file)
    return len(keys)


def merge_keys(file: Path, more: list[str]) -> None:
    """Add keys that only verify behind those of the file, which keeps its newest one."""
    present = read_keys(file) if file.exists() else []
    keys = list(dict.fromkeys([*present, *more]))[:MAX_KEYS]
    _draft_key_file(file, keys).replace(file)


def _draft_key_file(file: Path, keys: list[str]) -> Path:
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write("\n".join(keys))
        out.flush()
        os.fsync(out.fileno())
    return draft


def read_keys(file: Path) -> list[str]:
    """The keys in a file. Raises RuntimeError as `load_or_create_keys`."""
    if file.stat().st_mode & 0o077:
        raise RuntimeError(f"Other users can read {file}. Run: chmod 600 {file}")
    keys = file.read_text().split()
    if not keys or any(len(key) < MIN_KEY_LENGTH for key in keys):
        raise RuntimeError(f"{file} holds no key. Delete it: a new key ends all sessions.")
    return keys


def make_private(folder: Path) -> None:
    """Take the rights of other users off the data folder and off what Lodge keeps in it. Key files
    are left out: one that others could read is no secret any more, so reading it is an error.

    Raises RuntimeError where that needs another user.
    """
    own = (path for pattern in OWN_FILES for path in folder.glob(pattern))
    try:
        for path in (folder, *own):
            if path.stat().st_mode & 0o077 and not path.is_symlink():
                path.chmod(path.stat().st_mode & 0o700)
    except PermissionError as error:
        message = f"Other users can read {error.filename}. Run: sudo chmod -R go= {folder}"
        raise RuntimeError(message) from None
