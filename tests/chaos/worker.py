"""People at work on phones that cannot rely on anything; and the books that are kept of it."""

from __future__ import annotations

import http.client
import random
import sqlite3
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from tests.phone import Phone, Unanswered

BROKEN = (OSError, http.client.HTTPException, Unanswered)
MOST = 40
"""A worker who hears nothing stops adding to the pile at this many."""


class Worker(threading.Thread):
    """Ticks, lets visitors in and out, opens tickets, and sends until everything is answered."""

    def __init__(
        self, phone: Phone, seed: int, rounds: int | None = None, most: int = MOST
    ) -> None:
        super().__init__(daemon=True)
        self.phone, self.random, self.rounds, self.most = phone, random.Random(seed), rounds, most
        self.tasks = [task["id"] for task in phone.of("task")]
        self.by = [person["id"] for person in phone.people]
        self.ops: dict[str, dict[str, Any]] = {}
        self.acked: dict[str, dict[str, Any]] = {}
        self.arrived: list[str] = []
        self.faults: Counter[str] = Counter()
        self.enough = threading.Event()

    def next_shift(self) -> Worker:
        """The same phone and the same books, at work again."""
        other = Worker(self.phone, self.random.randrange(1000), self.rounds, self.most)
        other.ops, other.acked, other.arrived = self.ops, self.acked, self.arrived
        return other

    def run(self) -> None:
        while not self.enough.is_set() and self.rounds != 0:
            if len(self.phone.outbox) < self.most:
                self.work()
                self.rounds = self.rounds and self.rounds - 1
            self.send()

    def work(self) -> None:
        """One to five things at once."""
        for _ in range(self.random.randint(1, 5)):
            op = self.random.choice((self.tick, self.tick, self.arrive, self.depart, self.open))()
            self.ops[op["id"]] = op

    def tick(self) -> dict[str, Any]:
        kind = self.random.choice(("task.complete", "task.undo"))
        return self.phone.op(kind, self.random.choice(self.tasks), by=self.random.choice(self.by))

    def arrive(self) -> dict[str, Any]:
        payload = {"visitor": "W" * self.random.randint(1, 80), "purpose": "service"}
        op = self.phone.op("visit.arrive", payload=payload, by=self.random.choice(self.by))
        self.arrived.append(op["subject"])
        return op

    def depart(self) -> dict[str, Any]:
        if not self.arrived:
            return self.arrive()
        subject = self.random.choice(self.arrived)
        return self.phone.op("visit.depart", subject, by=self.random.choice(self.by))

    def open(self) -> dict[str, Any]:
        payload = {"channel": "phone", "matter": "report", "contact": "1", "details": "x" * 900}
        return self.phone.op("ticket.open", payload=payload, by=self.random.choice(self.by))

    def send(self) -> bool:
        """Whether the outbox was answered; if not, it stays as it is."""
        try:
            verdicts = self.phone.send()
        except BROKEN as error:
            status = error.args[0] if isinstance(error, Unanswered) else ""
            self.faults[f"{type(error).__name__} {status}".strip()] += 1
            self.enough.wait(0.05)
            return False
        for id_, verdict in verdicts.items():
            assert self.acked.setdefault(id_, verdict) == verdict
        return not self.phone.outbox


def balance(workers: list[Worker], database: Path) -> None:
    """As `balanced`, for a database that is a file."""
    with sqlite3.connect(database) as books:
        assert books.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        kept = [id_ for (id_,) in books.execute("SELECT id FROM op WHERE lineage IS NOT NULL")]
    books.close()
    balanced(workers, kept)


def balanced(workers: list[Worker], kept: list[str]) -> None:
    """Sent = kept = answered, each once; every phone shows the same; nothing is left over."""
    ops = {id_: op for worker in workers for id_, op in worker.ops.items()}
    acked = {id_: verdict for worker in workers for id_, verdict in worker.acked.items()}
    assert acked.keys() == ops.keys()
    assert Counter(verdict["status"] for verdict in acked.values()) == {"applied": len(ops)}
    assert Counter(kept) == Counter(ops.keys())
    views = [worker.phone.refresh() for worker in workers]
    assert all(view == views[0] for view in views)
    assert len({worker.phone.digest for worker in workers}) == 1
    _effects(ops, views[0])


def _effects(ops: dict[str, dict[str, Any]], view: dict[tuple[str, str], Any]) -> None:
    for kind, type_ in (("visit.arrive", "visit"), ("ticket.open", "ticket")):
        made = {op["subject"] for op in ops.values() if op["kind"] == kind}
        shown = {id_ for type_of, id_ in view if type_of == type_}
        assert made <= shown
    left = {op["subject"] for op in ops.values() if op["kind"] == "visit.depart"}
    made = {op["subject"] for op in ops.values() if op["kind"] == "visit.arrive"}
    for id_ in made:
        assert bool(view["visit", id_]["departed_at"]) == (id_ in left)
