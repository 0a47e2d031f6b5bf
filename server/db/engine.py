"""The database handle, the base every table stands on, and the one way to write."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    DateTime,
    Engine,
    MetaData,
    String,
    TypeDecorator,
    event,
)
from sqlalchemy.dialects.sqlite import DATETIME
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.exc import DisconnectionError, InterfaceError, InternalError, OperationalError
from sqlalchemy.orm import DeclarativeBase, registry
from sqlalchemy.types import TypeEngine


class SQLiteDateTime(DATETIME):
    """The same text as SQLAlchemy's own, by the shortest way: a push writes eight times an op."""

    def bind_processor(self, dialect: Dialect) -> Any:
        return lambda value: None if value is None else value.isoformat(" ", "microseconds")

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return lambda text: None if text is None else datetime.fromisoformat(text)


class UTCDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime, kept naive because SQLite has no time zones."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        of_sqlite = dialect.name == "sqlite"
        return dialect.type_descriptor(SQLiteDateTime() if of_sqlite else DateTime())  # type: ignore[no-untyped-call]

    def process_bind_param(self, value: datetime | None, dialect: object) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: object) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    registry = registry(
        type_annotation_map={datetime: UTCDateTime, str: String()},
        metadata=MetaData(
            naming_convention={
                "ix": "ix_%(table_name)s_%(column_0_N_name)s",
                "uq": "uq_%(table_name)s_%(column_0_N_name)s",
                "fk": "fk_%(table_name)s_%(column_0_name)s",
                "pk": "pk_%(table_name)s",
            }
        ),
    )


db = SQLAlchemy(model_class=Base)

if TYPE_CHECKING:
    Model = Base  # db.Model is built at run time; the type checker sees its base
else:
    Model = db.Model

DATABASE_ERRORS = (OperationalError, InterfaceError, InternalError)
"""Locked, full, read-only, broken or away: says nothing of what was to be written."""

SYNCHRONOUS_FULL = 2
BUSY_TIMEOUT_MS = 10_000
PING_AFTER_IDLE_S = 1.0
"""Seconds: a connection that lay about for longer may have died, and is asked before it is used."""


class FairLock:
    """A lock that lets in first whoever came first; a plain lock starves a writer for seconds."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._waiting: deque[threading.Event] = deque()

    def __enter__(self) -> None:
        turn = threading.Event()
        with self._mutex:
            self._waiting.append(turn)
            if len(self._waiting) == 1:
                turn.set()
        turn.wait()

    def __exit__(self, *_: object) -> None:
        with self._mutex:
            self._waiting.popleft()
            if self._waiting:
                self._waiting[0].set()


write_lock = FairLock()


@contextmanager
def write_transaction() -> Iterator[None]:
    """One writing transaction: begun at once, committed at the end, undone by an exception."""
    db.session.rollback()  # what was read so far may be older than what we wait for
    with write_lock if db.engine.dialect.name == "sqlite" else nullcontext():
        db.session.connection(execution_options={"writes": True})
        try:
            yield
            db.session.commit()
        except BaseException:
            db.session.rollback()
            raise


@event.listens_for(Engine, "connect")
def _configure_sqlite(connection: Any, _: object) -> None:
    """SQLite: WAL, and every commit on the disk before it is acknowledged."""
    if not type(connection).__module__.startswith("sqlite3"):
        return
    connection.isolation_level = None  # we say BEGIN ourselves
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")


def init_app(app: Flask) -> None:
    """Open the database of an application."""
    db.init_app(app)
    with app.app_context():
        if db.engine.dialect.name != "sqlite":
            _ping_idle_connections(db.engine)


def _ping_idle_connections(engine: Engine) -> None:
    """A server far away may go and come back: connections to it are asked, if they rested.

    One that was used just now is not: a question before each use costs as much as a poll.
    """

    @event.listens_for(engine, "checkin")
    def rest(_: object, record: Any) -> None:
        record.info["rests_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def wake(connection: Any, record: Any, _: object) -> None:
        if time.monotonic() - record.info.get("rests_since", time.monotonic()) < PING_AFTER_IDLE_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error  # the pool takes another


@event.listens_for(Engine, "begin")
def _begin_transaction(connection: Any) -> None:
    if connection.dialect.name == "sqlite":
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def require_durable_commits() -> None:
    """An acknowledged op is on the disk; a database that promises less is not used."""
    if db.engine.dialect.name == "sqlite":
        level = db.session.connection().exec_driver_sql("PRAGMA synchronous").scalar_one()
        if level < SYNCHRONOUS_FULL:
            raise RuntimeError("SQLite runs with synchronous below FULL. Remove what lowers it.")
    else:
        level = db.session.connection().exec_driver_sql("SHOW synchronous_commit").scalar_one()
        if level == "off":
            raise RuntimeError("PostgreSQL runs with synchronous_commit=off. Set it to on.")
    db.session.rollback()
