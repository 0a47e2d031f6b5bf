"""Pages of the desk and a phone's first pull on the large demo, beside an empty application."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

from server import create_app
from server.auth.devices import issue_code
from server.auth.sessions import start_session
from server.cli import THREADS
from server.maintenance.demo.large import SITE_ID
from server.maintenance.demo.large.people import person_id
from tests.bench import baselines
from tests.bench.server_benchmarks import Figure
from tests.large_estate import copy_large_estate
from tests.live_server import LiveServer
from tests.phone_client import HttpTransport, PhoneClient

ROUNDS = 9
PAGES = {"board": "/desk/", "tickets": "/desk/tickets/", "places": "/desk/places/"}


def measure(folder: Path) -> Iterator[Figure]:
    """Milliseconds a page as a manager, and of all pages of a cleaning phone's first pull."""
    data = copy_large_estate(folder)
    with create_app({"DATA_DIR": str(data)}).test_request_context():
        cookie = f"lodge={start_session(person_id('manager1'), SITE_ID)}"
        code = issue_code(SITE_ID, None)
    server = LiveServer(folder).start()
    try:
        with baselines.empty_app(THREADS) as port, _page_loader(port, "") as load_empty:
            floor = _median_milliseconds(lambda: load_empty("/", "POST"))
        with _page_loader(server.port, cookie) as load:
            for name, path in PAGES.items():
                taken = _median_milliseconds(lambda path=path: load(path))
                yield Figure(f"large estate, {name}", "ms", taken, floor, "–")
        phone = PhoneClient(HttpTransport(server.url)).enrol(code)
        started = time.perf_counter()
        phone.pull_all()
        taken = (time.perf_counter() - started) * 1000
        yield Figure("large estate, first pull", "ms", taken, floor, "–")
    finally:
        server.kill()


@contextmanager
def _page_loader(port: int, cookie: str) -> Iterator[Callable[..., None]]:
    """A function that loads a page over one connection; raises AssertionError unless it is 200."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:

        def load(path: str, method: str = "GET") -> None:
            connection.request(method, path, headers={"Cookie": cookie} if cookie else {})
            response = connection.getresponse()
            response.read()
            assert response.status == 200, (path, response.status)

        yield load


def _median_milliseconds(work: Callable[[], None]) -> float:
    taken = []
    for _ in range(ROUNDS + 1):
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken[1:])
