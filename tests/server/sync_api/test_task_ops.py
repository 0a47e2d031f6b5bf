"""Task ops of phones: items, standing tasks, ad hoc tasks, missed tasks, rain and snow."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from server.db.engine import db
from server.models.tasks import Task
from server.models.weather import WeatherReport
from server.oplog.receive import make_op, submit_many
from server.oplog.replay import find_faults
from sync.work.board import task_status
from tests.seed_data import (
    ANA,
    BEN,
    CHU,
    DAO,
    GATE,
    HOME_SITE,
    OTHER_SITE,
    STAIRS,
    TASK,
    fixed_id,
    label,
    task_payload,
)

ITEMS_TASK, STANDING_TASK, ENDED_TASK = fixed_id("bins"), fixed_id("duty"), fixed_id("over")
ITEMS = [label("垃圾箱", "Bins"), label("垃圾车", "Carts")]


def hours_from_now(n):
    return (datetime.now(UTC) + timedelta(hours=n)).isoformat()


@pytest.fixture(autouse=True)
def plan_tasks_and_verify_log(app):
    with app.app_context():
        over = {"window_start": hours_from_now(-5), "window_end": hours_from_now(-1)}
        plans = {ITEMS_TASK: {"items": ITEMS}, STANDING_TASK: {"standing": True}, ENDED_TASK: over}
        submit_many(
            HOME_SITE,
            [make_op("task.plan", id_, {**task_payload(), **more}) for id_, more in plans.items()],
        )
    yield
    with app.app_context():
        assert find_faults(HOME_SITE) == []


@pytest.mark.clause("C2")
def test_items_ticked_on_two_phones_add_up(phone, new_phone):
    other = new_phone()
    phone.send_op("task.tick", ITEMS_TASK, {"item": 0, "leaves": "partial"}, by=ANA)
    assert phone.get_record("task", ITEMS_TASK)["state"] == "partial"
    other.send_op("task.tick", ITEMS_TASK, {"item": 1, "leaves": "partial"}, by=CHU)
    task = phone.get_record("task", ITEMS_TASK)
    assert (task["state"], task["done_by"], task["helpers"]) == ("done", "Ana", ["Chu"])
    assert [task["ticked"][n]["by"] for n in "01"] == ["Ana", "Chu"]
    phone.send_op("task.untick", ITEMS_TASK, {"item": 0, "leaves": "partial"}, by=ANA)
    assert phone.get_record("task", ITEMS_TASK)["state"] == "partial"
    phone.send_op("task.complete", ITEMS_TASK, by=ANA)
    assert phone.get_record("task", ITEMS_TASK)["state"] == "done"


@pytest.mark.clause("C3")
def test_a_standing_task_counts_its_confirmations(phone, new_phone):
    phone.send_op("task.confirm", STANDING_TASK, by=ANA)
    new_phone().send_op("task.confirm", STANDING_TASK, by=CHU)
    task = phone.get_record("task", STANDING_TASK)
    assert (task["state"], task["confirmed_by"]) == ("done", ["Ana", "Chu"])
    phone.send_op("task.undo", STANDING_TASK, by=ANA)
    assert phone.get_record("task", STANDING_TASK)["confirmed_by"] == ["Chu"]


FACTS = [
    ("task.tick", ITEMS_TASK, {"item": 1}),
    ("task.untick", ITEMS_TASK, {"item": 1}),
    ("task.confirm", STANDING_TASK, {}),
]


@pytest.mark.parametrize(("kind", "subject", "payload"), FACTS)
def test_a_late_fact_sent_twice_is_applied_once(phone, kind, subject, payload):
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    op = phone.add_op(kind, subject, payload, by=ANA, at=yesterday)
    first = phone.push(op).expect_ok()["verdicts"]
    assert [verdict["status"] for verdict in first] == ["applied"]
    before = phone.get_record("task", subject)
    assert phone.push(op).expect_ok()["verdicts"] == first
    assert phone.get_record("task", subject) == before


@pytest.mark.parametrize(("kind", "subject", "payload"), FACTS)
def test_a_phone_of_another_site_changes_nothing(phone, new_phone, kind, subject, payload):
    before = phone.get_record("task", subject)
    away = new_phone(site=OTHER_SITE)
    assert away.send_op(kind, subject, payload, by=DAO)["status"] == "quarantined"
    assert phone.get_record("task", subject) == before


AD_HOC_PAYLOAD = {
    "label": "擦会议室",
    "area_id": STAIRS,
    "responsible_id": ANA,
    "window_end": hours_from_now(8),
    "reason": "明天有客人",
}


@pytest.mark.clause("G3")
def test_a_task_assigned_on_one_phone_is_done_on_another(phone, new_phone):
    given = phone.add_op("task.assign", None, AD_HOC_PAYLOAD, by=BEN)
    assert phone.send_outbox()[given["id"]]["status"] == "applied"
    other = new_phone()
    task = other.get_record("task", given["subject"])
    assert (task["assigned_by"], task["responsible"], task["reason"]) == (
        "Ben",
        "Ana",
        "明天有客人",
    )
    other.send_op("task.complete", given["subject"], by=ANA)
    assert phone.get_record("task", given["subject"])["state"] == "done"


@pytest.mark.rule("R10")
def test_nobody_answers_for_a_task_that_was_assigned_offline_and_arrived_late(app, phone):
    due = {**AD_HOC_PAYLOAD, "window_end": hours_from_now(-1)}
    late = phone.send_op("task.assign", fixed_id("late"), due, by=BEN, at=hours_from_now(-3), v=2)
    phone.send_op("task.assign", fixed_id("at once"), AD_HOC_PAYLOAD, by=BEN, v=2)
    assert late["status"] == "applied"
    with app.app_context():
        tasks = {task.id: task for task in db.session.scalars(select(Task).filter_by(code="AD-1"))}
        overdue, planned = tasks[fixed_id("late")], tasks[fixed_id("at once")]
        assert task_status(overdue, [], datetime.now(UTC)) == "planned_late"
        assert planned.planned_at is None


def test_only_supervisors_assign_tasks_and_only_to_staff_of_the_site(phone, new_phone, desk_op):
    for by in (ANA, CHU):
        verdict = phone.send_op("task.assign", None, AD_HOC_PAYLOAD, by=by)
        assert (verdict["status"], verdict["code"]) == ("refused", "not-allowed")
    nobody = phone.send_op("task.assign", None, {**AD_HOC_PAYLOAD, "responsible_id": DAO}, by=BEN)
    assert nobody["code"] == "no-such-person"
    past = phone.send_op(
        "task.assign", None, {**AD_HOC_PAYLOAD, "window_end": hours_from_now(-1)}, by=BEN
    )
    assert past["code"] == "due-is-past"
    assert (
        new_phone(site=OTHER_SITE).send_op("task.assign", None, AD_HOC_PAYLOAD, by=BEN)["status"]
        != "applied"
    )
    assert len([t for t in phone.records_of("task") if t["code"] == "AD-1"]) == 0


@pytest.mark.clause("G10")
def test_only_the_desk_decides_on_missed_tasks(phone, desk_op):
    verdict = phone.send_op("task.dispose", ENDED_TASK, {"disposition": "made_good"}, by=BEN)
    assert verdict["code"] == "not-for-phones"
    decision = {"disposition": "reason", "note": "停水"}
    assert desk_op("task.dispose", ENDED_TASK, decision, by=ANA)["code"] == "not-allowed"
    assert desk_op("task.dispose", TASK, decision)["code"] == "not-over"
    assert desk_op("task.dispose", ENDED_TASK, decision)["status"] == "applied"
    assert (
        desk_op("task.dispose", ENDED_TASK, {"disposition": "not_at_fault"})["status"] == "applied"
    )
    assert "disposition" not in phone.get_record("task", ENDED_TASK)
    phone.send_op("task.complete", ENDED_TASK, by=ANA, at=hours_from_now(-2))
    assert phone.get_record("task", ENDED_TASK)["state"] == "done"
    assert desk_op("task.dispose", ENDED_TASK, decision)["code"] == "already-done"


def weather_tasks(app, sort):
    with app.app_context():
        tasks = select(Task).where(Task.site_id == HOME_SITE, Task.code == "CL-10")
        return [
            task for task in db.session.scalars(tasks) if task.label["en"].lower().startswith(sort)
        ]


@pytest.mark.rule("T15", "T16")
@pytest.mark.clause("C11")
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_offline_reports_of_the_same_rain_create_each_task_once(app, new_phone, order):
    phones = new_phone(), new_phone()
    reports = [
        phone.add_op("weather.report", None, {"sort": "rain", "areas": areas}, by=by)
        for phone, areas, by in zip(phones, ([STAIRS], [STAIRS, GATE]), (BEN, CHU), strict=True)
    ]
    for n in order:
        assert phones[n].send_outbox()[reports[n]["id"]]["status"] == "applied"
        phones[n].push(reports[n])
    assert sorted(task.area_id for task in weather_tasks(app, "rain")) == sorted([STAIRS, GATE])
    records = phones[0].records_of("weather")
    assert len(records) == 2
    assert len({record["event"] for record in records}) == 1
    assert {record["reported_by"] for record in records} == {"Ben", "Chu"}


def test_a_late_snow_report_creates_tasks_and_one_of_another_site_does_not(app, phone, new_phone):
    away = new_phone(site=OTHER_SITE)
    away.send_op("weather.report", None, {"sort": "snow", "areas": [STAIRS]}, by=DAO)
    assert weather_tasks(app, "snow") == []
    report = {"sort": "snow", "areas": [STAIRS], "responsible_id": ANA}
    late = phone.send_op("weather.report", None, report, by=BEN, at=hours_from_now(-30))
    assert late["status"] == "applied"
    (task,) = weather_tasks(app, "snow")
    assert task.responsible_id == ANA
    assert task.window_end < datetime.now(UTC)
    with app.app_context():
        assert len(db.session.scalars(WeatherReport.newest(HOME_SITE)).all()) == 1


@pytest.mark.rule("K6")
@pytest.mark.clause("C12")
def test_a_ticket_resolved_on_the_spot_is_closed(phone):
    payload = {
        "channel": "on_round",
        "matter": "report",
        "declined_because": "seen",
        "details": "wet",
    }
    opened = phone.add_op("ticket.open", None, {**payload, "done_on_the_spot": "wiped"}, by=ANA)
    assert phone.send_outbox()[opened["id"]]["status"] == "applied"
    ticket = phone.get_record("ticket", opened["subject"])
    assert (ticket["state"], ticket["resolved_how"]) == ("closed", "wiped")
    assert (ticket["first_responder_id"], ticket["until"]) == (ANA, ticket["closed_at"])
