"""What phones hold: by their people, by time, by area; what leaves them, and what never comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from server.auth.device_people import add_person, remove_person
from server.auth.devices import issue_code
from server.db.engine import db, write_transaction
from server.jobs.scopes import move_records
from server.models.people import Person
from server.oplog.replay import find_faults
from sync.protocol.roles import ROLES
from tests import seed_data
from tests.phone_client import FlaskTransport, PhoneClient
from tests.seed_data import ANA, BEN, CHU, EVE, FLAT, GATE, HOME_SITE, TASK, label

DAY = timedelta(days=1)


@pytest.fixture
def database_url(sqlite_url):
    return sqlite_url


@pytest.fixture
def phone_of(app):
    """A phone that belongs to these people."""

    def enrolled(*people):
        with app.app_context():
            code = issue_code(HOME_SITE, None, people)
        return PhoneClient(FlaskTransport(app.test_client())).enrol(code)

    return enrolled


@pytest.fixture
def as_time_passes(app):
    """The job that moves records, at a time from now; everything is still as its log says."""

    def run(after=timedelta(0)):
        with app.app_context():
            moved = move_records(HOME_SITE, datetime.now(UTC) + after)
            assert find_faults(HOME_SITE) == [] or after
        return moved

    return run


@pytest.fixture
def ids_of(phone_of):
    """The ids of the records of a type that a new phone of somebody gets."""

    def ids(type_, *people):
        return {record["id"] for record in phone_of(*people).records_of(type_)}

    return ids


def plan(desk_op, **more):
    payload = {**seed_data.task_payload(50), **more}
    return desk_op("task.plan", payload=payload)


def arrive(phone, **more):
    payload = {"visitor": "Wang", "purpose": "family", **more}
    op = phone.add_op("visit.arrive", payload=payload, by=CHU)
    phone.send_outbox()
    return op["subject"]


@pytest.mark.rule("W4")
@pytest.mark.asvs("8.2.2")
def test_a_task_is_on_the_phones_of_those_responsible_and_of_leaders(ids_of):
    assert TASK in ids_of("task", ANA)
    assert TASK in ids_of("task", BEN)
    assert ids_of("task", CHU) == set()


@pytest.mark.rule("W4")
@pytest.mark.asvs("8.2.2")
def test_a_phone_of_nobody_holds_nothing(phone_of):
    phone = phone_of()
    assert phone.pull_all() == {}
    assert phone.people == []
    assert phone.digest == phone.own_digest()


@pytest.mark.rule("W7")
def test_a_reassigned_task_moves_from_phone_to_phone(phone_of, desk_op):
    ana, chu = phone_of(ANA), phone_of(CHU)
    assert ("task", TASK) in ana.pull_all()
    assert ("task", TASK) not in chu.pull_all()
    payload = {"responsible_id": CHU}
    assert desk_op("task.reassign", TASK, payload)["status"] == "applied"
    [dropped] = ana.pull().expect_ok()["changes"]
    assert dropped == {"type": "task", "id": TASK, "version": 2, "drop": True}
    assert ("task", TASK) not in ana.pull_all()
    assert ("task", TASK) in chu.pull_all()
    for phone in (ana, chu):
        assert phone.digest == phone.own_digest()


@pytest.mark.rule("W7")
def test_an_op_about_a_record_that_left_the_phone_still_counts(phone_of, desk_op):
    phone = phone_of(ANA)
    phone.pull_all()
    op = phone.add_op("task.complete", TASK, by=ANA)
    desk_op("task.reassign", TASK, {"responsible_id": CHU})
    phone.pull_all()
    assert phone.send_outbox()[op["id"]]["status"] in ("applied", "merged")


@pytest.mark.rule("W4")
def test_work_comes_a_week_ahead_and_goes_two_days_after(phone_of, desk_op, as_time_passes):
    start = datetime.now(UTC) + 9 * DAY
    window = {"window_start": start.isoformat(), "window_end": (start + DAY).isoformat()}
    subject = "01937000-0000-7000-8000-000000000001"
    payload = {**seed_data.task_payload(50), **window}
    desk_op("task.plan", subject, payload)
    as_time_passes()
    phone = phone_of(ANA)
    assert ("task", subject) not in phone.pull_all()
    for after, is_here in [(DAY, False), (3 * DAY, True), (11 * DAY, True), (13 * DAY, False)]:
        as_time_passes(after)
        assert (("task", subject) in phone.pull_all()) == is_here, after
        assert phone.digest == phone.own_digest()
    assert as_time_passes(13 * DAY) == 0, "nothing moves twice"


@pytest.mark.rule("W4")
@pytest.mark.asvs("8.2.2", "14.2.6")
def test_visits_are_on_phones_of_the_gate_and_leave_after_three_days(phone_of, as_time_passes):
    gate, cleaner = phone_of(CHU), phone_of(ANA)
    visit = arrive(gate)
    assert ("visit", visit) in gate.pull_all()
    assert ("visit", visit) not in cleaner.pull_all()
    gate.send_op("visit.depart", visit, by=CHU)
    as_time_passes(2 * DAY)
    assert ("visit", visit) in gate.pull_all()
    as_time_passes(4 * DAY)
    assert ("visit", visit) not in gate.pull_all()


@pytest.mark.rule("W6")
def test_an_open_case_of_a_home_brings_its_visits_back(phone_of, as_time_passes):
    gate = phone_of(CHU)
    visit, other = arrive(gate, host_unit=FLAT), arrive(gate)
    for id_ in (visit, other):
        gate.send_op("visit.depart", id_, by=CHU)
    as_time_passes(4 * DAY)
    assert not {("visit", visit), ("visit", other)} & set(gate.pull_all())
    told = gate.send_op(
        "lost.open", payload={"item": "Ring", "unit": FLAT, "contact": "1203"}, by=CHU
    )
    assert told["status"] == "applied", told
    as_time_passes(4 * DAY)
    assert ("visit", visit) in gate.pull_all()
    assert ("visit", other) not in gate.records


@pytest.mark.rule("W5")
def test_a_cleaner_has_the_homes_where_they_work(phone_of, desk_op, as_time_passes):
    other = "01937000-0000-7000-8000-000000000002"
    desk_op("unit.add", other, {"label": label("1", "1"), "area_id": GATE}, by=EVE)
    as_time_passes()
    phone = phone_of(ANA)
    homes = {id_ for type_, id_ in phone.pull_all() if type_ == "unit"}
    assert homes == {FLAT}
    assert {record["id"] for record in phone_of(CHU).records_of("unit")} == {FLAT, other}
    plan(desk_op, area_id=GATE)
    assert plan(desk_op, area_id=GATE)["status"] in ("applied", "refused")
    as_time_passes()
    page = phone.pull().expect_ok()
    assert page.get("reset") is None, "a change of responsibility never resets a phone"
    assert {change["id"] for change in page["changes"] if change["type"] == "unit"} == {other}


@pytest.mark.rule("W7")
def test_a_change_of_people_is_a_new_scope_and_leaves_the_outbox(app, phone_of):
    phone = phone_of(ANA)
    phone.pull_all()
    before = phone.hello().expect_ok()["sites"][HOME_SITE]["scope"]
    op = phone.add_op("task.complete", TASK, by=ANA)
    with app.app_context(), write_transaction():
        add_person(HOME_SITE, phone.device, CHU)
    assert phone.hello().expect_ok()["sites"][HOME_SITE]["scope"] != before
    page = phone.pull().expect_ok()
    assert page["reset"] == "scope"
    visit = arrive(phone)
    assert ("visit", visit) in phone.pull_all()
    with app.app_context(), write_transaction():
        remove_person(HOME_SITE, phone.device, CHU)
    assert ("visit", visit) not in phone.pull_all()
    assert phone.digest == phone.own_digest()
    assert op["id"] not in {waiting["id"] for waiting in phone.outbox}


@pytest.mark.asvs("8.3.1")
def test_two_phones_of_other_people_never_share_a_cached_page(phone_of):
    assert TASK in {id_ for _, id_ in phone_of(ANA).pull_all()}
    assert TASK not in {id_ for _, id_ in phone_of(CHU).pull_all()}
    assert TASK in {id_ for _, id_ in phone_of(ANA).pull_all()}


@pytest.mark.rule("W4")
def test_a_case_is_on_no_phone_but_that_of_the_person_it_is_about(app, ids_of, desk_op):
    with app.app_context():
        assert db.session.get(Person, (HOME_SITE, ANA)).roles == ["cleaner"]
    assert ids_of("case", ANA, BEN, CHU, EVE) == set()


@pytest.mark.asvs("8.2.1", "8.2.2")
@pytest.mark.parametrize("role", ROLES)
def test_every_record_type_against_every_role(app, desk_op, phone_of, role):
    """Two phones of the same role, each of one person: only the named types differ from the table
    of what a role sees."""
    person = "01937000-0000-7000-8000-0000000000aa"
    added = desk_op("person.add", person, {"name": "Gus", "roles": [role]}, by=EVE)
    assert added["status"] == "applied"
    arrive(phone_of(CHU))
    held = {type_ for type_, _ in phone_of(person).pull_all()}
    everybody = {"site", "area", "person"}
    leaders = everybody | {"unit", "visit", "task"}
    expected = {
        "cleaner": everybody,
        "guard": everybody | {"unit", "visit"},
        "service_desk": everybody | {"unit", "visit"},
        "supervisor": leaders,
        "manager": leaders,
        "admin": leaders,
    }
    assert held == expected.get(role, everybody)
