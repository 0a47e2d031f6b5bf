"""Statements that are compiled once: what phones ask for and bring all day long.

What SQLAlchemy does for every statement and every row of every batch (names, defaults, look-ups,
lists spelled out) is done here once, when a statement is used for the first time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Select,
    Table,
    any_,
    bindparam,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.exc import OperationalError, StatementError
from sqlalchemy.ext.compiler import compiles

from server.db.engine import db
from sync.protocol.json_codec import dump_json

SITE_PARAM, IDS_PARAM = "site", "ids"

Row = tuple[Any, ...]


class InList(ColumnElement[Any]):
    """Whether a column is one of a list that is asked under a name, as long as it may be."""

    inherit_cache = False

    def __init__(self, column: Any, asked: str) -> None:
        self.column: Any = column
        self.parameter: Any = bindparam(asked)


@compiles(InList, "sqlite")
def _compile_json_each(among: InList, compiler: Any, **how: Any) -> Any:
    listed = select(func.json_each(among.parameter).table_valued("value").c.value)
    return compiler.process(among.column.in_(listed), **how)


@compiles(InList)
def _compile_any(among: InList, compiler: Any, **how: Any) -> Any:
    return compiler.process(among.column == any_(among.parameter), **how)


def select_by_ids(table: Table, *columns: Column[Any], key: str = "id") -> Select[Any]:
    """These columns (or all) of the rows of a site whose key is among `ids`."""
    asked = select(*columns) if columns else select(table)
    return asked.where(table.c.site_id == bindparam(SITE_PARAM), InList(table.c[key], IDS_PARAM))


def chunks(ids: list[Any], size: int = 500) -> Iterable[list[Any]]:
    """Lists short enough to be spelled out in one statement."""
    return (ids[start : start + size] for start in range(0, len(ids), size))


class PreparedSelect:
    """A read whose values are asked by name; rows come as plain tuples."""

    def __init__(self, statement: Select[Any]) -> None:
        self._statement = statement
        self._compiled: WeakKeyDictionary[Dialect, _Compiled] = WeakKeyDictionary()

    def fetch_all(self, connection: Connection, **asked: Any) -> list[Row]:
        """Every row, within the transaction of a connection."""
        compiled = self._compiled_for(connection.dialect)
        result = connection.exec_driver_sql(compiled.text, compiled.values(asked))
        rows = result.cursor.fetchall()
        result.close()
        return compiled.convert_rows(rows)

    def fetch_first(self, **asked: Any) -> Row | None:
        """The first row or None, by a connection that is borrowed for this one statement.

        The session is left alone. The columns have to be plain: text and whole numbers.
        """
        engine = db.engine
        compiled = self._compiled_for(engine.dialect)
        try:
            with _borrowed_connection(engine) as connection:
                found = connection.execute(compiled.text, compiled.values(asked))
                row: Row | None = found.fetchone()
                return row
        except engine.dialect.loaded_dbapi.Error as error:
            raise OperationalError(compiled.text, None, error) from error

    def _compiled_for(self, dialect: Dialect) -> _Compiled:
        if dialect not in self._compiled:
            self._compiled[dialect] = _Compiled(self._statement, dialect)
        return self._compiled[dialect]


@contextmanager
def _borrowed_connection(engine: Engine) -> Iterator[Any]:
    """The driver's own connection, for one statement outside of any transaction.

    To PostgreSQL travels the statement alone, without a BEGIN before it and a ROLLBACK after.
    """
    with closing(engine.raw_connection()) as lent:
        connection: Any = lent.driver_connection
        if engine.dialect.name != "postgresql":
            yield connection
            return
        connection.autocommit = True
        try:
            yield connection
        finally:
            if not connection.closed:
                connection.autocommit = False


class _Compiled:
    """A read as one sort of database takes it."""

    def __init__(self, statement: Select[Any], dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.text, self.order = str(compiled), compiled.positiontup
        self.fixed = {name: value for name, value in compiled.params.items() if value is not None}
        types = [column.type.dialect_impl(dialect) for column in statement.selected_columns]
        readers = [type_.result_processor(dialect, None) for type_ in types]
        self.converters = [(place, reader) for place, reader in enumerate(readers) if reader]

    def values(self, asked: Mapping[str, Any]) -> Any:
        """What is asked, as the driver takes it."""
        every = {**self.fixed, **asked}
        return tuple([_encode_list(every[name]) for name in self.order]) if self.order else every

    def convert_rows(self, rows: Sequence[Row]) -> list[Row]:
        """Rows as the columns mean them."""
        return [self._convert_row(row) for row in rows] if self.converters else list(rows)

    def _convert_row(self, row: Row) -> Row:
        values = list(row)
        for place, reader in self.converters:
            values[place] = reader(values[place])
        return tuple(values)


def _encode_list(value: Any) -> Any:
    return dump_json(value) if isinstance(value, list) else value


def insert_rows(table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows, all columns, in one statement; none if there are none."""
    _write(table, (), rows)


def replace_rows(table: Table, key: tuple[str, ...], rows: Sequence[Mapping[str, Any]]) -> None:
    """Overwrite rows by their key, all columns, in one statement."""
    _write(table, key, rows)


def _write(table: Table, key: tuple[str, ...], rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    connection = db.session.connection()
    writers = _writers.setdefault(connection.dialect, {})
    if (table, key) not in writers:
        writers[table, key] = _Writer(table, key, connection.dialect)
    writers[table, key](connection, rows)


class _Writer:
    """Many rows by one statement; each row goes to the driver as it is."""

    def __init__(self, table: Table, key: tuple[str, ...], dialect: Dialect) -> None:
        bound = {f"{'key' if c.name in key else 'new'}_{c.key}": c for c in table.columns}
        values: dict[str, Any] = {
            c.name: bindparam(name) for name, c in bound.items() if c.name not in key
        }
        which = [table.c[name] == bindparam(f"key_{name}") for name in key]
        statement = update(table).where(*which) if key else insert(table)
        compiled = statement.values(values).compile(dialect=dialect)
        self.text, self.positional = str(compiled), bool(dialect.positional)
        order = compiled.positiontup or list(bound)
        self.parts = [
            (name, bound[name].key, bound[name].type.dialect_impl(dialect).bind_processor(dialect))
            for name in order
        ]

    def __call__(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        try:
            values = [self._values(row) for row in rows]
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            raise StatementError("a value that no column takes", self.text, None, error) from error
        connection.exec_driver_sql(self.text, values)

    def _values(self, row: Mapping[str, Any]) -> Any:
        if self.positional:
            return tuple([to(row[key]) if to else row[key] for _, key, to in self.parts])
        return {name: to(row[key]) if to else row[key] for name, key, to in self.parts}


_writers: WeakKeyDictionary[Dialect, dict[Any, _Writer]] = WeakKeyDictionary()
