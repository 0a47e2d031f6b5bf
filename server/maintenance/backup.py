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

from server.db.engine import db, writing
from server.maintenance.epoch import begin_anew
from server.models import ServerState, SiteFeed
from server.oplog.directory import forget
from server.photos.storage import sync_folder
from server.version import VERSION
from sync.protocol.clock import iso

FORMAT, TURNS = 1, 6
DATABASE, MANIFEST, KEY, PHOTOS = "database", "manifest.json", "secret-key", "photos"
TAKEN = "backup_taken_at"
"""Until when everything that came in is in a backup that was read again: phones go by it."""


class Unfit(Exception):
    """A backup that cannot be taken or put back, with the remedy."""


def backup(target: Path) -> dict[str, Any]:
    """Write a backup that is whole or not there, read it again, and note until when it reaches."""
    taken_at = datetime.now(UTC)
    target = target.resolve()
    with TemporaryDirectory(dir=target.parent, prefix=".backup-") as place:
        folder = Path(place)
        _dump(folder / DATABASE)
        _copy_files(folder)
        told = {"format": FORMAT, "version": VERSION, "taken_at": iso(taken_at)}
        told |= {"dialect": db.engine.dialect.name, "sites": _heads()}
        told |= {"files": {name: _sum(folder / name) for name in _names(folder)}}
        (folder / MANIFEST).write_text(json.dumps(told, indent=1, sort_keys=True))
        whole = _packed(folder, target)
    check(whole)
    whole.replace(target)
    sync_folder(target.parent)
    _note(taken_at)
    return told


def check(source: Path) -> dict[str, Any]:
    """The manifest of a backup whose every file has its sum; raises Unfit with the remedy."""
    try:
        with tarfile.open(source) as tar, TemporaryDirectory() as place:
            tar.extractall(place, filter="data")
            return _checked(Path(place))
    except (tarfile.TarError, EOFError, OSError) as error:
        raise Unfit(f"{source} is no backup, or is damaged ({error}). Take another.") from error


def restore(source: Path) -> dict[str, Any]:
    """Put a backup in place of what is here, under a new epoch; Unfit ones change nothing."""
    try:
        with tarfile.open(source) as tar, TemporaryDirectory() as place:
            tar.extractall(place, filter="data")
            folder = Path(place)
            told = _checked(folder)
            _load(folder / DATABASE)
            _put_back(folder)
    except (tarfile.TarError, EOFError) as error:
        raise Unfit(f"{source} is no backup, or is damaged ({error}). Take another.") from error
    begin_anew()
    _mark().unlink()
    forget()
    return told


def is_cut_off() -> bool:
    """Whether a restore ended before the new epoch: the phones would not notice that they have to
    offer again what they hold."""
    return _mark().exists()


def _mark() -> Path:
    return Path(current_app.config["DATA_DIR"]) / "restoring"


def watermark() -> str | None:
    """Until when a checked backup reaches; None as long as there is none."""
    row = db.session.get(ServerState, TAKEN)
    return row.value if row else None


def _dump(target: Path) -> None:
    if db.engine.dialect.name == "sqlite":
        with _sqlite(_file()) as live, _sqlite(target) as copy:
            live.backup(copy)
            if copy.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                raise Unfit("The database is damaged: restore an older backup.")
    else:
        _run("pg_dump", "--format=custom", f"--file={target}")


def _load(source: Path) -> None:
    """Into the database that is there: whoever still has it open sees the restored one."""
    kind = "sqlite" if source.read_bytes()[:6] == b"SQLite" else "postgresql"
    if kind != db.engine.dialect.name:
        remedy = "Restore it there first, then run: lodge move"
        raise Unfit(f"This backup is of {kind}, the database here is not. {remedy}")
    db.session.remove()
    db.engine.dispose()
    was_cut_off = is_cut_off()
    _mark().touch()
    sync_folder(_mark().parent)
    try:
        _put_in(source)
    except BaseException:  # all or nothing: what was here is here
        if not was_cut_off:
            _mark().unlink()
        raise


