"""Planning ahead, and the demo estate that is planned."""

import shutil
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from server.db.engine import db
from server.jobs import scheduler
from server.maintenance import demo
from server.models.feed import SiteHead
from server.models.people import Person
from server.models.places import Unit
from server.models.schedules import Schedule
from server.models.tasks import Task
from server.oplog.receive import make_op, submit, submit_many
from server.oplog.replay import find_faults
from sync.protocol.roles import ROLES
from tests import seed_data
from tests.conftest import create_test_app

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
HOME = demo.demo_id("squirrel")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def demo_database(request, tmp_path_factory):
    """The demo estate as it is on that day: gives the address of a fresh copy of it."""
    folder = tmp_path_factory.mktemp("estate")
    cluster = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    name = cluster.create_database() if cluster else "estate.sqlite3"
    app = create_test_app(cluster.url(name) if cluster else f"sqlite:///{folder / name}", folder)
    with app.app_context():
        db.create_all()
        seed_data.seed_sites()
        demo.build(NOW)
        db.session.remove()
        db.engine.dispose()

    def copy(place):
        if cluster:
            return cluster.url(cluster.create_database(name))
        shutil.copy(folder / name, place / name)
        return f"sqlite:///{place / name}"

    return copy


@pytest.fixture
def demo_app(demo_database, tmp_path):
    app = create_test_app(demo_database(tmp_path), tmp_path / "var")
    with app.app_context():
        yield
        db.session.remove()
        db.engine.dispose()


def planned_tasks(**how):
    return db.session.scalars(select(Task).filter_by(site_id=HOME, **how)).all()


def feed_heads():
    return [
        head for (head,) in db.session.execute(select(SiteHead.head).order_by(SiteHead.site_id))
    ]


def test_building_and_planning_again_changes_nothing(demo_app):
    before = feed_heads()
    demo.build(NOW)
    assert scheduler.plan(HOME, NOW) == 0
    db.session.rollback()
    assert feed_heads() == before
    assert find_faults(HOME) == find_faults(demo.demo_id("hedgehog")) == []


def test_the_demo_has_somebody_for_every_role_and_every_standard(demo_app):
    people = db.session.scalars(Person.for_site(HOME)).all()
    assert {role for person in people for role in person.roles} == set(ROLES)
    schedules = {s.code: s for s in db.session.scalars(Schedule.for_site(HOME))}
    assert {f"CL-{n:02}" for n in range(1, 11)} <= schedules.keys()
    assert schedules["CL-03"].needs_confirmation
    assert not schedules["CL-09"].active
    assert all(s.responsible_id for s in schedules.values())
    assert {unit.occupied for unit in db.session.scalars(select(Unit).filter_by(site_id=HOME))} == {
        True,
        False,
    }


def test_only_doors_of_occupied_homes_are_planned(demo_app):
    occupied = select(Unit.id).where(Unit.site_id == HOME, Unit.occupied)
    assert {task.unit_id for task in planned_tasks(code="CL-07")} == set(
        db.session.scalars(occupied)
    )


def test_a_vacated_home_loses_what_is_to_come_and_keeps_what_is_done(demo_app):
    scheduler.plan(HOME, NOW.replace(day=28))
    doors = {task.window_start: task for task in planned_tasks(code="CL-07") if task.unit_id}
    unit = next(task.unit_id for task in doors.values())
    first, later, *_ = sorted(planned_tasks(unit_id=unit), key=lambda task: task.window_start)
    submit(HOME, "task.complete", first.id, {}, by=demo.demo_id("squirrel", "ana"))
    submit(HOME, "unit.occupy", unit, {"occupied": False})
    scheduler.plan(HOME, NOW.replace(day=28))
    db.session.expire_all()
    assert db.session.get(Task, (HOME, first.id)).done_at
    gone = db.session.get(Task, (HOME, later.id))
    assert gone.cancelled_at
    assert gone.cancel_reason == scheduler.VACANT


def test_a_home_that_was_vacated_by_mistake_gets_its_door_back(demo_app):
    scheduler.plan(HOME, NOW.replace(day=28))
    door = next(task for task in planned_tasks(code="CL-07") if task.window_start > NOW)
    to_come = [
        t for t in planned_tasks(unit_id=door.unit_id) if t.window_start > NOW.replace(day=28)
    ]
    for occupied in (False, True):
        submit(HOME, "unit.occupy", door.unit_id, {"occupied": occupied})
        assert scheduler.plan(HOME, NOW.replace(day=28)) == len(to_come)
    db.session.expire_all()
    assert db.session.get(Task, (HOME, door.id)).cancelled_at is None
    assert scheduler.plan(HOME, NOW.replace(day=28)) == 0
    assert find_faults(HOME) == []


