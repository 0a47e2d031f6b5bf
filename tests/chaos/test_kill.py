"""What was acknowledged survives `kill -9` at any moment, and counts once."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable

import pytest

from tests.chaos.worker import Worker, balance
from tests.live import Live
from tests.phone import Phone
from tests.until import until

KILLS = int(os.environ.get("LODGE_KILLS", "30"))
PHONES = 4


def settle(workers: list[Worker]) -> None:
    """They stop working, and send until all is answered."""
    for worker in workers:
        worker.enough.set()
        worker.join(60)
        assert not worker.is_alive()
        until(worker.send)


def test_the_server_is_killed_again_and_again_and_the_books_balance(
    small: Live, at_home: Callable[[Live], Phone], seed: int
) -> None:
    live, chance = small.start(), random.Random(seed)
    workers = [Worker(at_home(live), number) for number in range(PHONES)]
    for worker in workers:
        worker.start()
    pause = threading.Event()
    for _ in range(KILLS):
        pause.wait(chance.uniform(0.02, 0.5))
        live.kill()
        live.start()
    settle(workers)
    assert not [fault for worker in workers for fault in worker.faults if "Unanswered" in fault]
    assert sum(sum(worker.faults.values()) for worker in workers) >= KILLS // 2, (
        f"killed under load; LODGE_SEED={seed}"
    )
    balance(workers, live.folder / "var" / "lodge.sqlite3")
    live.run("verify")


def test_a_batch_whose_answer_died_with_the_server_is_answered_as_if_it_had_not(
    live: Live, live_phone: Phone
) -> None:
    phone = live_phone
    task = phone.of("task")[0]["id"]
    op = phone.op("task.complete", task, by=phone.people[0]["id"])
    first = phone.push(op).json["verdicts"]
    live.kill()
    with pytest.raises(ConnectionError):
        phone.push(op)
    live.start()
    assert phone.push(op).json["verdicts"] == first
    assert phone.record("task", task)["done_by_id"] == phone.people[0]["id"]
