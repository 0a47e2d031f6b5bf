"""Through a network that drops, doubles, delays and cuts, all comes out the same."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable

from tests.chaos.proxy import FATES, Proxy
from tests.chaos.worker import Worker, balance
from tests.live import Live
from tests.phone import HttpWire, Phone
from tests.until import until

FAULTS = int(os.environ.get("LODGE_FAULTS", "600"))
"""Requests that something happens to."""

PHONES = 5


def settled(workers: list[Worker], within: float = 11) -> None:
    for worker in workers:
        worker.enough.set()
        worker.join(60)
        assert not worker.is_alive()
    for worker in workers:
        until(worker.send, within=within)


def test_every_fault_of_the_network_and_the_books_balance(
    small: Live, at_home: Callable[[Live], Phone], seed: int
) -> None:
    small.start()
    proxy, pause = Proxy(small.port, seed, faulty=0.9), threading.Event()
    try:
        workers = [Worker(at_home(small), number, most=8) for number in range(PHONES)]
        for worker in workers:
            worker.phone.wire = HttpWire(proxy.url)
            worker.start()
        while proxy.faults < FAULTS:
            assert all(worker.is_alive() for worker in workers), f"LODGE_SEED={seed}"
            pause.wait(0.05)
        proxy.healed.set()
        settled(workers)
        assert set(FATES) <= proxy.counts.keys()
        balance(workers, small.folder / "var" / "lodge.sqlite3")
        small.run("verify")
    finally:
        proxy.stop()


EVENTS = int(os.environ.get("LODGE_EVENTS", "5"))
"""What happens to phones and server while five people work."""


def test_phones_are_cut_off_paused_and_the_server_dies_and_nobody_is_stuck(
    small: Live, at_home: Callable[[Live], Phone], seed: int
) -> None:
    small.start()
    chance, pause = random.Random(seed), threading.Event()
    proxies = [Proxy(small.port, seed + n, faulty=0.1) for n in range(PHONES)]
    try:
        workers = [Worker(at_home(small), number) for number in range(PHONES)]
        for worker, proxy in zip(workers, proxies, strict=True):
            worker.phone.wire = HttpWire(proxy.url)
            worker.start()
        for _ in range(EVENTS):
            pause.wait(chance.uniform(0.05, 0.3))
            chance.choice((disconnect, partition, stop, kill))(small, proxies, chance)
        for proxy in chance.sample(proxies, PHONES):  # one by one, in any order
            proxy.cut_off.clear()
            proxy.healed.set()
        settled(workers)
        balance(workers, small.folder / "var" / "lodge.sqlite3")
        small.run("verify")
    finally:
        for proxy in proxies:
            proxy.stop()


def disconnect(_: Live, proxies: list[Proxy], chance: random.Random) -> None:
    """One phone goes into the basement, or comes back."""
    cut_off = chance.choice(proxies).cut_off
    (cut_off.clear if cut_off.is_set() else cut_off.set)()


def partition(_: Live, proxies: list[Proxy], chance: random.Random) -> None:
    """Some have a network, the others not."""
    for proxy in proxies:
        (proxy.cut_off.set if chance.random() < 0.5 else proxy.cut_off.clear)()


def stop(live: Live, _: list[Proxy], chance: random.Random) -> None:
    """The server is ended as it should be."""
    live.stop()
    live.start()


def kill(live: Live, _: list[Proxy], chance: random.Random) -> None:
    live.kill()
    live.start()
