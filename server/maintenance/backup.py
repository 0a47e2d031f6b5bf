"""Backups: database, photos and key in one file; taken under load, checked, put back.

A restored database begins a new epoch, so that phones offer again what they still hold.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flask import current_app
from sqlalchemy import make_url, select
from sqlalchemy.exc import OperationalError

from server.db.engine import db, write_transaction
from server.maintenance.epoch import replace_epoch
from server.models.feed import ServerState, SiteHead
from server.oplog.directory import invalidate_directories
from server.photos.storage import fsync_folder
from server.version import VERSION
from sync.protocol.clock import format_time

FORMAT, WRITE_ATTEMPTS = 1, 6
DATABASE, MANIFEST, KEY_FILE, PHOTOS = "database", "manifest.json", "secret-key", "photos"
TAKEN_AT_KEY = "backup_taken_at"
"""Until when everything that came in is in a backup that was read again: phones go by it."""


class BackupError(Exception):
    """A backup that cannot be taken or put back, with the remedy."""


def create_backup(target: Path) -> dict[str, Any]:
    """Write a backup that is whole or not there, read it again, and note until when it reaches."""
    taken_at = datetime.now(UTC)
    target = target.resolve()
    with TemporaryDirectory(dir=target.parent, prefix=".backup-") as place:
        folder = Path(place)
        _dump(folder / DATABASE)
        _copy_files(folder)
        told = {"format": FORMAT, "version": VERSION, "taken_at": format_time(taken_at)}
        told |= {"dialect": db.engine.dialect.name, "sites": _site_heads()}
        told |= {"files": {name: _file_sha256(folder / name) for name in _relative_names(folder)}}
        (folder / MANIFEST).write_text(json.dumps(told, indent=1, sort_keys=True))
        whole = _write_archive(folder, target)
    verify_backup(whole)
    whole.replace(target)
    fsync_folder(target.parent)
    _save_taken_at(taken_at)
    return told


def verify_backup(source: Path) -> dict[str, Any]:
    """The manifest of a backup whose every file has its sum; raises Unfit with the remedy."""
    try:
        with tarfile.open(source) as tar, TemporaryDirectory() as place:
            tar.extractall(place, filter="data")
            return _read_verified_manifest(Path(place))
    except (tarfile.TarError, EOFError, OSError) as error:
        raise BackupError(
            f"{source} is no backup, or is damaged ({error}). Take another."
        ) from error


def restore_backup(source: Path) -> dict[str, Any]:
    """Put a backup in place of what is here, under a new epoch; Unfit ones change nothing."""
    try:
        with tarfile.open(source) as tar, TemporaryDirectory() as place:
            tar.extractall(place, filter="data")
            folder = Path(place)
            told = _read_verified_manifest(folder)
            _load_database(folder / DATABASE)
            _restore_files(folder)
    except (tarfile.TarError, EOFError) as error:
        raise BackupError(
            f"{source} is no backup, or is damaged ({error}). Take another."
        ) from error
    replace_epoch()
    _restore_marker().unlink()
    invalidate_directories()
    return told


def is_restore_unfinished() -> bool:
    """Whether a restore ended before the new epoch: the phones would not notice that they have to
    offer again what they hold."""
    return _restore_marker().exists()


def _restore_marker() -> Path:
    return Path(current_app.config["DATA_DIR"]) / "restoring"


def backup_watermark() -> str | None:
    """Until when a checked backup reaches; None as long as there is none."""
    row = db.session.get(ServerState, TAKEN_AT_KEY)
    return row.value if row else None


def _dump(target: Path) -> None:
    if db.engine.dialect.name == "sqlite":
        with _SqliteConnection(_sqlite_path()) as live, _SqliteConnection(target) as copy:
            live.backup(copy)
            if copy.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                raise BackupError("The database is damaged: restore an older backup.")
    else:
        _run_postgres_tool("pg_dump", "--format=custom", f"--file={target}")


def _load_database(source: Path) -> None:
    """Into the database that is there: whoever still has it open sees the restored one."""
    kind = "sqlite" if source.read_bytes()[:6] == b"SQLite" else "postgresql"
    if kind != db.engine.dialect.name:
        remedy = "Restore it there first, then run: lodge move"
        raise BackupError(f"This backup is of {kind}, the database here is not. {remedy}")
    db.session.remove()
    db.engine.dispose()
    was_cut_off = is_restore_unfinished()
    _restore_marker().touch()
    fsync_folder(_restore_marker().parent)
    try:
        _replace_database(source)
    except BaseException:  # all or nothing: what was here is here
        if not was_cut_off:
            _restore_marker().unlink()
        raise


def _replace_database(source: Path) -> None:
    if db.engine.dialect.name == "sqlite":
        with _SqliteConnection(source) as kept, _SqliteConnection(_sqlite_path()) as live:
            kept.backup(live)
    else:
        how = ("--clean", "--if-exists", "--no-owner", "--single-transaction")
        _run_postgres_tool("pg_restore", *how, str(source))


def _copy_files(folder: Path) -> None:
    data = Path(current_app.config["DATA_DIR"])
    if (data / KEY_FILE).exists():
        shutil.copy2(data / KEY_FILE, folder / KEY_FILE)
    for file in _finished_files(data / PHOTOS):
        copy = folder / PHOTOS / file.relative_to(data / PHOTOS)
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(file, copy)  # bytes of a photo never change: a second name is enough
        except FileNotFoundError:
            continue  # forgotten in this moment
        except OSError:
            shutil.copy2(file, copy)


def _restore_files(folder: Path) -> None:
    """Photos are added to what is here: their names are their sums."""
    data = Path(current_app.config["DATA_DIR"])
    for file in _finished_files(folder / PHOTOS):
        target = data / PHOTOS / file.relative_to(folder / PHOTOS)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            _copy_atomically(file, target)
    if (folder / KEY_FILE).exists():
        (folder / KEY_FILE).chmod(0o600)
        _copy_atomically(folder / KEY_FILE, data / KEY_FILE)


def _copy_atomically(file: Path, target: Path) -> None:
    """Under its name it is whole: half a photo would be taken for the photo ever after."""
    piece = target.with_name(f"{target.name}.part")
    shutil.copy2(file, piece)
    piece.replace(target)


def _finished_files(folder: Path) -> Iterator[Path]:
    found = sorted(folder.rglob("*")) if folder.exists() else []
    return (file for file in found if file.is_file() and file.suffix != ".part")


def _relative_names(folder: Path) -> list[str]:
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return [file.relative_to(folder).as_posix() for file in files]


def _write_archive(folder: Path, target: Path) -> Path:
    whole = target.with_name(f".{target.name}.{os.getpid()}")
    with os.fdopen(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        with tarfile.open(fileobj=out, mode="w:gz", compresslevel=3) as tar:
            for name in _relative_names(folder):
                tar.add(folder / name, arcname=name)
        out.flush()
        os.fsync(out.fileno())
    return whole


def _read_verified_manifest(folder: Path) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        sums = {name: _file_sha256(folder / name) for name in told["files"]}
    except (OSError, ValueError, KeyError) as error:
        raise BackupError(f"This backup is not whole ({error}). Take another.") from error
    if told["format"] > FORMAT:
        raise BackupError(
            f"This backup was made by Lodge {told['version']}. Update this one first."
        )
    wrong = [name for name, sum_ in sums.items() if sum_ != told["files"][name]]
    if wrong:
        raise BackupError(f"In this backup {wrong[0]} was changed. Take another.")
    return told


def _site_heads() -> dict[str, int]:
    rows = db.session.execute(select(SiteHead.site_id, SiteHead.head))
    return {row.site_id: row.head for row in rows}


def _save_taken_at(taken_at: datetime) -> None:
    """SQLite lets another process in by chance only, where one writes without a pause."""
    for turn in range(WRITE_ATTEMPTS, 0, -1):
        try:
            with write_transaction():
                db.session.merge(ServerState(key=TAKEN_AT_KEY, value=format_time(taken_at)))
            return
        except OperationalError:
            if turn == 1:
                raise


def _file_sha256(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


class _SqliteConnection:
    """A connection that is closed at the end; sqlite3's own context only commits."""

    def __init__(self, file: Path) -> None:
        self.connection = sqlite3.connect(file, timeout=30)

    def __enter__(self) -> sqlite3.Connection:
        return self.connection

    def __exit__(self, *_: object) -> None:
        self.connection.close()


def _sqlite_path() -> Path:
    return Path(db.engine.url.database or "")


def _run_postgres_tool(tool: str, *words: str) -> None:
    """One of PostgreSQL's own tools; a password must not stand where `ps` shows it."""
    url = make_url(current_app.config["SQLALCHEMY_DATABASE_URI"])
    base = url.set(drivername="postgresql", password=None).render_as_string()
    secret = {"PGPASSWORD": url.password} if url.password else {}
    try:
        subprocess.run(  # noqa: S603 - our own words, and no shell
            [tool, *words, f"--dbname={base}"],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, **secret},
        )
    except FileNotFoundError:
        raise BackupError(f"{tool} is not here: apt install postgresql-client") from None
    except subprocess.CalledProcessError as error:
        raise BackupError(f"{tool}: {error.stderr.strip()[-300:]}") from None
