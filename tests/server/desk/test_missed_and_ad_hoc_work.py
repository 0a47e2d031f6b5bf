"""Missed tasks, ad hoc tasks, weather reports and the timeline at the desk."""

import re
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
from sync.protocol.op import SERVER_AUTHOR_ID
from sync.work.board import undisposed_misses
from tests.seed_data import (
    ANA,
    BEN,
    FLAT,
    GATE,
    HOME_SITE,
    STAIRS,
    TASK,
    fixed_id,
    label,
    task_payload,
)
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


def dispose(browser, *tasks, disposition="made_good", **more):
    """Decide about missed tasks with one form."""
    form = {"row": [*tasks], "dispose.disposition": disposition} | more
    return browser.post("/desk/misses/bulk/dispose", form)


def plan_missed(app, count):
    """The ids of so many further tasks that were missed."""
    now, ids = datetime.now(UTC), [fixed_id(f"missed {n}") for n in range(count)]
    over = {"window_start": now - timedelta(hours=9), "window_end": now - timedelta(hours=5)}
    times = {name: moment.isoformat() for name, moment in over.items()}
    payload = {**task_payload(), **times, "unit_id": FLAT, "items": [label("桶", "Bins")]}
    with app.app_context():
        submit_many(HOME_SITE, [make_op("task.plan", id_, payload) for id_ in ids])
    return ids


@pytest.mark.rule("D5")
@pytest.mark.clause("G10")
def test_decide_a_missed_task(app, ben, missed_task):
    assert MISSED_TASK in ben.get("/desk/misses/").text
    dispose(ben, MISSED_TASK)
    assert stored_task(app).disposition == "made_good"
    assert MISSED_TASK not in ben.get("/desk/misses/").text
    assert MISSED_TASK in ben.get("/desk/misses/?state=made_good").text


def test_a_reason_needs_an_explanation_and_the_form_keeps_what_was_chosen(app, ben, missed_task):
    page = {"Referer": "http://localhost/desk/misses/"}
    form = {"row": MISSED_TASK, "dispose.disposition": "reason"}
    answer = ben.post("/desk/misses/bulk/dispose", form, headers=page)
    assert is_refused(answer, "malformed")
    assert stored_task(app).disposition is None
    ticked = re.search(rf'<input[^>]*value="{MISSED_TASK}"[^>]*>', answer.text)[0]
    assert "checked" in ticked and re.search('<option value="reason" selected', answer.text)


def test_a_missed_task_cannot_be_decided_before_phones_report(app, ben, missed_task, new_phone):
    new_phone()
    with app.app_context(), write_transaction():
        long_ago = datetime.now(UTC) - timedelta(days=3)
        db.session.execute(update(Device).values(enrolled_at=long_ago, clear_at=None))
    page = ben.get("/desk/misses/", headers=EN).text
    assert MISSED_TASK not in page
    assert "1 more task is not known yet" in page and "Test phone" in page
    answer = dispose(ben, MISSED_TASK)
    assert is_refused(answer, "not-yet-known")
    assert stored_task(app).disposition is None


def test_what_cannot_be_a_miss_is_not_decided_about(app, ben, missed_task):
    answer = dispose(ben, MISSED_TASK, TASK)
    assert is_refused(answer, "not-yet-known")
    assert stored_task(app).disposition is None


def test_missed_tasks_are_filtered_by_days_person_area_and_standard(ben, missed_task):
    narrow = f"due_since=week&person={ANA}&area={STAIRS}"
    assert MISSED_TASK in ben.get(f"/desk/misses/?{narrow}").text
    for other in (f"area={GATE}", "standard=CL-99", f"person={BEN}", "due_until=2026-01-01"):
        assert MISSED_TASK not in ben.get(f"/desk/misses/?{other}").text


def test_one_reason_for_all_that_a_filter_leaves(app, ben, missed_task):
    ids = plan_missed(app, 30)
    page = ben.get("/desk/misses/", headers=EN).text
    assert "1203" in page and "Mop the floor · Bins" in page and "31" in page
    form = {
        "all": str(len(ids)),
        "home": FLAT,
        "dispose.disposition": "reason",
        "dispose.note": "Snow",
    }
    assert ben.post("/desk/misses/bulk/dispose", form).status_code == 303
    assert stored_task(app).disposition is None, "the filter leaves it out"
    with app.app_context():
        decided = [db.session.get(Task, (HOME_SITE, id_)) for id_ in ids]
        assert {(task.disposition, task.disposition_note) for task in decided} == {
            ("reason", "Snow")
        }
    assert "excused: Snow" in ben.get("/desk/misses/?state=reason", headers=EN).text


def test_a_miss_says_that_its_person_was_not_on_duty_and_of_the_rain(app, ben, desk_op):
    (missed,) = plan_missed(app, 1)
    earlier = datetime.now(UTC) - timedelta(hours=7)
    desk_op("shift.open", None, {"uniform": True}, by=ANA, at=earlier - timedelta(days=2))
    rain = {"sort": "rain", "areas": [STAIRS]}
    desk_op("weather.report", None, rain, by=BEN, at=earlier)
    page = ben.get("/desk/misses/", headers=EN).text
    assert missed in page and "was not on duty, " in page and "ain" in page


@pytest.mark.rule("D2", "D4")
def test_the_list_agrees_with_the_board_about_what_was_missed(app, ben, desk_op, phone):
    now = datetime.now(UTC)
    for n, (grace, more) in enumerate([(0, ""), (30, ""), (400, ""), (0, "done"), (0, "skip")]):
        times = {"window_start": now - timedelta(hours=9), "window_end": now - timedelta(hours=5)}
        payload = {**task_payload(), **{k: v.isoformat() for k, v in times.items()}}
        desk_op("task.plan", fixed_id(f"n{n}"), {**payload, "grace": grace}, by=SERVER_AUTHOR_ID)
        if more == "done":
            desk_op("task.complete", fixed_id(f"n{n}"), {}, by=ANA)
        elif more:
            desk_op("task.skip", fixed_id(f"n{n}"), {"reason": "Locked"}, by=ANA)
    for clear in (None, now - timedelta(hours=4, minutes=45), now):
        with app.app_context(), write_transaction():
            sent = {"enrolled_at": now - timedelta(days=9), "clear_at": clear}
            db.session.execute(update(Device).values(**sent))
        with app.app_context():
            tasks = db.session.scalars(select(Task).where(Task.site_id == HOME_SITE)).all()
            phones = db.session.scalars(Device.for_site(HOME_SITE)).all()
            expected = {task.id for task in undisposed_misses(tasks, phones, datetime.now(UTC))}
        page = ben.get("/desk/misses/").text
        assert {task.id for task in tasks if f'value="{task.id}"' in page} == expected


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
    assert dispose(dao, MISSED_TASK).status_code == 422


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
