"""A server that burnt down is healed by its phones: nothing that one of them holds is lost."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from server.db.engine import db
from server.maintenance import backup
from tests.chaos.test_kill import settle
from tests.chaos.worker import Worker, balance
from tests.conftest import made
from tests.live import Live
from tests.phone import Phone

PHONES, BATCH = 3, 100
BACKUPS = int(os.environ.get("LODGE_BACKUPS", "10"))
DRILLS = int(os.environ.get("LODGE_DRILLS", "5"))
CUT_OFF = int(os.environ.get("LODGE_CUT_OFF", "5"))


def at_work(live: Live, at_home: Callable[[Live], Phone]) -> list[Worker]:
    workers = [Worker(at_home(live), seed) for seed in range(PHONES)]
    for worker in workers:
        worker.start()
    return workers


@contextmanager
def beside(live: Live) -> Iterator[None]:
    """Another process of Lodge at the same files, as `lodge backup` is one."""
    folder = live.folder / "var"
    app = made(f"sqlite:///{folder}/lodge.sqlite3", folder)
    with app.app_context():
        yield
        db.session.remove()
        db.engine.dispose()


def offer_again(worker: Worker) -> None:
    """What a phone does on a new epoch: everything that it holds, in the order of its chain."""
    ops = sorted(worker.ops.values(), key=lambda op: op["n"])
    worker.acked = {}
    for start in range(0, len(ops), BATCH):
        for verdict in worker.phone.push(*ops[start : start + BATCH]).told()["verdicts"]:
            worker.acked[verdict["id"]] = verdict


def healed(live: Live, workers: list[Worker]) -> dict[str, Any]:
    for worker in workers:
        offer_again(worker)
        assert worker.phone.hello().json["sites"][worker.phone.site]["gaps"] == []
    balance(workers, live.folder / "var" / "lodge.sqlite3")
    told: dict[str, Any] = json.loads(live.run("verify"))
    return told


def test_backups_under_load_are_whole_and_phones_bring_the_rest(
    small: Live, at_home: Callable[[Live], Phone]
) -> None:
    """Each is read again when it is taken, and raises when it is not whole."""
    workers = at_work(small.start(), at_home)
    with beside(small):
        for number in range(BACKUPS):
            backup.create_backup(small.folder / f"{number % 5}.tar.gz")
    small.run("backup", str(small.folder / "last.tar.gz"))
    assert all(worker.is_alive() and worker.acked for worker in workers), "taken under load"
    settle(workers)
    epochs = {worker.phone.hello().json["epoch"] for worker in workers}
    small.kill()
    for file in small.folder.glob("*.tar.gz"):
        assert json.loads(small.run("restore", str(file)))["differences"] == 0
    small.start()
    assert epochs != {worker.phone.hello().json["epoch"] for worker in workers}
    assert healed(small, workers)["differences"] == 0


def test_an_older_backup_is_put_back_again_and_again_and_nothing_is_lost(
    small: Live, at_home: Callable[[Live], Phone], seed: int
) -> None:
    workers, chance = at_work(small.start(), at_home), random.Random(seed)
    pause, file = threading.Event(), Path(small.folder / "kept.tar.gz")
    for _ in range(DRILLS):
        pause.wait(chance.uniform(0.05, 0.4))
        with beside(small):
            backup.create_backup(file)
        pause.wait(chance.uniform(0.05, 0.4))
        settle(workers)
        small.kill()
        with beside(small):
            backup.restore_backup(file)
        small.start()
        assert healed(small, workers)["differences"] == 0, f"LODGE_SEED={seed}"
        workers = [worker.next_shift() for worker in workers]
        for worker in workers:
            worker.start()
    settle(workers)


def cut_off(live: Live, file: Path, after: float) -> None:
    """A restore that is killed after so many seconds, or is done by then."""
    with (live.folder / "restore.log").open("ab") as log:
        process = live._lodge(("restore", str(file)), log.fileno(), log.fileno())
        with suppress(TimeoutError, BlockingIOError):
            process.wait(after)
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        process.wait(15)


def test_a_restore_that_is_killed_is_whole_or_says_so_and_the_next_one_heals(
    small: Live, at_home: Callable[[Live], Phone], seed: int
) -> None:
    workers, chance, file = at_work(small.start(), at_home), random.Random(seed), "kept.tar.gz"
    with beside(small):
        backup.create_backup(small.folder / file)
    settle(workers)
    small.kill()
    begun = time.monotonic()
    small.run("restore", str(small.folder / file))
    whole = time.monotonic() - begun
    for _ in range(CUT_OFF):
        cut_off(small, small.folder / file, chance.uniform(0.2, 1) * whole)
        told = small.tell("verify")
        half = (small.folder / "var" / "restoring").exists()
        assert ("lodge restore" in told.stderr) == half, f"LODGE_SEED={seed}"
        assert half or json.loads(told.stdout)["differences"] == 0, f"LODGE_SEED={seed}"
    (small.folder / "var" / "restoring").touch()  # should none have ended just there
    assert "lodge restore" in small.tell("serve").stderr
    small.run("restore", str(small.folder / file))
    small.start()
    assert healed(small, workers)["differences"] == 0, f"LODGE_SEED={seed}"
