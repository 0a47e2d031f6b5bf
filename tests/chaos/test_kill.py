"""What was acknowledged survives `kill -9` at any moment, and counts once."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

import pytest

from tests.chaos.phone_worker import PhoneWorker, assert_database_consistent
from tests.live_server import LiveServer
from tests.phone_client import PhoneClient
from tests.soak import repeats
from tests.wait_for import wait_for

KILLS = repeats("server_kills")
PHONES = 4


def drain_outboxes(workers: list[PhoneWorker]) -> None:
    """They stop working, and send until all is answered."""
    for worker in workers:
        worker.stop_requested.set()
        worker.join(60)
        assert not worker.is_alive()
        wait_for(worker.send_outbox)


def test_the_server_is_killed_again_and_again_and_the_books_balance(
    small_server: LiveServer, enrol_client: Callable[[LiveServer], PhoneClient], seed: int
) -> None:
    live, chance = small_server.start(), random.Random(seed)
    workers = [PhoneWorker(enrol_client(live), number) for number in range(PHONES)]
    for worker in workers:
        worker.start()
    pause = threading.Event()
    for _ in range(KILLS):
        pause.wait(chance.uniform(0.02, 0.5))
        live.kill()
        live.start()
    drain_outboxes(workers)
    assert not [
        fault for worker in workers for fault in worker.error_counts if "Unanswered" in fault
    ]
    assert sum(sum(worker.error_counts.values()) for worker in workers) >= KILLS // 2, (
        f"killed under load; LODGE_SEED={seed}"
    )
    assert_database_consistent(workers, live.folder / "var" / "lodge.sqlite3")
    live.run("verify")


def test_a_batch_whose_answer_died_with_the_server_is_answered_as_if_it_had_not(
    live_server: LiveServer, live_client: PhoneClient
) -> None:
    phone = live_client
    task = phone.records_of("task")[0]["id"]
    op = phone.add_op("task.complete", task, by=phone.people[0]["id"])
    first = phone.push(op).json["verdicts"]
    live_server.kill()
    with pytest.raises(ConnectionError):
        phone.push(op)
    live_server.start()
    assert phone.push(op).json["verdicts"] == first
    assert phone.get_record("task", task)["done_by_id"] == phone.people[0]["id"]
