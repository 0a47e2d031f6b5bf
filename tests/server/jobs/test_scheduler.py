"""Planning of tasks from schedules, on the small demo."""

import shutil
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import pytest
from sqlalchemy import select

from server.db.engine import db
from server.jobs import patrol_rounds, plan_history, scheduler
from server.maintenance import demo
from server.models.feed import SiteHead
from server.models.patrol import PatrolRound
from server.models.people import Person
from server.models.places import Unit
from server.models.schedules import Schedule
from server.models.tasks import Task
from server.oplog.incoming import Source
from server.oplog.receive import make_op, receive_ops, submit
from server.oplog.replay import find_faults
from sync.protocol.clock import SITE_ZONE
from sync.protocol.roles import ROLES
from tests import seed_data
from tests.conftest import create_test_app

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
HOME = demo.demo_id("squirrel")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def demo_database(request, tmp_path_factory):
    """A function that makes a copy of the small demo as of NOW in a folder and returns its URL."""
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

    def copy(target):
        if cluster:
            return cluster.url(cluster.create_database(name))
        shutil.copy(folder / name, target / name)
        return f"sqlite:///{target / name}"

    return copy


@pytest.fixture
def demo_app(demo_database, tmp_path):
    app = create_test_app(demo_database(tmp_path), tmp_path / "var")
    with app.app_context():
        yield
        db.session.remove()
        db.engine.dispose()


def planned_tasks(**columns):
    return db.session.scalars(select(Task).filter_by(site_id=HOME, **columns)).all()


def schedule(code):
    return next(s for s in db.session.scalars(Schedule.for_site(HOME)) if s.code == code)


def desk_ops(now, *raws):
    """Ops of the desk as of some time."""
    return receive_ops(HOME, raws, Source.for_desk(now)).answers


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


def test_the_demo_has_a_person_for_every_role_and_a_schedule_for_every_standard(demo_app):
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


def test_door_tasks_are_planned_for_occupied_homes_only(demo_app):
    occupied = select(Unit.id).where(Unit.site_id == HOME, Unit.occupied)
    assert {task.unit_id for task in planned_tasks(code="CL-07")} == set(
        db.session.scalars(occupied)
    )


def test_future_tasks_of_a_vacated_home_are_cancelled_and_done_ones_kept(demo_app):
    scheduler.plan(HOME, NOW.replace(day=28))
    doors = {task.window_start: task for task in planned_tasks(code="CL-07") if task.unit_id}
    unit = next(task.unit_id for task in doors.values())
    first, later, *_ = sorted(planned_tasks(unit_id=unit), key=lambda task: task.window_start)
    submit(HOME, "task.complete", first.id, {}, by=demo.demo_id("squirrel", "ana"))
    submit(HOME, "unit.occupy", unit, {"occupied": False})
    scheduler.plan(HOME, NOW.replace(day=28))
    db.session.expire_all()
    assert db.session.get(Task, (HOME, first.id)).done_at
    cancelled = db.session.get(Task, (HOME, later.id))
    assert cancelled.cancelled_at
    assert cancelled.cancel_reason == scheduler.VACANT


def test_tasks_of_a_home_that_is_occupied_again_are_reinstated(demo_app):
    scheduler.plan(HOME, NOW.replace(day=28))
    door = next(task for task in planned_tasks(code="CL-07") if task.window_start > NOW)
    future_tasks = [
        t for t in planned_tasks(unit_id=door.unit_id) if t.window_start > NOW.replace(day=28)
    ]
    for occupied in (False, True):
        submit(HOME, "unit.occupy", door.unit_id, {"occupied": occupied})
        assert scheduler.plan(HOME, NOW.replace(day=28)) == len(future_tasks)
    db.session.expire_all()
    assert db.session.get(Task, (HOME, door.id)).cancelled_at is None
    assert scheduler.plan(HOME, NOW.replace(day=28)) == 0
    assert find_faults(HOME) == []


def test_a_task_cancelled_at_the_desk_stays_cancelled(demo_app):
    door = next(iter(planned_tasks(code="CL-07")))
    ben = demo.demo_id("squirrel", "ben")
    answer = submit(HOME, "task.cancel", door.id, {"reason": scheduler.VACANT}, by=ben, base=1)
    assert answer["status"] == "applied"
    assert scheduler.plan(HOME, NOW) == 0


def test_a_home_with_an_unknown_area_does_not_stop_planning(demo_app):
    label = {"zh": "三单元", "en": "Stairwell 3"}
    area = demo.demo_id("an area that nobody added yet")
    home = make_op("unit.add", None, {"label": label, "area_id": area})
    assert desk_ops(NOW, home)[0]["status"] == "applied"
    assert scheduler.plan(HOME, NOW) == 0
    desk_ops(NOW, make_op("area.add", area, {"label": label, "kind": "stairwell"}))
    scheduler.plan(HOME, NOW)
    assert planned_tasks(unit_id=home["subject"])


