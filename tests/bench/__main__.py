"""Figures against a floor that is measured in the same run, product and floor in turn.

`python -m tests.bench [--json]`. The floors: writing the same rows raw, an empty Flask route, and
an empty handler on the phone.
A ratio wanders less than a figure from machine to machine, so the goals are ratios.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog
from flask import Flask

from server.devices import issue_code
from server.oplog import own, post_many
from tests import cast
from tests.bench import phone
from tests.conftest import furnish, made
from tests.phone import FlaskWire, Phone

ROUNDS, BATCHES, SIZE = 3, 10, 100
GOALS = {"push": 0.35, "push again": 2.0, "poll": 0.6}
"""Per second, as a share of the floor: no less than this."""


def timed(work: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def plan(app: Flask, number: int) -> list[str]:
    """Fresh tasks to tick."""
    ops = [own("task.plan", None, cast.occurrence(n)) for n in range(number)]
    with app.app_context():
        for start in range(0, number, 500):
            post_many(cast.HOME, ops[start : start + 500])
    return [op["subject"] for op in ops]


def enrolled(app: Flask) -> Phone:
    with app.app_context():
        code = issue_code(cast.HOME, None)
    return Phone(FlaskWire(app.test_client())).enrol(code)


def push(sender: Phone, batches: list[list[dict[str, Any]]]) -> float:
    def work() -> None:
        for batch in batches:
            assert sender.push(*batch).status == 200

    return BATCHES * SIZE / timed(work)


def raw_writes(folder: Path, round_: int, batches: list[list[dict[str, Any]]]) -> float:
    """The same ops as rows of a log, of records and of a feed: WAL, FULL, one commit a batch."""
    base = sqlite3.connect(folder / f"raw-{round_}.sqlite3", isolation_level=None)
    base.execute("PRAGMA journal_mode=WAL")
    base.execute("PRAGMA synchronous=FULL")
    for table in ("op", "task", "feed"):
        base.execute(f"CREATE TABLE {table} (id TEXT PRIMARY KEY, seq INTEGER, body TEXT)")

    def work() -> None:
        for batch in batches:
            rows = [(op["id"], op["n"], json.dumps(op)) for op in batch]
            base.execute("BEGIN IMMEDIATE")
            for table in ("op", "task", "feed"):
                base.executemany(f"INSERT INTO {table} VALUES (?, ?, ?)", rows)
            base.execute("COMMIT")

    spent = timed(work)
    base.close()
    return BATCHES * SIZE / spent


def polls(reader: Phone, number: int = 200) -> float:
    return number / timed(lambda: [reader.pull() for _ in range(number)])


def empty_route(number: int = 200) -> float:
    app = Flask("floor")
    app.post("/")(lambda: {"sync": "1"})
    client = app.test_client()
    return number / timed(lambda: [client.post("/", json={}) for _ in range(number)])


def rounds(folder: Path) -> Iterator[dict[str, tuple[float, float]]]:
    """For each round: figure and floor by name, measured one after the other."""
    url = f"sqlite:///{folder / 'bench.sqlite3'}"
    furnish(url, folder)
    app = made(url, folder)
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # only figures are printed
    client = enrolled(app)
    for round_ in range(ROUNDS):
        tasks = plan(app, BATCHES * SIZE)
        ops = [client.op("task.complete", task, by=cast.ANA) for task in tasks]
        batches = [ops[start : start + SIZE] for start in range(0, len(ops), SIZE)]
        floor, first = raw_writes(folder, round_, batches), push(client, batches)
        again = push(client, batches)
        client.outbox.clear()
        client.refresh()
        yield {
            "push": (first, floor),
            "push again": (again, first),
            "poll": (polls(client), empty_route()),
        }


def server_rows() -> Iterator[dict[str, Any]]:
    with TemporaryDirectory() as folder:
        measured = list(rounds(Path(folder)))
    for name, goal in GOALS.items():
        figure = statistics.median(round_[name][0] for round_ in measured)
        floor = statistics.median(round_[name][1] for round_ in measured)
        ratio = statistics.median(round_[name][0] / round_[name][1] for round_ in measured)
        yield row(name, "1/s", figure, floor, ratio, f"≥ {goal}")


def phone_rows() -> Iterator[dict[str, Any]]:
    with TemporaryDirectory() as folder:
        measured = phone.measured(Path(folder))
    for name, goal in phone.GOALS.items():
        yield row(name, "ms", *measured[name], f"≤ {goal}")


def row(
    name: str, unit: str, figure: float, floor: float, ratio: float, goal: str
) -> dict[str, Any]:
    told = {"name": name, "unit": unit, "figure": figure, "floor": floor, "ratio": ratio}
    return {**told, "goal": goal}


def main() -> None:
    table = [*phone_rows(), *server_rows()]
    if "--json" in sys.argv:
        print(json.dumps(table, ensure_ascii=False))
        return
    print(f"{'':<12}{'unit':>6}{'figure':>12}{'floor':>12}{'ratio':>8}{'goal':>8}")
    for line in table:
        print(
            "{name:<12}{unit:>6}{figure:>12.1f}{floor:>12.1f}{ratio:>8.2f}{goal:>8}".format(**line)
        )


main()
