"""How a record type is stored: its table, and its body as phones receive it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from server.db.engine import Model
from server.models.directory import Directory


class StoredType(NamedTuple):
    """The table of a record type, and how the JSON body for phones is made of a row.

    `names` are the fields of the body that name what another field refers to by its id, or by a
    list of ids: `{"handler": "handler_id"}`. A phone fills them in by itself for what it overlays.

    `derived` are columns that follow from other columns of the row: keys to search and sort by.
    They are set whenever an op changes a record, and are no part of the op's changes.
    """

    model: type[Model]
    own_body: Callable[[Mapping[str, Any], Directory], dict[str, Any]]
    names: Mapping[str, str] = MappingProxyType({})
    derived: Mapping[str, Callable[[Any], Any]] = MappingProxyType({})

    def phone_body(self, record: Mapping[str, Any], directory: Directory) -> dict[str, Any]:
        """The body of a record for phones, with the names of the people and places in it."""
        named = {field: directory.names_of(record[id_]) for field, id_ in self.names.items()}
        return {**self.own_body(record, directory), **named}
