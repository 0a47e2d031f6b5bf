"""Backups: database, photos and secret key in one archive, written while the server runs.

A restored database gets a new epoch, so that phones re-upload what the backup does not have.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from gettext import gettext as _
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flask import current_app
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from server.config import (
    BACKUP_KEY_FILE,
    KEY_FILE,
    load_or_create_keys,
    merge_keys,
    read_keys,
)
from server.db.engine import db, write_transaction
from server.maintenance.archive import BackupError, extracted_archive, write_archive
from server.maintenance.backup_seal import (
    decrypt_file,
    encrypt_file,
    is_encrypted,
    is_sealed_by,
    seal_file,
)
from server.maintenance.database_dump import dump_database, replace_database
from server.maintenance.epoch import replace_epoch
from server.models.feed import ServerState, SiteHead
from server.oplog.directory import invalidate_directories
from server.oplog.hash_chain import log_head
from server.oplog.replay import all_site_ids
from server.photos.storage import fsync_folder
from server.version import VERSION
from sync.protocol.clock import format_time

WRITE_ATTEMPTS = 6
DATABASE, PHOTOS, ENCRYPTED = "database", "photos", "encrypted"
TAKEN_AT_KEY = "backup_taken_at"
"""Row of `server_state`: when the newest checked backup was begun. Everything received before is
in it, so phones may delete their copies."""


def create_backup(target: Path, passphrase: str | None = None) -> dict[str, Any]:
    """Write a backup file, read it again, and store its time for phones; returns its manifest.

    It is sealed with the backup key of this server, and encrypted if there is a passphrase. The
    file appears only when it is complete and checked. Raises BackupError.
    """
    taken_at = datetime.now(UTC)
    target = target.resolve()
    manifest: dict[str, Any] = {
        "version": VERSION,
        "taken_at": format_time(taken_at),
        "dialect": db.engine.dialect.name,
    }
    with TemporaryDirectory(dir=target.parent, prefix=".backup-") as place:
        folder = Path(place)
        manifest["links"] = _newest_links()  # before the dump, which then contains them
        dump_database(folder / DATABASE)
        _copy_files(folder)
        manifest["sites"] = _site_heads()
        archive = write_archive(folder, manifest, target)
        seal_file(archive, load_or_create_keys(backup_key_file())[0])
        if passphrase:
            encrypt_file(archive, folder / ENCRYPTED, passphrase)
            (folder / ENCRYPTED).replace(archive)
    verify_backup(archive, passphrase)
    archive.replace(target)
    fsync_folder(target.parent)
    _save_taken_at(taken_at)
    return manifest


def verify_backup(source: Path, passphrase: str | None = None) -> dict[str, Any]:
    """Check seal and files of a backup; returns its manifest. Raises BackupError."""
    with _opened(source, passphrase, backup_key_file()) as (_folder, manifest):
        return manifest


def restore_backup(
    source: Path,
    passphrase: str | None = None,
    key_file: Path | None = None,
    *,
    unverified: bool = False,
    finish: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Replace database and key by a backup, add its photos, begin a new epoch.

    `key_file` has the backup key of the server that made it; without one it is this server's.
    `unverified`: take a backup whose seal does not fit. `finish` gets the manifest, and is part of
    the restore: one that is interrupted in it has to be repeated. Returns the manifest. Raises
    BackupError, before anything is changed, if it is damaged, changed, or sealed by another server.
    """
    keys = key_file or backup_key_file()
    with _opened(source, passphrase, None if unverified else keys) as (folder, manifest):
        _load_database(folder / DATABASE)
        _restore_files(folder)
    replace_epoch()
    invalidate_directories()
    if finish:
        finish(manifest)
    _restore_marker().unlink()
    return manifest


