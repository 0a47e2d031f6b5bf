"""The entries of a JSON list as rows of a statement."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import TableValuedAlias
from sqlalchemy.sql.functions import GenericFunction


class _JsonItems(GenericFunction[Any]):
    name = "json_each"
    inherit_cache = True


@compiles(_JsonItems, "postgresql")
def _on_postgresql(element: Any, compiler: Any, **more: Any) -> str:
    return f"json_array_elements{compiler.process(element.clause_expr, **more)}"


def json_items(list_column: Any, name: str) -> TableValuedAlias:
    """A table `name` with one row for each entry of a column that holds a list; its column `value`
    is the entry."""
    return _JsonItems(list_column).table_valued(
        column("value", JSON), name=name, joins_implicitly=True
    )
