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
from tests.bench import baselines
from tests.bench.bench_site import ANA, BenchSite, pull_request, push_requests
from tests.bench.http_load import HEADER_END, LoadConnection, run_load
from tests.phone_client import PhoneClient

ROUNDS = 3
SIZE = 100
FIRST_PULL = 100_000
CURSOR_PATTERN, MORE_PATTERN = re.compile(rb'"cursor": ?"([^"]+)"'), re.compile(rb'"more": ?true')
GROWTH = (10_000, 100_000, 1_000_000)


@dataclass(frozen=True)
class Figure:
    """One figure; the goal is for the ratio to the floor."""

    name: str
    unit: str
    measured: float
    baseline: float
    goal: str

    @property
    def ratio(self) -> float:
        return self.measured / self.baseline


def measure(folder: Path, database_url: str | None) -> Iterator[Figure]:
    """Every figure of one database; product and floor in turn."""
    stand = BenchSite(folder, database_url)
    stand.server.start()
    try:
        with baselines.empty_app(THREADS) as port:
            yield from _measure_pushes(stand)
            yield from _measure_signatures(stand)
            yield from _measure_reconnect_storm(stand)
            yield from _measure_polls(stand, port)
            yield from _measure_changed_pulls(stand, port)
            yield from _measure_growth(stand)
            yield from _measure_first_pulls(stand)
    finally:
        stand.server.kill()


