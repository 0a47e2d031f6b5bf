"""Copies every row of a database into an empty one, SQLite to PostgreSQL or back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from gettext import gettext as _

from flask import Flask
from sqlalchemy import Connection, Table, func, insert, inspect, select, text

from server.db.engine import db
from server.maintenance.epoch import begin_epoch
from server.maintenance.upgrade import upgrade

BATCH_SIZE = 2000


class TransferError(Exception):
    """The copy cannot be made; the message says what to do."""


def copy_database(source: Flask, target: Flask) -> dict[str, int]:
    """Copy all tables in one transaction of the target; returns the number of rows by table.

    The source is not changed; writers there wait until the copy ends. The target gets a new
    epoch: if a server went on writing to the source, phones re-upload that to the target.
    Raises TransferError, also if the target is not empty.
    """
    with target.app_context():
        if inspect(db.engine).get_table_names():
            raise TransferError(
                _("The database at that URL is not empty. Create a new one and move into that.")
            )
        upgrade()
    with _exclusive_transaction(source) as reader, _exclusive_transaction(target) as writer:
        tables = db.metadata.sorted_tables
        rows = {table.name: _copy_table(table, reader, writer) for table in tables}
        begin_epoch(writer)
    return rows


@contextmanager
def _exclusive_transaction(app: Flask) -> Iterator[Connection]:
    """A transaction that no other one writes beside."""
    with app.app_context():
        engine = db.engine
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        if engine.dialect.name != "sqlite":
            names = ", ".join(f'"{name}"' for name in inspect(connection).get_table_names())
            connection.execute(text(f"LOCK TABLE {names} IN EXCLUSIVE MODE"))
        yield connection


def _copy_table(table: Table, reader: Connection, writer: Connection) -> int:
    writer.execute(table.delete())  # the epoch that `upgrade` has written
    rows = reader.execution_options(yield_per=BATCH_SIZE).execute(select(table))
    for partition in rows.mappings().partitions():
        writer.execute(insert(table), [dict(row) for row in partition])
    count = select(func.count()).select_from(table)
    expected, copied = reader.execute(count).scalar_one(), writer.execute(count).scalar_one()
    if copied != expected:
        message = _("%(copied)d of %(expected)d rows of %(table)s were copied. Nothing was moved.")
        values = {"copied": copied, "expected": expected, "table": table.name}
        raise TransferError(message % values)
    return int(copied)
