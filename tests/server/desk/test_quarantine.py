"""Quarantine: records are accepted, corrected or dismissed; the received op never changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from server.auth.devices import revoke_device
from server.db.engine import db
from server.desk.quarantine import (
    NotApplicable,
    judge_quarantined,
    parse_draft,
    quarantine_record_id,
)
from server.jobs import retention
from server.models.oplog import LoggedOp
from server.models.quarantine import QuarantinedOp
from server.models.tasks import Task
from server.oplog.replay import find_faults
from sync import KINDS
from tests.seed_data import ANA, BEN, CHU, EVE, HOME_SITE, TASK, fixed_id
from tests.server.conftest import is_refused

EN = {"Accept-Language": "en"}
TICKET = {"channel": "phone", "matter": "report", "contact": "1203", "details": "Lift"}


@pytest.fixture(autouse=True)
def log_and_records_agree(app):
    yield
    with app.app_context():
        assert find_faults(HOME_SITE) == []


@pytest.fixture
def held_op(app, phone):
    """An op of Ana's, sent after her phone was blocked."""
    with app.app_context():
        revoke_device(HOME_SITE, phone.device, lost=False)
    op = phone.add_op("task.complete", TASK, {"note": "two buckets"}, by=ANA)
    assert phone.send_outbox()[op["id"]]["status"] == "held"
    return op


@pytest.fixture
def invalid_op(phone):
    """A ticket with an unknown field and an invalid channel."""
    op = phone.add_op(
        "ticket.open", fixed_id("lift"), {**TICKET, "channel": "smoke", "mood": "x"}, by=CHU
    )
    assert phone.send_outbox()[op["id"]]["status"] == "quarantined"
    return op


def logged_op(app, id_):
    with app.app_context():
        return db.session.get(LoggedOp, (HOME_SITE, id_))


def quarantined_record(app, op):
    with app.app_context():
        return db.session.get(QuarantinedOp, (HOME_SITE, quarantine_record_id(op["id"])))


@pytest.mark.rule("X1")
def test_the_quarantine_shows_author_content_and_phone(ben, invalid_op, held_op):
    index = ben.get("/desk/aside/", headers=EN).text
    assert '<span class="n">2</span>' in index and "2 records in quarantine" in index
    page = ben.get(f"/desk/aside/{held_op['id']}", headers=EN).text
    for word in (
        "Ana",
        "Test phone",
        "two buckets",
        "This phone has been blocked",
        held_op["hash"],
    ):
        assert word in page


@pytest.mark.rule("X2")
def test_an_accepted_op_counts_from_when_it_was_done(app, ben, held_op):
    came = logged_op(app, held_op["id"])
    answer = ben.post(f"/desk/aside/{held_op['id']}/accept")
    assert answer.location == f"/desk/aside/{held_op['id']}"
    with app.app_context():
        task = db.session.get(Task, (HOME_SITE, TASK))
    assert (task.done_by_id, task.done_at, task.note) == (ANA, came.occurred_at, "two buckets")
    aside, after = quarantined_record(app, held_op), logged_op(app, held_op["id"])
    assert (aside.outcome, aside.settled_by_id) == ("accepted", BEN)
    assert logged_op(app, aside.instead_id).flags == ["accepted"]
    assert (after.body, after.status, after.verdict) == (came.body, "held", came.verdict)
    assert "0 records in quarantine" in ben.get("/desk/aside/", headers=EN).text


@pytest.mark.rule("X2")
def test_accepting_twice_counts_once(app, ben, held_op):
    for _ in range(2):
        again = ben.post(f"/desk/aside/{held_op['id']}/accept")
    assert is_refused(again, "already-settled")
    with app.app_context():
        ticks = select(LoggedOp).where(LoggedOp.subject == TASK, LoggedOp.kind == "task.complete")
        assert [op.status for op in db.session.scalars(ticks.order_by(LoggedOp.place))] == [
            "held",
            "applied",
        ]


@pytest.mark.rule("X2")
def test_an_op_of_a_former_employee_is_accepted_in_their_name(app, ben, desk_op, phone):
    desk_op("person.leave", ANA, {}, by=EVE)
    op = phone.add_op("task.complete", TASK, by=ANA)
    assert phone.send_outbox()[op["id"]]["code"] == "left"
    ben.post(f"/desk/aside/{op['id']}/accept")
    assert phone.get_record("task", TASK)["done_by_id"] == ANA


@pytest.mark.rule("X2")
def test_an_invalid_op_cannot_be_accepted(app, ben, invalid_op):
    answer = ben.post(f"/desk/aside/{invalid_op['id']}/accept")
    assert is_refused(answer, "malformed")
    assert quarantined_record(app, invalid_op) is None, "nothing was changed"


