"""Databases as earlier releases left them, to prove that `lodge init` brings them up to this one.

`0007` is a database of commit 7aac139, the last before the first release, on SQLite and on
PostgreSQL: made by the seven migrations of that commit, filled through its write path (the demo
estate, the recordings of `tests/corpus`, conflicts, quarantined ops, purges, an outbox import), and
dumped as SQL. `0007.phones.json` says how far two phones had pulled; their cursors are signed with
the key of the tests. A dump is never changed: databases like it exist.
"""

from __future__ import annotations

import json
import lzma
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg

from tests.phone_client import FlaskTransport, PhoneClient

FOLDER = Path(__file__).parent


def dump(revision: str, dialect: str) -> str:
    """The SQL script that makes the database of a revision."""
    return lzma.decompress((FOLDER / f"{revision}.{dialect}.sql.xz").read_bytes()).decode()


def restore(revision: str, url: str) -> None:
    """Make the database of a revision in an empty one."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
            file.executescript(dump(revision, "sqlite"))
    else:
        with psycopg.connect(url) as connection:
            connection.execute(dump(revision, "postgresql").encode())


def phone(revision: str, name: str, transport: FlaskTransport) -> PhoneClient:
    """A phone that was enrolled then, with the cursor of its last pull and without its records."""
    stored: dict[str, Any] = json.loads((FOLDER / f"{revision}.phones.json").read_text("utf-8"))
    return PhoneClient(transport, **stored[name])
