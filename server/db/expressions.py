"""Expressions of SQL that SQLite and PostgreSQL write differently."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from server.db.engine import UTCDateTime


class minutes_after(FunctionElement[Any]):  # noqa: N801 - written like a function of SQL
    """minutes_after(time, minutes): the time so many whole minutes after a time."""

    type = UTCDateTime()
    inherit_cache = True


class json_elements(FunctionElement[Any]):  # noqa: N801 - written like a function of SQL
    """json_elements(column): a table with the elements of a JSON list, each as `value`."""

    name = "json_elements"
    inherit_cache = True


@compiles(json_elements, "sqlite")
def _elements_in_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(json_elements, "postgresql")
def _elements_in_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"json_array_elements({compiler.process(element.clauses, **options)})"


@compiles(minutes_after, "sqlite")
def _in_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    """Times are texts there. Their seconds do not change: nothing is rounded."""
    time, minutes = (compiler.process(each, **options) for each in element.clauses)
    shifted = f"strftime('%Y-%m-%d %H:%M', substr({time}, 1, 16), {minutes} || ' minutes')"
    return f"({shifted} || substr({time}, 17))"


@compiles(minutes_after, "postgresql")
def _in_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    time, minutes = (compiler.process(each, **options) for each in element.clauses)
    return f"({time} + {minutes} * INTERVAL '1 minute')"
