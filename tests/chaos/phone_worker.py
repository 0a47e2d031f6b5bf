"""People at work on phones that cannot rely on anything; and the books that are kept of it."""

from __future__ import annotations

import http.client
import random
import sqlite3
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from tests.phone_client import PhoneClient, SyncError

TRANSPORT_ERRORS = (OSError, http.client.HTTPException, SyncError)
MAX_OUTBOX = 40
"""A worker who hears nothing stops adding to the pile at this many."""


class PhoneWorker(threading.Thread):
    """Ticks, lets visitors in and out, opens tickets, and sends until everything is answered."""

    def __init__(
        self, phone: PhoneClient, seed: int, rounds: int | None = None, most: int = MAX_OUTBOX
    ) -> None:
        super().__init__(daemon=True)
        self.phone, self.random, self.rounds, self.max_outbox = (
            phone,
            random.Random(seed),
            rounds,
            most,
        )
        self.tasks = [task["id"] for task in phone.records_of("task")]
        self.person_ids = [person["id"] for person in phone.people]
        self.ops: dict[str, dict[str, Any]] = {}
        self.verdicts: dict[str, dict[str, Any]] = {}
        self.arrived_visits: list[str] = []
        self.error_counts: Counter[str] = Counter()
        self.stop_requested = threading.Event()

    def resume(self) -> PhoneWorker:
        """The same phone and the same books, at work again."""
        other = PhoneWorker(self.phone, self.random.randrange(1000), self.rounds, self.max_outbox)
        other.ops, other.verdicts, other.arrived_visits = (
            self.ops,
            self.verdicts,
            self.arrived_visits,
        )
        return other

    def run(self) -> None:
        while not self.stop_requested.is_set() and self.rounds != 0:
            if len(self.phone.outbox) < self.max_outbox:
                self.create_ops()
                self.rounds = self.rounds and self.rounds - 1
            self.send_outbox()

    def create_ops(self) -> None:
        """One to five things at once."""
        for _ in range(self.random.randint(1, 5)):
            op = self.random.choice(
                (
                    self.toggle_task,
                    self.toggle_task,
                    self.admit_visitor,
                    self.see_visitor_out,
                    self.open_ticket,
                )
            )()
            self.ops[op["id"]] = op

    def toggle_task(self) -> dict[str, Any]:
        kind = self.random.choice(("task.complete", "task.undo"))
        return self.phone.add_op(
            kind, self.random.choice(self.tasks), by=self.random.choice(self.person_ids)
        )

    def admit_visitor(self) -> dict[str, Any]:
        payload = {"visitor": "W" * self.random.randint(1, 80), "purpose": "service"}
        op = self.phone.add_op(
            "visit.arrive", payload=payload, by=self.random.choice(self.person_ids)
        )
        self.arrived_visits.append(op["subject"])
        return op

    def see_visitor_out(self) -> dict[str, Any]:
        if not self.arrived_visits:
            return self.admit_visitor()
        subject = self.random.choice(self.arrived_visits)
        return self.phone.add_op("visit.depart", subject, by=self.random.choice(self.person_ids))

    def open_ticket(self) -> dict[str, Any]:
        payload = {"channel": "phone", "matter": "report", "contact": "1", "details": "x" * 900}
        return self.phone.add_op(
            "ticket.open", payload=payload, by=self.random.choice(self.person_ids)
        )

    def send_outbox(self) -> bool:
        """Whether the outbox was answered; if not, it stays as it is."""
        try:
            verdicts = self.phone.send_outbox()
        except TRANSPORT_ERRORS as error:
            status = error.args[0] if isinstance(error, SyncError) else ""
            self.error_counts[f"{type(error).__name__} {status}".strip()] += 1
            self.stop_requested.wait(0.05)
            return False
        for id_, verdict in verdicts.items():
            assert self.verdicts.setdefault(id_, verdict) == verdict
        return not self.phone.outbox


def assert_database_consistent(workers: list[PhoneWorker], database: Path) -> None:
    """As `balanced`, for a database that is a file."""
    with sqlite3.connect(database) as books:
        assert books.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        kept = [id_ for (id_,) in books.execute("SELECT id FROM op WHERE lineage IS NOT NULL")]
    books.close()
    assert_consistent(workers, kept)


def assert_consistent(workers: list[PhoneWorker], logged_ids: list[str]) -> None:
    """Sent = kept = answered, each once; every phone shows the same; nothing is left over."""
    ops = {id_: op for worker in workers for id_, op in worker.ops.items()}
    acked = {id_: verdict for worker in workers for id_, verdict in worker.verdicts.items()}
    assert acked.keys() == ops.keys()
    assert Counter(verdict["status"] for verdict in acked.values()) == {"applied": len(ops)}
    assert Counter(logged_ids) == Counter(ops.keys())
    views = [worker.phone.pull_all() for worker in workers]
    assert all(view == views[0] for view in views)
    assert len({worker.phone.digest for worker in workers}) == 1
    _assert_records_match(ops, views[0])


def _assert_records_match(ops: dict[str, dict[str, Any]], view: dict[tuple[str, str], Any]) -> None:
    for kind, type_ in (("visit.arrive", "visit"), ("ticket.open", "ticket")):
        made = {op["subject"] for op in ops.values() if op["kind"] == kind}
        shown = {id_ for type_of, id_ in view if type_of == type_}
        assert made <= shown
    left = {op["subject"] for op in ops.values() if op["kind"] == "visit.depart"}
    made = {op["subject"] for op in ops.values() if op["kind"] == "visit.arrive"}
    for id_ in made:
        assert bool(view["visit", id_]["departed_at"]) == (id_ in left)
