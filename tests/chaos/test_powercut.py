"""The power goes at any moment: what was acknowledged is there, and nothing is there by half."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import cast
from tests.chaos.powercut import Books, Plate
from tests.chaos.tracing import Event, events, recorded
from tests.live import Live
from tests.phone import Phone

CUTS = int(os.environ.get("LODGE_CUTS", "2000"))
PHONES, PUSHES = 3, 40
FEW = 300
"""So many cuts are enough to find out that the disk was not waited for."""


class Visits(threading.Thread):
    """A guard who lets people in, one to six at once."""

    def __init__(self, phone: Phone, seed: int) -> None:
        super().__init__(daemon=True)
        self.phone, self.chance = phone, random.Random(seed)
        self.batches: list[dict[str, str]] = []

    def run(self) -> None:
        for _ in range(PUSHES):
            arrived = [self._arrives() for _ in range(self.chance.randint(1, 6))]
            self.batches.append({op["id"]: op["subject"] for op in arrived})
            self.phone.send()

    def _arrives(self) -> dict[str, str]:
        said = {"visitor": "W" * self.chance.randint(1, 80), "purpose": "service"}
        return self.phone.op("visit.arrive", payload=said, by=cast.CHU)


class Recording:
    """What a server did to its files while three phones were busy."""

    def __init__(self, live: Live, phones: list[Phone], strace: str, seed: int) -> None:
        var, self.before = live.folder / "var", live.folder / "before"
        trace, busy = live.folder / "trace", [Visits(phone, seed) for phone in phones]
        with recorded(strace, live.process.pid, trace):
            shutil.copytree(var, self.before)
            for thread in busy:
                thread.start()
            for thread in busy:
                thread.join(120)
        live.kill()
        self.batches = [batch for thread in busy for batch in thread.batches]
        self.events = list(events(trace, var))
        assert len(self.batches) == PUSHES * PHONES
        self._is_whole(var)

    def _is_whole(self, var: Path) -> None:
        """Replayed to its end, the recording gives the very files that the server left."""
        with plate(self.before) as end:
            for event in self.events:
                if event.what != "answer":
                    end.happens(event)
            for name, disk in end.disks.items():
                disk.happens(Event("sync"))
                assert disk.durable == (var / name).read_bytes()

    def cuts(self, number: int, chance: random.Random) -> Iterator[str]:
        """What was lost or broken, of so many power cuts."""
        moments = sorted(chance.choices(range(len(self.events)), k=number), reverse=True)
        acked: set[str] = set()
        with plate(self.before) as left:
            for at, event in enumerate(self.events):
                acked.update(event.acked)
                if event.what != "answer":
                    left.happens(event)
                while moments and moments[-1] == at:
                    moments.pop()
                    yield from self._faults(left.cut(chance), acked, at)

    def _faults(self, books: Books, acked: set[str], at: int) -> Iterator[str]:
        if books.fault:
            yield f"event {at}: {books.fault}"
        if acked - books.ops:
            yield f"event {at}: {len(acked - books.ops)} acknowledged ops are lost"
        kept = {
            subject for batch in self.batches for op, subject in batch.items() if op in books.ops
        }
        if not kept == books.visits == books.fed:
            yield f"event {at}: the log has {len(kept)} visits, the table {len(books.visits)}"
        if any(0 < len(batch.keys() & books.ops) < len(batch) for batch in self.batches):
            yield f"event {at}: a batch is torn"


class plate:  # noqa: N801 - reads as the call that it is
    """A disk in memory, if the machine has one."""

    def __init__(self, before: Path) -> None:
        memory = Path("/dev/shm")
        where = memory if os.access(memory, os.W_OK) else None
        self.place = Path(tempfile.mkdtemp(prefix="lodge-cut-", dir=where))
        self.plate = Plate(before, self.place / "var")

    def __enter__(self) -> Plate:
        return self.plate

    def __exit__(self, *_: object) -> None:
        self.plate.close()
        shutil.rmtree(self.place)


@pytest.fixture
def recording(
    small: Live, at_home: Callable[[Live], Phone], strace: str, seed: int
) -> Callable[..., Recording]:
    def record(*before: str) -> Recording:
        small.before = before
        small.start()
        small.before = ()
        return Recording(small, [at_home(small) for _ in range(PHONES)], strace, seed)

    return record


def test_no_power_cut_loses_or_tears_what_was_acknowledged(
    recording: Callable[..., Recording], seed: int
) -> None:
    found = list(recording().cuts(CUTS, random.Random(seed)))
    assert found == [], f"LODGE_SEED={seed}"


def test_a_server_that_does_not_wait_for_the_disk_is_found_out(
    recording: Callable[..., Recording], seed: int
) -> None:
    lowered = recording("-m", "tests.chaos.lowered")
    found = list(lowered.cuts(FEW, random.Random(seed)))
    assert [fault for fault in found if "acknowledged" in fault], f"LODGE_SEED={seed}"
