"""Databases of earlier revisions, before and after their upgrade."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask

from server.db.engine import db
from server.maintenance import upgrade
from tests import revisions
from tests.conftest import create_test_app
from tests.postgres import PostgresCluster


@pytest.fixture(scope="session")
def sqlite_0007(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a database of revision 0007, to be copied."""
    file = tmp_path_factory.mktemp("revision") / "0007.sqlite3"
    revisions.restore("0007", f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def postgres_0007(postgres: PostgresCluster) -> str:
    """The name of a database of revision 0007, to be copied."""
    name = postgres.create_database()
    revisions.restore("0007", postgres.url(name))
    return name


@pytest.fixture(params=["sqlite", "postgresql"])
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def empty_url(dialect: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without any table."""
    if dialect == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    cluster = request.getfixturevalue("postgres")
    return str(cluster.url(cluster.create_database()))


@pytest.fixture
def old_url(dialect: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of revision 0007."""
    if dialect == "sqlite":
        file = shutil.copy(request.getfixturevalue("sqlite_0007"), tmp_path / "old.sqlite3")
        return f"sqlite:///{file}"
    cluster, model = (request.getfixturevalue(name) for name in ("postgres", "postgres_0007"))
    return str(cluster.url(cluster.create_database(model)))


@contextmanager
def application(url: str, folder: Path) -> Iterator[Flask]:
    app = create_test_app(url, folder)
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def empty(empty_url: str, tmp_path: Path) -> Iterator[Flask]:
    """The application on a database without any table."""
    with application(empty_url, tmp_path / "var") as app:
        yield app


@pytest.fixture
def old(old_url: str, tmp_path: Path) -> Iterator[Flask]:
    """The application on a database of revision 0007, not yet upgraded."""
    with application(old_url, tmp_path / "var") as app:
        yield app


@pytest.fixture
def upgraded(old: Flask) -> Flask:
    with old.app_context():
        upgrade.upgrade()
    return old
