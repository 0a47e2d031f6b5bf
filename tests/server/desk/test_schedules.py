"""Schedules at the desk: presets, preview, validation, changes from a given day on."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from server.db.engine import db
from server.desk.schedule_form import format_window
from server.jobs import scheduler
from server.models.schedules import Schedule
from server.models.tasks import Task
from server.oplog.replay import find_faults
from sync.protocol.clock import SITE_ZONE
from tests import seed_data
from tests.server.conftest import is_refused

EN = {"Accept-Language": "en"}
SCHEDULE_ID, DAILY_SCHEDULE_ID = (
    seed_data.fixed_id("standard"),
    seed_data.fixed_id("standard-daily"),
)


@pytest.fixture
def own_schedule(desk_op):
    wanted = {
        "code": "CL-09",
        "clause": "C10",
        "label": seed_data.label("杀虫", "Pests"),
        "area_kind": "outdoor",
        "dtstart": "2026-11-01T00:00:00+08:00",
        "responsible_id": seed_data.ANA,
        "needs_confirmation": True,
    }
    return desk_op("schedule.add", SCHEDULE_ID, wanted, by=seed_data.EVE)["version"]


@pytest.fixture(autouse=True)
def log_and_records_agree(app):
    yield
    with app.app_context():
        assert find_faults(seed_data.HOME_SITE) == []


@pytest.fixture
def eve(signed_in):
    return signed_in(seed_data.EVE)


def schedule_form(base, **said):
    """The whole form as a browser sends it."""
    filled = {
        "label.zh": "杀虫",
        "label.en": "Pests",
        "responsible_id": seed_data.ANA,
        "preset": "custom",
    }
    return {**filled, "base": str(base), "needs_confirmation": "on", "grace": "0", **said}


def stored_schedule(app, id_=SCHEDULE_ID):
    with app.app_context():
        return db.session.get(Schedule, (seed_data.HOME_SITE, id_))


@pytest.mark.rule("R4")
@pytest.mark.clause("C10")
def test_a_schedule_without_recurrence_cannot_be_in_use(app, ben, own_schedule):
    answer = ben.post(f"/desk/standards/{SCHEDULE_ID}", schedule_form(own_schedule, active="on"))
    assert is_refused(answer, "needs-interval")
    monthly = {"preset": "monthly", "days": "1, 11", "window": "P7D", "active": "on"}
    answer = ben.post(f"/desk/standards/{SCHEDULE_ID}", schedule_form(own_schedule, **monthly))
    assert answer.status_code == 303
    schedule = stored_schedule(app)
    assert (schedule.active, schedule.rrule) == (True, "FREQ=MONTHLY;BYMONTHDAY=1,11")


@pytest.mark.rule("R7")
@pytest.mark.clause("F4")
def test_a_schedule_in_use_needs_a_responsible_person(app, ben, own_schedule):
    lonely = schedule_form(
        own_schedule, preset="daily", window="P1D", active="on", responsible_id=""
    )
    assert is_refused(ben.post(f"/desk/standards/{SCHEDULE_ID}", lonely), "needs-responsible")
    assert not stored_schedule(app).active


def test_the_preview_shows_the_next_five_windows(app, ben, own_schedule):
    said = schedule_form(
        own_schedule, preset="weekly", week="MO", times="06:30", window="PT2H", preview="1"
    )
    page = ben.post(f"/desk/standards/{SCHEDULE_ID}", said, headers=EN).text
    assert page.count("Mon 06:30–08:30") == 5
    assert stored_schedule(app).rrule is None
    zh = ben.post(f"/desk/standards/{SCHEDULE_ID}", said, headers={"Accept-Language": "zh"}).text
    assert "周一 06:30–08:30" in zh


@pytest.mark.parametrize(
    "wrong",
    [
        {"preset": "weekly"},
        {"preset": "monthly", "days": "31"},
        {"preset": "daily", "times": "six"},
        {"preset": "daily", "times": "06:00, 18:30"},
        {"preset": "custom", "rrule": "FREQ=SECONDLY"},
        {"preset": "custom", "rrule": "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31"},
        {"preset": "chosen", "rdate": "2026-02-30"},
    ],
)
def test_an_invalid_form_comes_back_with_error_and_input(app, ben, own_schedule, wrong):
    answer = ben.post(
        f"/desk/standards/{SCHEDULE_ID}",
        schedule_form(own_schedule, **{"label.en": "Typed", **wrong}),
    )
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text and 'value="Typed"' in answer.text
    assert stored_schedule(app).version == own_schedule


@pytest.mark.rule("R8")
def test_a_change_takes_effect_on_its_day(app, ben, own_schedule):
    said = schedule_form(
        own_schedule, preset="daily", window="P1D", active="on", from_on="2026-12-01"
    )
    assert ben.post(f"/desk/standards/{SCHEDULE_ID}", said).status_code == 303
    (before,) = stored_schedule(app).before
    assert before["until"] == "2026-11-30T16:00:00.000Z"
    assert before["active"] is False


@pytest.fixture
def alternative_schedules(desk_op):
    """CL-03 as the rulebook words it, and the daily alternative CL-03b."""
    common = {
        "label": seed_data.label("清扫", "Sweep"),
        "area_kind": "gate",
        "responsible_id": seed_data.ANA,
    }
    common["dtstart"] = "2026-01-01T00:00:00+08:00"
    thrice = {"rrule": "FREQ=MONTHLY;BYMONTHDAY=1,11,21", "window": "UNTIL_NEXT"}
    daily = {"rrule": "FREQ=DAILY;BYHOUR=7,11,16;BYMINUTE=0;BYSECOND=0", "window": "PT3H"}
    literal = {**common, **thrice, "code": "CL-03", "active": True, "needs_confirmation": True}
    desk_op("schedule.add", SCHEDULE_ID, literal, by=seed_data.EVE)
    desk_op(
        "schedule.add", DAILY_SCHEDULE_ID, {**common, **daily, "code": "CL-03b"}, by=seed_data.EVE
    )


@pytest.mark.clause("C3")
@pytest.mark.parametrize(
    ("take", "in_force"), [("literal", (True, False)), ("daily", (False, True))]
)
def test_choose_the_reading_of_three_times_a_month(app, eve, alternative_schedules, take, in_force):
    page = eve.get("/desk/standards/?state=unclear", headers=EN).text
    assert SCHEDULE_ID in page and "Which applies here?" in page
    eve.post(f"/desk/standards/{SCHEDULE_ID}/reading", {"take": take})
    assert (stored_schedule(app).active, stored_schedule(app, DAILY_SCHEDULE_ID).active) == in_force
    page = eve.get("/desk/standards/?state=unclear", headers=EN).text
    assert SCHEDULE_ID not in page and "Which applies here?" not in page
    with app.app_context():
        assert scheduler.plan(seed_data.HOME_SITE, datetime.now(UTC)) > 0


def test_add_a_schedule(app, eve, ben):
    said = schedule_form(
        0, code="X-1", area_kind="gate", role="guard", preset="workdays", window="P1D", active="on"
    )
    assert ben.post("/desk/standards/new", said).status_code == 403
    assert eve.post("/desk/standards/new", said).status_code == 303
    page = eve.get("/desk/standards/", headers=EN).text
    assert "X-1" in page and "every working day" in page


def test_another_site_cannot_change_a_schedule(dao, own_schedule):
    assert (
        dao.post(f"/desk/standards/{SCHEDULE_ID}", schedule_form(own_schedule)).status_code == 404
    )
    assert dao.post(f"/desk/standards/{SCHEDULE_ID}/reading", {"take": "daily"}).status_code == 403


@pytest.mark.rule("R10")
def test_the_schedules_announce_exactly_what_is_planned(app, eve, desk_op):
    gate = {"code": "G-1", "label": seed_data.label("门", "Gate"), "area_kind": "gate"}
    when = {"rrule": "FREQ=DAILY;BYHOUR=6,18;BYMINUTE=0;BYSECOND=0", "window": "PT3H"}
    since = {"dtstart": "2026-01-01T00:00:00+08:00", "responsible_id": seed_data.ANA}
    duty = {**gate, **when, **since, "active": True}
    desk_op("schedule.add", SCHEDULE_ID, duty, by=seed_data.EVE)
    nowhere = {**duty, "code": "G-2", "area_kind": "refuse_point"}
    desk_op("schedule.add", seed_data.fixed_id("nowhere"), nowhere, by=seed_data.EVE)
    unused = {**duty, "code": "G-3", "active": False}
    desk_op("schedule.add", DAILY_SCHEDULE_ID, unused, by=seed_data.EVE)
    with app.app_context():
        scheduler.plan(seed_data.HOME_SITE, datetime.now(UTC))
        tasks = db.session.scalars(select(Task).where(Task.code.startswith("G-"))).all()
    with app.test_request_context(headers=EN):
        planned = sorted((task.window_start, task.window_end) for task in tasks)
        windows = [format_window(*window, SITE_ZONE) for window in planned[:5]]
    assert {task.code for task in tasks} == {"G-1"}
    page = eve.get("/desk/standards/?columns=code,next,next_dates", headers=EN).text
    assert " · ".join(windows) in page and page.count(" · ".join(windows[:2])) == 1
    assert page.count("Nothing will be planned") == 1


def test_a_preview_says_from_when_on_and_that_no_place_fits(eve, own_schedule):
    said = schedule_form(own_schedule, preset="daily", window="P1D", preview="1")
    page = eve.post(f"/desk/standards/{SCHEDULE_ID}", {**said, "from_on": "2040-01-02"}, headers=EN)
    assert "Next five dates once it is in use" in page.text
    assert "No place fits yet" in page.text