def _median_round(name: str, unit: str, goal: str, rounds: list[tuple[float, float]]) -> Figure:
    """The round with the middle ratio."""
    rounds.sort(key=lambda pair: pair[0] / pair[1])
    return Figure(name, unit, *rounds[len(rounds) // 2], goal)


def _measure_pushes(stand: BenchSite) -> Iterator[Figure]:
    for name, phones, ops in (("push 1 × 1000", 1, 1000), ("push 50 × 100", 50, 100)):
        firsts, agains = [], []
        for _ in range(ROUNDS):
            senders = stand.enrol_clients(phones)
            requests = [push_requests(phone, stand.plan_tasks(ops), SIZE) for phone in senders]
            ids = [op["id"] for phone in senders for op in phone.outbox]
            first, again = (
                _push_rate(requests, len(ids), stand),
                _push_rate(requests, len(ids), stand),
            )
            with closing(baselines.RawTables(stand.database_url, stand.sqlite)) as raw:
                firsts.append((first, raw.ops_per_second(ids, SIZE)))
            agains.append((again, first))
        yield _median_round(name, "ops/s", "≥ 0.35", firsts)
        yield _median_round(f"{name} again", "ops/s", "≥ 2", agains)


def _measure_signatures(stand: BenchSite) -> Iterator[Figure]:
    """The same push with the signature of its author on each op, and without."""
    pairs = []
    for _ in range(ROUNDS):
        signed, unsigned = (_push_milliseconds(stand, signs=signs) for signs in (True, False))
        pairs.append((signed, unsigned))
    yield _median_round("push 1 × 1000, signed", "ms", "≤ 1.35", pairs)


def _push_milliseconds(stand: BenchSite, *, signs: bool) -> float:
    (sender,) = stand.enrol_clients(1)
    if signs:
        stand.unlock(sender, ANA)
    requests = [push_requests(sender, stand.plan_tasks(1000), SIZE)]
    return 1000 * 1000 / _push_rate(requests, 1000, stand)


def _push_rate(requests: list[list[bytes]], ops: int, stand: BenchSite) -> float:
    done = run_load(stand.port, requests)
    assert not done.refused, done.refused[:1]
    return ops / done.seconds


def _measure_reconnect_storm(stand: BenchSite) -> Iterator[Figure]:
    """500 phones come back at once, 20 ops each; the floor writes batches of that size."""
    senders = stand.enrol_clients(500)
    duties = iter(stand.plan_tasks(500 * 20))
    requests = [push_requests(phone, itertools.islice(duties, 20), 20) for phone in senders]
    ids = [op["id"] for phone in senders for op in phone.outbox]
    done = run_load(stand.port, requests)
    assert not done.refused, done.refused[:1]
    with closing(baselines.RawTables(stand.database_url, stand.sqlite)) as raw:
        floor = raw.ops_per_second(ids, 20)
    yield Figure("storm 500 × 20", "ops/s", len(ids) / done.seconds, floor, "–")
    yield Figure("storm, p99", "s", done.quantile(0.99), 2.0, "≤ 1")


def _measure_polls(stand: BenchSite, port: int) -> Iterator[Figure]:
    reader = stand.move_to_head(stand.enrol_clients(1)[0])
    for phones, each in ((1, 1000), (50, 40)):
        pairs = []
        for _ in range(ROUNDS):
            product = run_load(stand.port, [itertools.repeat(pull_request(reader), each)] * phones)
            floor = run_load(port, [itertools.repeat(baselines.EMPTY_REQUEST, each)] * phones)
            assert not product.refused, product.refused[:1]
            pairs.append((product.rate, floor.rate))
        yield _median_round(f"poll, nothing new, {phones} phones", "1/s", "≥ 0.6", pairs)


def _measure_changed_pulls(stand: BenchSite, port: int) -> Iterator[Figure]:
    """Ten records are newer than the cursor."""
    reader = stand.move_to_head(stand.enrol_clients(1)[0])
    asked = pull_request(reader)
    stand.plan_tasks(10)
    for phones, each in ((1, 500), (50, 20)):
        pairs = []
        for _ in range(ROUNDS):
            product = run_load(stand.port, [itertools.repeat(asked, each)] * phones)
            floor = run_load(port, [itertools.repeat(baselines.EMPTY_REQUEST, each)] * phones)
            pairs.append((product.rate, floor.rate))
        yield _median_round(f"poll, 10 new, {phones} phones", "1/s", "–", pairs)


def _measure_growth(stand: BenchSite) -> Iterator[Figure]:
    """What a push of 1,000 ops and a pull of 10 records cost as the site grows."""
    base: dict[str, float] = {}
    for records in GROWTH:
        stand.grow_site(records)
        sender, reader = stand.enrol_clients(2)
        costs = {"push": _push_seconds(stand, sender), "pull 10": _pull_seconds(stand, reader)}
        for name, cost in costs.items():
            first = base.setdefault(name, cost)
            yield Figure(f"{name} at {records:,} records", "ms", cost, first, "≤ 1.3")


def _push_seconds(stand: BenchSite, sender: PhoneClient) -> float:
    spent = []
    for _ in range(ROUNDS):
        requests = [push_requests(sender, stand.plan_tasks(500), SIZE)]
        spent.append(run_load(stand.port, requests).seconds / 5)
    return statistics.median(spent) * 1000


def _pull_seconds(stand: BenchSite, reader: PhoneClient) -> float:
    asked = pull_request(stand.move_to_head(reader))
    stand.plan_tasks(10)
    return run_load(stand.port, [itertools.repeat(asked, 200)]).quantile(0.5) * 1000


def _measure_first_pulls(stand: BenchSite) -> Iterator[Figure]:
    reader = stand.enrol_clients(1)[0]
    before = _measure_memory(stand)
    with closing(baselines.RawTables(stand.database_url, stand.sqlite)) as raw:
        floor = raw.rows_per_second()
    for name, zipped in (("first pull", False), ("first pull, gzipped", True)):
        begun = time.perf_counter()
        rows, bytes_a_row = _pull_all(stand, reader, zipped=zipped)
        yield Figure(f"{name}", "rows/s", rows / (time.perf_counter() - begun), floor, "–")
    yield Figure("first pull, a row gzipped", "bytes", bytes_a_row, 120, "≤ 1")
    yield Figure("first pull, memory", "MB", _measure_memory(stand), before, "≤ 1.1")


def _pull_all(stand: BenchSite, reader: PhoneClient, *, zipped: bool) -> tuple[int, float]:
    """Page after page, as many rows as a large first sync has: rows, and what one of the first
    page took on its way; later ones are copies."""
    caller = LoadConnection(stand.port)
    rows, bytes_a_row, cursor = 0, 0.0, None
    while rows < FIRST_PULL:
        head, _, page = caller.request(
            pull_request(reader, cursor=cursor, gzipped=zipped)
        ).partition(HEADER_END)
        text = gzip.decompress(page) if b"\nContent-Encoding: gzip" in head else page
        rows += text.count(b'"deleted":')
        bytes_a_row = bytes_a_row or len(page) / rows
        cursor = CURSOR_PATTERN.findall(text)[0].decode()
        if not MORE_PATTERN.search(text):
            break
    caller.socket.close()
    return rows, bytes_a_row


def _measure_memory(stand: BenchSite) -> float:
    status = Path(f"/proc/{stand.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found
    return int(found[1]) / 1024
