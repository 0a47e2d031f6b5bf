"""The hash chain of the log: editing, deleting, swapping, inserting and truncating is detected."""

import os
import random
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import Integer, String, insert, select, text, update

from server.db.engine import db, write_transaction
from server.maintenance.epoch import replace_epoch
from server.models.access import Device
from server.models.feed import SiteHead
from server.models.oplog import LoggedOp
from server.oplog.hash_chain import chain_existing_log, chain_rows, shared_length
from server.oplog.replay import find_faults, verify_site
from tests.seed_data import ANA, CHU, HOME_SITE, TASK, TASKS
from tests.soak import repeats

OP_TABLE = LoggedOp.metadata.tables["op"]
HOME_OPS = OP_TABLE.c.site_id == HOME_SITE


@pytest.fixture(autouse=True)
def logged_history(phone, desk_op):
    """Facts, decisions, a refused op, and one that waited for another."""
    phone.send_op("task.complete", TASK, {"note": "all of it"}, by=ANA)
    desk_op("task.cancel", TASKS[1], {"reason": "rain"})
    desk_op("task.cancel", TASKS[1], {"reason": "rain"})
    visit = {"visitor": "Wang", "purpose": "family"}
    arrive = phone.add_op("visit.arrive", None, visit, by=CHU)
    phone.add_op("visit.depart", arrive["subject"], by=CHU, after=arrive["id"])
    phone.outbox.remove(arrive)
    phone.send_outbox()
    phone.push(ops=[arrive])
    desk_op("task.cancel", TASKS[2], {"reason": "snow"})


def logged_ops(*kinds):
    ops = select(OP_TABLE).where(HOME_OPS, OP_TABLE.c.kind.in_(kinds)).order_by(OP_TABLE.c.place)
    return [dict(row) for row in db.session.execute(ops).mappings()]


def update_op(id_, **values):
    db.session.execute(update(OP_TABLE).where(HOME_OPS, OP_TABLE.c.id == id_).values(values))


def edit():
    update_op(logged_ops("task.cancel")[1]["id"], verdict={"id": "x", "status": "applied"})


def change_text():
    cancel = logged_ops("task.cancel")[1]
    body = cancel["body"].replace("rain", "none")
    update_op(cancel["id"], payload={"reason": "none"}, body=body)


def pretend_purged():
    cancel = logged_ops("task.cancel")[1]
    update_op(cancel["id"], payload={}, body='{"payload":{}}', flags=["purged"])


def delete():
    db.session.execute(
        OP_TABLE.delete().where(HOME_OPS, OP_TABLE.c.id == logged_ops("task.cancel")[1]["id"])
    )


def swap():
    one, other = logged_ops("task.complete", "task.cancel")[:2]
    update_op(one["id"], place=-1)
    update_op(other["id"], place=one["place"])
    update_op(one["id"], place=other["place"])


def insert_one():
    row = logged_ops("task.cancel")[1]
    db.session.execute(insert(OP_TABLE), [{**row, "id": "0" * 8 + row["id"][8:]}])


def clear_previous_positions():
    update_op(logged_ops("visit.depart")[0]["id"], moved=None)


def cut_tail():
    last = db.session.scalar(
        select(OP_TABLE.c.id).where(HOME_OPS).order_by(OP_TABLE.c.place.desc())
    )
    db.session.execute(OP_TABLE.delete().where(HOME_OPS, OP_TABLE.c.id == last))


TAMPERINGS = (
    edit,
    change_text,
    pretend_purged,
    delete,
    swap,
    insert_one,
    clear_previous_positions,
    cut_tail,
)


@pytest.mark.rule("A14", "A15")
@pytest.mark.clause("G4")
@pytest.mark.parametrize("tampering", TAMPERINGS)
@pytest.mark.asvs("16.4.2", "11.4.3")
def test_each_kind_of_tampering_is_detected(app, tampering):
    with app.app_context():
        assert find_faults(HOME_SITE) == []
        with write_transaction():
            tampering()
        words = ("follow", "digest", "newest link", "purged")
        assert any(word in fault for fault in find_faults(HOME_SITE) for word in words)


@pytest.mark.rule("A15")
def test_a_log_without_its_newest_op_lacks_the_link_that_a_phone_received(app, phone, desk_op):
    phone.add_op("task.complete", TASKS[4], by=ANA)
    head = phone.push().expect_ok()["log"]
    assert phone.hello().expect_ok()["log"] == head
    with app.app_context():
        assert head["link"] in verify_site(HOME_SITE).links
        with write_transaction():
            last = logged_ops("task.complete")[-1]
            db.session.execute(OP_TABLE.delete().where(HOME_OPS, OP_TABLE.c.id == last["id"]))
            db.session.execute(text("UPDATE task SET version = version - 1, done_at = NULL"))
            before = db.session.scalar(
                select(OP_TABLE.c.link).where(HOME_OPS).order_by(OP_TABLE.c.place.desc())
            )
            site = update(SiteHead).where(SiteHead.site_id == HOME_SITE)
            db.session.execute(site.values(link=before, judged=last["place"] - 1))
        report = verify_site(HOME_SITE)
        assert not any("link" in fault or "its digest" in fault for fault in report.faults)
        assert head["link"] not in report.links


