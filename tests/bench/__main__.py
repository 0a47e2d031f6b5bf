"""Figures against a floor that is measured in the same run, product and floor in turn.

`python -m tests.bench [--json] [phone | sqlite | postgresql | estate ...]`. A ratio differs less
than a figure from machine to machine, so the goals are ratios.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import estate_benchmarks, phone_benchmarks, server_benchmarks
from tests.bench.server_benchmarks import Figure
from tests.postgres import PostgresCluster

PARTS = ("phone", "sqlite", "postgresql", "estate")


def measure_part(part: str) -> Iterator[Figure]:
    """The figures of one part, as they are measured."""
    with TemporaryDirectory() as folder:
        if part == "phone":
            yield from phone_benchmarks.measure(Path(folder))
        elif part == "estate":
            yield from estate_benchmarks.measure(Path(folder))
        elif part == "sqlite":
            yield from server_benchmarks.measure(Path(folder), None)
        else:
            with _temporary_cluster() as cluster:
                yield from server_benchmarks.measure(
                    Path(folder), cluster.url(cluster.create_database())
                )


@contextmanager
def _temporary_cluster() -> Iterator[PostgresCluster]:
    cluster = PostgresCluster()
    try:
        yield cluster
    finally:
        cluster.stop()


def format_figure(part: str, line: Figure) -> str:
    figures = f"{line.measured:>12,.1f}{line.baseline:>12,.1f}{line.ratio:>8.2f}"
    return f"{part:<12}{line.name:<32}{line.unit:>7}{figures}{line.goal:>8}"


def main() -> None:
    wish = [word for word in sys.argv[1:] if word in PARTS] or PARTS
    in_json = "--json" in sys.argv
    if not in_json:
        print(f"{'':<12}{'':<32}{'unit':>7}{'figure':>12}{'floor':>12}{'ratio':>8}{'goal':>8}")
    for part in wish:
        for line in measure_part(part):
            known = {"part": part, **vars(line), "ratio": line.ratio}
            print(
                json.dumps(known, ensure_ascii=False) if in_json else format_figure(part, line),
                flush=True,
            )


if __name__ == "__main__":
    main()
