"""Ops that were tampered with, or are made in somebody else's name, change no record."""

from __future__ import annotations

import os
import random
from uuid import UUID, uuid5

import pytest
from sqlalchemy import select

from server.db.engine import db
from server.models.oplog import LoggedOp
from tests.phone_client import with_hash
from tests.seed_data import ANA, BEN, CHU, EVE, HOME_SITE, OTHER_SITE, TASKS
from tests.soak import repeats

FORGERIES = repeats("forged_ops")
SEED = int(os.environ.get("LODGE_SEED") or random.SystemRandom().randrange(10**6))
REJECTED_STATUSES = ("quarantined", "fork", "refused")
"""Statuses of ops that change no record."""

REPLACEMENT_VALUES = {
    "id": ["0199d1c4-8a00-7000-8000-00000000000a"],
    "n": [0, 1, 10**6],
    "prev": [None, "0" * 64],
    "hash": ["0" * 64],
    "kind": ["task.skip", "task.cancel", "visit.arrive"],
    "v": [2],
    "subject": TASKS,
    "base": [0, 7],
    "after": ["0199d1c4-8a00-7000-8000-00000000000b"],
    "by": [BEN, CHU, EVE],
    "at": ["2026-01-01T00:00:00+08:00"],
    "mono": [0, None],
    "boot": ["another", None],
    "payload": [{"note": "swapped"}, {"reason": "rain"}],
}


def tampered_op(rng, op):
    """The op with one bit of a field flipped, or a field replaced; its hash is unchanged."""
    name = rng.choice(list(op))
    value = op[name]
    if isinstance(value, str) and rng.random() < 0.5:
        index = rng.randrange(len(value))
        new = value[:index] + chr(ord(value[index]) ^ (1 << rng.randrange(5))) + value[index + 1 :]
    else:
        new = rng.choice([other for other in REPLACEMENT_VALUES[name] if other != value])
    return {**op, name: new}


def logged_op(id_):
    return db.session.scalar(select(LoggedOp).filter_by(site_id=HOME_SITE, id=id_))


@pytest.mark.rule("B1")
def test_a_tampered_op_is_rejected_and_does_not_block_the_genuine_one(sqlite_app, new_phone):
    rng, phone, accepted = random.Random(SEED), new_phone(), []
    for number in range(FORGERIES):
        op = phone.add_op("task.complete", TASKS[number % len(TASKS)], {"note": "all"}, by=ANA)
        forged = tampered_op(rng, op)
        (answer,) = phone.push(ops=[forged]).expect_ok()["verdicts"]
        if answer["status"] not in REJECTED_STATUSES:
            accepted.append((forged, answer))
        (genuine,) = phone.push(ops=[op]).expect_ok()["verdicts"]
        assert genuine["status"] == "applied", f"LODGE_SEED={SEED}: {forged} blocked it"
        phone.outbox.clear()
    assert accepted == [], f"LODGE_SEED={SEED}"


@pytest.fixture
def app(sqlite_app):
    return sqlite_app


def test_an_op_with_a_recomputed_hash_does_not_replace_one_of_the_chain(app, phone):
    first = phone.add_op("task.complete", TASKS[0], by=ANA)
    phone.add_op("task.complete", TASKS[1], by=ANA)
    phone.send_outbox()
    rewritten = with_hash({**first, "subject": TASKS[2]})
    (answer,) = phone.push(ops=[rewritten]).expect_ok()["verdicts"]
    assert answer["status"] == "fork"
    between = with_hash({**first, "id": REPLACEMENT_VALUES["id"][0], "subject": TASKS[2]})
    (answer,) = phone.push(ops=[between]).expect_ok()["verdicts"]
    assert answer["status"] == "fork"
    phone.pull_all()
    assert phone.get_record("task", TASKS[2])["done_at"] is None


def test_an_op_by_an_unknown_author_is_held(app, phone):
    stranger = "0199d1c4-8a00-7000-8000-00000000000c"
    phone.add_op("task.complete", TASKS[3], by=stranger)
    (answer,) = phone.push().expect_ok()["verdicts"]
    assert (answer["status"], answer["code"]) == ("held", "left")


@pytest.mark.asvs("15.3.3")
def test_the_device_of_an_op_is_the_one_whose_token_was_sent(app, phone, new_phone):
    other = new_phone()
    other.lineage = phone.lineage
    op = other.add_op("task.complete", TASKS[4], by=ANA, device=phone.device)
    assert other.push().expect_ok()["verdicts"][0]["status"] == "quarantined"
    other.outbox.clear()
    op = other.add_op("task.complete", TASKS[5], by=ANA)
    other.push()
    with app.app_context():
        assert logged_op(op["id"]).device_id == other.device


@pytest.mark.asvs("8.2.2")
def test_a_phone_cannot_push_to_another_site(app, phone):
    phone.add_op("task.complete", TASKS[6], by=ANA)
    home, phone.site = phone.site, OTHER_SITE
    assert phone.push().status == 404
    phone.site = home


@pytest.mark.rule("W1")
def test_a_time_in_the_future_is_corrected_and_flagged(app, phone):
    early = phone.add_op("task.complete", TASKS[7], by=ANA, at="2799-01-01T00:00:00+08:00")
    phone.send_outbox()
    with app.app_context():
        row = logged_op(early["id"])
        assert row.occurred_at <= row.received_at
        assert row.flags


def test_a_phone_cannot_take_the_id_of_an_op_that_the_server_is_going_to_make(app, phone, ben):
    """The desk's decision about a held op has an id that is derived from it."""
    held = phone.add_op("task.cancel", TASKS[0], {"reason": "please"}, by="0" * 8 + ANA[8:])
    (answer,) = phone.push(ops=[held]).expect_ok()["verdicts"]
    assert answer["status"] == "held"
    for name in ("aside.open", "instead"):
        op = phone.add_op("shift.open", None, {"uniform": True}, by=ANA)
        taken = with_hash({**op, "id": str(uuid5(UUID(held["id"]), name))})
        phone.last_hash = taken["hash"]
        (answer,) = phone.push(ops=[taken]).expect_ok()["verdicts"]
        assert (answer["id"], answer["status"]) == (taken["id"], "quarantined")
        with app.app_context():
            assert logged_op(taken["id"]) is None
    dismissed = ben.post(f"/desk/aside/{held['id']}/dismiss", {"reason": "unknown person"})
    assert dismissed.status_code == 303
