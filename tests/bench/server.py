"""Push, pull and poll through a real server, each beside its floor, on one database."""

from __future__ import annotations

import gzip
import itertools
import re
import statistics
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from server.cli import THREADS
from tests.bench import floors
from tests.bench.load import GAP, Caller, call
from tests.bench.stand import Stand, poll, ticks
from tests.phone import Phone

ROUNDS = 3
SIZE = 100
FIRST_PULL = 100_000
NEXT, MORE = re.compile(rb'"cursor": ?"([^"]+)"'), re.compile(rb'"more": ?true')
GROWTH = (10_000, 100_000, 1_000_000)


@dataclass(frozen=True)
class Line:
    """One figure; the goal is for the ratio to the floor."""

    name: str
    unit: str
    figure: float
    floor: float
    goal: str

    @property
    def ratio(self) -> float:
        return self.figure / self.floor


def measured(folder: Path, url: str | None) -> Iterator[Line]:
    """Every figure of one database; product and floor in turn."""
    stand = Stand(folder, url)
    stand.live.start()
    try:
        with floors.hello(THREADS) as port:
            yield from _pushes(stand)
            yield from _storm(stand)
            yield from _polls(stand, port)
            yield from _changed(stand, port)
            yield from _growth(stand)
            yield from _first_pulls(stand)
    finally:
        stand.live.kill()


def _middle(name: str, unit: str, goal: str, rounds: list[tuple[float, float]]) -> Line:
    """The round with the middle ratio."""
    rounds.sort(key=lambda pair: pair[0] / pair[1])
    return Line(name, unit, *rounds[len(rounds) // 2], goal)


def _pushes(stand: Stand) -> Iterator[Line]:
    for name, phones, ops in (("push 1 × 1000", 1, 1000), ("push 50 × 100", 50, 100)):
        firsts, agains = [], []
        for _ in range(ROUNDS):
            senders = stand.phones(phones)
            requests = [ticks(phone, stand.duties(ops), SIZE) for phone in senders]
            ids = [op["id"] for phone in senders for op in phone.outbox]
            first, again = _told(requests, len(ids), stand), _told(requests, len(ids), stand)
            with closing(floors.Raw(stand.database_url, stand.sqlite)) as raw:
                firsts.append((first, raw.writes(ids, SIZE)))
            agains.append((again, first))
        yield _middle(name, "ops/s", "≥ 0.35", firsts)
        yield _middle(f"{name} again", "ops/s", "≥ 2", agains)


def _told(requests: list[list[bytes]], ops: int, stand: Stand) -> float:
    done = call(stand.port, requests)
    assert not done.refused, done.refused[:1]
    return ops / done.spent


def _storm(stand: Stand) -> Iterator[Line]:
    """500 phones come back at once, 20 ops each; the floor writes batches of that size."""
    senders = stand.phones(500)
    duties = iter(stand.duties(500 * 20))
    requests = [ticks(phone, itertools.islice(duties, 20), 20) for phone in senders]
    ids = [op["id"] for phone in senders for op in phone.outbox]
    done = call(stand.port, requests)
    assert not done.refused, done.refused[:1]
    with closing(floors.Raw(stand.database_url, stand.sqlite)) as raw:
        floor = raw.writes(ids, 20)
    yield Line("storm 500 × 20", "ops/s", len(ids) / done.spent, floor, "–")
    yield Line("storm, p99", "s", done.quantile(0.99), 2.0, "≤ 1")


def _polls(stand: Stand, port: int) -> Iterator[Line]:
    reader = stand.at_head(stand.phones(1)[0])
    for phones, each in ((1, 1000), (50, 40)):
        pairs = []
        for _ in range(ROUNDS):
            product = call(stand.port, [itertools.repeat(poll(reader), each)] * phones)
            floor = call(port, [itertools.repeat(floors.HELLO, each)] * phones)
            assert not product.refused, product.refused[:1]
            pairs.append((product.rate, floor.rate))
        yield _middle(f"poll, nothing new, {phones} phones", "1/s", "≥ 0.6", pairs)


def _changed(stand: Stand, port: int) -> Iterator[Line]:
    """Ten records are newer than the cursor."""
    reader = stand.at_head(stand.phones(1)[0])
    asked = poll(reader)
    stand.duties(10)
    for phones, each in ((1, 500), (50, 20)):
        pairs = []
        for _ in range(ROUNDS):
            product = call(stand.port, [itertools.repeat(asked, each)] * phones)
            floor = call(port, [itertools.repeat(floors.HELLO, each)] * phones)
            pairs.append((product.rate, floor.rate))
        yield _middle(f"poll, 10 new, {phones} phones", "1/s", "–", pairs)


def _growth(stand: Stand) -> Iterator[Line]:
    """What a push of 1,000 ops and a pull of 10 records cost as the site grows."""
    base: dict[str, float] = {}
    for records in GROWTH:
        stand.grow(records)
        sender, reader = stand.phones(2)
        costs = {"push": _cost_of_push(stand, sender), "pull 10": _cost_of_pull(stand, reader)}
        for name, cost in costs.items():
            first = base.setdefault(name, cost)
            yield Line(f"{name} at {records:,} records", "ms", cost, first, "≤ 1.3")


def _cost_of_push(stand: Stand, sender: Phone) -> float:
    spent = []
    for _ in range(ROUNDS):
        requests = [ticks(sender, stand.duties(500), SIZE)]
        spent.append(call(stand.port, requests).spent / 5)
    return statistics.median(spent) * 1000


def _cost_of_pull(stand: Stand, reader: Phone) -> float:
    asked = poll(stand.at_head(reader))
    stand.duties(10)
    return call(stand.port, [itertools.repeat(asked, 200)]).quantile(0.5) * 1000


def _first_pulls(stand: Stand) -> Iterator[Line]:
    reader = stand.phones(1)[0]
    before = _resident(stand)
    with closing(floors.Raw(stand.database_url, stand.sqlite)) as raw:
        floor = raw.reads()
    for name, zipped in (("first pull", False), ("first pull, gzipped", True)):
        begun = time.perf_counter()
        rows, bytes_a_row = _read_all(stand, reader, zipped=zipped)
        yield Line(f"{name}", "rows/s", rows / (time.perf_counter() - begun), floor, "–")
    yield Line("first pull, a row gzipped", "bytes", bytes_a_row, 120, "≤ 1")
    yield Line("first pull, memory", "MB", _resident(stand), before, "≤ 1.1")


def _read_all(stand: Stand, reader: Phone, *, zipped: bool) -> tuple[int, float]:
    """Page after page, as many rows as a large first sync has: rows, and what one of the first
    page took on its way; later ones are copies."""
    caller = Caller(stand.port)
    rows, bytes_a_row, cursor = 0, 0.0, None
    while rows < FIRST_PULL:
        head, _, page = caller.ask(poll(reader, cursor=cursor, zipped=zipped)).partition(GAP)
        text = gzip.decompress(page) if b"\nContent-Encoding: gzip" in head else page
        rows += text.count(b'"deleted":')
        bytes_a_row = bytes_a_row or len(page) / rows
        cursor = NEXT.findall(text)[0].decode()
        if not MORE.search(text):
            break
    caller.socket.close()
    return rows, bytes_a_row


def _resident(stand: Stand) -> float:
    status = Path(f"/proc/{stand.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found
    return int(found[1]) / 1024
