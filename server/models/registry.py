"""How a record type is stored: its table, and its body as phones receive it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from server.db.engine import Model
from server.models.directory import Directory


class StoredType(NamedTuple):
    """The table of a record type, and the function that makes the JSON body for phones."""

    model: type[Model]
    phone_body: Callable[[Mapping[str, Any], Directory], dict[str, Any]]
