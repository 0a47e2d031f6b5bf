"""Moving: every row of this database into an empty one, SQLite to PostgreSQL or back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from sqlalchemy import Connection, Table, func, insert, inspect, select, text, update

from server.db.engine import db
from server.maintenance.epoch import EPOCH_KEY, new_epoch
from server.maintenance.upgrade import upgrade
from server.models.feed import ServerState

BATCH_SIZE = 2000


class TransferError(Exception):
    """Where to is no place to move to, with the remedy."""


def copy_database(source: Flask, target: Flask) -> dict[str, int]:
    """Copy all tables, as one transaction there; says how many rows each of them has.

    Whoever writes here waits until it is over. Nothing is changed here. The life of the database
    is another one there: should a server go on answering from here, phones offer all of that again
    to the new one. Raises Unfit.
    """
    with target.app_context():
        if inspect(db.engine).get_table_names():
            raise TransferError(
                "The database there is not empty. Make a new one, then move into that."
            )
        upgrade()
    with _exclusive_transaction(source) as here, _exclusive_transaction(target) as there:
        rows = {table.name: _copy_table(table, here, there) for table in db.metadata.sorted_tables}
        epoch = update(ServerState).where(ServerState.key == EPOCH_KEY)
        there.execute(epoch.values(value=new_epoch()))
    return rows


@contextmanager
def _exclusive_transaction(app: Flask) -> Iterator[Connection]:
    """A transaction in which nobody else writes."""
    with app.app_context():
        engine = db.engine
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        if engine.dialect.name != "sqlite":
            names = ", ".join(f'"{name}"' for name in inspect(connection).get_table_names())
            connection.execute(text(f"LOCK TABLE {names} IN EXCLUSIVE MODE"))
        yield connection


def _copy_table(table: Table, here: Connection, there: Connection) -> int:
    there.execute(table.delete())  # what a new database begins with: its epoch
    found = here.execution_options(yield_per=BATCH_SIZE).execute(select(table))
    for rows in found.mappings().partitions():
        there.execute(insert(table), [dict(row) for row in rows])
    moved = there.execute(select(func.count()).select_from(table)).scalar_one()
    expected = here.execute(select(func.count()).select_from(table)).scalar_one()
    if moved != expected:
        raise TransferError(
            f"{moved} of {expected} rows of {table.name} came over. Nothing was moved."
        )
    return int(moved)
