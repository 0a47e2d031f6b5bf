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
from tests.chaos.phone_worker import PhoneWorker, assert_database_consistent
from tests.chaos.test_kill import drain_outboxes
from tests.conftest import create_test_app
from tests.live_server import LiveServer
from tests.phone_client import PhoneClient
from tests.soak import repeats

PHONES, BATCH = 3, 100
BACKUPS = repeats("backups")
DRILLS = repeats("restore_drills")
KILLED_RESTORES = repeats("killed_restores")


def start_workers(
    live: LiveServer, at_home: Callable[[LiveServer], PhoneClient]
) -> list[PhoneWorker]:
    workers = [PhoneWorker(at_home(live), seed) for seed in range(PHONES)]
    for worker in workers:
        worker.start()
    return workers


@contextmanager
def app_on_same_files(live: LiveServer) -> Iterator[None]:
    """Another process of Lodge at the same files, as `lodge backup` is one."""
    folder = live.folder / "var"
    app = create_test_app(f"sqlite:///{folder}/lodge.sqlite3", folder)
    with app.app_context():
        yield
        db.session.remove()
        db.engine.dispose()


def resend_everything(worker: PhoneWorker) -> None:
    """What a phone does on a new epoch: everything that it holds, in the order of its chain."""
    ops = sorted(worker.ops.values(), key=lambda op: op["n"])
    worker.verdicts = {}
    for start in range(0, len(ops), BATCH):
        for verdict in worker.phone.push(*ops[start : start + BATCH]).expect_ok()["verdicts"]:
            worker.verdicts[verdict["id"]] = verdict


def assert_healed(live: LiveServer, workers: list[PhoneWorker]) -> dict[str, Any]:
    for worker in workers:
        resend_everything(worker)
        assert worker.phone.hello().json["sites"][worker.phone.site]["gaps"] == []
    assert_database_consistent(workers, live.folder / "var" / "lodge.sqlite3")
    told: dict[str, Any] = json.loads(live.run("verify"))
    return told


def test_backups_under_load_are_whole_and_phones_bring_the_rest(
    small_server: LiveServer, enrol_client: Callable[[LiveServer], PhoneClient]
) -> None:
    """Each is read again when it is taken, and raises when it is not whole."""
    workers = start_workers(small_server.start(), enrol_client)
    with app_on_same_files(small_server):
        for number in range(BACKUPS):
            backup.create_backup(small_server.folder / f"{number % 5}.tar.gz")
    small_server.run("backup", str(small_server.folder / "last.tar.gz"))
    assert all(worker.is_alive() and worker.verdicts for worker in workers), "taken under load"
    drain_outboxes(workers)
    epochs = {worker.phone.hello().json["epoch"] for worker in workers}
    small_server.kill()
    for file in small_server.folder.glob("*.tar.gz"):
        assert json.loads(small_server.run("restore", str(file)))["differences"] == 0
    small_server.start()
    assert epochs != {worker.phone.hello().json["epoch"] for worker in workers}
    assert assert_healed(small_server, workers)["differences"] == 0


def test_an_older_backup_is_put_back_again_and_again_and_nothing_is_lost(
    small_server: LiveServer, enrol_client: Callable[[LiveServer], PhoneClient], seed: int
) -> None:
    workers, chance = start_workers(small_server.start(), enrol_client), random.Random(seed)
    pause, file = threading.Event(), Path(small_server.folder / "kept.tar.gz")
    for _ in range(DRILLS):
        pause.wait(chance.uniform(0.05, 0.4))
        with app_on_same_files(small_server):
            backup.create_backup(file)
        pause.wait(chance.uniform(0.05, 0.4))
        drain_outboxes(workers)
        small_server.kill()
        assert json.loads(small_server.run("restore", str(file)))["differences"] == 0
        small_server.start()
        assert assert_healed(small_server, workers)["differences"] == 0, f"LODGE_SEED={seed}"
        workers = [worker.resume() for worker in workers]
        for worker in workers:
            worker.start()
    drain_outboxes(workers)


def killed_restore(live: LiveServer, file: Path, after: float) -> None:
    """A restore that is killed after so many seconds, or is done by then."""
    with (live.folder / "restore.log").open("ab") as log:
        process = live._spawn(("restore", str(file)), log.fileno(), log.fileno())
        with suppress(TimeoutError, BlockingIOError):
            process.wait(after)
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        process.wait(15)


def test_a_restore_that_is_killed_is_whole_or_says_so_and_the_next_one_heals(
    small_server: LiveServer, enrol_client: Callable[[LiveServer], PhoneClient], seed: int
) -> None:
    workers, chance, file = (
        start_workers(small_server.start(), enrol_client),
        random.Random(seed),
        "kept.tar.gz",
    )
    with app_on_same_files(small_server):
        backup.create_backup(small_server.folder / file)
    drain_outboxes(workers)
    small_server.kill()
    begun = time.monotonic()
    small_server.run("restore", str(small_server.folder / file))
    whole = time.monotonic() - begun
    for _ in range(KILLED_RESTORES):
        killed_restore(small_server, small_server.folder / file, chance.uniform(0.2, 1) * whole)
        told = small_server.run_unchecked("verify")
        half = (small_server.folder / "var" / "restoring").exists()
        assert ("lodge restore" in told.stderr) == half, f"LODGE_SEED={seed}"
        assert half or json.loads(told.stdout)["differences"] == 0, f"LODGE_SEED={seed}"
    (small_server.folder / "var" / "restoring").touch()  # should none have ended just there
    assert "lodge restore" in small_server.run_unchecked("serve").stderr
    small_server.run("restore", str(small_server.folder / file))
    small_server.start()
    assert assert_healed(small_server, workers)["differences"] == 0, f"LODGE_SEED={seed}"
