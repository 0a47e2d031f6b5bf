"""Through a network that drops, doubles, delays and cuts, all comes out the same."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

from tests.chaos.faulty_proxy import FAULT_KINDS, FaultyProxy
from tests.chaos.phone_worker import PhoneWorker, assert_database_consistent
from tests.live_server import LiveServer
from tests.phone_client import HttpTransport, PhoneClient
from tests.soak import repeats
from tests.wait_for import wait_for

FAULTS = repeats("network_faults")
"""Requests that something happens to."""

PHONES = 5


def drain_outboxes(workers: list[PhoneWorker], within: float = 11) -> None:
    for worker in workers:
        worker.stop_requested.set()
        worker.join(60)
        assert not worker.is_alive()
    for worker in workers:
        wait_for(worker.send_outbox, timeout=within)


def test_every_fault_of_the_network_and_the_books_balance(
    small_server: LiveServer, enrol_client: Callable[[LiveServer], PhoneClient], seed: int
) -> None:
    small_server.start()
    proxy, pause = FaultyProxy(small_server.port, seed, faulty=0.9), threading.Event()
    try:
        workers = [
            PhoneWorker(enrol_client(small_server), number, most=8) for number in range(PHONES)
        ]
        for worker in workers:
            worker.phone.transport = HttpTransport(proxy.url)
            worker.start()
        while proxy.fault_count < FAULTS:
            assert all(worker.is_alive() for worker in workers), f"LODGE_SEED={seed}"
            pause.wait(0.05)
        proxy.faults_disabled.set()
        drain_outboxes(workers)
        assert set(FAULT_KINDS) <= proxy.counts.keys()
        assert_database_consistent(workers, small_server.folder / "var" / "lodge.sqlite3")
        small_server.run("verify")
    finally:
        proxy.stop()


EVENTS = repeats("network_events")
"""What happens to phones and server while five people work."""


def test_phones_are_cut_off_paused_and_the_server_dies_and_nobody_is_stuck(
    small_server: LiveServer, enrol_client: Callable[[LiveServer], PhoneClient], seed: int
) -> None:
    small_server.start()
    chance, pause = random.Random(seed), threading.Event()
    proxies = [FaultyProxy(small_server.port, seed + n, faulty=0.1) for n in range(PHONES)]
    try:
        workers = [PhoneWorker(enrol_client(small_server), number) for number in range(PHONES)]
        for worker, proxy in zip(workers, proxies, strict=True):
            worker.phone.transport = HttpTransport(proxy.url)
            worker.start()
        for _ in range(EVENTS):
            pause.wait(chance.uniform(0.05, 0.3))
            chance.choice((disconnect, partition, stop, kill))(small_server, proxies, chance)
        for proxy in chance.sample(proxies, PHONES):  # one by one, in any order
            proxy.disconnected.clear()
            proxy.faults_disabled.set()
        drain_outboxes(workers)
        assert_database_consistent(workers, small_server.folder / "var" / "lodge.sqlite3")
        small_server.run("verify")
    finally:
        for proxy in proxies:
            proxy.stop()


def disconnect(_: LiveServer, proxies: list[FaultyProxy], chance: random.Random) -> None:
    """One phone goes into the basement, or comes back."""
    cut_off = chance.choice(proxies).disconnected
    (cut_off.clear if cut_off.is_set() else cut_off.set)()


def partition(_: LiveServer, proxies: list[FaultyProxy], chance: random.Random) -> None:
    """Some have a network, the others not."""
    for proxy in proxies:
        (proxy.disconnected.set if chance.random() < 0.5 else proxy.disconnected.clear)()


def stop(live: LiveServer, _: list[FaultyProxy], chance: random.Random) -> None:
    """The server is ended as it should be."""
    live.stop()
    live.start()


def kill(live: LiveServer, _: list[FaultyProxy], chance: random.Random) -> None:
    live.kill()
    live.start()
