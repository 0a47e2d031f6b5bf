"""The archive of a backup: a tar of files with a manifest that has the SHA-256 of each."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from gettext import gettext as _
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

FORMAT = 1
MANIFEST = "manifest.json"


class BackupError(Exception):
    """A backup cannot be created or restored; the message says what to do."""


def write_archive(folder: Path, manifest: dict[str, Any], target: Path) -> Path:
    """Write a manifest and the files of a folder into a temporary archive beside `target`.

    Adds format and hashes to the manifest. Returns the path; the caller checks and renames it.
    """
    names = _relative_names(folder)
    hashes = {name: _file_sha256(folder / name) for name in names}
    manifest |= {"format": FORMAT, "files": hashes}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True))
    archive = target.with_name(f".{target.name}.{os.getpid()}")
    with os.fdopen(os.open(archive, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        with tarfile.open(fileobj=out, mode="w:gz", compresslevel=3) as tar:
            for name in [*names, MANIFEST]:
                tar.add(folder / name, arcname=name)
        out.flush()
        os.fsync(out.fileno())
    return archive


@contextmanager
def extracted_archive(source: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A temporary folder with the files of an archive, and its manifest, once both are checked.

    Raises BackupError if it is damaged, incomplete, changed or of a newer version.
    """
    with TemporaryDirectory() as place:
        folder = Path(place)
        try:
            with tarfile.open(source) as tar:
                tar.extractall(folder, filter="data")
        except (tarfile.TarError, EOFError, OSError) as error:
            message = _("%(file)s is not a backup, or is damaged (%(error)s). Use another one.")
            raise BackupError(message % {"file": source, "error": error}) from error
        yield folder, _verified_manifest(folder)


def _verified_manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        hashes = {name: _file_sha256(folder / name) for name in manifest["files"]}
    except (OSError, ValueError, KeyError) as error:
        message = _("This backup is incomplete (%(error)s). Use another one.")
        raise BackupError(message % {"error": error}) from error
    if manifest["format"] > FORMAT:
        message = _("This backup was made by Lodge %(version)s. Update this Lodge first.")
        raise BackupError(message % {"version": manifest["version"]})
    changed = [name for name, hash_ in hashes.items() if hash_ != manifest["files"][name]]
    if changed:
        message = _("In this backup %(file)s was changed. Use another one.")
        raise BackupError(message % {"file": changed[0]})
    return manifest


def _relative_names(folder: Path) -> list[str]:
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return [file.relative_to(folder).as_posix() for file in files]


def _file_sha256(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()
