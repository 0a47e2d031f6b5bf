"""Dumps and restores the database as one file: SQLite's backup, or pg_dump and pg_restore."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from gettext import gettext as _
from pathlib import Path

from flask import current_app
from sqlalchemy import make_url

from server.db.engine import db
from server.maintenance.archive import BackupError


def dump_database(target: Path) -> None:
    """Write a consistent copy of the database while others use it. Raises BackupError."""
    if db.engine.dialect.name == "sqlite":
        with _SqliteConnection(_database_file()) as live, _SqliteConnection(target) as copy:
            live.backup(copy)
            if copy.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                raise BackupError(_("The database is damaged. Restore an older backup."))
    else:
        _run_postgres_tool("pg_dump", "--format=custom", f"--file={target}")


def replace_database(source: Path) -> None:
    """Replace the database by a dump of the same kind, all or nothing. Raises BackupError."""
    if db.engine.dialect.name == "sqlite":
        with _SqliteConnection(source) as dump, _SqliteConnection(_database_file()) as live:
            dump.backup(live)
    else:
        options = (
            "--clean",
            "--if-exists",
            "--no-owner",
            "--no-privileges",
            "--single-transaction",
        )
        _run_postgres_tool("pg_restore", *options, str(source))


class _SqliteConnection:
    """Context manager that closes the connection; that of sqlite3 itself only commits."""

    def __init__(self, file: Path) -> None:
        self.connection = sqlite3.connect(file, timeout=30)

    def __enter__(self) -> sqlite3.Connection:
        return self.connection

    def __exit__(self, *_: object) -> None:
        self.connection.close()


def _database_file() -> Path:
    return Path(db.engine.url.database or "")


def _run_postgres_tool(tool: str, *options: str) -> None:
    """Run pg_dump or pg_restore; the password goes by the environment, not visible in `ps`."""
    url = make_url(current_app.config["SQLALCHEMY_DATABASE_URI"])
    url_without_password = url.set(drivername="postgresql", password=None).render_as_string()
    secret = {"PGPASSWORD": url.password} if url.password else {}
    try:
        subprocess.run(  # noqa: S603 - our own arguments, and no shell
            [tool, *options, f"--dbname={url_without_password}"],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, **secret},
        )
    except FileNotFoundError:
        message = _("%(tool)s is not installed. Run: apt install postgresql-client")
        raise BackupError(message % {"tool": tool}) from None
    except subprocess.CalledProcessError as error:
        raise BackupError(f"{tool}: {error.stderr.strip()[-300:]}") from None
