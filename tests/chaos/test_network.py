"""Through a network that drops, doubles, delays and cuts, all comes out the same."""

from __future__ import annotations

import os

from tests.chaos.proxy import FATES, Proxy
from tests.chaos.test_kill import enrolled
from tests.chaos.worker import Worker, balance
from tests.live import Live
from tests.phone import HttpWire
from tests.until import until

ROUNDS = int(os.environ.get("LODGE_ROUNDS", "60"))


def test_every_fault_of_the_network_and_the_books_balance(live: Live) -> None:
    proxy = Proxy(live.port, seed=7)
    try:
        workers = [Worker(phone, seed, ROUNDS) for seed, phone in enumerate(enrolled(live, 3))]
        for worker in workers:
            worker.phone.wire = HttpWire(proxy.url)
            worker.start()
        for worker in workers:
            worker.join(60)
            assert not worker.is_alive()
        proxy.healed.set()
        for worker in workers:
            until(worker.send, within=11)
        assert set(FATES) <= proxy.counts.keys()
        balance(workers, live.folder / "var" / "lodge.sqlite3")
        live.run("verify")
    finally:
        proxy.stop()
