"""Two phones decide on the same thing in the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import seed_data
from tests.chaos.conftest import init_and_seed
from tests.live_server import LiveServer
from tests.phone_client import PhoneClient
from tests.soak import repeats

RACES = repeats("races")
TICKET_PAYLOAD = {"channel": "phone", "matter": "report", "contact": "1", "details": "x"}


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LiveServer]:
    if request.param == "sqlite":
        yield request.getfixturevalue("small_server").start()
        return
    cluster = request.getfixturevalue("postgres")
    live = init_and_seed(LiveServer(tmp_path, cluster.url(cluster.create_database()))).start()
    yield live
    live.kill()


@pytest.mark.asvs("2.3.4")
def test_of_two_who_decide_at_once_one_wins_and_the_other_is_told(
    server: LiveServer, enrol_client: Callable[[LiveServer], PhoneClient]
) -> None:
    both = [enrol_client(server), enrol_client(server)]
    for number in range(RACES):
        ticket = both[0].add_op("ticket.open", payload=TICKET_PAYLOAD, by=seed_data.CHU)["subject"]
        both[0].send_outbox()
        start = threading.Barrier(2)

        def decide(
            phone: PhoneClient, ticket: str = ticket, start: threading.Barrier = start
        ) -> str:
            phone.pull_all()
            base, words = phone.versions["ticket", ticket], {"details": phone.lineage}
            op = phone.add_op("ticket.revise", ticket, words, by=seed_data.CHU, base=base)
            start.wait(30)
            return phone.send_outbox()[op["id"]]["status"]

        with ThreadPoolExecutor(2) as together:
            told = list(together.map(decide, both))
        assert sorted(told) == ["applied", "contested"], number
        winner = both[told.index("applied")]
        assert all(
            phone.get_record("ticket", ticket)["details"] == winner.lineage for phone in both
        )
