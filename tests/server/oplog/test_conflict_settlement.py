"""The desk resolves conflicts and amends records, by ops that can be undone."""

from datetime import UTC, datetime

import pytest

from server.db.engine import db
from server.models.conflicts import Conflict
from server.oplog.replay import find_faults
from tests.seed_data import ANA, BEN, CHU, EVE, FLAT, HOME_SITE, STAIRS, TASK, fixed_id, label

TICKET = {"channel": "phone", "matter": "report", "contact": "1203", "details": "Lift"}
VISIT = {"visitor": "Mr Wang", "purpose": "family"}


@pytest.fixture
def open_conflict(app):
    """Finds the id of the only unresolved conflict."""

    def find():
        with app.app_context():
            (conflict,) = db.session.scalars(Conflict.unsettled(HOME_SITE))
            return conflict.id

    return find


@pytest.fixture(autouse=True)
def verify_log(app):
    yield
    with app.app_context():
        assert find_faults(HOME_SITE) == []


@pytest.fixture
def contested_revision(phone, new_phone):
    """A ticket in which Ben wrote Lift B, and Chu, who had not seen it, Lift C."""
    phone.send_op("ticket.open", by=CHU, payload=TICKET)
    (ticket,) = phone.records_of("ticket")
    base = phone.versions["ticket", ticket["id"]]
    phone.send_op("ticket.revise", ticket["id"], {"details": "Lift B"}, by=BEN, base=base)
    other = new_phone()
    answer = other.send_op("ticket.revise", ticket["id"], {"details": "Lift C"}, by=CHU, base=base)
    assert answer["status"] == "contested"
    return ticket["id"]


@pytest.mark.rule("M5")
@pytest.mark.parametrize(
    ("take", "details"),
    [("theirs", "Lift B"), ("incoming", "Lift C"), ("both", "Lift B\nLift C"), ("value", "Lift D")],
)
def test_a_contested_ticket_can_be_resolved_in_each_way(
    phone, desk_op, open_conflict, contested_revision, take, details
):
    value = {"value": {"details": "Lift D"}} if take == "value" else {}
    assert desk_op("merge.settle", open_conflict(), {"take": take, **value})["status"] == "applied"
    assert phone.get_record("ticket", contested_revision)["details"] == details
    with pytest.raises(ValueError, match="values to unpack"):
        open_conflict()


@pytest.mark.rule("M6")
def test_a_resolution_can_be_undone_and_made_again(
    phone, desk_op, open_conflict, contested_revision
):
    conflict = open_conflict()
    desk_op("merge.settle", conflict, {"take": "incoming"})
    assert desk_op("merge.settle", conflict, {"take": "theirs"})["status"] == "refused"
    assert desk_op("merge.reopen", conflict)["status"] == "applied"
    assert phone.get_record("ticket", contested_revision)["details"] == "Lift B"
    assert open_conflict() == conflict
    desk_op("merge.settle", conflict, {"take": "both"})
    assert phone.get_record("ticket", contested_revision)["details"] == "Lift B\nLift C"


def test_only_the_desk_resolves_conflicts(desk_op, phone, open_conflict, contested_revision):
    conflict = open_conflict()
    for by in (ANA, CHU):
        assert desk_op("merge.settle", conflict, {"take": "incoming"}, by=by)["status"] == "refused"
    for by in (ANA, BEN):
        answer = phone.send_op("merge.settle", conflict, {"take": "incoming"}, by=by)
        assert (answer["status"], answer["code"]) == ("quarantined", "not-for-phones")
    assert phone.get_record("ticket", contested_revision)["details"] == "Lift B"


def test_completing_a_cancelled_task_takes_effect_when_the_desk_decides_so(
    phone, desk_op, open_conflict
):
    desk_op("task.cancel", TASK, {"reason": "rain"})
    phone.send_op("task.complete", TASK, by=ANA)
    assert phone.get_record("task", TASK)["state"] == "cancelled"
    desk_op("merge.settle", open_conflict(), {"take": "incoming"})
    task = phone.get_record("task", TASK)
    assert (task["state"], task["done_by_id"]) == ("done", ANA)


def test_cancelling_a_task_completed_meanwhile_takes_effect_when_the_desk_decides_so(
    phone, new_phone, desk_op, open_conflict
):
    supervisor = new_phone()
    supervisor.pull_all()
    base = supervisor.versions["task", TASK]
    phone.send_op("task.complete", TASK, by=ANA)
    supervisor.send_op("task.cancel", TASK, {"reason": "rain"}, by=BEN, base=base)
    assert phone.get_record("task", TASK)["state"] == "done"
    desk_op("merge.settle", open_conflict(), {"take": "incoming"})
    assert phone.get_record("task", TASK)["state"] == "cancelled"


