"""A real `lodge serve` that a test can kill in mid-sentence and start again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

from tests.until import until

LODGE = Path(sys.executable).parent / "lodge"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Live:
    """A server with a data folder of its own; what it says goes to `log`."""

    def __init__(self, folder: Path, database_url: str | None = None) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "serve.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("LODGE_")}
        self.env["LODGE_DATA_DIR"] = str(folder / "var")
        if database_url:
            self.env["LODGE_DATABASE_URL"] = database_url

    def run(self, *words: str) -> str:
        """One `lodge` command, to its end; what it printed."""
        done = subprocess.run(
            [LODGE, *words], env=self.env, cwd=self.folder, capture_output=True, text=True
        )
        assert done.returncode == 0, f"lodge {' '.join(words)}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def start(self) -> Live:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [LODGE, "serve", "--host", "127.0.0.1", "--port", str(self.port)],
                env=self.env,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until(self.answers, within=20)
        return self

    def answers(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"lodge serve ended: {self.log.read_text()[-2000:]}")
        with urllib.request.urlopen(f"{self.url}/healthz", timeout=1) as answer:
            return bool(answer.status == 200)

    def kill(self) -> None:
        """As a power cut for the process: no signal handler, no last word."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, with_signal: int) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        os.killpg(self.process.pid, with_signal)
        self.process.wait(15)

    def enrol_code(self, site: str | None = None) -> str:
        """A one-time code for a phone: the last word that `lodge enrol` prints."""
        return self.run("enrol", *(("--site", site) if site else ())).split()[-1]
