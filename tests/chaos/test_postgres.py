"""PostgreSQL: its connections cut, its processes killed, itself crashed in mid-commit."""

from __future__ import annotations

import os
import random
import shutil
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from tests.chaos.conftest import peopled
from tests.chaos.test_kill import settle
from tests.chaos.worker import Worker, balanced
from tests.live import Live
from tests.phone import Phone
from tests.postgres import Cluster, Standby
from tests.until import until

KILLS = int(os.environ.get("LODGE_PG_KILLS", "20"))
STARTS = int(os.environ.get("LODGE_STARTS", "2"))
PHONES = 3


@pytest.fixture(scope="module")
def fragile() -> Iterator[Cluster]:
    """A cluster that nobody else needs."""
    cluster = Cluster()
    yield cluster
    cluster.stop()


@pytest.fixture
def name(fragile: Cluster) -> str:
    return fragile.new()


@pytest.fixture
def server(fragile: Cluster, name: str, tmp_path: Path) -> Iterator[Live]:
    live = peopled(Live(tmp_path, fragile.url(name)))
    yield live
    live.kill()


def terminate(cluster: Cluster, name: str, chance: random.Random) -> None:
    """An administrator ends a connection: nobody else notices."""
    for pid in chance.sample(found := cluster.backends(name), min(2, len(found))):
        cluster.admin.execute("SELECT pg_terminate_backend(%s)", (pid,))


def kill_backend(cluster: Cluster, name: str, chance: random.Random) -> None:
    """One process dies, so that PostgreSQL throws out everybody and recovers by its log."""
    for pid in cluster.backends(name)[:1]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    cluster.admin.close()
    cluster.admin = until(lambda: psycopg.connect(cluster.url("postgres"), autocommit=True))


def crash(cluster: Cluster, name: str, chance: random.Random) -> None:
    """All of it goes at once, and is started again."""
    cluster.crash()
    cluster.start()


def test_postgresql_dies_again_and_again_and_the_books_balance(
    fragile: Cluster, name: str, server: Live, at_home: Callable[[Live], Phone], seed: int
) -> None:
    chance, pause = random.Random(seed), threading.Event()
    workers = [Worker(at_home(server.start() if n == 0 else server), n) for n in range(PHONES)]
    for worker in workers:
        worker.start()
    for number in range(KILLS):
        pause.wait(chance.uniform(0.02, 0.3))
        (terminate, terminate, kill_backend, crash)[number % 4](fragile, name, chance)
    settle(workers)
    faults = sum((worker.faults for worker in workers), Counter())
    assert not [fault for fault in faults if fault.endswith("500")], (faults, seed)
    assert faults, "killed under load"
    with psycopg.connect(fragile.url(name)) as books:
        kept = books.execute("SELECT id FROM op WHERE lineage IS NOT NULL").fetchall()
    balanced(workers, [id_ for (id_,) in kept])
    server.run("verify")


@pytest.fixture
def pair() -> Iterator[tuple[Cluster, Standby]]:
    """A cluster and its standby: what is committed is on both."""
    primary = Cluster()
    standby = Standby(primary)
    yield primary, standby
    standby.stop()
    primary.stop()


def test_the_standby_takes_over_with_all_that_was_acknowledged(
    pair: tuple[Cluster, Standby], tmp_path: Path, at_home: Callable[[Live], Phone]
) -> None:
    primary, standby = pair
    name = primary.new()
    primary.follow(standby)
    either = f"host={primary.folder},{standby.folder}&target_session_attrs=read-write"
    live = peopled(Live(tmp_path, f"postgresql://lodge@/{name}?{either}"))
    workers = [Worker(at_home(live.start() if n == 0 else live), n) for n in range(PHONES)]
    try:
        for worker in workers:
            worker.start()
        until(lambda: all(len(worker.acked) > 20 for worker in workers))
        primary.crash()
        standby.promote()
        settle(workers)
        assert any(worker.faults for worker in workers), "nobody noticed"
        with psycopg.connect(standby.url(name)) as books:
            kept = books.execute("SELECT id FROM op WHERE lineage IS NOT NULL").fetchall()
        balanced(workers, [id_ for (id_,) in kept])
        live.run("verify")
    finally:
        live.kill()


def test_four_writers_at_once_and_a_follower_misses_no_change(
    server: Live, at_home: Callable[[Live], Phone]
) -> None:
    """The cursor never overtakes a transaction that is still open, with two servers at work."""
    folder = server.folder / "second"
    folder.mkdir()
    shutil.copytree(server.folder / "var", folder / "var")
    second = Live(folder, server.env["LODGE_DATABASE_URL"]).start()
    try:
        workers = [
            Worker(at_home(s), n, rounds=15) for n, s in enumerate([server.start(), second] * 2)
        ]
        follower = at_home(second)
        for worker in workers:
            worker.start()
        while any(worker.is_alive() for worker in workers):
            follower.refresh(limit=20)
        settle(workers)
        followed, afresh = dict(follower.refresh()), at_home(server).refresh()
        assert followed == afresh
        assert [w.faults for w in workers] == [Counter()] * 4
    finally:
        second.kill()


def test_four_servers_begin_at_once_on_an_empty_database(fragile: Cluster, tmp_path: Path) -> None:
    for attempt in range(STARTS):
        url = fragile.url(fragile.new())
        folders = [tmp_path / f"{attempt}-{n}" for n in range(4)]
        for folder in folders:
            folder.mkdir()
        with ThreadPoolExecutor(4) as together:
            told = list(
                together.map(lambda folder, url=url: Live(folder, url).run("init"), folders)
            )
        assert told == ["The database is ready.\n"] * 4
        with psycopg.connect(url) as base:
            found = base.execute("SELECT count(*) FROM server_state WHERE key = 'epoch'")
            assert found.fetchall() == [(1,)]
