"""Forged ops: what was changed on its way, or said in another's name, is not taken as genuine."""

from __future__ import annotations

import os
import random

import pytest
from sqlalchemy import select

from server.db.engine import db
from server.models.oplog import LoggedOp
from tests.phone_client import with_hash
from tests.seed_data import ANA, BEN, CHU, EVE, HOME_SITE, OTHER_SITE, TASKS

FORGERIES = int(os.environ.get("LODGE_FORGED", "600"))
SEED = int(os.environ.get("LODGE_SEED") or random.SystemRandom().randrange(10**6))
REJECTED_STATUSES = ("quarantined", "fork", "refused")
"""What becomes of an op that is not what its author made; none of them changes a record."""

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


def tampered_op(lot, op):
    """The op with one field flipped by one sign, or swapped for another's; its hash as it was."""
    name = lot.choice(list(op))
    said = op[name]
    if isinstance(said, str) and lot.random() < 0.5:
        place = lot.randrange(len(said))
        new = said[:place] + chr(ord(said[place]) ^ (1 << lot.randrange(5))) + said[place + 1 :]
    else:
        new = lot.choice([value for value in REPLACEMENT_VALUES[name] if value != said])
    return {**op, name: new}


def logged_op(id_):
    return db.session.scalar(select(LoggedOp).filter_by(site_id=HOME_SITE, id=id_))


@pytest.mark.rule("B1")
def test_no_change_on_the_way_passes_for_what_was_made(sqlite_app, new_phone):
    lot, phone, taken = random.Random(SEED), new_phone(), []
    for number in range(FORGERIES):
        op = phone.add_op("task.complete", TASKS[number % len(TASKS)], {"note": "all"}, by=ANA)
        forged = tampered_op(lot, op)
        (answer,) = phone.push(ops=[forged]).expect_ok()["verdicts"]
        if answer["status"] not in REJECTED_STATUSES:
            taken.append((forged, answer))
        (genuine,) = phone.push(ops=[op]).expect_ok()["verdicts"]
        assert genuine["status"] == "applied", f"LODGE_SEED={SEED}: {forged} stood in the way"
        phone.outbox.clear()
    assert taken == [], f"LODGE_SEED={SEED}"


@pytest.fixture
def app(sqlite_app):
    return sqlite_app


def test_who_can_seal_anew_still_writes_no_history_of_the_phone(app, phone):
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


def test_who_can_seal_anew_is_not_a_person_that_does_not_work_here(app, phone):
    stranger = "0199d1c4-8a00-7000-8000-00000000000c"
    phone.add_op("task.complete", TASKS[3], by=stranger)
    (answer,) = phone.push().expect_ok()["verdicts"]
    assert (answer["status"], answer["code"]) == ("held", "left")


def test_the_phone_that_brought_an_op_is_the_one_whose_token_it_had(app, phone, new_phone):
    other = new_phone()
    other.lineage = phone.lineage
    op = other.add_op("task.complete", TASKS[4], by=ANA, device=phone.device)
    assert other.push().expect_ok()["verdicts"][0]["status"] == "quarantined"
    other.outbox.clear()
    op = other.add_op("task.complete", TASKS[5], by=ANA)
    other.push()
    with app.app_context():
        assert logged_op(op["id"]).device_id == other.device


def test_an_op_for_another_site_is_not_taken_there(app, phone):
    phone.add_op("task.complete", TASKS[6], by=ANA)
    home, phone.site = phone.site, OTHER_SITE
    assert phone.push().status == 404
    phone.site = home


@pytest.mark.rule("W1")
def test_a_time_before_or_after_its_own_is_kept_with_a_flag(app, phone):
    early = phone.add_op("task.complete", TASKS[7], by=ANA, at="2799-01-01T00:00:00+08:00")
    phone.send_outbox()
    with app.app_context():
        kept = logged_op(early["id"])
        assert kept.occurred_at <= kept.received_at
        assert kept.flags
