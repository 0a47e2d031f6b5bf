"""Fixtures for tests of the desk: an estate with records of every type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.phone_client import PhoneClient
from tests.server.desk.estate_activity import make_activity


@pytest.fixture
def estate(app: Flask, desk_op: Callable[..., Any], phone: PhoneClient) -> Flask:
    """The application with records of every type."""
    make_activity(app, desk_op, phone)
    return app
