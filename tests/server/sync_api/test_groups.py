"""Phones of repair workers and of contractors' workers hold their own matters alone."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from server.auth.devices import issue_code
from server.db.engine import db
from server.models.conflicts import Conflict
from server.models.oplog import LoggedOp
from server.oplog.replay import find_faults
from tests import seed_data
from tests.phone_client import FlaskTransport, PhoneClient
from tests.seed_data import ANA, BEN, EVE, HOME_SITE, TASK, fixed_id

LEI, GAO, WEI, XIA, YUN, ZHU = (
    fixed_id(name) for name in ("lei", "gao", "wei", "xia", "yun", "zhu")
)
FIRM, OTHER_FIRM = fixed_id("firm"), fixed_id("other firm")
WORKER = ["contractor_worker"]
PEOPLE = [
    (LEI, {"roles": ["repair"], "trades": ["plumber"]}),
    (GAO, {"roles": ["repair"]}),
    (WEI, {"roles": WORKER, "contractor_id": FIRM}),
    (XIA, {"roles": WORKER, "contractor_id": FIRM}),
    (YUN, {"roles": WORKER, "contractor_id": OTHER_FIRM}),
    (ZHU, {"roles": WORKER}),
]


@pytest.fixture
def database_url(sqlite_url):
    return sqlite_url


@pytest.fixture(autouse=True)
def workers(app, desk_op):
    """Repair workers and contractors' workers; afterwards the log still explains everything."""
    for firm in (FIRM, OTHER_FIRM):
        payload = {"name": f"Firm {firm[:4]}", "service": "x", "accountable_id": BEN}
        desk_op("contractor.add", firm, payload)
    for id_, payload in PEOPLE:
        added = desk_op("person.add", id_, {"name": id_[:4], **payload}, by=EVE)
        assert added["status"] == "applied", added
    yield
    with app.app_context():
        assert find_faults(HOME_SITE) == []


@pytest.fixture
def phone_of(app):
    def enrolled(*people):
        with app.app_context():
            code = issue_code(HOME_SITE, None, people)
        return PhoneClient(FlaskTransport(app.test_client())).enrol(code)

    return enrolled


@pytest.fixture
def holders(phone_of):
    """Whose phones hold a record, of these people."""

    def of(type_, id_, *people):
        return {person for person in people if (type_, id_) in phone_of(person).pull_all()}

    return of


def open_ticket(desk_op):
    ticket = fixed_id("leak")
    payload = {"channel": "phone", "matter": "report", "contact": "5", "details": "A leak"}
    assert desk_op("ticket.open", ticket, payload)["status"] == "applied"
    return ticket


@pytest.mark.rule("K24", "W8")
@pytest.mark.asvs("8.2.2")
def test_a_ticket_for_a_trade_is_with_those_who_have_it_until_one_accepts(desk_op, holders):
    ticket = open_ticket(desk_op)
    others = LEI, GAO, ANA, WEI
    assert holders("ticket", ticket, *others) == set()
    desk_op("ticket.hand_over", ticket, {"role": "repair", "trade": "plumber"})
    assert holders("ticket", ticket, *others) == {LEI, GAO}
    desk_op("ticket.hand_over", ticket, {"role": "repair", "trade": "locks"})
    assert holders("ticket", ticket, *others) == {GAO}, "who has no trade does everything"
    desk_op("ticket.hand_over", ticket, {"role": "repair"})
    assert holders("ticket", ticket, *others) == {LEI, GAO}
    desk_op("ticket.accept", ticket, by=LEI)
    assert holders("ticket", ticket, *others) == {LEI}


@pytest.mark.rule("K24")
def test_who_accepts_without_the_trade_is_flagged_by_the_server(app, desk_op):
    ticket = open_ticket(desk_op)
    for by, flags in ((LEI, ["not-the-role"]), (GAO, [])):
        desk_op("ticket.hand_over", ticket, {"role": "repair", "trade": "locks"})
        answer = desk_op("ticket.accept", ticket, by=by)
        with app.app_context():
            assert db.session.get(LoggedOp, (HOME_SITE, answer["id"])).flags == flags
            assert find_faults(HOME_SITE) == []


@pytest.mark.rule("W8")
def test_another_trade_brings_other_tickets_to_a_phone(desk_op, phone_of):
    ticket, phone = open_ticket(desk_op), phone_of(LEI)
    desk_op("ticket.hand_over", ticket, {"role": "repair", "trade": "locks"})
    assert ("ticket", ticket) not in phone.pull_all()
    changed = desk_op("person.revise", LEI, {"trades": ["locks"]}, by=EVE)
    assert changed["status"] == "applied"
    assert ("ticket", ticket) in phone.pull_all()
    desk_op("person.revise", LEI, {"roles": ["cleaner"], "trades": []}, by=EVE)
    assert ("ticket", ticket) not in phone.pull_all()
    assert phone.digest == phone.own_digest()


@pytest.mark.rule("W8")
@pytest.mark.asvs("8.2.2")
def test_a_contractors_worker_holds_the_tasks_of_the_same_contractor_alone(desk_op, holders):
    everybody = WEI, XIA, YUN, ZHU, ANA, LEI
    assert holders("task", TASK, *everybody) == {ANA}
    for responsible, expected in [(WEI, {WEI, XIA}), (YUN, {YUN}), (ZHU, {ZHU}), (None, set())]:
        task = fixed_id(f"task of {responsible}")
        more = {"responsible_id": responsible, "role": "contractor_worker"}
        planned = desk_op("task.plan", task, {**seed_data.task_payload(50), **more})
        assert planned["status"] == "applied"
        assert holders("task", task, *everybody) == expected


@pytest.mark.rule("W8")
def test_another_contractor_means_other_tasks(desk_op, phone_of):
    task, phone = fixed_id("task"), phone_of(YUN)
    desk_op("task.plan", task, {**seed_data.task_payload(50), "responsible_id": WEI})
    assert ("task", task) not in phone.pull_all()
    assert desk_op("person.revise", YUN, {"contractor_id": FIRM}, by=EVE)["status"] == "applied"
    assert ("task", task) in phone.pull_all()
    desk_op("person.revise", YUN, {"contractor_id": None}, by=EVE)
    assert ("task", task) not in phone.pull_all()
    assert phone.digest == phone.own_digest()


def test_a_phone_of_people_in_groups_is_told_who_they_are(phone_of):
    told = phone_of(LEI, WEI).hello().expect_ok()["sites"][HOME_SITE]["people"]
    assert {person["id"] for person in told} == {LEI, WEI}


@pytest.mark.rule("T19")
def test_a_tick_of_anothers_work_stands_and_the_desk_is_asked(app, desk_op, phone_of):
    phone = phone_of(WEI)
    told = phone.send_op("task.complete", TASK, by=WEI)
    assert told["status"] == "applied"
    own = fixed_id("own")
    desk_op("task.plan", own, {**seed_data.task_payload(50), "responsible_id": XIA})
    assert phone.send_op("task.complete", own, by=WEI)["status"] == "applied"
    with app.app_context():
        asked = db.session.scalars(select(Conflict).where(Conflict.site_id == HOME_SITE)).all()
        assert [(each.subject, each.rule) for each in asked] == [(TASK, "other-firm")]
