"""Many short histories with lost, doubled, late and forked messages; in the end all agree."""

from __future__ import annotations

import copy
import random

import pytest
from sqlalchemy import select

from server.db.engine import db
from server.models.oplog import LoggedOp
from server.oplog.replay import find_faults
from tests import seed_data
from tests.soak import repeats

HISTORIES = repeats("model_histories")
STEPS = 40


class HistorySimulation:
    """Three phones with a bad network between them and the server."""

    def __init__(self, seed, phones):
        self.rng = random.Random(seed)
        self.phones = phones
        self.backups = {}
        self.delayed_pushes = []
        self.destroyed = set()
        self.created_ids = set()

    def step(self):
        phone = self.rng.choice(self.phones)
        does = self.rng.choices(
            (
                self.create_op,
                self.send,
                self.push_without_response,
                self.refresh,
                self.take_backup,
                self.roll_back,
            ),
            weights=(40, 20, 10, 15, 5, 2),
        )[0]
        does(phone)
        if self.delayed_pushes and self.rng.random() < 0.2:
            late, batch = self.delayed_pushes.pop(self.rng.randrange(len(self.delayed_pushes)))
            late.push(ops=batch["ops"], lineage=batch["lineage"])

    def create_op(self, phone):
        by = self.rng.choice((seed_data.ANA, seed_data.BEN, seed_data.CHU))
        task = self.rng.choice(seed_data.TASKS)
        base = phone.versions.get(("task", task))
        does = self.rng.choice(("complete", "undo", "skip", "cancel", "visit", "ticket", "poison"))
        if does in ("complete", "undo"):
            op = phone.add_op(f"task.{does}", task, by=by)
        elif does in ("skip", "cancel"):
            chosen = {"base": base} if does == "cancel" else {}
            op = phone.add_op(f"task.{does}", task, {"reason": "rain"}, by=by, **chosen)
        elif does == "visit":
            op = phone.add_op("visit.arrive", None, {"visitor": "W", "purpose": "family"}, by=by)
            self.created_ids.add(op["id"])
            op = phone.add_op("visit.depart", op["subject"], by=by, after=op["id"])
        elif does == "ticket":
            said = {"channel": "phone", "matter": "report", "contact": "x", "details": "leak"}
            op = phone.add_op("ticket.open", None, said, by=by)
        else:
            op = phone.add_op("task.complete", task, {"nonsense": 1}, by=by)
        self.created_ids.add(op["id"])

    def send(self, phone):
        batch = phone.outbox[: self.rng.randint(1, 6)]
        if self.rng.random() < 0.3:
            self.rng.shuffle(batch)
        if not batch or self.rng.random() < 0.2:
            return
        if self.rng.random() < 0.3:
            self.delayed_pushes.append((phone, {"ops": batch, "lineage": phone.lineage}))
        self.handle_verdicts(phone, phone.push(ops=batch).expect_ok())

    def push_without_response(self, phone):
        if phone.outbox:
            phone.push(ops=phone.outbox[:5])

    def handle_verdicts(self, phone, response):
        status = {verdict["id"]: verdict["status"] for verdict in response["verdicts"]}
        phone.outbox = [op for op in phone.outbox if status.get(op["id"], "fork") == "fork"]
        if "fork" in status.values():
            start_new_lineage(phone)

    def refresh(self, phone):
        phone.pull_all(limit=self.rng.choice((3, 50)))

    def take_backup(self, phone):
        names = ("lineage", "n", "last_hash", "outbox", "records", "versions", "cursor")
        self.backups[id(phone)] = {name: copy.deepcopy(getattr(phone, name)) for name in names}

    def roll_back(self, phone):
        """The phone's files are set back: what it did since is gone, unless it was sent."""
        if id(phone) not in self.backups:
            return
        gone = {op["id"] for op in phone.outbox}
        for name, value in copy.deepcopy(self.backups[id(phone)]).items():
            setattr(phone, name, value)
        self.destroyed |= gone - {op["id"] for op in phone.outbox}

    def settle(self):
        for phone, batch in self.delayed_pushes:
            phone.push(ops=batch["ops"], lineage=batch["lineage"])
        for _ in range(20):
            for phone in self.phones:
                while phone.outbox:
                    self.handle_verdicts(phone, phone.push(ops=phone.outbox[:200]).expect_ok())
        for phone in self.phones:
            phone.pull_all()


def start_new_lineage(phone):
    """A new lineage; what is unanswered goes into it, as the phone's own code does it."""
    waiting, phone.outbox = phone.outbox, []
    phone.lineage, phone.n, phone.last_hash = f"{phone.lineage[:36]}+{phone.n}", 0, None
    for op in waiting:
        same = {
            name: op[name] for name in ("id", "subject", "payload", "by", "base", "after", "at")
        }
        more = {name: op[name] for name in ("mono", "boot")}
        phone.add_op(op["kind"], same.pop("subject"), same.pop("payload"), **same, **more)


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_after_all_faults_everybody_agrees_and_nothing_is_lost(app, new_phone, seed):
    if "postgresql" in app.config["SQLALCHEMY_DATABASE_URI"] and seed > 2:
        pytest.skip("three histories show that PostgreSQL does the same")
    sim = HistorySimulation(seed, [new_phone() for _ in range(3)])
    for _ in range(STEPS):
        sim.step()
    sim.settle()
    states = [(phone.records, phone.versions, phone.digest) for phone in sim.phones]
    assert all(state == states[0] for state in states)
    with app.app_context():
        rows = db.session.execute(select(LoggedOp.id, LoggedOp.status, LoggedOp.after)).all()
        assert find_faults(seed_data.HOME_SITE) == []
    assert sim.created_ids - sim.destroyed <= {row.id for row in rows}
    assert {row.after for row in rows if row.status == "waiting"} <= sim.destroyed