@pytest.mark.rule("A15")
@pytest.mark.asvs("16.4.3")
def test_a_hello_with_an_unknown_link_is_a_fault(app, phone, desk_op):
    reply = phone.hello().expect_ok()
    known = {**reply["log"], "epoch": reply["epoch"]}
    desk_op("task.cancel", TASKS[6], {"reason": "rain"})
    for head in (known, None, {**known, "epoch": "another", "link": "0" * 64}):
        phone.hello(log=head)
    with app.app_context():
        assert find_faults(HOME_SITE) == []
    assert phone.hello(log={**known, "place": known["place"] + 99}).status == 200
    with app.app_context():
        assert any("received link" in fault for fault in find_faults(HOME_SITE))


@pytest.mark.rule("A27")
def test_a_phone_that_names_a_false_link_fails_no_check_once_it_is_blocked(app, phone, ben):
    reply = phone.hello().expect_ok()
    phone.hello(log={**reply["log"], "epoch": reply["epoch"], "link": "0" * 64})
    with app.app_context():
        assert len(find_faults(HOME_SITE)) == 1
        liar = db.session.scalar(select(Device.id).where(Device.misfit.is_not(None)))
    assert ben.post(f"/desk/people/phones/{liar}/revoke").status_code == 303
    with app.app_context():
        report = verify_site(HOME_SITE)
        assert (report.faults, len(report.notes)) == ([], 1)


@pytest.mark.rule("A27")
@pytest.mark.asvs("16.4.2")
def test_a_log_that_was_rewritten_is_noticed_even_across_a_restore(app, phone, desk_op):
    reply = phone.hello().expect_ok()
    known = {**reply["log"], "epoch": reply["epoch"]}
    with app.app_context():
        replace_epoch()
    lost_with_the_restore = {**known, "place": known["place"] + 1, "link": "0" * 64}
    for head in (known, lost_with_the_restore):
        phone.hello(log=head)
        with app.app_context():
            assert find_faults(HOME_SITE) == []
    for _ in range(3):
        phone.hello(log={**known, "link": "0" * 64})
    with app.app_context():
        assert any("received link" in fault for fault in find_faults(HOME_SITE))
        assert len(logged_ops("access.log_mismatch")) == 1
        replace_epoch()
    assert phone.hello(log={**known, "link": "0" * 64}).status == 200
    with app.app_context():
        assert shared_length(HOME_SITE, known["epoch"]) == known["place"]


@pytest.mark.rule("A27")
def test_a_link_of_an_epoch_before_the_last_one_is_compared_too(app, phone):
    """Of two restores in a row: the phone still names what it knew before the first."""
    reply = phone.hello().expect_ok()
    before = {**reply["log"], "epoch": reply["epoch"]}
    with app.app_context():
        replace_epoch()
    reply = phone.hello(log=before).expect_ok()
    now = {**reply["log"], "epoch": reply["epoch"]}
    phone.hello(log=now, earlier_logs=[before])
    with app.app_context():
        assert find_faults(HOME_SITE) == []
    phone.hello(log=now, earlier_logs=[{**before, "link": "0" * 64}])
    with app.app_context():
        assert any("received link" in fault for fault in find_faults(HOME_SITE))


@pytest.mark.rule("A27")
def test_a_phone_of_an_epoch_that_this_database_never_had_is_said_plainly(app, phone):
    reply = phone.hello().expect_ok()
    known = {**reply["log"], "epoch": "another"}
    phone.hello(log=known)
    with app.app_context():
        assert verify_site(HOME_SITE).notes == [], "the log has its link all the same"
    phone.hello(log={**known, "link": "0" * 64})
    with app.app_context():
        report = verify_site(HOME_SITE)
        assert report.faults == [] and "which this database never had" in report.notes[0]
        (entry,) = logged_ops("access.log_mismatch")
        assert entry["payload"]["details"] == {"action": "unknown_epoch"}
    phone.hello(log={**known, "link": "0" * 64}, earlier_logs=[{**known, "epoch": reply["epoch"]}])
    with app.app_context():
        assert verify_site(HOME_SITE).faults == [], "what it knew before still fits"


