"""The large demo, built once and kept in `.cache` until the code that makes it changes.

Building takes minutes, copying a second. A kept database is at most MAX_AGE old, so that its last
days are still recent for the pages that a test opens.
"""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

from server import create_app
from server.db.engine import db
from server.maintenance import demo
from server.maintenance.upgrade import upgrade

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".cache" / "large-estate"
SOURCES = (
    "sync",
    *(f"server/{room}" for room in ("auth", "db", "jobs", "maintenance", "migrations", "models")),
    "server/oplog",
)
MAX_AGE = timedelta(days=7)


def copy_large_estate(folder: Path) -> Path:
    """Copy the data folder of the large demo to `folder`/var, built first if need be."""
    with _locked_cache():
        built = CACHE / _source_hash()
        if not _is_usable(built):
            _build(built)
        return shutil.copytree(built, folder / "var")


@contextmanager
def _locked_cache() -> Iterator[None]:
    """One process builds, the others wait for it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _source_hash() -> str:
    """A hash over the code that makes the database: file names and contents."""
    digest = sha256()
    for source in SOURCES:
        for file in sorted((ROOT / source).rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _is_usable(built: Path) -> bool:
    return built.exists() and time.time() - built.stat().st_mtime < MAX_AGE.total_seconds()


def _build(target: Path) -> None:
    """Replace whatever is in the cache; an interrupted build leaves nothing that looks built."""
    for old in CACHE.iterdir():
        if old.is_dir():
            shutil.rmtree(old)
    unfinished = CACHE / "unfinished"
    unfinished.mkdir()
    database = unfinished / "lodge.sqlite3"
    app = create_app(
        {"DATA_DIR": str(unfinished), "SQLALCHEMY_DATABASE_URI": f"sqlite:///{database}"}
    )
    with app.app_context():
        upgrade()
        demo.build(size="large")
        db.session.remove()
        db.engine.dispose()
    unfinished.rename(target)
