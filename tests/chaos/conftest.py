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
from tests import seed_data
from tests.conftest import create_test_app, make_once
from tests.live_server import LiveServer
from tests.phone_client import HttpTransport, PhoneClient


def init_and_seed(live: LiveServer) -> LiveServer:
    """The database as `lodge init` makes it, with the cast in it."""
    live.run("init")
    url = live.env.get("LODGE_DATABASE_URL") or f"sqlite:///{live.folder}/var/lodge.sqlite3"
    app = create_test_app(url, live.folder / "var")
    with app.app_context():
        seed_data.seed_sites()
        db.session.remove()
        db.engine.dispose()
    return live


@pytest.fixture(scope="session")
def small_site_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make_once(tmp_path_factory, "small", lambda folder: init_and_seed(LiveServer(folder)))
    return made / "var"


@pytest.fixture
def small_server(tmp_path: Path, small_site_template: Path) -> Iterator[LiveServer]:
    """A server on the small estate, not yet started."""
    shutil.copytree(small_site_template, tmp_path / "var")
    server = LiveServer(tmp_path)
    yield server
    server.kill()


@pytest.fixture
def enrol_client() -> Callable[[LiveServer], PhoneClient]:
    """A phone of the home site, over TCP."""
    return lambda live: PhoneClient(HttpTransport(live.url)).enrol(
        live.new_enrolment_code(seed_data.HOME_SITE)
    )


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
