"""A real `lodge serve` that a test can kill in mid-sentence and start again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from flask import Flask

from server.auth.devices import issue_code
from server.cli.sites import find_site
from server.config import with_psycopg_driver
from server.db.engine import db
from tests.prefork import ForkedProcess, prefork_server
from tests.wait_for import wait_for

LODGE_COMMAND = Path(sys.executable).parent / "lodge"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class LiveServer:
    """A server with a data folder of its own; what it says goes to `log`."""

    command_prefix: tuple[str, ...] = ()
    """What stands before the words: `-m module` runs that instead of `lodge`."""

    def __init__(self, folder: Path, database_url: str | None = None) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "serve.log"
        self.process: ForkedProcess | None = None
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("LODGE_")}
        self.env["LODGE_DATA_DIR"] = str(folder / "var")
        if database_url:
            self.env["LODGE_DATABASE_URL"] = database_url

    def run(self, *words: str) -> str:
        """One `lodge` command, to its good end; what it printed."""
        done = self.run_unchecked(*words)
        assert done.returncode == 0, f"lodge {' '.join(words)}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def run_unchecked(self, *words: str) -> subprocess.CompletedProcess[str]:
        """One `lodge` command, however it ends."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            code = self._spawn(words, out.fileno(), err.fileno()).wait(300)
            out.seek(0)
            err.seek(0)
            said = out.read().decode(), err.read().decode()
        return subprocess.CompletedProcess(words, code, *said)

    def start(self, *options: str) -> LiveServer:
        """Serve with more options of `lodge serve`, and wait until it answers."""
        with self.log.open("ab") as log:
            words = ("serve", "--host", "127.0.0.1", "--port", str(self.port), *options)
            self.process = self._spawn(words, log.fileno(), log.fileno())
        wait_for(self.is_healthy)
        return self

    def _spawn(self, words: tuple[str, ...], out: int, err: int) -> ForkedProcess:
        return prefork_server().spawn(
            [*self.command_prefix, *words], self.env, self.folder, out, err
        )

    def is_healthy(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"lodge serve ended: {self.log.read_text()[-2000:]}")
        with urllib.request.urlopen(f"{self.url}/healthz", timeout=1) as answer:
            return bool(answer.status == 200)

    def kill(self) -> None:
        """As a power cut for the process: no signal handler, no last word."""
        self._terminate(signal.SIGKILL)

    def stop(self) -> None:
        self._terminate(signal.SIGTERM)

    def _terminate(self, with_signal: int) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        os.killpg(self.process.pid, with_signal)
        self.process.wait(15)

    def new_enrolment_code(
        self, site: str | None = None, people: Sequence[str] | None = None
    ) -> str:
        """A one-time code for a phone of these people (ids; None: everybody), as `lodge enrol`
        makes it, but without the second that a command takes."""
        with self.database():
            return issue_code(find_site(site).id, None, people)

    @contextmanager
    def database(self) -> Iterator[None]:
        """The server's database in this process: `db.session` is open on it."""
        app = Flask("beside the server")
        path = self.folder / "var" / "lodge.sqlite3"
        url = self.env.get("LODGE_DATABASE_URL", f"sqlite:///{path}")
        app.config["SQLALCHEMY_DATABASE_URI"] = with_psycopg_driver(url)
        db.init_app(app)
        with app.app_context():
            try:
                yield
            finally:
                db.session.remove()
                db.engine.dispose()