AMENDMENTS = [
    ("task.amend", "task", {"note": "mended"}),
    ("visit.amend", "visit", {"plate": "A 12345"}),
    ("ticket.amend", "ticket", {"contact": "the gate"}),
]


@pytest.mark.parametrize(("kind", "type_", "change"), AMENDMENTS)
def test_the_desk_amends_records_and_phones_do_not(phone, desk_op, kind, type_, change):
    phone.send_op("visit.arrive", by=CHU, payload=VISIT)
    phone.send_op("ticket.open", by=CHU, payload=TICKET)
    before = phone.records_of(type_)[0]
    assert desk_op(kind, before["id"], change, by=ANA)["status"] == "refused"
    for by in (ANA, BEN):
        assert phone.send_op(kind, before["id"], change, by=by)["code"] == "not-for-phones"
    assert desk_op(kind, before["id"], change, by=BEN)["status"] == "applied"
    after = phone.get_record(type_, before["id"])
    assert {name for name in after if after[name] != before[name]} - {"photos_here"} == set(change)


SCHEDULE = {
    "code": "CL-01",
    "label": label("拖地", "Mop"),
    "area_kind": "stairwell",
    "rrule": "FREQ=DAILY",
    "window": "PT4H",
    "dtstart": datetime(2026, 11, 1, tzinfo=UTC),
    "active": True,
    "responsible_id": ANA,
}

MASTER_DATA_OPS = [
    ("site.add", {"label": label("新", "New")}),
    ("area.add", {"label": label("新", "New"), "kind": "room"}),
    ("unit.add", {"label": label("1", "1"), "area_id": STAIRS}),
    (
        "checkpoint.add",
        {"label": label("东门", "East"), "area_id": STAIRS, "route": label("一", "1")},
    ),
    ("person.add", {"name": "Fay", "roles": ["cleaner"]}),
    ("schedule.add", SCHEDULE),
]


@pytest.mark.parametrize(("kind", "payload"), MASTER_DATA_OPS)
def test_only_managers_change_master_data(desk_op, phone, kind, payload):
    for by in (ANA, BEN, CHU):
        assert desk_op(kind, None, payload, by=by)["status"] == "refused"
    assert desk_op(kind, fixed_id(kind), payload, by=EVE)["status"] == "applied"
    type_ = kind.split(".")[0]
    assert ((type_, fixed_id(kind)) in phone.pull_all()) == (type_ != "schedule")


def test_a_supervisor_marks_a_home_as_vacant(desk_op, phone):
    assert desk_op("unit.occupy", FLAT, {"occupied": False}, by=ANA)["status"] == "refused"
    assert desk_op("unit.occupy", FLAT, {"occupied": False}, by=BEN)["status"] == "applied"
    assert phone.get_record("unit", FLAT)["occupied"] is False


@pytest.mark.rule("R4")
def test_a_schedule_needs_an_interval_to_be_active(desk_op):
    resting = {**SCHEDULE, "rrule": None, "active": False}
    schedule = fixed_id("resting")
    assert (
        desk_op("schedule.add", schedule, {**resting, "active": True}, by=EVE)["status"]
        == "refused"
    )
    assert desk_op("schedule.add", schedule, resting, by=EVE)["status"] == "applied"
    assert desk_op("schedule.change", schedule, {"active": True}, by=EVE)["status"] == "refused"
    change = {"rrule": "FREQ=MONTHLY", "active": True}
    assert desk_op("schedule.change", schedule, change, by=EVE)["status"] == "applied"


def test_a_contested_schedule_can_only_keep_the_current_value(desk_op, open_conflict):
    schedule = fixed_id("contested")
    desk_op("schedule.add", schedule, {**SCHEDULE, "active": False}, by=EVE)
    for rrule in ("FREQ=WEEKLY", "FREQ=MONTHLY"):
        answer = desk_op("schedule.change", schedule, {"rrule": rrule}, by=EVE, base=1)
    assert answer["status"] == "contested"
    assert desk_op("merge.settle", open_conflict(), {"take": "incoming"})["code"] == "cannot-stand"
    assert desk_op("merge.settle", open_conflict(), {"take": "theirs"})["status"] == "applied"
