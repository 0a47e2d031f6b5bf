"""What chaos stands on: a small estate with the cast, quick to start, kill and copy."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server.db.engine import db
from tests import cast
from tests.conftest import made
from tests.live import Live
from tests.phone import HttpWire, Phone


def peopled(live: Live) -> Live:
    """The database as `lodge init` makes it, with the cast in it."""
    live.run("init")
    url = live.env.get("LODGE_DATABASE_URL") or f"sqlite:///{live.folder}/var/lodge.sqlite3"
    app = made(url, live.folder / "var")
    with app.app_context():
        cast.assemble()
        db.session.remove()
        db.engine.dispose()
    return live


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return peopled(Live(tmp_path_factory.mktemp("small"))).folder / "var"


@pytest.fixture
def small(tmp_path: Path, small_model: Path) -> Iterator[Live]:
    """A server on the small estate, not yet started."""
    shutil.copytree(small_model, tmp_path / "var")
    server = Live(tmp_path)
    yield server
    server.kill()


@pytest.fixture
def at_home() -> Callable[[Live], Phone]:
    """A phone of the home site, over TCP."""
    return lambda live: Phone(HttpWire(live.url)).enrol(live.enrol_code(cast.HOME))


@pytest.fixture
def seed() -> int:
    """LODGE_SEED repeats a run; a failure shows it as an argument of the test."""
    return int(os.environ.get("LODGE_SEED") or random.SystemRandom().randrange(10**6))


@pytest.fixture(scope="session")
def strace() -> str:
    """Where strace is, and allowed; without it there are no power cuts and no full disks."""
    tool = shutil.which("strace")
    if tool is None:
        pytest.skip("SKIPPED FOR WANT OF STRACE: apt install strace, then these tests run")
    if subprocess.run([tool, "-o", "/dev/null", "true"], capture_output=True).returncode:
        pytest.skip("SKIPPED: strace is here but may not trace on this machine (ptrace)")
    return tool
