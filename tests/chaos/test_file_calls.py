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
from tests import cast
from tests.chaos.tracing import traced
from tests.conftest import made
from tests.hatchery import hatchery
from tests.phone import FlaskWire, Phone
from tests.until import until

CALLS = ("pwrite64", "fdatasync", "fsync", "ftruncate", "unlink")
STRIDE = int(os.environ.get("LODGE_STRIDE", "15"))
"""Every so many calls, beginning with another one for each kind of op; 1 tries them all."""

OPENING = 8
"""SQLite writes so often to make the index of its log; if it cannot, nobody can read either."""

CALL = re.compile(rf"\b({'|'.join(CALLS)})\(")
KINDS = ("visit.arrive", "task.complete", "ticket.open", "task.skip")


def op_of(phone: Phone, kind: str) -> dict[str, Any]:
    said = {
        "visit.arrive": {"visitor": "W", "purpose": "service"},
        "ticket.open": {"channel": "phone", "matter": "report", "contact": "1", "details": "x"},
        "task.skip": {"reason": "rain"},
    }
    task = cast.TASK if kind.startswith("task") else None
    by = cast.ANA if task else cast.CHU
    return phone.op(kind, task, said.get(kind), by=by)


class Ordeal:
    """A folder as it was, one op to push, and what became of it."""

    def __init__(self, model: Path, kind: str, strace: str) -> None:
        self.strace = strace
        self.place = Path(tempfile.mkdtemp(prefix="lodge-ordeal-", dir=_memory()))
        self.said, self.log = self.place / "said", self.place / "log"
        shutil.copytree(model, self.place / "now" / "var")
        self.app = made(f"sqlite:///{self.place}/now/var/lodge.sqlite3", self.place / "now" / "var")
        self.phone = self._enrolled()
        self.op = op_of(self.phone, kind)
        shutil.copytree(self.place / "now", self.place / "model")
        self._begin()

    def _enrolled(self) -> Phone:
        with self.app.app_context():
            code = issue_code(cast.HOME, by=cast.BEN)
        phone = Phone(FlaskWire(self.app.test_client())).enrol(code)
        self._close()
        return phone

    def _close(self) -> None:
        with self.app.app_context():
            db.session.remove()
            db.engine.dispose()

    def _begin(self) -> None:
        message = {"lineage": self.phone.lineage, "sent_at": self.phone.now(), "lost": []}
        push = [f"/sync/{cast.HOME}/push", {**message, "ops": [self.op]}]
        pull = [f"/sync/{cast.HOME}/pull", {"cursor": None, "limit": 500}]
        asked = {"token": self.phone.token, "all": [push, pull]}
        (self.place / "asked.json").write_text(json.dumps(asked))
        os.mkfifo(self.place / "wishes")
        env = {k: v for k, v in os.environ.items() if not k.startswith("LODGE_")}
        with self.said.open("ab") as out, self.log.open("ab") as log:
            words = ["-m", "tests.chaos.victim", str(self.place)]
            self.victim = hatchery().hatch(words, env, self.place, out.fileno(), log.fileno())
        self.wishes = (self.place / "wishes").open("w")

    def end(self) -> None:
        self.wishes.close()
        self.victim.wait(30)
        shutil.rmtree(self.place)

    def points(self, kind: str) -> list[tuple[str, int]]:
        """Every call to a file that the work makes, or every STRIDE-th of them."""
        self.undergo()
        made = CALL.findall((self.place / "trace").read_text())
        all_ = [(call, n + 1) for call, times in Counter(made).items() for n in range(times)]
        assert len(all_) > STRIDE
        return all_[KINDS.index(kind) % STRIDE :: STRIDE]

    def undergo(self, *inject: str) -> tuple[int, list[dict[str, Any]]]:
        """How the process ended, and what it answered until then."""
        shutil.rmtree(self.place / "now")
        shutil.copytree(self.place / "model", self.place / "now")
        os.truncate(self.said, 0)
        (self.place / "trace").unlink(missing_ok=True)
        print("go", file=self.wishes, flush=True)
        pid = until(lambda: self._heard("pid"), within=60, every=0.004)
        what = [word for each in inject for word in ("-e", f"inject={each}")]
        calls = ",".join((*CALLS, "getppid"))
        how = ("-e", f"trace={calls}", *what, "-o", str(self.place / "trace"))
        with traced(self.strace, pid, *how):
            until(lambda: self._heard("through") or self._heard("code"), within=60, every=0.004)
        until(lambda: self._heard("code") is not None, within=60, every=0.004)
        return self._heard("code"), [line for line in self._lines() if "status" in line]

    def _lines(self) -> list[dict[str, Any]]:
        whole, _, _ = self.said.read_text().rpartition("\n")
        return [json.loads(line.strip("\0")) for line in whole.splitlines()]

    def _heard(self, name: str) -> Any:
        return next((line[name] for line in self._lines() if name in line), None)

    def balance(self, said: list[dict[str, Any]]) -> None:
        """Sent ⊇ stored ⊇ acknowledged, once; what is here is whole; and it goes on."""
        acked = {v["id"] for each in said for v in each["body"].get("verdicts", [])}
        stored = self._stored()
        assert acked <= stored.keys() <= {self.op["id"]}
        again = self.phone.push(self.op).told()["verdicts"]
        assert [verdict["status"] for verdict in again] == ["applied"]
        with self.app.app_context():
            assert find_faults(cast.HOME) == []
        self._close()
        assert self._stored() == {self.op["id"]: 1}

    def _stored(self) -> Counter[str]:
        file = self.place / "now" / "var" / "lodge.sqlite3"
        with closing(sqlite3.connect(file)) as books:
            assert books.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            found = books.execute("SELECT id FROM op WHERE lineage IS NOT NULL")
            return Counter(id_ for (id_,) in found)


def _memory() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


@pytest.fixture
def ordeal(small_model: Path, strace: str) -> Iterator[Callable[[str], Ordeal]]:
    begun: list[Ordeal] = []

    def begin(kind: str) -> Ordeal:
        begun.append(Ordeal(small_model, kind, strace))
        return begun[-1]

    yield begin
    for each in begun:
        each.end()


@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_a_call_to_a_file_it_loses_nothing(
    ordeal: Callable[[str], Ordeal], kind: str
) -> None:
    here = ordeal(kind)
    for call, number in here.points(kind):
        code, said = here.undergo(f"{call}:signal=SIGKILL:when={number}")
        assert code == -signal.SIGKILL, f"{call} {number}"
        here.balance(said)


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
@pytest.mark.parametrize("kind", KINDS if STRIDE == 1 else KINDS[:1])
@pytest.mark.parametrize("lasting", ["", "+"], ids=["once", "lasting"])
def test_a_disk_that_refuses_is_a_503_and_then_all_goes_on_by_itself(
    ordeal: Callable[[str], Ordeal], kind: str, error: str, lasting: str
) -> None:
    here, refused = ordeal(kind), 0
    for call, number in here.points(kind):
        at = f"{call}:error={error}:when={number}{lasting}"
        code, said = here.undergo(at)
        assert code == 0, f"{at}: {here.log.read_text()[-2000:]}"
        pushed, read, *after = said
        if pushed["status"] != 200:
            refused += 1
            told = (pushed["status"], pushed["type"], bool(pushed["retry"]))
            assert told == (503, "application/problem+json", True), at
        opening = call == "ftruncate" or number <= OPENING
        assert read["status"] in ({200, 503} if opening else {200}), at
        assert [each["status"] for each in after] == [200, 200], at
        here.balance(said)
    assert refused, "some call was needed"
