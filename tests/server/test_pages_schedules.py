"""Standards at the desk: presets, a preview in words, changes that hold from a day on."""

from datetime import UTC, datetime

import pytest

from server.db.engine import db
from server.jobs import scheduler
from server.models import Schedule
from server.oplog.replay import find_faults
from tests import cast

EN = {"Accept-Language": "en"}
STANDARD, DAILY = cast.named("standard"), cast.named("standard-daily")


@pytest.fixture
def standard(desk):
    wanted = {
        "code": "CL-09",
        "clause": "C10",
        "label": cast.label("杀虫", "Pests"),
        "area_kind": "outdoor",
        "dtstart": "2026-11-01T00:00:00+08:00",
        "responsible_id": cast.ANA,
        "needs_confirmation": True,
    }
    return desk("schedule.add", STANDARD, wanted, by=cast.EVE)["version"]


@pytest.fixture(autouse=True)
def log_and_records_agree(app):
    yield
    with app.app_context():
        assert find_faults(cast.HOME) == []


@pytest.fixture
def eve(sat):
    return sat(cast.EVE)


def form(base, **said):
    """What a browser sends of the whole form."""
    filled = {"zh": "杀虫", "en": "Pests", "responsible_id": cast.ANA, "preset": "custom"}
    return {**filled, "base": str(base), "needs_confirmation": "on", "grace": "0", **said}


def kept(app, id_=STANDARD):
    with app.app_context():
        return db.session.get(Schedule, (cast.HOME, id_))


@pytest.mark.rule("R4")
@pytest.mark.clause("C10")
def test_a_standard_without_an_interval_is_not_put_in_force(app, ben, standard):
    answer = ben.post(f"/desk/standards/{STANDARD}", form(standard, active="on"))
    assert "said=needs-interval" in answer.location
    monthly = {"preset": "monthly", "days": "1, 11", "window": "P7D", "active": "on"}
    answer = ben.post(f"/desk/standards/{STANDARD}", form(standard, **monthly))
    assert answer.status_code == 303
    schedule = kept(app)
    assert (schedule.active, schedule.rrule) == (True, "FREQ=MONTHLY;BYMONTHDAY=1,11")


@pytest.mark.rule("R7")
@pytest.mark.clause("F4")
def test_nothing_is_in_force_that_nobody_answers_for(app, ben, standard):
    lonely = form(standard, preset="daily", window="P1D", active="on", responsible_id="")
    assert "said=needs-responsible" in ben.post(f"/desk/standards/{STANDARD}", lonely).location
    assert not kept(app).active


def test_the_next_five_runs_are_said_before_anything_is_saved(app, ben, standard):
    said = form(standard, preset="weekly", week="MO", times="06:30", window="PT2H", preview="1")
    page = ben.post(f"/desk/standards/{STANDARD}", said, headers=EN).text
    assert page.count("Mon 06:30–08:30") == 5
    assert kept(app).rrule is None
    zh = ben.post(f"/desk/standards/{STANDARD}", said, headers={"Accept-Language": "zh"}).text
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
def test_what_cannot_be_understood_comes_back_with_the_remedy_and_all_that_was_typed(
    app, ben, standard, wrong
):
    answer = ben.post(f"/desk/standards/{STANDARD}", form(standard, en="Typed", **wrong))
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text and 'value="Typed"' in answer.text
    assert kept(app).version == standard


@pytest.mark.rule("R8")
def test_a_change_holds_from_its_day_and_leaves_the_past_alone(app, ben, standard):
    said = form(standard, preset="daily", window="P1D", active="on", from_on="2026-12-01")
    assert ben.post(f"/desk/standards/{STANDARD}", said).status_code == 303
    (before,) = kept(app).before
    assert before["until"] == "2026-11-30T16:00:00.000Z"
    assert before["active"] is False


@pytest.fixture
def readings(desk):
    """CL-03 as the rulebook says it, and the daily one beside it."""
    common = {"label": cast.label("清扫", "Sweep"), "area_kind": "gate", "responsible_id": cast.ANA}
    common["dtstart"] = "2026-01-01T00:00:00+08:00"
    thrice = {"rrule": "FREQ=MONTHLY;BYMONTHDAY=1,11,21", "window": "UNTIL_NEXT"}
    daily = {"rrule": "FREQ=DAILY;BYHOUR=7,11,16;BYMINUTE=0;BYSECOND=0", "window": "PT3H"}
    literal = {**common, **thrice, "code": "CL-03", "active": True, "needs_confirmation": True}
    desk("schedule.add", STANDARD, literal, by=cast.EVE)
    desk("schedule.add", DAILY, {**common, **daily, "code": "CL-03b"}, by=cast.EVE)


@pytest.mark.clause("C3")
@pytest.mark.parametrize(
    ("take", "in_force"), [("literal", (True, False)), ("daily", (False, True))]
)
def test_an_admin_chooses_what_three_times_a_month_means(app, eve, readings, take, in_force):
    page = eve.get("/desk/standards/", headers=EN).text
    assert "please confirm" in page
    eve.post(f"/desk/standards/{STANDARD}/reading", {"take": take})
    assert (kept(app).active, kept(app, DAILY).active) == in_force
    assert "please confirm" not in eve.get("/desk/standards/", headers=EN).text
    with app.app_context():
        assert scheduler.plan(cast.HOME, datetime.now(UTC)) > 0


def test_a_standard_of_the_sites_own_is_added(app, eve, ben):
    said = form(
        0, code="X-1", area_kind="gate", role="guard", preset="workdays", window="P1D", active="on"
    )
    assert ben.post("/desk/standards/new", said).status_code == 403
    assert eve.post("/desk/standards/new", said).status_code == 303
    page = eve.get("/desk/standards/", headers=EN).text
    assert "X-1" in page and "every working day" in page


def test_dao_may_not_change_a_standard(dao, standard):
    assert dao.post(f"/desk/standards/{STANDARD}", form(standard)).status_code == 404
    assert dao.post(f"/desk/standards/{STANDARD}/reading", {"take": "daily"}).status_code == 403
