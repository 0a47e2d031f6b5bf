"""A server that burnt down is healed by its phones: nothing that one of them holds is lost."""

from __future__ import annotations

import json
import threading

from tests.chaos.worker import Worker, balance
from tests.live import Live
from tests.phone import HttpWire, Phone
from tests.until import until

PHONES, BATCH = 3, 100


def at_work(live: Live) -> list[Worker]:
    phones = [Phone(HttpWire(live.url)).enrol(live.enrol_code()) for _ in range(PHONES)]
    workers = [Worker(phone, seed) for seed, phone in enumerate(phones)]
    for worker in workers:
        worker.start()
    return workers


def offer_again(worker: Worker) -> None:
    """What a phone does on a new epoch: everything that it holds, in the order of its chain."""
    ops = sorted(worker.ops.values(), key=lambda op: op["n"])
    worker.acked = {}
    for start in range(0, len(ops), BATCH):
        for verdict in worker.phone.push(*ops[start : start + BATCH]).told()["verdicts"]:
            worker.acked[verdict["id"]] = verdict


def test_backups_under_load_are_whole_and_phones_bring_the_rest(live: Live) -> None:
    workers, pause = at_work(live), threading.Event()
    files = [live.folder / f"backup-{n}.tar.gz" for n in range(2)]
    for file in files:
        live.run("backup", str(file))
        pause.wait(0.3)
    for worker in workers:
        worker.enough.set()
        worker.join(30)
        until(worker.send, within=20)
    epochs = {worker.phone.hello().json["epoch"] for worker in workers}
    live.kill()
    for file in files:
        told = json.loads(live.run("restore", str(file)))
        assert told["differences"] == 0
    live.start()
    assert epochs != {worker.phone.hello().json["epoch"] for worker in workers}
    for worker in workers:
        offer_again(worker)
        assert worker.phone.hello().json["sites"][worker.phone.site]["gaps"] == []
    balance(workers, live.folder / "var" / "lodge.sqlite3")
    assert json.loads(live.run("verify"))["differences"] == 0
