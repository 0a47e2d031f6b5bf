"""How a record type is stored: its table, and its body as phones receive it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from server.db.engine import Model
from server.models.directory import Directory


class StoredType(NamedTuple):
    """The table of a record type, and the function that makes the JSON body for phones.

    `derived` are columns that follow from other columns of the row: keys to search and sort by.
    They are set whenever an op changes a record, and are no part of the op's changes.
    """

    model: type[Model]
    phone_body: Callable[[Mapping[str, Any], Directory], dict[str, Any]]
    derived: Mapping[str, Callable[[Any], Any]] = MappingProxyType({})