@pytest.mark.rule("X3")
def test_correct_an_invalid_op(app, ben, phone, invalid_op):
    came = logged_op(app, invalid_op["id"])
    page = ben.get(f"/desk/aside/{invalid_op['id']}", headers=EN).text
    assert "Unknown fields, ignored: mood" in page
    assert ": history</a>" not in page, "no record came of it yet"
    wrong = ben.post(f"/desk/aside/{invalid_op['id']}/mend", {**TICKET, "channel": "smoke"})
    assert wrong.status_code == 422 and "Lift" in wrong.text
    ben.post(f"/desk/aside/{invalid_op['id']}/mend", TICKET)
    ticket = phone.get_record("ticket", fixed_id("lift"))
    assert (ticket["channel"], ticket["first_responder_id"]) == ("phone", CHU)
    aside, after = quarantined_record(app, invalid_op), logged_op(app, invalid_op["id"])
    assert (aside.outcome, after.body) == ("mended", came.body)
    assert invalid_op["id"] in logged_op(app, aside.instead_id).body, "the new op names the old one"


@pytest.mark.rule("X3")
def test_accept_a_damaged_op(app, ben, phone):
    op = phone.add_op("ticket.open", fixed_id("damaged"), TICKET, by=CHU)
    phone.push({**op, "hash": "0" * 64})
    with app.app_context():
        record = db.session.scalars(select(LoggedOp).where(LoggedOp.status == "quarantined")).one()
    ben.post(f"/desk/aside/{record.id}/accept")
    assert phone.get_record("ticket", fixed_id("damaged"))["details"] == "Lift"


@pytest.mark.rule("X4")
def test_a_dismissed_op_can_be_accepted_later(app, ben, desk_op, phone, held_op):
    assert is_refused(ben.post(f"/desk/aside/{held_op['id']}/dismiss", {}), "malformed")
    ben.post(f"/desk/aside/{held_op['id']}/dismiss", {"reason": "Chu did it"})
    page = ben.get("/desk/aside/", headers=EN).text
    assert "0 records in quarantine" in page and "Chu did it" in page
    verdict = desk_op("aside.dismiss", quarantine_record_id(held_op["id"]), {"reason": "again"})
    assert verdict["code"] == "already-settled"
    ben.post(f"/desk/aside/{held_op['id']}/accept")
    assert quarantined_record(app, held_op).outcome == "accepted"
    for kind in ("aside.accept", "aside.mend"):
        verdict = desk_op(
            kind, quarantine_record_id(held_op["id"]), {"instead_id": fixed_id("other")}
        )
        assert verdict["code"] == "already-settled"


@pytest.fixture
def waiting_op(phone):
    """An op of Ana's that names an earlier op which has not arrived; both ops."""
    phone.add_op("ticket.open", fixed_id("leak"), TICKET, by=CHU)
    first = phone.outbox.pop()
    op = phone.add_op("task.complete", TASK, {"note": "after it"}, by=ANA, after=first["id"])
    assert phone.send_outbox()[op["id"]]["status"] == "waiting"
    return first, op


@pytest.mark.rule("X11")
def test_a_waiting_op_is_accepted_and_counts_once(app, ben, phone, waiting_op):
    first, op = waiting_op
    page = ben.get("/desk/aside/", headers=EN).text
    assert "0 records in quarantine" in page and f"/desk/aside/{op['id']}" in page
    shown = ben.get(f"/desk/aside/{op['id']}", headers=EN).text
    assert "Decide here only if that record will never arrive" in shown
    for _ in range(2):
        ben.post(f"/desk/aside/{op['id']}/accept")
    assert (quarantined_record(app, op).outcome, quarantined_record(app, op).settled_by_id) == (
        "accepted",
        BEN,
    )
    assert phone.get_record("task", TASK)["note"] == "after it"
    phone.push(first)
    assert logged_op(app, op["id"]).status == "waiting", "nobody judges it a second time"
    assert phone.push(op).expect_ok()["verdicts"][0]["status"] == "waiting"


@pytest.mark.rule("X11")
def test_a_dismissed_waiting_op_is_not_applied(app, ben, phone, waiting_op):
    first, op = waiting_op
    ben.post(f"/desk/aside/{op['id']}/dismiss", {"reason": "the ticket is gone"})
    phone.push(first)
    assert phone.get_record("task", TASK)["done_at"] is None
    assert "the ticket is gone" in ben.get("/desk/aside/", headers=EN).text


@pytest.mark.rule("X11")
def test_an_op_applied_meanwhile_cannot_be_accepted(app, ben, phone, waiting_op):
    first, op = waiting_op
    with app.app_context():
        aside = db.session.get(LoggedOp, (HOME_SITE, op["id"]))
        its = parse_draft(aside)
        db.session.expunge(aside)
    phone.push(first)
    with app.app_context(), pytest.raises(NotApplicable, match="already-settled"):
        judge_quarantined(HOME_SITE, aside, its, by=BEN)
    assert ben.get(f"/desk/aside/{op['id']}").status_code == 404