def test_what_the_desk_cancelled_stays_cancelled(demo_app):
    door = next(iter(planned_tasks(code="CL-07")))
    ben = demo.demo_id("squirrel", "ben")
    answer = submit(HOME, "task.cancel", door.id, {"reason": scheduler.VACANT}, by=ben, base=1)
    assert answer["status"] == "applied"
    assert scheduler.plan(HOME, NOW) == 0


def test_a_door_without_a_known_area_holds_up_no_other(demo_app):
    label = {"zh": "三单元", "en": "Stairwell 3"}
    area = demo.demo_id("an area that nobody added yet")
    home = make_op("unit.add", None, {"label": label, "area_id": area})
    assert submit_many(HOME, [home])[0]["status"] == "applied"
    assert scheduler.plan(HOME, NOW) == 0
    submit(HOME, "area.add", area, {"label": label, "kind": "stairwell"})
    scheduler.plan(HOME, NOW)
    assert planned_tasks(unit_id=home["subject"])


def test_an_interval_brings_an_inactive_standard_to_life(demo_app):
    pest = next(s for s in db.session.scalars(Schedule.for_site(HOME)) if s.code == "CL-09")
    refused = submit(HOME, "schedule.change", pest.id, {"active": True})
    assert (refused["status"], refused["code"]) == ("refused", "needs-interval")
    set_ = {"rrule": "FREQ=DAILY", "window": "P1D", "active": True}
    assert submit(HOME, "schedule.change", pest.id, set_)["status"] == "applied"
    scheduler.plan(HOME, datetime.now(UTC))  # from when it is changed on, which is today
    assert planned_tasks(code="CL-09")


def test_the_cast_has_nothing_planned(app):
    with app.app_context():
        assert scheduler.plan(seed_data.HOME_SITE, NOW) == 0


@pytest.mark.rule("R9")
def test_nothing_is_planned_beyond_two_weeks_and_planning_again_changes_nothing(demo_app):
    assert max(task.window_start for task in planned_tasks()) < NOW + scheduler.LOOK_AHEAD
    for _ in range(2):
        assert scheduler.plan(HOME, NOW) == 0
    later = NOW + timedelta(days=3)
    scheduler.plan(HOME, later)
    assert max(task.window_start for task in planned_tasks()) < later + scheduler.LOOK_AHEAD


@pytest.mark.rule("R8")
def test_a_changed_schedule_replans_what_is_to_come_and_leaves_the_past(demo_app):
    daily = next(s for s in db.session.scalars(Schedule.for_site(HOME)) if s.code == "CL-05")
    begun = {
        task.id
        for task in planned_tasks(code="CL-05")
        if task.window_start <= NOW + timedelta(days=2)
    }
    mondays = {"rrule": "FREQ=WEEKLY;BYDAY=MO", "from_on": "2026-11-27"}
    answer = submit(HOME, "schedule.change", daily.id, mondays, base=1)
    assert answer["status"] == "applied"
    scheduler.plan(HOME, NOW)
    db.session.expire_all()
    left = [task for task in planned_tasks(code="CL-05") if task.cancelled_at is None]
    assert begun <= {task.id for task in left}
    first = datetime(2026, 11, 26, 16, tzinfo=UTC)
    assert {t.window_start.weekday() for t in left if t.window_start >= first} == {6}, (
        "Monday there"
    )
    gone = [task for task in planned_tasks(code="CL-05") if task.cancelled_at]
    assert {task.cancel_reason for task in gone} == {scheduler.REPLANNED}
    assert all(task.window_start >= first for task in gone)
    assert find_faults(HOME) == []


@pytest.mark.rule("R6")
def test_a_duty_of_working_days_follows_the_public_calendar(demo_app):
    daily = next(s for s in db.session.scalars(Schedule.for_site(HOME)) if s.code == "CL-05")
    submit(
        HOME, "schedule.change", daily.id, {"workdays_only": True, "from_on": "2026-09-01"}, base=1
    )
    scheduler.plan(HOME, datetime(2026, 9, 28, tzinfo=UTC))
    db.session.expire_all()
    shanghai = ZoneInfo("Asia/Shanghai")
    days = {
        t.window_start.astimezone(shanghai).date().isoformat() for t in planned_tasks(code="CL-05")
    }
    assert "2026-10-01" not in days, "National Day"
    assert "2026-10-10" in days, "a Saturday that the calendar shifts"
    assert "2026-10-11" not in days
