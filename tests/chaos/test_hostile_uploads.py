"""Hostile uploads, many of them: memory stays what it was, and others are answered meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import soak
from tests.chaos.test_request_bodies import resident_memory_mb
from tests.live_server import LiveServer
from tests.phone_client import HttpTransport, PhoneClient
from tests.server.photos.test_hostile_photos import png_of, with_size
from tests.server.photos.test_uploads import sha256_of

MAX_MEMORY_MB = 60
MAX_P99_SECONDS = 0.3
PHONES = 3


def hostile_photos(number: int) -> list[bytes]:
    """As many pixels as allowed, more than that, and cut off; each of them is another one."""
    bomb = png_of(4000, 4000 - number)
    return [bomb, with_size(bomb, 50_000, 40_000), bomb[: len(bomb) // 2]]


def child_memory_mb(live: LiveServer) -> float:
    """What the processes need that the server started."""
    assert live.process is not None
    pid = live.process.pid
    children = Path(f"/proc/{pid}/task").glob("*/children")
    pids = {child for file in children for child in file.read_text().split()}
    lines = (Path(f"/proc/{child}/status").read_text().splitlines() for child in pids)
    return sum(
        int(line.split()[1]) / 1024 for each in lines for line in each if line.startswith("VmRSS")
    )


@pytest.mark.asvs("5.2.1", "15.1.3", "15.2.2")
def test_memory_is_flat_and_others_are_answered_while_hostile_photos_arrive(
    small_server: LiveServer, enrol_client: Callable[[LiveServer], PhoneClient]
) -> None:
    small_server.start()
    phones = [enrol_client(small_server) for _ in range(PHONES)]
    for phone in phones:
        phone.transport = HttpTransport(small_server.url, timeout=60)
    rounds = soak.repeats("hostile_uploads") // 3

    def send(number: int) -> set[int]:
        phone = phones[number % PHONES]
        return {
            phone.request_photo("PUT", sha256_of(photo), photo).status
            for photo in hostile_photos(number)
        }

    with ThreadPoolExecutor(PHONES) as together:
        statuses = set().union(*together.map(send, range(PHONES)))
        before = resident_memory_mb(small_server)
        sending = [together.submit(send, number) for number in range(PHONES, rounds)]
        waits = []
        while not all(each.done() for each in sending):
            started = time.monotonic()
            assert small_server.is_healthy()
            waits.append(time.monotonic() - started)
    statuses |= set().union(*(each.result() for each in sending))
    assert statuses <= {200, 413, 415, 503}, statuses
    assert resident_memory_mb(small_server) - before < MAX_MEMORY_MB
    assert child_memory_mb(small_server) < 256
    waits.sort()
    assert waits[len(waits) // 2] < MAX_P99_SECONDS
    if soak.SOAK:  # beside other tests a single answer may take long
        assert waits[len(waits) * 99 // 100] < MAX_P99_SECONDS
