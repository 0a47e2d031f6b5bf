"""Tables and their named queries. A module that stores a record type declares it in `RECORDS`."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module

from server.models.registry import StoredType


def _declared_types() -> Iterator[tuple[str, StoredType]]:
    """The record types that the modules of this package declare, with their tables."""
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        yield from getattr(import_module(module.name), "RECORDS", {}).items()


STORED_TYPES: dict[str, StoredType] = dict(_declared_types())
MODELS_BY_TYPE = {name: stored.model for name, stored in STORED_TYPES.items()}
DERIVED_COLUMNS = {name: stored.derived for name, stored in STORED_TYPES.items()}
PHONE_BODIES = {name: stored.phone_body for name, stored in STORED_TYPES.items()}
NAME_FIELDS = {name: dict(stored.names) for name, stored in STORED_TYPES.items()}
"""By record type: the fields for phones that name a person or place, and where its id stands."""
