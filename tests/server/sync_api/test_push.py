"""Push: each status of a verdict, repeated batches, gaps and forks."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from server.auth.devices import revoke_device
from server.db.engine import db
from server.models.oplog import LoggedOp
from server.oplog.replay import find_faults
from sync import KINDS
from tests.phone_client import with_hash
from tests.seed_data import (
    ANA,
    BEN,
    CHU,
    DAO,
    EVE,
    FLAT,
    HOME_SITE,
    OTHER_GATE,
    OTHER_SITE,
    STAIRS,
    TASK,
    TASKS,
    fixed_id,
)

TICKET = {"channel": "phone", "matter": "report", "contact": "1203", "details": "The lift rattles"}
VISIT = {"visitor": "Mr Wang", "purpose": "family", "host_unit": FLAT}


def push_ticket(phone, **more):
    verdict = phone.send_op("ticket.open", by=CHU, payload={**TICKET, **more})
    assert verdict["status"] == "applied"
    return next(iter(phone.records_of("ticket")))


def statuses(reply):
    assert reply.status == 200, reply.body
    return [verdict["status"] for verdict in reply.json["verdicts"]]


def test_a_fact_is_applied_and_appears_in_the_feed(phone):
    op = phone.add_op("task.complete", TASK, {"note": "wet"}, by=ANA)
    reply = phone.push()
    assert reply.json.keys() >= {"sync", "epoch", "verdicts", "receipt", "limits"}
    assert reply.json["receipt"] == {"upto": 1, "hash": op["hash"]}
    (verdict,) = reply.json["verdicts"]
    assert (verdict["id"], verdict["status"]) == (op["id"], "applied")
    task = phone.get_record("task", TASK)
    assert verdict["version"] == phone.versions["task", TASK]
    assert (task["state"], task["done_by_id"], task["note"]) == ("done", ANA, "wet")


def test_phones_receive_each_others_changes(phone, new_phone):
    other = new_phone()
    other.pull_all()
    phone.send_op("visit.arrive", by=CHU, payload=VISIT)
    (visit,) = other.records_of("visit")
    assert (visit["state"], visit["visitor"], visit["arrived_by_id"]) == ("inside", "Mr Wang", CHU)
    other.send_op("visit.depart", visit["id"], by=CHU)
    assert phone.get_record("visit", visit["id"])["departed_at"]


def test_edits_of_different_fields_are_merged(phone, new_phone):
    other, ticket = new_phone(), push_ticket(phone)
    base = phone.versions["ticket", ticket["id"]]
    first = phone.send_op("ticket.revise", ticket["id"], {"urgency": "urgent"}, by=BEN, base=base)
    second = other.send_op("ticket.revise", ticket["id"], {"contact": "gate"}, by=CHU, base=base)
    assert (first["status"], second["status"]) == ("applied", "merged")
    assert second["merge"]
    now = phone.get_record("ticket", ticket["id"])
    assert (now["urgency"], now["contact"]) == ("urgent", "gate")


def test_edits_to_the_same_value_are_merged(phone, new_phone):
    other, ticket = new_phone(), push_ticket(phone)
    base = phone.versions["ticket", ticket["id"]]
    phone.send_op("ticket.revise", ticket["id"], {"urgency": "urgent"}, by=BEN, base=base)
    second = other.send_op("ticket.revise", ticket["id"], {"urgency": "urgent"}, by=CHU, base=base)
    assert second["status"] == "merged"


def test_edits_of_the_same_field_are_contested_and_the_first_is_kept(phone, new_phone):
    other, ticket = new_phone(), push_ticket(phone)
    base = phone.versions["ticket", ticket["id"]]
    phone.send_op("ticket.revise", ticket["id"], {"details": "Lift B"}, by=BEN, base=base)
    second = other.send_op("ticket.revise", ticket["id"], {"details": "Lift C"}, by=CHU, base=base)
    assert second["status"] == "contested"
    assert phone.get_record("ticket", ticket["id"])["details"] == "Lift B"
    assert not [key for key in phone.records if key[0] == "merge"], "conflicts stay at the desk"


@pytest.mark.asvs("2.3.1")
def test_a_forbidden_decision_is_refused_with_code_and_text(phone):
    phone.send_op("task.complete", TASK, by=ANA)
    phone.pull_all()
    base = phone.versions["task", TASK]
    for by in (BEN, ANA):
        verdict = phone.send_op("task.cancel", TASK, {"reason": "rain"}, by=by, base=base)
        assert verdict["status"] == "refused"
        assert verdict["code"]
        assert verdict["text"]
    assert phone.get_record("task", TASK)["state"] == "done"


def test_cancelling_a_task_completed_meanwhile_is_contested(phone, new_phone):
    supervisor = new_phone()
    supervisor.pull_all()
    base = supervisor.versions["task", TASK]
    phone.send_op("task.complete", TASK, by=ANA)
    verdict = supervisor.send_op("task.cancel", TASK, {"reason": "rain"}, by=BEN, base=base)
    assert verdict["status"] == "contested"
    assert phone.get_record("task", TASK)["state"] == "done"


def test_completing_a_cancelled_task_is_recorded(phone, desk_op):
    desk_op("task.cancel", TASK, {"reason": "rain"})
    assert phone.send_op("task.complete", TASK, by=ANA)["status"] == "applied"
    assert phone.get_record("task", TASK)["done_by_id"] == ANA


MALFORMED_PAYLOADS = [
    ("task.complete", {"colour": "red"}),
    ("task.complete", {"note": 5}),
    ("task.complete", {"note": "x" * 100_000}),
    ("task.complete", {"photos": ["../../etc/passwd"]}),
    ("task.skip", {}),
    ("task.complete", {"note": 1.5}),
    ("task.complete", {"note": "a\u0000b"}),
    ("task.complete", {"note": "\ud800"}),
    ("visit.depart", {}),  # a visit's op on a task
    ("task.plan", {}),  # only the server plans
]


@pytest.mark.rule("B1")
@pytest.mark.parametrize(("kind", "payload"), MALFORMED_PAYLOADS)
@pytest.mark.asvs("2.2.2")
def test_a_malformed_payload_is_quarantined_and_blocks_no_other_op(app, phone, kind, payload):
    phone.add_op("task.complete", TASKS[1], by=ANA)
    phone.add_op(kind, TASK, payload, by=ANA)
    phone.add_op("task.complete", TASKS[2], by=ANA)
    assert statuses(phone.push()) == ["applied", "quarantined", "applied"]
    assert phone.get_record("task", TASK)["state"] == "open"
    with app.app_context():
        quarantined = db.session.scalars(
            db.select(LoggedOp).where(LoggedOp.status == "quarantined")
        ).all()
        assert len(quarantined) == 1


BROKEN_ENVELOPES = [
    {"n": 0},
    {"n": "2"},
    {"n": 2**60},
    {"prev": 5},
    {"kind": "TASK"},
    {"kind": None},
    {"v": "one"},
    {"subject": "here"},
    {"base": -1},
    {"by": "Ana"},
    {"at": "noon"},
    {"at": "0001-01-01T00:00:00+23:59"},
    {"at": "9999-12-31T23:59:59-23:59"},
    {"mono": "soon"},
    {"payload": None},
    {"payload": []},
    {"extra": 1},
]


def test_malformed_ops_are_quarantined_one_by_one(phone):
    batch = []
    for broken in BROKEN_ENVELOPES:
        batch.append(phone.add_op("task.complete", TASKS[1], by=ANA))
        batch.append(with_hash({**phone.add_op("task.complete", TASK, by=ANA), **broken}))
        phone.last_hash = batch[-1]["hash"]
    for _ in range(2):
        answered = statuses(phone.push(*batch))
        reply = dict(zip(map(str, BROKEN_ENVELOPES), answered[1::2], strict=True))
        assert reply == dict.fromkeys(map(str, BROKEN_ENVELOPES), "quarantined")
        assert set(answered[::2]) == {"applied"}
    assert phone.get_record("task", TASK)["state"] == "open"


def test_a_damaged_op_is_quarantined_and_the_intact_one_applied(phone):
    intact = phone.add_op("task.complete", TASK, {"note": "mine"}, by=ANA)
    garbled = {**intact, "payload": {"note": "not mine"}}
    assert statuses(phone.push(garbled)) == ["quarantined"]
    assert phone.get_record("task", TASK)["state"] == "open"
    assert statuses(phone.push(intact)) == ["applied"]
    assert phone.get_record("task", TASK)["note"] == "mine"


@pytest.mark.parametrize("by", [DAO, fixed_id("nobody")])
def test_an_op_by_an_unknown_author_is_held(phone, by):
    assert phone.send_op("task.complete", TASK, by=by)["status"] == "held"
    assert phone.get_record("task", TASK)["state"] == "open"


def test_ops_made_after_the_author_left_are_held(phone, desk_op):
    before = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    desk_op("person.leave", ANA, by=EVE)
    assert phone.send_op("task.complete", TASK, by=ANA)["status"] == "held"
    phone.boot = "an hour ago"
    assert phone.send_op("task.complete", TASKS[1], by=ANA, at=before)["status"] == "applied"


def test_ops_of_a_revoked_phone_are_held(app, phone, new_phone):
    phone.pull_all()
    with app.app_context():
        assert revoke_device(HOME_SITE, phone.device, lost=False)
    assert phone.send_op("task.complete", TASK, by=ANA)["status"] == "held"
    page = phone.pull()
    assert page.status != 200 or (page.json["reset"] and not page.json["changes"])
    assert new_phone().get_record("task", TASK)["state"] == "open"


def test_an_op_waits_for_its_dependency(phone):
    first = phone.add_op("ticket.open", by=CHU, payload=TICKET)
    second = phone.add_op(
        "ticket.revise", first["subject"], {"urgency": "urgent"}, by=CHU, after=first["id"]
    )
    assert statuses(phone.push(second)) == ["waiting"]
    assert not phone.records_of("ticket")
    assert statuses(phone.push(first)) == ["applied"]
    (ticket,) = phone.records_of("ticket")
    assert ticket["urgency"] == "urgent"
    assert statuses(phone.push(first, second))[0] == "applied"


@pytest.mark.parametrize("newer", [{"kind": "card.issue"}, {"v": 2}])
def test_ops_newer_than_the_server_are_deferred(phone, newer):
    op = with_hash({**phone.add_op("task.complete", TASK, by=ANA), **newer})
    assert statuses(phone.push(op)) == ["deferred"]
    assert statuses(phone.push(op)) == ["deferred"]


def test_an_op_that_depends_on_a_deferred_one_waits(phone, monkeypatch):
    first = phone.add_op("visit.arrive", None, VISIT, by=CHU)
    second = phone.add_op("visit.depart", first["subject"], by=CHU, after=first["id"])
    with monkeypatch.context() as older:
        older.delitem(KINDS, "visit.arrive")
        assert statuses(phone.push(first, second)) == ["deferred", "waiting"]
    assert statuses(phone.push(first)) == ["applied"]
    assert phone.get_record("visit", first["subject"])["state"] == "departed"


def test_a_malformed_op_is_recognised_under_a_new_lineage(phone):
    phone.add_op("task.complete", TASKS[1], by=ANA)
    odd = phone.add_op("task.complete", TASK, {"note": 0.5}, by=ANA)
    assert statuses(phone.push()) == ["applied", "quarantined"]
    again = with_hash({**odd, "n": 1, "prev": None})
    assert statuses(phone.push(again, lineage=str(uuid4()))) == ["quarantined"]


def test_an_id_with_two_contents_in_a_batch_is_a_fork(phone):
    first = phone.add_op("task.complete", TASK, by=ANA)
    other = with_hash({**first, "payload": {"note": "two"}})
    assert statuses(phone.push(first, other)) == ["applied", "fork"]


@pytest.mark.rule("H4")
def test_another_op_with_the_same_chain_number_is_a_fork(phone):
    first = phone.add_op("task.complete", TASK, by=ANA)
    other = with_hash({**first, "id": str(uuid4()), "subject": TASKS[1]})
    assert statuses(phone.push(first)) == ["applied"]
    assert statuses(phone.push(other)) == ["fork"]
    assert phone.get_record("task", TASKS[1])["state"] == "open"
    again = with_hash({**other, "n": 1, "prev": None})
    assert statuses(phone.push(again, lineage=str(uuid4()))) == ["applied"]


def test_a_known_id_with_other_content_is_a_fork(phone):
    first = phone.add_op("task.complete", TASK, {"note": "one"}, by=ANA)
    assert statuses(phone.push(first)) == ["applied"]
    assert statuses(phone.push(with_hash({**first, "payload": {"note": "two"}}))) == ["fork"]
    assert phone.get_record("task", TASK)["note"] == "one"


def test_a_fork_within_a_batch_does_not_affect_the_first_op(phone):
    first = phone.add_op("task.complete", TASK, {"note": "one"}, by=ANA)
    second = with_hash({**first, "payload": {"note": "two"}})
    assert statuses(phone.push(first, second, first)) == ["applied", "fork", "applied"]
    assert phone.get_record("task", TASK)["note"] == "one"


@pytest.mark.rule("H5")
def test_an_op_that_arrives_before_its_record_is_applied_afterwards(phone, new_phone, app):
    opened = phone.add_op("ticket.open", by=CHU, payload=TICKET)
    other = new_phone()
    early = other.add_op("ticket.follow", opened["subject"], {"text": "Asked again"}, by=BEN)
    assert other.push(early).expect_ok()["verdicts"][0]["code"] == "no-such-record"
    assert statuses(phone.push(opened)) == ["applied"]
    assert statuses(other.push(early)) == ["applied"], "the answer of now"
    story = phone.get_record("ticket", opened["subject"])["timeline"]
    assert [line["kind"] for line in story] == ["open", "follow"]
    with app.app_context():
        assert find_faults(HOME_SITE) == []


@pytest.mark.asvs("2.3.3")
def test_a_repeated_batch_gets_the_same_answers(phone, new_phone):
    other = new_phone()
    phone.add_op("task.complete", TASK, by=ANA)
    phone.add_op("task.cancel", TASKS[1], {"reason": "rain"}, by=ANA)
    phone.add_op("task.complete", TASKS[2], {"colour": "red"}, by=ANA)
    ticket = phone.add_op("ticket.open", by=CHU, payload=TICKET)
    phone.add_op("ticket.hand_over", ticket["subject"], {"handler_id": BEN}, by=BEN)
    batch = list(phone.outbox)
    first = phone.push(*batch)
    phone.pull_all()
    before, head = dict(phone.versions), phone.pull().json["head"]
    second = phone.push(*batch)
    assert second.json["verdicts"] == first.json["verdicts"]
    assert second.json["receipt"] == first.json["receipt"]
    halves = phone.push(*batch[:2]).json["verdicts"] + phone.push(*batch[2:]).json["verdicts"]
    assert halves == first.json["verdicts"]
    assert (phone.pull().json["head"], other.pull().json["head"]) == (head, head)
    assert phone.pull_all() and phone.versions == before


def test_a_repeated_op_in_a_batch_is_applied_once(phone):
    op = phone.add_op("visit.arrive", by=CHU, payload=VISIT)
    assert statuses(phone.push(op, op)) == ["applied", "applied"]
    assert len(phone.records_of("visit")) == 1


@pytest.mark.rule("H1")
@pytest.mark.rule("H2")
def test_gaps_are_recorded_and_closed_by_late_ops(phone):
    ops = [phone.add_op("task.complete", task, by=ANA) for task in TASKS[:5]]
    assert statuses(phone.push(ops[4], ops[0])) == ["applied", "applied"]
    assert phone.hello().json["sites"][HOME_SITE]["gaps"] == [[2, 4]]
    assert statuses(phone.push(ops[2])) == ["applied"]
    assert phone.hello().json["sites"][HOME_SITE]["gaps"] == [[2, 2], [4, 4]]
    reply = phone.push(ops[3], ops[1])
    assert reply.json["receipt"] == {"upto": 5, "hash": ops[4]["hash"]}
    assert phone.hello().json["sites"][HOME_SITE]["gaps"] == []


@pytest.mark.rule("H3")
def test_ops_declared_lost_may_still_arrive(phone):
    ops = [phone.add_op("task.complete", task, by=ANA) for task in TASKS[:3]]
    assert statuses(phone.push(ops[0], ops[2], lost=[2])) == ["applied", "applied"]
    assert statuses(phone.push(ops[1])) == ["applied"]
    assert phone.hello().json["sites"][HOME_SITE]["gaps"] == []


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2)])
def test_facts_lead_to_the_same_record_in_any_order(phone, order):
    now = datetime.now(UTC)
    facts = [("task.complete", ANA), ("task.undo", ANA), ("task.complete", CHU), ("task.skip", BEN)]
    ops = [
        phone.add_op(
            kind,
            TASK,
            {"reason": "rain"} if kind == "task.skip" else None,
            by=by,
            at=(now - timedelta(minutes=30 - n)).isoformat(),
            mono=None,
            boot=None,
        )
        for n, (kind, by) in enumerate(facts)
    ]
    for n in order:
        assert statuses(phone.push(ops[n])) == ["applied"]
    task = phone.get_record("task", TASK)
    assert (task["state"], task["done_by_id"]) == ("done", CHU)


@pytest.mark.parametrize("clock_offset", [timedelta(hours=3), timedelta(days=-2)])
def test_a_wrong_clock_is_corrected(new_phone, clock_offset):
    phone = new_phone(clock_offset=clock_offset)
    verdict = phone.send_op("task.complete", TASK, by=ANA)
    done_at = datetime.fromisoformat(phone.get_record("task", TASK)["done_at"])
    assert datetime.fromisoformat(verdict["at"]) == done_at, "the phone shows this time from now on"
    assert abs(datetime.now(UTC) - done_at) < timedelta(seconds=30)


@pytest.mark.asvs("8.2.2", "8.4.1")
def test_records_of_another_site_cannot_be_changed(phone, new_phone):
    dao = new_phone(OTHER_SITE)
    before = dao.pull_all()
    verdict = phone.send_op(
        "photo.attach",
        OTHER_GATE,
        {"sha256": "0" * 64, "bytes": 9, "captured_at": phone.now()},
        by=ANA,
    )
    assert verdict["status"] == "quarantined"
    assert dao.send_op("task.complete", TASK, by=DAO)["status"] == "quarantined"
    assert phone.get_record("task", TASK)["state"] == "open"
    assert dao.pull_all() == before


@pytest.mark.asvs("8.3.1", "15.3.3")
def test_a_phone_cannot_send_server_ops(phone):
    nobody = "00000000-0000-0000-0000-000000000000"
    verdict = phone.send_op(
        "area.add", by=nobody, payload={"label": {"zh": "x", "en": "x"}, "kind": "room"}
    )
    assert verdict["status"] in ("held", "refused", "quarantined")
    assert len(phone.records_of("area")) == 2
    assert (STAIRS, "area") in {(id_, type_) for type_, id_ in phone.records}
