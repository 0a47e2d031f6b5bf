"""The product in a process that something happens to: it asks itself and says what it answered.

FOLDER holds `now/var`, a pipe `wishes`, and `asked.json`: what to ask, and the phone's token. The
product is read and warm; for each wish a child is forked, so that what it calls of the disk is the
work alone. It asks nothing before somebody looks on: the first call is call number one.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from server.db.engine import db
from tests.conftest import create_test_app

TIMEOUT = 30


def main(words: list[str]) -> None:
    """One ordeal for each line of the pipe, until it is shut."""
    folder = Path(words[0])
    asked = json.loads((folder / "asked.json").read_text())
    app = create_test_app(f"sqlite:///{folder}/now/var/lodge.sqlite3", folder / "now" / "var")
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {asked['token']}"
    for path, body in asked["all"]:
        client.post(path, json=body)  # what Python does at the first time only
    with app.app_context():
        db.engine.dispose()
    for _ in (folder / "wishes").open():
        child = os.fork()
        if not child:
            run_requests(client, asked["all"], folder / "trace")
            with app.app_context():
                db.engine.dispose()
            os._exit(0)
        write_line(code=os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def run_requests(client: FlaskClient, asked: list[Any], trace: Path) -> None:
    """Asks while somebody looks on, and once more when they are gone."""
    write_line(pid=os.getpid())
    _wait_until(lambda: strace_is_logging(trace))
    for path, body in asked:
        write_response(client.post(path, json=body))
    write_line(through=True)
    _wait_until(lambda: not is_traced())
    for path, body in asked:
        write_response(client.post(path, json=body))


def write_response(answer: Any) -> None:
    """What the product answered."""
    write_line(
        status=answer.status_code,
        type=answer.mimetype,
        retry=answer.headers.get("Retry-After"),
        body=answer.get_json(silent=True) or {},
    )


def write_line(**words: Any) -> None:
    os.write(1, json.dumps(words).encode() + b"\n")


def strace_is_logging(trace: Path) -> bool:
    """Whether strace notes what we call: it holds us a moment before it does."""
    os.getppid()
    return trace.exists() and "getppid" in trace.read_text()


def is_traced() -> bool:
    """Whether strace holds us."""
    return "TracerPid:\t0\n" not in Path("/proc/self/status").read_text()


def _wait_until(ask: Any) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not ask():
        if time.monotonic() > deadline:
            sys.exit("nobody came, or nobody went")
        time.sleep(0.001)
