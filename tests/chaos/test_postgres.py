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

from tests.chaos.conftest import init_and_seed
from tests.chaos.phone_worker import PhoneWorker, assert_consistent
from tests.chaos.test_kill import drain_outboxes
from tests.live_server import LiveServer
from tests.phone_client import PhoneClient
from tests.postgres import PostgresCluster, StandbyCluster
from tests.soak import repeats
from tests.wait_for import wait_for

KILLS = repeats("postgres_kills")
STARTS = repeats("postgres_starts")
PHONES = 3


@pytest.fixture(scope="module")
def disposable_cluster() -> Iterator[PostgresCluster]:
    """A cluster that nobody else needs."""
    cluster = PostgresCluster()
    yield cluster
    cluster.stop()


@pytest.fixture
def database_name(disposable_cluster: PostgresCluster) -> str:
    return disposable_cluster.create_database()


@pytest.fixture
def server(
    disposable_cluster: PostgresCluster, database_name: str, tmp_path: Path
) -> Iterator[LiveServer]:
    live = init_and_seed(LiveServer(tmp_path, disposable_cluster.url(database_name)))
    yield live
    live.kill()


def terminate_backend(cluster: PostgresCluster, name: str, chance: random.Random) -> None:
    """An administrator ends a connection: nobody else notices."""
    for pid in chance.sample(found := cluster.backend_pids(name), min(2, len(found))):
        cluster.admin.execute("SELECT pg_terminate_backend(%s)", (pid,))


def kill_backend(cluster: PostgresCluster, name: str, chance: random.Random) -> None:
    """One process dies, so that PostgreSQL throws out everybody and recovers by its log."""
    for pid in cluster.backend_pids(name)[:1]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    cluster.admin.close()
    cluster.admin = wait_for(lambda: psycopg.connect(cluster.url("postgres"), autocommit=True))


def crash_cluster(cluster: PostgresCluster, name: str, chance: random.Random) -> None:
    """All of it goes at once, and is started again."""
    cluster.crash()
    cluster.start()


def test_postgresql_dies_again_and_again_and_the_books_balance(
    disposable_cluster: PostgresCluster,
    database_name: str,
    server: LiveServer,
    enrol_client: Callable[[LiveServer], PhoneClient],
    seed: int,
) -> None:
    chance, pause = random.Random(seed), threading.Event()
    workers = [
        PhoneWorker(enrol_client(server.start() if n == 0 else server), n) for n in range(PHONES)
    ]
    for worker in workers:
        worker.start()
    for number in range(KILLS):
        pause.wait(chance.uniform(0.02, 0.3))
        (terminate_backend, terminate_backend, kill_backend, crash_cluster)[number % 4](
            disposable_cluster, database_name, chance
        )
    drain_outboxes(workers)
    faults = sum((worker.error_counts for worker in workers), Counter())
    assert not [fault for fault in faults if fault.endswith("500")], (faults, seed)
    assert faults, "killed under load"
    with psycopg.connect(disposable_cluster.url(database_name)) as books:
        kept = books.execute("SELECT id FROM op WHERE lineage IS NOT NULL").fetchall()
    assert_consistent(workers, [id_ for (id_,) in kept])
    server.run("verify")


@pytest.fixture
def replicated_pair() -> Iterator[tuple[PostgresCluster, StandbyCluster]]:
    """A cluster and its standby: what is committed is on both."""
    primary = PostgresCluster()
    standby = StandbyCluster(primary)
    yield primary, standby
    standby.stop()
    primary.stop()


def test_the_standby_takes_over_with_all_that_was_acknowledged(
    replicated_pair: tuple[PostgresCluster, StandbyCluster],
    tmp_path: Path,
    enrol_client: Callable[[LiveServer], PhoneClient],
) -> None:
    primary, standby = replicated_pair
    name = primary.create_database()
    primary.replicate_to(standby)
    either = f"host={primary.folder},{standby.folder}&target_session_attrs=read-write"
    live = init_and_seed(LiveServer(tmp_path, f"postgresql://lodge@/{name}?{either}"))
    workers = [
        PhoneWorker(enrol_client(live.start() if n == 0 else live), n) for n in range(PHONES)
    ]
    try:
        for worker in workers:
            worker.start()
        wait_for(lambda: all(len(worker.verdicts) > 20 for worker in workers))
        primary.crash()
        standby.promote()
        drain_outboxes(workers)
        assert any(worker.error_counts for worker in workers), "nobody noticed"
        with psycopg.connect(standby.url(name)) as books:
            kept = books.execute("SELECT id FROM op WHERE lineage IS NOT NULL").fetchall()
        assert_consistent(workers, [id_ for (id_,) in kept])
        live.run("verify")
    finally:
        live.kill()


def test_four_writers_at_once_and_a_follower_misses_no_change(
    server: LiveServer, enrol_client: Callable[[LiveServer], PhoneClient]
) -> None:
    """The cursor never overtakes a transaction that is still open, with two servers at work."""
    folder = server.folder / "second"
    folder.mkdir()
    shutil.copytree(server.folder / "var", folder / "var")
    second = LiveServer(folder, server.env["LODGE_DATABASE_URL"]).start()
    try:
        workers = [
            PhoneWorker(enrol_client(s), n, rounds=15)
            for n, s in enumerate([server.start(), second] * 2)
        ]
        follower = enrol_client(second)
        for worker in workers:
            worker.start()
        while any(worker.is_alive() for worker in workers):
            follower.pull_all(limit=20)
        drain_outboxes(workers)
        followed, afresh = dict(follower.pull_all()), enrol_client(server).pull_all()
        assert followed == afresh
        assert [w.error_counts for w in workers] == [Counter()] * 4
    finally:
        second.kill()


def test_four_servers_begin_at_once_on_an_empty_database(
    disposable_cluster: PostgresCluster, tmp_path: Path
) -> None:
    for attempt in range(STARTS):
        url = disposable_cluster.url(disposable_cluster.create_database())
        folders = [tmp_path / f"{attempt}-{n}" for n in range(4)]
        for folder in folders:
            folder.mkdir()
        with ThreadPoolExecutor(4) as together:
            told = list(
                together.map(lambda folder, url=url: LiveServer(folder, url).run("init"), folders)
            )
        assert told == ["The database is ready.\n"] * 4
        with psycopg.connect(url) as base:
            found = base.execute("SELECT count(*) FROM server_state WHERE key = 'epoch'")
            assert found.fetchall() == [(1,)]
