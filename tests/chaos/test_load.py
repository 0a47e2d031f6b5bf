"""A shift's load, held: phones that work and ask, desks that look on (G16).

`load_seconds` with `load_phones` of tests/soak.py: twenty pushes a second however many phones
there are. What an answer took is counted from the moment at which it was due to be asked for.
"""

from __future__ import annotations

import html
import http.client
import re
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from flask import current_app

from server.auth.sessions import start_session
from server.maintenance.demo import demo_id
from tests.bench.bench_site import ANA, SITE, BenchSite
from tests.phone_client import PhoneClient
from tests.soak import repeats

SECONDS = repeats("load_seconds")
PHONES = repeats("load_phones")
OPS_PER_SECOND, DESK_COUNT, POLL_INTERVAL = 20, 20, 10.0
QIN = demo_id("squirrel", "qin")
NEXT_POLL_PATTERN = re.compile('hx-get="([^"]+)"')
MAX_THREADS = 32
"""How many may be waited for at once, as no phone waits for another."""


def test_a_load_is_held_without_an_error_and_without_growing(tmp_path: Path, record_property):
    stand = BenchSite(tmp_path)
    stand.server.start()
    try:
        duties = iter(stand.plan_tasks((SECONDS + 1) * OPS_PER_SECOND + PHONES))
        works = [phone_action(phone, duties) for phone in stand.enrol_clients(PHONES)]
        held = PacedLoad(
            works,
            PHONES / OPS_PER_SECOND,
            [board_poll(stand) for _ in range(DESK_COUNT)],
            POLL_INTERVAL,
        )
        held.warm_up()
        before = proportional_memory(stand.pid)
        held.run(SECONDS)
        grown = proportional_memory(stand.pid) / before
    finally:
        stand.server.kill()
    took = statistics.quantiles(held.durations, n=100)
    said = f"p50 {took[49]:.3f} s, p99 {took[98]:.3f} s, memory x {grown:.2f}"
    record_property("load", said)
    print(said)
    assert not held.errors
    assert len(held.durations) >= SECONDS * OPS_PER_SECOND
    assert grown < 1.25


class PacedLoad:
    """Works that are due again and again, each at its own time."""

    def __init__(
        self,
        works: list[Callable[[], None]],
        every: float,
        looks: list[Callable[[], None]],
        look_every: float,
    ) -> None:
        spread = [(n * every / len(works), every, act) for n, act in enumerate(works)]
        spread += [(n * look_every / len(looks), look_every, act) for n, act in enumerate(looks)]
        self.spread, self.acts = spread, [act for *_, act in spread]
        self.durations: list[float] = []
        self.errors: list[str] = []
        self.lock = threading.Lock()

    def warm_up(self) -> None:
        for act in self.acts:
            act()

    def run(self, seconds: float) -> None:
        begun = time.monotonic()
        due = sorted(
            (first + turn * every, place)
            for place, (first, every, _) in enumerate(self.spread)
            for turn in range(int((seconds - first) / every) + 1)
        )
        pause = threading.Event()
        with ThreadPoolExecutor(MAX_THREADS) as pool:
            for when, place in due:
                pause.wait(max(0.0, begun + when - time.monotonic()))
                pool.submit(self._run_one, self.acts[place], begun + when)

    def _run_one(self, act: Callable[[], None], due: float) -> None:
        try:
            act()
        except Exception as error:
            with self.lock:
                self.errors.append(repr(error))
        with self.lock:
            self.durations.append(time.monotonic() - due)


def phone_action(phone: PhoneClient, duties: Iterator[str]) -> Callable[[], None]:
    """Something is ticked off, sent, and what is new is asked for: one thing after the other."""
    busy = threading.Lock()

    def work() -> None:
        with busy:
            phone.add_op("task.complete", next(duties), by=ANA)
            assert {said["status"] for said in phone.send_outbox().values()} == {"applied"}
            phone.pull_all()

    return work


def board_poll(stand: BenchSite) -> Callable[[], None]:
    """A board on a desk, which asks again as its page says."""
    with stand.app_context(), current_app.test_request_context():
        heads = {"Cookie": f"lodge={start_session(QIN, SITE)}"}
    address = ["/desk/today/news"]

    def look() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", stand.port, timeout=30)
        try:
            connection.request("GET", address[0], headers=heads)
            answer = connection.getresponse()
            page = answer.read().decode()
        finally:
            connection.close()
        assert answer.status in (200, 204), page[:300]
        if page:
            address[0] = html.unescape(NEXT_POLL_PATTERN.search(page)[1])

    return look


def proportional_memory(pid: int) -> int:
    """Pages that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