def test_the_log_contains_the_link_of_an_op_that_moved(app, phone):
    arrive = phone.add_op("visit.arrive", None, {"visitor": "Wu", "purpose": "family"}, by=CHU)
    phone.add_op("visit.depart", arrive["subject"], by=CHU, after=arrive["id"])
    phone.outbox.remove(arrive)
    reply = phone.push().expect_ok()
    known = {**reply["log"], "epoch": reply["epoch"]}
    phone.push(ops=[arrive])
    phone.hello(log=known)
    with app.app_context():
        assert find_faults(HOME_SITE) == []


def test_an_unchained_log_can_be_chained(app):
    with app.app_context():
        with write_transaction():
            db.session.execute(update(OP_TABLE).values(digest="", link="", moved=None))
            db.session.execute(update(SiteHead).values(link=""))
        assert find_faults(HOME_SITE) != []
        with write_transaction():
            chain_existing_log(HOME_SITE)
        assert find_faults(HOME_SITE) == []


def test_chaining_rows_needs_no_database(app):
    with app.app_context():
        rows = logged_ops("task.cancel", "task.complete")
    assert chain_rows(rows, "") == rows[-1]["link"]
    assert len({row["link"] for row in rows}) == len(rows)


RANDOM_TAMPERINGS = repeats("tampered_logs")
SEED = int(os.environ.get("LODGE_SEED") or random.SystemRandom().randrange(10**6))
TEXT_COLUMNS = [
    c.key for c in OP_TABLE.columns if isinstance(c.type, String) and c.key != "site_id"
]
INTEGER_COLUMNS = [
    c.key for c in OP_TABLE.columns if isinstance(c.type, Integer) and c.key != "place"
]
JSON_COLUMNS = ("payload", "changes", "flags", "verdict")


def edit_any(rng, rows):
    row = rng.choice(rows)
    texts = [name for name in TEXT_COLUMNS if row[name]]
    name = rng.choice(
        [*texts, *INTEGER_COLUMNS, *JSON_COLUMNS, "occurred_at", "received_at", "fact"]
    )
    old = row[name]
    if name in texts:
        index = rng.randrange(len(old))
        update_op(row["id"], **{name: old[:index] + chr(ord(old[index]) ^ 1) + old[index + 1 :]})
    elif name in JSON_COLUMNS:
        update_op(
            row["id"], **{name: {**old, "more": "1"} if isinstance(old, dict) else [*old, "more"]}
        )
    elif name in INTEGER_COLUMNS:
        update_op(row["id"], **{name: (old or 0) + rng.randint(1, 9)})
    else:
        update_op(row["id"], **{name: not old if name == "fact" else old + timedelta(seconds=1)})


def delete_any(rng, rows):
    db.session.execute(OP_TABLE.delete().where(HOME_OPS, OP_TABLE.c.id == rng.choice(rows)["id"]))


def swap_any(rng, rows):
    one, other = rng.sample(rows, 2)
    update_op(one["id"], place=-1)
    update_op(other["id"], place=one["place"])
    update_op(one["id"], place=other["place"])


def insert_any(rng, rows):
    row, place = rng.choice(rows), rng.choice(rows)["place"]
    new = {"id": str(uuid4()), "place": place, "lineage": None, "n": None}
    db.session.execute(insert(OP_TABLE), [{**row, **new}])


def cut_any_tail(rng, rows):
    """Delete the newest rows, and set the head of the site to the last one left."""
    last = rng.choice(rows[:-1])
    db.session.execute(OP_TABLE.delete().where(HOME_OPS, OP_TABLE.c.place > last["place"]))
    site = update(SiteHead).where(SiteHead.site_id == HOME_SITE)
    db.session.execute(site.values(link=last["link"], judged=last["place"]))


@pytest.mark.rule("A14", "A15")
@pytest.mark.asvs("16.4.2")
def test_random_tampering_is_detected(app):
    """Truncation is detected by a link that was noted elsewhere, all others by the log itself."""
    rng, missed = random.Random(SEED), []
    with app.app_context():
        rows = [
            dict(row) for row in db.session.execute(select(OP_TABLE).where(HOME_OPS)).mappings()
        ]
        rows.sort(key=lambda row: row["place"])
        noted = verify_site(HOME_SITE).newest_link
        for _ in range(RANDOM_TAMPERINGS):
            tamper = rng.choice(
                [edit_any, edit_any, delete_any, swap_any, insert_any, cut_any_tail]
            )
            tamper(rng, rows)
            report = verify_site(HOME_SITE)
            detected = noted not in report.links if tamper is cut_any_tail else report.faults
            missed += [] if detected else [tamper.__name__]
            db.session.rollback()
    assert missed == [], f"LODGE_SEED={SEED}"
