"""Floors: the same rows written raw, the same bodies read raw, an empty route behind waitress."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.bench.http_load import build_post
from tests.live_server import free_port
from tests.wait_for import wait_for

EMPTY_REQUEST = build_post("/", b"{}", {})
OVERWRITTEN_TABLES = ("task", "feed")
"""What a tick overwrites; to the log it adds."""

Rows = list[tuple[Any, ...]]


@contextmanager
def empty_app(threads: int) -> Iterator[int]:
    """The port of an empty Flask route behind the server that the product is served by."""
    port = free_port()
    words = [sys.executable, "-m", "tests.bench.empty_app", str(port), str(threads)]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: _accepts_connections(port))
        yield port
    finally:
        server.kill()
        server.wait()


def _accepts_connections(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port)):
        return True


class RawTables:
    """The tables that a push writes, with their indexes and the very rows, and nothing else."""

    def __init__(self, url: str | None, sqlite: Path) -> None:
        self.placeholder, self.prefix = ("%s", "raw.") if url else ("?", "")
        self.source: Any = psycopg.connect(url) if url else sqlite3.connect(sqlite)
        self.target: Any = self._postgres() if url else self._sqlite(sqlite.with_suffix(".raw"))

    def _postgres(self) -> Any:
        self.source.execute("DROP SCHEMA IF EXISTS raw CASCADE")
        self.source.execute("CREATE SCHEMA raw")
        for table in ("op", *OVERWRITTEN_TABLES):
            like = f"(LIKE public.{table} INCLUDING ALL)"
            self.source.execute(f"CREATE TABLE raw.{table} {like}")
        self.source.commit()
        return self.source

    def _sqlite(self, scratch: Path) -> Any:
        scratch.unlink(missing_ok=True)
        target = sqlite3.connect(scratch, isolation_level="IMMEDIATE")
        target.execute("PRAGMA journal_mode=WAL")
        target.execute("PRAGMA synchronous=FULL")
        shapes = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name IN (?, ?, ?)"
        for (shape,) in self.source.execute(shapes, ("op", *OVERWRITTEN_TABLES)).fetchall():
            target.execute(shape)
        return target

    def ops_per_second(self, ids: Sequence[str], size: int) -> float:
        """Ops a second: log rows added, records and feed overwritten, one commit a batch."""
        ops = self._rows("op", "id", ids)
        subjects = self._rows("op", "id", ids, "subject")
        news = {
            table: self._rows(table, "id", [id_ for (id_,) in subjects])
            for table in OVERWRITTEN_TABLES
        }
        for table in OVERWRITTEN_TABLES:
            self._execute_many(self._insert(table), news[table])
        self.target.commit()
        begun = time.perf_counter()
        for start in range(0, len(ids), size):
            self._execute_many(self._insert("op"), ops[start : start + size])
            for table in OVERWRITTEN_TABLES:
                self._execute_many(
                    self._update(table), self._with_key(table, news[table][start : start + size])
                )
            self.target.commit()
        spent = time.perf_counter() - begun
        return len(ids) / spent

    def rows_per_second(self) -> float:
        """Rows a second: every body of the feed, joined into one text."""
        begun = time.perf_counter()
        bodies = [body for (body,) in self.source.execute("SELECT body FROM feed ORDER BY seq")]
        text = ",".join(bodies)
        assert text
        return len(bodies) / (time.perf_counter() - begun)

    def close(self) -> None:
        self.source.close()
        self.target.close()

    def _columns(self, table: str) -> list[str]:
        found = self.source.execute(f"SELECT * FROM {table} LIMIT 0").description
        return [column[0] for column in found]

    def _rows(self, table: str, key: str, ids: Sequence[str], *columns: str) -> Rows:
        cast = "::text" if self.prefix else ""
        names = ", ".join(f'"{name}"{cast}' for name in columns or self._columns(table))
        found: dict[str, tuple[Any, ...]] = {}
        for start in range(0, len(ids), 500):
            some = ids[start : start + 500]
            marks = ", ".join([self.placeholder] * len(some))
            asked = f"SELECT {key}, {names} FROM {table} WHERE {key} IN ({marks})"
            found.update({row[0]: row[1:] for row in self.source.execute(asked, list(some))})
        return [tuple(found[id_]) for id_ in ids]

    def _insert(self, table: str) -> str:
        marks = ", ".join([self.placeholder] * len(self._columns(table)))
        return f"INSERT INTO {self.prefix}{table} VALUES ({marks})"

    def _update(self, table: str) -> str:
        values = ", ".join(f'"{name}" = {self.placeholder}' for name in self._columns(table))
        which = f"site_id = {self.placeholder} AND id = {self.placeholder}"
        return f"UPDATE {self.prefix}{table} SET {values} WHERE {which}"

    def _with_key(self, table: str, rows: Rows) -> Rows:
        names = self._columns(table)
        site, id_ = names.index("site_id"), names.index("id")
        return [(*row, row[site], row[id_]) for row in rows]

    def _execute_many(self, statement: str, rows: Rows) -> None:
        with closing(self.target.cursor()) as cursor:
            cursor.executemany(statement, rows)
