"""Two phones decide on the same thing in the same moment."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import cast
from tests.chaos.conftest import peopled
from tests.live import Live
from tests.phone import Phone

RACES = int(os.environ.get("LODGE_RACES", "25"))
SAID = {"channel": "phone", "matter": "report", "contact": "1", "details": "x"}


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Live]:
    if request.param == "sqlite":
        yield request.getfixturevalue("small").start()
        return
    cluster = request.getfixturevalue("postgres")
    live = peopled(Live(tmp_path, cluster.url(cluster.new()))).start()
    yield live
    live.kill()


def test_of_two_who_decide_at_once_one_wins_and_the_other_is_told(
    server: Live, at_home: Callable[[Live], Phone]
) -> None:
    both = [at_home(server), at_home(server)]
    for number in range(RACES):
        ticket = both[0].op("ticket.open", payload=SAID, by=cast.CHU)["subject"]
        both[0].send()
        start = threading.Barrier(2)

        def decide(phone: Phone, ticket: str = ticket, start: threading.Barrier = start) -> str:
            phone.refresh()
            base, words = phone.versions["ticket", ticket], {"details": phone.lineage}
            op = phone.op("ticket.revise", ticket, words, by=cast.CHU, base=base)
            start.wait(30)
            return phone.send()[op["id"]]["status"]

        with ThreadPoolExecutor(2) as together:
            told = list(together.map(decide, both))
        assert sorted(told) == ["applied", "contested"], number
        winner = both[told.index("applied")]
        assert all(phone.record("ticket", ticket)["details"] == winner.lineage for phone in both)
