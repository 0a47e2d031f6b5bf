"""Fixtures for tests of the desk: an estate with records of every type."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.phone_client import PhoneClient
from tests.server.desk.estate_activity import make_activity
from tests.soak import SOAK

EVERY = 1 if SOAK else 4
"""Pages ask the database in the same ways: of so many of their tests one runs on PostgreSQL."""


@pytest.fixture
def estate(app: Flask, desk_op: Callable[..., Any], phone: PhoneClient) -> Flask:
    """The application with records of every type."""
    make_activity(app, desk_op, phone)
    return app


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out most tests of pages on PostgreSQL."""
    here = Path(__file__).parent
    on_postgresql = [
        item
        for item in items
        if here in item.path.parents
        and isinstance(item, pytest.Function)
        and getattr(item, "callspec", None)
        and item.callspec.params.get("database_url") == "postgresql"
    ]
    left_out = {*on_postgresql} - {*on_postgresql[::EVERY]}
    config.hook.pytest_deselected(items=[*left_out])
    items[:] = [item for item in items if item not in left_out]
