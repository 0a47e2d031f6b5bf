"""Figures against a floor that is measured in the same run, product and floor in turn.

`python -m tests.bench [--json] [sqlite | postgresql | phone ...]`. A ratio wanders less than a
figure from machine to machine, so the goals are ratios.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import phone, server
from tests.bench.server import Line
from tests.postgres import Cluster

PARTS = ("phone", "sqlite", "postgresql")


def lines(part: str) -> Iterator[Line]:
    """The figures of one part, as they are measured."""
    with TemporaryDirectory() as folder:
        if part == "phone":
            yield from phone.measured(Path(folder))
        elif part == "sqlite":
            yield from server.measured(Path(folder), None)
        else:
            with _cluster() as cluster:
                yield from server.measured(Path(folder), cluster.url(cluster.new()))


@contextmanager
def _cluster() -> Iterator[Cluster]:
    cluster = Cluster()
    try:
        yield cluster
    finally:
        cluster.stop()


def told(part: str, line: Line) -> str:
    figures = f"{line.figure:>12,.1f}{line.floor:>12,.1f}{line.ratio:>8.2f}"
    return f"{part:<12}{line.name:<32}{line.unit:>7}{figures}{line.goal:>8}"


def main() -> None:
    wish = [word for word in sys.argv[1:] if word in PARTS] or PARTS
    in_json = "--json" in sys.argv
    if not in_json:
        print(f"{'':<12}{'':<32}{'unit':>7}{'figure':>12}{'floor':>12}{'ratio':>8}{'goal':>8}")
    for part in wish:
        for line in lines(part):
            known = {"part": part, **vars(line), "ratio": line.ratio}
            print(
                json.dumps(known, ensure_ascii=False) if in_json else told(part, line), flush=True
            )


if __name__ == "__main__":
    main()
