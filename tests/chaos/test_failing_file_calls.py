"""Killed, or told that the disk is full or broken, at every single call to a file."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from server.auth.devices import issue_code
from server.db.engine import db
from server.oplog.replay import find_faults
from tests import seed_data
from tests.chaos.strace_events import attach_strace
from tests.conftest import create_test_app
from tests.phone_client import FlaskTransport, PhoneClient
from tests.prefork import prefork_server
from tests.soak import failing_call_stride
from tests.wait_for import wait_for

CALLS = ("pwrite64", "fdatasync", "fsync", "ftruncate", "unlink")
STRIDE = failing_call_stride()
"""Every so many calls, beginning with another one for each kind of op; 1 tries them all."""

FIRST_CALLS = 8
"""SQLite writes so often to make the index of its log; if it cannot, nobody can read either."""

CALL_PATTERN = re.compile(rf"\b({'|'.join(CALLS)})\(")
KINDS = ("visit.arrive", "task.complete", "ticket.open", "task.skip")


def make_op(phone: PhoneClient, kind: str) -> dict[str, Any]:
    said = {
        "visit.arrive": {"visitor": "W", "purpose": "service"},
        "ticket.open": {"channel": "phone", "matter": "report", "contact": "1", "details": "x"},
        "task.skip": {"reason": "rain"},
    }
    task = seed_data.TASK if kind.startswith("task") else None
    by = seed_data.ANA if task else seed_data.CHU
    return phone.add_op(kind, task, said.get(kind), by=by)


class FaultInjection:
    """A folder as it was, one op to push, and what became of it."""

    def __init__(self, model: Path, kind: str, strace: str) -> None:
        self.strace = strace
        self.folder = Path(tempfile.mkdtemp(prefix="lodge-ordeal-", dir=_memory_folder()))
        self.said, self.log = self.folder / "said", self.folder / "log"
        shutil.copytree(model, self.folder / "now" / "var")
        self.app = create_test_app(
            f"sqlite:///{self.folder}/now/var/lodge.sqlite3", self.folder / "now" / "var"
        )
        self.phone = self._enrol_client()
        self.op = make_op(self.phone, kind)
        shutil.copytree(self.folder / "now", self.folder / "model")
        self._start_process()

    def _enrol_client(self) -> PhoneClient:
        with self.app.app_context():
            code = issue_code(seed_data.HOME_SITE, by=seed_data.BEN)
        phone = PhoneClient(FlaskTransport(self.app.test_client())).enrol(code)
        self._close()
        return phone

    def _close(self) -> None:
        with self.app.app_context():
            db.session.remove()
            db.engine.dispose()

    def _start_process(self) -> None:
        message = {"lineage": self.phone.lineage, "sent_at": self.phone.now(), "lost": []}
        push = [f"/sync/{seed_data.HOME_SITE}/push", {**message, "ops": [self.op]}]
        pull = [f"/sync/{seed_data.HOME_SITE}/pull", {"cursor": None, "limit": 500}]
        asked = {"token": self.phone.token, "all": [push, pull]}
        (self.folder / "asked.json").write_text(json.dumps(asked))
        os.mkfifo(self.folder / "wishes")
        env = {k: v for k, v in os.environ.items() if not k.startswith("LODGE_")}
        with self.said.open("ab") as out, self.log.open("ab") as log:
            words = ["-m", "tests.chaos.traced_app", str(self.folder)]
            self.process = prefork_server().spawn(
                words, env, self.folder, out.fileno(), log.fileno()
            )
        self.run_pipe = (self.folder / "wishes").open("w")

    def end(self) -> None:
        self.run_pipe.close()
        self.process.wait(30)
        shutil.rmtree(self.folder)

    def injection_points(self, kind: str) -> list[tuple[str, int]]:
        """Every call to a file that the work makes, or every STRIDE-th of them."""
        self.run_with_fault()
        made = CALL_PATTERN.findall((self.folder / "trace").read_text())
        all_ = [(call, n + 1) for call, times in Counter(made).items() for n in range(times)]
        assert len(all_) > STRIDE
        return all_[KINDS.index(kind) % STRIDE :: STRIDE]

    def run_with_fault(self, *inject: str) -> tuple[int, list[dict[str, Any]]]:
        """How the process ended, and what it answered until then."""
        shutil.rmtree(self.folder / "now")
        shutil.copytree(self.folder / "model", self.folder / "now")
        os.truncate(self.said, 0)
        (self.folder / "trace").unlink(missing_ok=True)
        print("go", file=self.run_pipe, flush=True)
        pid = wait_for(lambda: self._read_new_lines("pid"), timeout=60, interval=0.004)
        what = [word for each in inject for word in ("-e", f"inject={each}")]
        calls = ",".join((*CALLS, "getppid"))
        how = ("-e", f"trace={calls}", *what, "-o", str(self.folder / "trace"))
        with attach_strace(self.strace, pid, *how):
            wait_for(
                lambda: self._read_new_lines("through") or self._read_new_lines("code"),
                timeout=60,
                interval=0.004,
            )
        wait_for(lambda: self._read_new_lines("code") is not None, timeout=60, interval=0.004)
        return self._read_new_lines("code"), [line for line in self._lines() if "status" in line]

    def _lines(self) -> list[dict[str, Any]]:
        whole, _, _ = self.said.read_text().rpartition("\n")
        return [json.loads(line.strip("\0")) for line in whole.splitlines()]

    def _read_new_lines(self, name: str) -> Any:
        return next((line[name] for line in self._lines() if name in line), None)

    def assert_consistent(self, said: list[dict[str, Any]]) -> None:
        """Sent ⊇ stored ⊇ acknowledged, once; what is here is whole; and it goes on."""
        acked = {v["id"] for each in said for v in each["body"].get("verdicts", [])}
        stored = self._stored_ids()
        assert acked <= stored.keys() <= {self.op["id"]}
        again = self.phone.push(self.op).expect_ok()["verdicts"]
        assert [verdict["status"] for verdict in again] == ["applied"]
        with self.app.app_context():
            assert find_faults(seed_data.HOME_SITE) == []
        self._close()
        assert self._stored_ids() == {self.op["id"]: 1}

    def _stored_ids(self) -> Counter[str]:
        file = self.folder / "now" / "var" / "lodge.sqlite3"
        with closing(sqlite3.connect(file)) as books:
            assert books.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            found = books.execute("SELECT id FROM op WHERE lineage IS NOT NULL")
            return Counter(id_ for (id_,) in found)


def _memory_folder() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


@pytest.fixture
def fault_injection(
    small_site_template: Path, strace: str
) -> Iterator[Callable[[str], FaultInjection]]:
    begun: list[FaultInjection] = []

    def begin(kind: str) -> FaultInjection:
        begun.append(FaultInjection(small_site_template, kind, strace))
        return begun[-1]

    yield begin
    for each in begun:
        each.end()


@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_a_call_to_a_file_it_loses_nothing(
    fault_injection: Callable[[str], FaultInjection], kind: str
) -> None:
    here = fault_injection(kind)
    for call, number in here.injection_points(kind):
        code, said = here.run_with_fault(f"{call}:signal=SIGKILL:when={number}")
        assert code == -signal.SIGKILL, f"{call} {number}"
        here.assert_consistent(said)


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
@pytest.mark.parametrize("kind", KINDS if STRIDE == 1 else KINDS[:1])
@pytest.mark.parametrize("lasting", ["", "+"], ids=["once", "lasting"])
def test_a_disk_that_refuses_is_a_503_and_then_all_goes_on_by_itself(
    fault_injection: Callable[[str], FaultInjection], kind: str, error: str, lasting: str
) -> None:
    here, refused = fault_injection(kind), 0
    for call, number in here.injection_points(kind):
        at = f"{call}:error={error}:when={number}{lasting}"
        code, said = here.run_with_fault(at)
        assert code == 0, f"{at}: {here.log.read_text()[-2000:]}"
        pushed, read, *after = said
        if pushed["status"] != 200:
            refused += 1
            told = (pushed["status"], pushed["type"], bool(pushed["retry"]))
            assert told == (503, "application/problem+json", True), at
        opening = call == "ftruncate" or number <= FIRST_CALLS
        assert read["status"] in ({200, 503} if opening else {200}), at
        assert [each["status"] for each in after] == [200, 200], at
        here.assert_consistent(said)
    assert refused, "some call was needed"