def _put_in(source: Path) -> None:
    if db.engine.dialect.name == "sqlite":
        with _sqlite(source) as kept, _sqlite(_file()) as live:
            kept.backup(live)
    else:
        how = ("--clean", "--if-exists", "--no-owner", "--single-transaction")
        _run("pg_restore", *how, str(source))


def _copy_files(folder: Path) -> None:
    data = Path(current_app.config["DATA_DIR"])
    if (data / KEY).exists():
        shutil.copy2(data / KEY, folder / KEY)
    for file in _files(data / PHOTOS):
        copy = folder / PHOTOS / file.relative_to(data / PHOTOS)
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(file, copy)  # bytes of a photo never change: a second name is enough
        except FileNotFoundError:
            continue  # forgotten in this moment
        except OSError:
            shutil.copy2(file, copy)


def _put_back(folder: Path) -> None:
    """Photos are added to what is here: their names are their sums."""
    data = Path(current_app.config["DATA_DIR"])
    for file in _files(folder / PHOTOS):
        target = data / PHOTOS / file.relative_to(folder / PHOTOS)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            _copy_whole(file, target)
    if (folder / KEY).exists():
        (folder / KEY).chmod(0o600)
        _copy_whole(folder / KEY, data / KEY)


def _copy_whole(file: Path, target: Path) -> None:
    """Under its name it is whole: half a photo would be taken for the photo ever after."""
    piece = target.with_name(f"{target.name}.part")
    shutil.copy2(file, piece)
    piece.replace(target)


def _files(folder: Path) -> Iterator[Path]:
    found = sorted(folder.rglob("*")) if folder.exists() else []
    return (file for file in found if file.is_file() and file.suffix != ".part")


def _names(folder: Path) -> list[str]:
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return [file.relative_to(folder).as_posix() for file in files]


def _packed(folder: Path, target: Path) -> Path:
    whole = target.with_name(f".{target.name}.{os.getpid()}")
    with os.fdopen(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        with tarfile.open(fileobj=out, mode="w:gz", compresslevel=3) as tar:
            for name in _names(folder):
                tar.add(folder / name, arcname=name)
        out.flush()
        os.fsync(out.fileno())
    return whole


def _checked(folder: Path) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        sums = {name: _sum(folder / name) for name in told["files"]}
    except (OSError, ValueError, KeyError) as error:
        raise Unfit(f"This backup is not whole ({error}). Take another.") from error
    if told["format"] > FORMAT:
        raise Unfit(f"This backup was made by Lodge {told['version']}. Update this one first.")
    wrong = [name for name, sum_ in sums.items() if sum_ != told["files"][name]]
    if wrong:
        raise Unfit(f"In this backup {wrong[0]} was changed. Take another.")
    return told


def _heads() -> dict[str, int]:
    rows = db.session.execute(select(SiteFeed.site_id, SiteFeed.head))
    return {row.site_id: row.head for row in rows}


def _note(taken_at: datetime) -> None:
    """SQLite lets another process in by chance only, where one writes without a pause."""
    for turn in range(TURNS, 0, -1):
        try:
            with writing():
                db.session.merge(ServerState(key=TAKEN, value=iso(taken_at)))
            return
        except OperationalError:
            if turn == 1:
                raise


def _sum(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


class _sqlite:  # noqa: N801 - reads as the call that it is
    """A connection that is closed at the end; sqlite3's own context only commits."""

    def __init__(self, file: Path) -> None:
        self.base = sqlite3.connect(file, timeout=30)

    def __enter__(self) -> sqlite3.Connection:
        return self.base

    def __exit__(self, *_: object) -> None:
        self.base.close()


def _file() -> Path:
    return Path(db.engine.url.database or "")


def _run(tool: str, *words: str) -> None:
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
        raise Unfit(f"{tool} is not here: apt install postgresql-client") from None
    except subprocess.CalledProcessError as error:
        raise Unfit(f"{tool}: {error.stderr.strip()[-300:]}") from None