@pytest.mark.rule("X11")
def test_a_too_new_op_is_accepted_after_an_update(app, ben, phone, monkeypatch):
    op = phone.add_op("task.complete", TASK, by=ANA, v=2)
    assert phone.send_outbox()[op["id"]]["status"] == "deferred"
    assert "too old to process this record" in ben.get(f"/desk/aside/{op['id']}", headers=EN).text
    assert ben.post(f"/desk/aside/{op['id']}/accept").status_code == 404
    newer = replace(KINDS["task.complete"], payload_version=2, upcasters={1: dict})
    monkeypatch.setitem(KINDS, "task.complete", newer)
    ben.post(f"/desk/aside/{op['id']}/accept")
    assert quarantined_record(app, op).outcome == "accepted"
    verdict = phone.push(op).expect_ok()["verdicts"][0]
    assert (verdict["status"], verdict["code"]) == ("held", "already-settled"), "and it counts once"
    assert phone.get_record("task", TASK)["done_by_id"] == ANA


def test_another_site_and_phones_cannot_decide(app, dao, phone, held_op):
    address = f"/desk/aside/{held_op['id']}"
    assert dao.get(address).status_code == 404
    for verb in ("accept", "mend", "dismiss"):
        assert dao.post(f"{address}/{verb}", {"reason": "x"}).status_code == 404
        op = phone.add_op(
            f"aside.{verb}", quarantine_record_id(held_op["id"]), {"reason": "x"}, by=BEN
        )
        assert phone.send_outbox()[op["id"]]["status"] == "held"
    assert quarantined_record(app, held_op) is None


def test_a_desk_only_op_from_a_phone_cannot_be_accepted(ben, phone):
    op = phone.add_op("merge.settle", fixed_id("merge"), {"take": "theirs"}, by=EVE)
    assert phone.send_outbox()[op["id"]]["code"] == "not-for-phones"
    assert ben.post(f"/desk/aside/{op['id']}/accept").status_code == 404
    assert "cannot be processed" in ben.get(f"/desk/aside/{op['id']}", headers=EN).text


def test_a_phone_cannot_send_stands_for(app, phone):
    payload = {"op": fixed_id("x"), "how": "accepted", "occurred_at": "2026-01-01T00:00:00Z"}
    op = phone.add_op("task.complete", TASK, by=fixed_id("nobody"), stands_for=payload)
    assert phone.send_outbox()[op["id"]]["status"] == "quarantined"


ODD_FIELDS = (
    {"payload": {"details": "a\x00b"}},
    {"subject": "nonsense"},
    {"by": 7},
    {"at": "yesterday"},
    {"v": 0},
    {"kind": 5},
    {"payload": {"photos": {"deep": [{"er": 1}]}}},
)


def test_any_quarantined_op_can_be_viewed(app, ben, phone):
    for odd in ODD_FIELDS:
        phone.add_op("ticket.open", None, TICKET, by=CHU)
        phone.push({**phone.outbox.pop(), **odd})
    with app.app_context():
        record = db.session.scalars(QuarantinedOp.undecided(HOME_SITE)).all()
        assert len(record) == len(ODD_FIELDS)
    for op in record:
        assert ben.get(f"/desk/aside/{op.id}").status_code == 200
        accepted = ben.post(f"/desk/aside/{op.id}/accept").status_code
        assert accepted in (303, 404, 422)
        dismissed = ben.post(f"/desk/aside/{op.id}/dismiss", {"reason": "odd"}).status_code
        assert dismissed == (422 if accepted == 303 else 303)
    page = ben.get("/desk/aside/", headers=EN).text
    assert "0 records in quarantine" in page


@pytest.mark.rule("X2")
def test_an_accepted_visit_is_erased_like_any_other(app, ben, desk_op, phone):
    desk_op("person.leave", CHU, {}, by=EVE)
    phone.add_op(
        "visit.arrive", fixed_id("wang"), {"visitor": "Mr Wang", "purpose": "other"}, by=CHU
    )
    (verdict,) = phone.send_outbox().values()
    ben.post(f"/desk/aside/{verdict['id']}/accept")
    assert phone.get_record("visit", fixed_id("wang"))["visitor"] == "Mr Wang"
    desk_op("visit.depart", fixed_id("wang"))
    with app.app_context():
        retention.purge_expired(HOME_SITE, datetime.now(UTC) + timedelta(days=31))
        said = db.session.scalars(select(LoggedOp.body)).all()
    assert not [text for text in said if "Wang" in text]
    assert "Wang" not in ben.get(f"/desk/aside/{verdict['id']}").text