def test_an_inactive_schedule_is_planned_once_it_has_an_interval(demo_app):
    pest = schedule("CL-09")
    (refused,) = desk_ops(NOW, make_op("schedule.change", pest.id, {"active": True}))
    assert (refused["status"], refused["code"]) == ("refused", "needs-interval")
    daily = {"rrule": "FREQ=DAILY", "window": "P1D", "active": True}
    (answer,) = desk_ops(NOW, make_op("schedule.change", pest.id, daily))
    assert answer["status"] == "applied"
    scheduler.plan(HOME, NOW)
    assert min(task.window_start for task in planned_tasks(code="CL-09")) == NOW.replace(hour=16)


def test_a_site_without_schedules_has_nothing_planned(app):
    with app.app_context():
        assert scheduler.plan(seed_data.HOME_SITE, NOW) == 0


@pytest.mark.rule("R9")
def test_tasks_are_planned_two_weeks_ahead_and_planning_is_idempotent(demo_app):
    assert max(task.window_start for task in planned_tasks()) < NOW + scheduler.LOOK_AHEAD
    for _ in range(2):
        assert scheduler.plan(HOME, NOW) == 0
    later = NOW + timedelta(days=3)
    scheduler.plan(HOME, later)
    assert max(task.window_start for task in planned_tasks()) < later + scheduler.LOOK_AHEAD


@pytest.mark.rule("R8")
def test_a_changed_schedule_replans_future_tasks_only(demo_app):
    daily = schedule("CL-05")
    started = {
        task.id
        for task in planned_tasks(code="CL-05")
        if task.window_start <= NOW + timedelta(days=2)
    }
    mondays = {"rrule": "FREQ=WEEKLY;BYDAY=MO", "from_on": "2026-11-27"}
    (answer,) = desk_ops(NOW, make_op("schedule.change", daily.id, mondays, base=1))
    assert answer["status"] == "applied"
    scheduler.plan(HOME, NOW)
    db.session.expire_all()
    remaining = [task for task in planned_tasks(code="CL-05") if task.cancelled_at is None]
    assert started <= {task.id for task in remaining}
    first = datetime(2026, 11, 26, 16, tzinfo=UTC)
    assert {t.window_start.weekday() for t in remaining if t.window_start >= first} == {6}, (
        "Monday at the site"
    )
    cancelled = [task for task in planned_tasks(code="CL-05") if task.cancelled_at]
    assert {task.cancel_reason for task in cancelled} == {scheduler.REPLANNED}
    assert all(task.window_start >= first for task in cancelled)
    assert find_faults(HOME) == []


@pytest.mark.rule("R6")
def test_a_working_day_schedule_follows_the_public_calendar(demo_app):
    september = datetime(2026, 9, 1, tzinfo=UTC)
    payload = {
        **{"code": "CL-99", "label": {"en": "Sweep"}, "area_kind": "gate", "rrule": "FREQ=DAILY"},
        **{"window": "P1D", "dtstart": "2026-01-01T00:00:00+08:00", "workdays_only": True},
        **{"responsible_id": demo.demo_id("squirrel", "ana"), "active": True},
    }
    desk_ops(september, make_op("schedule.add", None, payload))
    scheduler.plan(HOME, datetime(2026, 9, 28, tzinfo=UTC))
    days = {
        t.window_start.astimezone(SITE_ZONE).date().isoformat() for t in planned_tasks(code="CL-99")
    }
    assert "2026-10-01" not in days, "National Day"
    assert "2026-10-10" in days, "a Saturday that is a moved working day"
    assert "2026-10-11" not in days


def test_a_record_under_the_id_of_planned_work_does_not_prevent_it(demo_app):
    """Whoever knows schedule, place and time can derive the id, and make a shift under it."""
    later = NOW + timedelta(days=2)
    window = later - scheduler.LOOK_BEHIND, later + scheduler.LOOK_AHEAD
    rounds = [op["subject"] for op in patrol_rounds.round_ops(HOME, later, *window)]
    hall = schedule("CL-01").id
    versions = plan_history.schedule_versions(HOME, {hall})[hall]
    due = list(scheduler._due_tasks(hall, versions, scheduler.list_places(HOME), later))
    planned = {task.id for task in planned_tasks(schedule_id=hall)}
    task_id = next(task.occurrence.id for task in due if task.occurrence.id not in planned)
    (person,) = db.session.scalars(select(Person.id).where(Person.site_id == HOME).limit(1))
    ops = [make_op("shift.open", id_, {"uniform": True}, by=person) for id_ in (task_id, rounds[0])]
    assert [answer["status"] for answer in desk_ops(later, *ops)] == ["applied"] * 2
    scheduler.plan(HOME, later)
    assert {task.id for task in planned_tasks(schedule_id=hall)} >= {
        *planned,
        uuid_in_place(task_id),
    }
    assert db.session.get(PatrolRound, (HOME, uuid_in_place(rounds[0])))
    assert scheduler.plan(HOME, later) == 0
    assert find_faults(HOME) == []


def uuid_in_place(id_):
    return str(uuid5(UUID(id_), "in place"))
