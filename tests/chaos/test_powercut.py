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

from tests import seed_data
from tests.chaos.simulated_disk import RecoveredDatabase, SimulatedDisk
from tests.chaos.strace_events import FileEvent, parse_trace, record_writes
from tests.live_server import LiveServer
from tests.phone_client import PhoneClient
from tests.soak import repeats

CUTS = repeats("power_cuts")
PHONES, PUSHES = 3, 40
MIN_EVENTS = 300
"""So many cuts are enough to find out that the disk was not waited for."""


class VisitWorker(threading.Thread):
    """A guard who lets people in, one to six at once."""

    def __init__(self, phone: PhoneClient, seed: int) -> None:
        super().__init__(daemon=True)
        self.phone, self.chance = phone, random.Random(seed)
        self.batches: list[dict[str, str]] = []

    def run(self) -> None:
        for _ in range(PUSHES):
            arrived = [self._arrival() for _ in range(self.chance.randint(1, 6))]
            self.batches.append({op["id"]: op["subject"] for op in arrived})
            self.phone.send_outbox()

    def _arrival(self) -> dict[str, str]:
        said = {"visitor": "W" * self.chance.randint(1, 80), "purpose": "service"}
        return self.phone.add_op("visit.arrive", payload=said, by=seed_data.CHU)


class WriteRecording:
    """What a server did to its files while three phones were busy."""

    def __init__(self, live: LiveServer, phones: list[PhoneClient], strace: str, seed: int) -> None:
        var, self.before = live.folder / "var", live.folder / "before"
        trace, busy = live.folder / "trace", [VisitWorker(phone, seed) for phone in phones]
        with record_writes(strace, live.process.pid, trace):
            shutil.copytree(var, self.before)
            for thread in busy:
                thread.start()
            for thread in busy:
                thread.join(120)
        live.kill()
        self.batches = [batch for thread in busy for batch in thread.batches]
        self.events = list(parse_trace(trace, var))
        assert len(self.batches) == PUSHES * PHONES
        self._assert_complete(var)

    def _assert_complete(self, var: Path) -> None:
        """Replayed to its end, the recording gives the very files that the server left."""
        with memory_disk(self.before) as end:
            for event in self.events:
                if event.kind != "answer":
                    end.record(event)
            for name, disk in end.files.items():
                disk.record(FileEvent("sync"))
                assert disk.durable == (var / name).read_bytes()

    def replay_power_cuts(self, number: int, chance: random.Random) -> Iterator[str]:
        """What was lost or broken, of so many power cuts."""
        moments = sorted(chance.choices(range(len(self.events)), k=number), reverse=True)
        acked: set[str] = set()
        with memory_disk(self.before) as left:
            for at, event in enumerate(self.events):
                acked.update(event.acknowledged)
                if event.kind != "answer":
                    left.record(event)
                while moments and moments[-1] == at:
                    moments.pop()
                    yield from self._find_faults(left.lose_power(chance), acked, at)

    def _find_faults(self, recovered: RecoveredDatabase, acked: set[str], at: int) -> Iterator[str]:
        if recovered.fault:
            yield f"event {at}: {recovered.fault}"
        if acked - recovered.op_ids:
            yield f"event {at}: {len(acked - recovered.op_ids)} acknowledged ops are lost"
        kept = {
            subject
            for batch in self.batches
            for op, subject in batch.items()
            if op in recovered.op_ids
        }
        if not kept == recovered.visit_ids == recovered.feed_ids:
            in_table = len(recovered.visit_ids)
            yield f"event {at}: the log has {len(kept)} visits, the table {in_table}"
        if any(0 < len(batch.keys() & recovered.op_ids) < len(batch) for batch in self.batches):
            yield f"event {at}: a batch is torn"


class memory_disk:  # noqa: N801 - reads as the call that it is
    """A disk in memory, if the machine has one."""

    def __init__(self, before: Path) -> None:
        memory = Path("/dev/shm")
        where = memory if os.access(memory, os.W_OK) else None
        self.place = Path(tempfile.mkdtemp(prefix="lodge-cut-", dir=where))
        self.plate = SimulatedDisk(before, self.place / "var")

    def __enter__(self) -> SimulatedDisk:
        return self.plate

    def __exit__(self, *_: object) -> None:
        self.plate.close()
        shutil.rmtree(self.place)


@pytest.fixture
def recording(
    small_server: LiveServer,
    enrol_client: Callable[[LiveServer], PhoneClient],
    strace: str,
    seed: int,
) -> Callable[..., WriteRecording]:
    def record(*before: str) -> WriteRecording:
        small_server.command_prefix = before
        small_server.start()
        small_server.command_prefix = ()
        return WriteRecording(
            small_server, [enrol_client(small_server) for _ in range(PHONES)], strace, seed
        )

    return record


def test_no_power_cut_loses_or_tears_what_was_acknowledged(
    recording: Callable[..., WriteRecording], seed: int
) -> None:
    found = list(recording().replay_power_cuts(CUTS, random.Random(seed)))
    assert found == [], f"LODGE_SEED={seed}"


def test_a_server_that_does_not_wait_for_the_disk_is_found_out(
    recording: Callable[..., WriteRecording], seed: int
) -> None:
    lowered = recording("-m", "tests.chaos.unsafe_sync_lodge")
    found = list(lowered.replay_power_cuts(MIN_EVENTS, random.Random(seed)))
    assert [fault for fault in found if "acknowledged" in fault], f"LODGE_SEED={seed}"
