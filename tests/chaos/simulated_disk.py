"""What a power cut may leave of recorded writes: all that was synced, and any part of the rest."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.strace_events import FileEvent

SECTORS = (512, 4096)
"""A disk writes a sector whole or not at all; disks have sectors of either size."""

Piece = tuple[int, bytes]


@dataclass
class SimulatedFile:
    """One file: what is surely on the plate, and what was written since."""

    path: Path
    durable: bytearray
    pending: list[FileEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.handle = os.open(self.path, os.O_RDWR | os.O_CREAT)
        os.pwrite(self.handle, self.durable, 0)

    def record(self, event: FileEvent) -> None:
        if event.kind == "sync":
            for each in self.pending:
                self._make_durable(each)
            self.pending.clear()
            os.ftruncate(self.handle, len(self.durable))
        else:
            self.pending.append(event)

    def _make_durable(self, event: FileEvent) -> None:
        if event.kind == "cut":
            del self.durable[event.offset :]
            return
        end = event.offset + len(event.data)
        self.durable.extend(bytes(max(0, end - len(self.durable))))
        self.durable[event.offset : end] = event.data
        os.pwrite(self.handle, event.data, event.offset)

    def lose_power(self, chance: random.Random) -> None:
        """Lay over what is durable what the plate happened to take of the rest."""
        for event in self._surviving_writes(chance):
            if event.kind == "cut":
                os.ftruncate(self.handle, event.offset)
            else:
                os.pwrite(self.handle, event.data, event.offset)

    def _surviving_writes(self, chance: random.Random) -> Iterable[FileEvent]:
        how = chance.randrange(3)
        if how == 0:  # in order, and the last one torn
            upto = chance.randint(0, len(self.pending))
            yield from self.pending[:upto]
            yield from self._torn_sectors(self.pending[upto : upto + 1], chance, 0.5)
        elif how == 1:  # each one or not
            yield from (event for event in self.pending if chance.random() < 0.5)
        else:  # each sector or not
            yield from self._torn_sectors(self.pending, chance, chance.random())

    def _torn_sectors(
        self, written: Iterable[FileEvent], chance: random.Random, share: float
    ) -> Iterable[FileEvent]:
        size = chance.choice(SECTORS)
        for event in written:
            if event.kind == "cut":
                yield event
                continue
            start, end = event.offset, event.offset + len(event.data)
            while start < end:
                stop = min(end, (start // size + 1) * size)
                if chance.random() < share:
                    piece = event.data[start - event.offset : stop - event.offset]
                    yield FileEvent("write", event.file, start, piece)
                start = stop

    def restore_durable(self) -> None:
        """Back to what is durable, for the next cut."""
        os.ftruncate(self.handle, len(self.durable))
        for event in self.pending:
            if event.kind == "cut":
                os.pwrite(self.handle, self.durable[event.offset :], event.offset)
            else:
                end = event.offset + len(event.data)
                os.pwrite(self.handle, self.durable[event.offset : end], event.offset)


@dataclass(frozen=True)
class RecoveredDatabase:
    """What a database that was cut off says when it is opened again."""

    op_ids: set[str]
    visit_ids: set[str]
    feed_ids: set[str]
    fault: str | None = None


class SimulatedDisk:
    """The folder after the cut."""

    def __init__(self, was: Path, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.files = {
            file.name: SimulatedFile(folder / file.name, bytearray(file.read_bytes()))
            for file in was.iterdir()
            if file.name.startswith("lodge.sqlite3") and not file.name.endswith("-shm")
        }

    def record(self, event: FileEvent) -> None:
        if event.file not in self.files:
            self.files[event.file] = SimulatedFile(self.folder / event.file, bytearray())
        self.files[event.file].record(event)

    def lose_power(self, chance: random.Random) -> RecoveredDatabase:
        for disk in self.files.values():
            disk.lose_power(chance)
        try:
            return recover(self.folder)
        finally:
            (self.folder / "lodge.sqlite3-shm").unlink(missing_ok=True)
            for disk in self.files.values():
                disk.restore_durable()

    def close(self) -> None:
        for disk in self.files.values():
            os.close(disk.handle)


def recover(folder: Path) -> RecoveredDatabase:
    """Recovered as SQLite does by itself, without a repair by hand. Read only: nothing changes."""
    base = sqlite3.connect(f"file:{folder}/lodge.sqlite3?mode=ro", uri=True)
    try:
        (told,) = base.execute("PRAGMA integrity_check").fetchone()
        ops = _column(base, "SELECT id FROM op WHERE lineage IS NOT NULL")
        visits = _column(base, "SELECT id FROM visit")
        fed = _column(base, "SELECT id FROM feed WHERE type = 'visit'")
        return RecoveredDatabase(ops, visits, fed, None if told == "ok" else told)
    except sqlite3.DatabaseError as error:
        return RecoveredDatabase(set(), set(), set(), str(error))
    finally:
        base.close()


def _column(base: sqlite3.Connection, query: str) -> set[str]:
    return {value for (value,) in base.execute(query)}
