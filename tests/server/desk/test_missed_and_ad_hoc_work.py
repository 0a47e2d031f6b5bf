"""Missed tasks, ad hoc tasks, weather reports and the timeline at the desk."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from server.db.engine import db, write_transaction
from server.models.access import Device
from server.models.tasks import Task
from server.models.weather import WeatherReport
from server.oplog.receive import make_op, submit_many
from server.oplog.replay import find_faults
from sync.protocol.clock import SITE_ZONE
from tests.seed_data import ANA, BEN, GATE, HOME_SITE, STAIRS, fixed_id, task_payload
from tests.server.conftest import is_refused

EN = {"Accept-Language": "en"}
MISSED_TASK = fixed_id("missed")


@pytest.fixture(autouse=True)
def log_and_records_agree(app):
    yield
    with app.app_context():
        assert find_faults(HOME_SITE) == []


@pytest.fixture
def missed_task(app):
    """A task whose window ended a day ago, not done."""
    now = datetime.now(UTC)
    over = {"window_start": now - timedelta(hours=30), "window_end": now - timedelta(hours=24)}
    times = {name: moment.isoformat() for name, moment in over.items()}
    with app.app_context():
        submit_many(HOME_SITE, [make_op("task.plan", MISSED_TASK, {**task_payload(), **times})])


def stored_task(app):
    with app.app_context():
        return db.session.get(Task, (HOME_SITE, MISSED_TASK))


@pytest.mark.rule("D5")
@pytest.mark.clause("G10")
def test_decide_a_missed_task(app, ben, missed_task):
    assert MISSED_TASK in ben.get("/desk/misses/").text
    ben.post("/desk/misses/", {"task": MISSED_TASK, "disposition": "made_good"})
    assert stored_task(app).disposition == "made_good"
    assert MISSED_TASK not in ben.get("/desk/misses/").text


def test_a_reason_needs_an_explanation(app, ben, missed_task):
    answer = ben.post("/desk/misses/", {"task": MISSED_TASK, "disposition": "reason"})
    assert is_refused(answer, "malformed")
    assert stored_task(app).disposition is None


def test_a_missed_task_cannot_be_decided_before_phones_report(app, ben, missed_task, new_phone):
    new_phone()
    with app.app_context(), write_transaction():
        long_ago = datetime.now(UTC) - timedelta(days=3)
        db.session.execute(update(Device).values(enrolled_at=long_ago, clear_at=None))
    assert MISSED_TASK not in ben.get("/desk/misses/").text
    answer = ben.post("/desk/misses/", {"task": MISSED_TASK, "disposition": "made_good"})
    assert is_refused(answer, "not-yet-known")
    assert stored_task(app).disposition is None


def test_of_several_missed_tasks_all_are_decided_or_none(app, ben, missed_task):
    form = {"task": [MISSED_TASK, fixed_id("done meanwhile")], "disposition": "made_good"}
    answer = ben.post("/desk/misses/", form)
    assert is_refused(answer, "not-yet-known")
    assert stored_task(app).disposition is None


def test_missed_tasks_are_filtered_by_days_person_and_area(ben, missed_task):
    assert MISSED_TASK in ben.get(f"/desk/misses/?days=7&person={ANA}&area={STAIRS}").text
    assert MISSED_TASK not in ben.get(f"/desk/misses/?days=7&area={GATE}").text


@pytest.mark.clause("G3")
def test_assign_an_ad_hoc_task(app, ben, phone):
    form = {"label": "Move the chairs", "area_id": STAIRS, "responsible_id": ANA, "reason": "Party"}
    due = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M}"
    assert ben.post("/desk/work/give", {**form, "window_end": due}).status_code == 303
    (task,) = [task for task in phone.records_of("task") if task["reason"] == "Party"]
    assert (task["assigned_by"], task["responsible"]) == ("Ben", "Ana")
    assert is_refused(ben.post("/desk/work/give", {**form, "window_end": "soon"}), "malformed")


@pytest.mark.clause("C11")
def test_a_weather_report_makes_the_tasks_of_an_area_once(app, ben, phone):
    form = {"sort": "rain", "areas": [STAIRS, GATE], "responsible_id": ANA}
    for _ in range(2):
        assert ben.post("/desk/work/weather", form).status_code == 303
    rain = [task for task in phone.records_of("task") if task["label"]["en"].startswith("Rain")]
    assert sorted(task["area_id"] for task in rain) == sorted([STAIRS, GATE])
    with app.app_context():
        assert len(db.session.scalars(select(WeatherReport)).all()) == 2


@pytest.mark.clause("C11")
def test_weather_needs_a_place_and_a_new_shower_makes_new_tasks(app, ben, phone):
    assert is_refused(ben.post("/desk/work/weather", {"sort": "rain"}), "malformed")
    form = {"sort": "rain", "areas": [GATE], "responsible_id": ANA}
    assert "It rains or snows again" not in ben.get("/desk/work/weather", headers=EN).text
    ben.post("/desk/work/weather", form)
    assert "It rains or snows again" in ben.get("/desk/work/weather", headers=EN).text
    ben.post("/desk/work/weather", {**form, "event": "2026-11-24 22:10"})
    rain = [task for task in phone.records_of("task") if task["label"]["en"].startswith("Rain")]
    assert [task["area_id"] for task in rain] == [GATE, GATE]


def test_the_board_and_timeline_show_any_day(ben, missed_task):
    for page in ("/desk/", "/desk/timeline"):
        for day in ("", "?day=2026-11-01", "?day=nonsense"):
            assert ben.get(page + day).status_code == 200


def test_another_site_cannot_see_missed_tasks(dao, missed_task):
    assert MISSED_TASK not in dao.get("/desk/misses/").text
    dao.post("/desk/misses/", {"task": MISSED_TASK, "disposition": "made_good"})


@pytest.mark.rule("T18")
@pytest.mark.clause("C10")
def test_the_record_of_pest_control_is_shown_on_board_disclosure_and_record(app, ben, desk_op):
    pests = {**task_payload(), "code": "CL-09", "label": {"en": "Pests", "zh": "消杀"}}
    with app.app_context():
        submit_many(HOME_SITE, [make_op("task.plan", fixed_id("pests"), pests)])
    given = {
        "agent": "Bait",
        "dose": "20 g",
        "method": "Boxes",
        "firm": "Spruce",
        "notice": "Poster",
    }
    desk_op("task.complete", fixed_id("pests"), given, by=ANA)
    month = f"{datetime.now(SITE_ZONE):%Y-%m}"
    pages = (
        f"/desk/today/{STAIRS}",
        f"/desk/disclosure/?month={month}",
        f"/desk/record/task/{fixed_id('pests')}",
    )
    for path in pages:
        page = ben.get(path, headers=EN).text
        assert all(word in page for word in (*given.values(), "Pest control firm")), path


@pytest.mark.rule("T17")
@pytest.mark.clause("F4")
def test_a_task_is_given_to_somebody_else_until_its_time_is_over(app, ben, missed_task):
    now, id_ = datetime.now(UTC), fixed_id("due")
    times = {"window_start": now - timedelta(hours=1), "window_end": now + timedelta(hours=1)}
    payload = task_payload() | {name: moment.isoformat() for name, moment in times.items()}
    with app.app_context():
        submit_many(HOME_SITE, [make_op("task.plan", id_, payload)])
        version = db.session.get(Task, (HOME_SITE, id_)).version
    assert "/reassign" in ben.get(f"/desk/record/task/{id_}").text
    answer = ben.post(f"/desk/task/{id_}/reassign", {"responsible_id": BEN, "base": version})
    assert answer.status_code == 303
    with app.app_context():
        assert db.session.get(Task, (HOME_SITE, id_)).responsible_id == BEN
    assert "/reassign" not in ben.get(f"/desk/record/task/{MISSED_TASK}").text
    before = stored_task(app)
    answer = ben.post(
        f"/desk/task/{MISSED_TASK}/reassign",
        {"responsible_id": BEN, "base": before.version},
    )
    assert is_refused(answer, "task-over")
    assert stored_task(app).responsible_id == before.responsible_id


@pytest.mark.clause("C11")
def test_nobody_is_chosen_for_the_rain_unless_the_desk_chooses(app, ben):
    page = ben.get("/desk/work/weather", headers=EN).text
    assert '<option value="">' in page.split('name="responsible_id"')[-1].split("</select>")[0]
    refused = ben.post("/desk/work/weather", {"sort": "rain"}, headers=EN)
    assert refused.status_code == 422
    ben.post("/desk/work/weather", {"sort": "rain", "areas": [GATE], "responsible_id": ""})
    with app.app_context():
        wiped = select(Task.responsible_id).filter_by(code="CL-10", area_id=GATE)
        assert db.session.scalars(wiped).all() == [BEN]