@contextmanager
def _opened(
    source: Path, passphrase: str | None, key_file: Path | None
) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The files of a backup and its manifest, once its seal was checked by a key of `key_file`, or
    its encryption by the passphrase; without a file the seal is not checked."""
    with TemporaryDirectory() as place:
        archive = source
        if is_encrypted(source):
            if not passphrase:
                message = _("%(file)s is encrypted. Give its passphrase.")
                raise BackupError(message % {"file": source})
            archive = Path(place) / ENCRYPTED
            decrypt_file(source, archive, passphrase)
        elif key_file and not (key_file.exists() and is_sealed_by(source, read_keys(key_file))):
            message = _(
                "The seal of %(file)s does not fit: it was changed, or another server made it. "
                "Use another one; or name that server's backup key with --key-file; or, if you "
                "are sure of it, add --unverified."
            )
            raise BackupError(message % {"file": source})
        with extracted_archive(archive) as opened:
            yield opened


def backup_key_file() -> Path:
    """The key with which this server seals its backups. It is in no backup: keep a copy of it."""
    return Path(current_app.config["DATA_DIR"]) / BACKUP_KEY_FILE


def is_restore_unfinished() -> bool:
    """Whether a restore was interrupted before the new epoch, without which phones would not
    re-upload anything."""
    return _restore_marker().exists()


def _restore_marker() -> Path:
    return Path(current_app.config["DATA_DIR"]) / "restoring"


def backup_watermark() -> str | None:
    """When the newest checked backup was begun, as ISO time; None without a backup."""
    row = db.session.get(ServerState, TAKEN_AT_KEY)
    return row.value if row else None


def _load_database(source: Path) -> None:
    """Load a dump into the existing database; open connections see the restored one."""
    kind = "sqlite" if source.read_bytes()[:6] == b"SQLite" else "postgresql"
    if kind != db.engine.dialect.name:
        message = _(
            "This backup is of %(kind)s, this database is not. Restore it into %(kind)s, "
            "then run: lodge move"
        )
        raise BackupError(message % {"kind": kind})
    db.session.remove()
    db.engine.dispose()
    was_unfinished = is_restore_unfinished()
    _restore_marker().touch()
    fsync_folder(_restore_marker().parent)
    try:
        replace_database(source)
    except BaseException:  # the database is unchanged: both tools restore all or nothing
        if not was_unfinished:
            _restore_marker().unlink()
        raise


def _copy_files(folder: Path) -> None:
    data = Path(current_app.config["DATA_DIR"])
    if (data / KEY_FILE).exists():
        shutil.copy2(data / KEY_FILE, folder / KEY_FILE)
    for file in _finished_files(data / PHOTOS):
        copy = folder / PHOTOS / file.relative_to(data / PHOTOS)
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(file, copy)  # a hard link: photos never change
        except FileNotFoundError:
            continue  # purged meanwhile
        except OSError:
            shutil.copy2(file, copy)


def _restore_files(folder: Path) -> None:
    """Add the photos of a backup to the existing ones (names are hashes), replace the key."""
    data = Path(current_app.config["DATA_DIR"])
    for file in _finished_files(folder / PHOTOS):
        target = data / PHOTOS / file.relative_to(folder / PHOTOS)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            _copy_atomically(file, target)
    if (folder / KEY_FILE).exists():
        (folder / KEY_FILE).chmod(0o600)
        merge_keys(data / KEY_FILE, read_keys(folder / KEY_FILE))


def _copy_atomically(file: Path, target: Path) -> None:
    """Copy so that the target never exists half written."""
    part = target.with_name(f"{target.name}.part")
    shutil.copy2(file, part)
    part.replace(target)


def _finished_files(folder: Path) -> Iterator[Path]:
    files = sorted(folder.rglob("*")) if folder.exists() else []
    return (file for file in files if file.is_file() and file.suffix != ".part")


def _site_heads() -> dict[str, int]:
    rows = db.session.execute(select(SiteHead.site_id, SiteHead.head))
    return {row.site_id: row.head for row in rows}


def _newest_links() -> dict[str, dict[str, Any]]:
    """Where the log of each site ends now: `place` and `link`."""
    heads = {site_id: log_head(site_id) for site_id in all_site_ids()}
    db.session.rollback()
    return {id_: {"place": head.judged, "link": head.link} for id_, head in heads.items()}


def _save_taken_at(taken_at: datetime) -> None:
    """Retries: SQLite is not fair between processes, and the server may write without a pause."""
    for attempts_left in range(WRITE_ATTEMPTS, 0, -1):
        try:
            with write_transaction():
                db.session.merge(ServerState(key=TAKEN_AT_KEY, value=format_time(taken_at)))
            return
        except OperationalError:
            if attempts_left == 1:
                raise
