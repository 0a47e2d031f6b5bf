"""The database: connections, the base class of tables, and `write_transaction`."""

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
    """SQLAlchemy's text format, converted faster: a push writes eight datetimes an op."""

    def bind_processor(self, dialect: Dialect) -> Any:
        return lambda value: None if value is None else value.isoformat(" ", "microseconds")

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return lambda text: None if text is None else datetime.fromisoformat(text)


class UTCDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime, stored without a zone because SQLite has none."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        is_sqlite = dialect.name == "sqlite"
        return dialect.type_descriptor(SQLiteDateTime() if is_sqlite else DateTime())  # type: ignore[no-untyped-call]

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
"""The database is locked, full, read-only, broken or unreachable: the values written are not at
fault."""

SYNCHRONOUS_FULL = 2
BUSY_TIMEOUT_MS = 10_000
PING_AFTER_IDLE_S = 1.0
"""A connection that was idle for longer may be dead, so it is checked before it is used."""


class FairLock:
    """A lock that is granted in the order of the requests; `threading.Lock` can starve a writer for
    seconds."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._waiting: deque[threading.Event] = deque()

    def __enter__(self) -> None:
        granted = threading.Event()
        with self._mutex:
            self._waiting.append(granted)
            if len(self._waiting) == 1:
                granted.set()
        granted.wait()

    def __exit__(self, *_: object) -> None:
        with self._mutex:
            self._waiting.popleft()
            if self._waiting:
                self._waiting[0].set()


write_lock = FairLock()

WRITING = "lodge-writing"
"""Key of a session's `info` while a `write_transaction` of it is open."""


@contextmanager
def write_transaction() -> Iterator[None]:
    """A transaction of the session that writes: committed at the end, rolled back by an exception.

    It takes SQLite's write lock at once, since a read transaction that writes later may fail.
    Within another one of the same session it is part of that.
    """
    if db.session.info.get(WRITING):
        yield
        return
    db.session.rollback()  # end a read transaction: its snapshot may be out of date by now
    with write_lock if db.engine.dialect.name == "sqlite" else nullcontext():
        db.session.connection(execution_options={"writes": True})
        db.session.info[WRITING] = True
        try:
            yield
            db.session.commit()
        except BaseException:
            db.session.rollback()
            raise
        finally:
            db.session.info.pop(WRITING, None)


@event.listens_for(Engine, "connect")
def _configure_sqlite(connection: Any, _: object) -> None:
    """Use SQLite with a write-ahead log, and write every commit to disk before it returns."""
    if not type(connection).__module__.startswith("sqlite3"):
        return
    connection.isolation_level = None  # `_begin_transaction` issues BEGIN
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")


def init_app(app: Flask) -> None:
    """Connect an application to its database."""
    db.init_app(app)
    with app.app_context():
        if db.engine.dialect.name != "sqlite":
            _ping_idle_connections(db.engine)


def _ping_idle_connections(engine: Engine) -> None:
    """Check a pooled connection that was idle before it is used: the server may have restarted.

    A connection that was just used is not checked, as each check costs a round trip.
    """

    @event.listens_for(engine, "checkin")
    def record_idle_start(_: object, record: Any) -> None:
        record.info["idle_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ping(connection: Any, record: Any, _: object) -> None:
        now = time.monotonic()
        if now - record.info.get("idle_since", now) < PING_AFTER_IDLE_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error  # the pool opens another one


@event.listens_for(Engine, "begin")
def _begin_transaction(connection: Any) -> None:
    if connection.dialect.name == "sqlite":
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def require_durable_commits() -> None:
    """Raise RuntimeError if the database acknowledges a commit before it is on disk."""
    if db.engine.dialect.name == "sqlite":
        level = db.session.connection().exec_driver_sql("PRAGMA synchronous").scalar_one()
        if level < SYNCHRONOUS_FULL:
            raise RuntimeError("SQLite runs with synchronous below FULL. Remove the setting.")
    else:
        level = db.session.connection().exec_driver_sql("SHOW synchronous_commit").scalar_one()
        if level == "off":
            raise RuntimeError("PostgreSQL runs with synchronous_commit=off. Set it to on.")
    db.session.rollback()
