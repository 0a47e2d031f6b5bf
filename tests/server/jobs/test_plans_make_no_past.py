"""Nothing is planned whose window began before somebody asked for it, and whoever is responsible
from a day on answers from that day on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from server.db.engine import db
from server.jobs import scheduler
from server.models.patrol import PatrolRound, PatrolRoute
from server.models.schedules import Schedule
from server.models.tasks import Task
from server.oplog.receive import ops_about
from server.oplog.replay import find_faults
from sync.work.board import task_status
from tests.seed_data import ANA, BEN, CHU, EVE, FLAT, GATE, HOME_SITE, STAIRS, fixed_id, label

NOW = datetime(2027, 3, 3, 6, 0, tzinfo=UTC)
"""A Wednesday, 14:00 at the site."""

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DUTY, ROUTE, POINT, OTHER_POINT = map(fixed_id, ("duty", "route", "point", "other point"))
SINCE_2026 = "2026-01-01T00:00:00+08:00"
TWICE_A_DAY = "FREQ=DAILY;BYHOUR=6,18;BYMINUTE=0;BYSECOND=0"


@pytest.fixture
def app(sqlite_app):
    yield sqlite_app
    with sqlite_app.app_context():
        assert find_faults(HOME_SITE) == []


@pytest.fixture
def ask(app, desk_op):
    """Submit an op of the administrator at some time, and plan at once as the desk does."""

    def submit(kind, subject, payload, at=NOW):
        assert desk_op(kind, subject, payload, by=EVE, at=at)["status"] == "applied"
        return plan(app, at)

    return submit


def plan(app, at):
    with app.app_context():
        return scheduler.plan(HOME_SITE, at)


@pytest.fixture
def tasks(app):
    """The tasks of the duty that are not cancelled, by the beginning of their windows."""

    def stored(**columns):
        with app.app_context():
            query = select(Task).filter_by(site_id=HOME_SITE, schedule_id=DUTY, **columns)
            found = db.session.scalars(query.where(Task.cancelled_at.is_(None))).all()
            return sorted(found, key=lambda task: (task.window_start, task.id))

    return stored


@pytest.fixture
def rounds(app):
    def stored():
        with app.app_context():
            query = select(PatrolRound).where(PatrolRound.cancelled_at.is_(None))
            return sorted(db.session.scalars(query).all(), key=lambda round_: round_.window_start)

    return stored


def duty(**more):
    daily = {"rrule": "FREQ=DAILY", "window": "P1D", "dtstart": SINCE_2026, "active": True}
    named = {"code": "CL-77", "label": label("扫地", "Sweep"), "area_kind": "stairwell"}
    return {**named, **daily, "responsible_id": ANA, **more}


def route(**more):
    daily = {"rrule": TWICE_A_DAY, "window": "PT10H", "dtstart": SINCE_2026, "active": True}
    return {
        "label": label("巡", "Round"),
        "points": [POINT],
        **daily,
        "responsible_id": CHU,
        **more,
    }


@pytest.fixture
def points(desk_op):
    for id_ in (POINT, OTHER_POINT):
        point = {"label": label("点", "Point"), "area_id": GATE, "route": label("夜", "Night")}
        desk_op("checkpoint.add", id_, point, by=EVE, at=NOW - 30 * DAY)


@pytest.mark.rule("R10")
def test_a_new_schedule_begins_with_the_next_window(ask, tasks):
    ask("schedule.add", DUTY, duty())
    ask("schedule.add", fixed_id("weekly"), duty(rrule="FREQ=WEEKLY;BYDAY=MO", window="P7D"))
    assert tasks()[0].window_start == datetime(2027, 3, 3, 16, tzinfo=UTC)
    assert all(task.planned_at is None for task in tasks())


@pytest.mark.rule("R10")
def test_a_schedule_changed_or_put_in_use_makes_no_past(app, ask, tasks):
    ask("schedule.add", DUTY, duty(active=False), NOW - 3 * DAY)
    ask("schedule.change", DUTY, {"active": True})
    assert tasks()[0].window_start > NOW
    ask("schedule.change", DUTY, {"rrule": TWICE_A_DAY, "window": "PT10H", "from_on": "2027-02-01"})
    plan(app, NOW + 10 * timedelta(minutes=1))
    assert tasks()[0].window_start > NOW


@pytest.mark.rule("R10")
def test_a_place_that_is_added_or_occupied_has_no_work_before(app, ask, tasks):
    weekly = {"rrule": "FREQ=WEEKLY;BYDAY=MO", "window": "P7D", "per_unit": True}
    ask("schedule.add", DUTY, duty(**weekly), NOW - 9 * DAY)
    assert {task.unit_id for task in tasks()} == {FLAT}
    ask("unit.occupy", FLAT, {"occupied": False}, NOW - 3 * DAY)
    monday = datetime(2027, 2, 28, 16, tzinfo=UTC)
    assert monday not in {task.window_start for task in tasks()}
    ask("unit.occupy", FLAT, {"occupied": True})
    new_home = {"label": label("1204", "1204"), "area_id": STAIRS}
    ask("unit.add", fixed_id("new home"), new_home)
    plan(app, NOW + HOUR)
    assert {task.unit_id for task in tasks() if task.window_start > NOW} == {
        FLAT,
        fixed_id("new home"),
    }
    assert monday not in {task.window_start for task in tasks()}


@pytest.mark.rule("R10")
def test_an_area_added_to_a_schedule_has_no_work_before(ask, tasks):
    ask("schedule.add", DUTY, duty(area_ids=[STAIRS]), NOW - 3 * DAY)
    ask("schedule.change", DUTY, {"area_ids": [STAIRS, GATE]})
    assert tasks(area_id=STAIRS)[0].window_start < NOW < tasks(area_id=GATE)[0].window_start


@pytest.mark.rule("R10")
@pytest.mark.rule("D2")
def test_what_is_caught_up_after_an_outage_says_so_and_is_not_missed(app, ask, tasks):
    ask("schedule.add", DUTY, duty(), NOW - 30 * DAY)
    plan(app, NOW)
    late = [task for task in tasks() if task.planned_at]
    assert late and all(task.window_start < NOW for task in late)
    assert {task.planned_at for task in late} == {NOW}
    assert {task_status(task, [], NOW + 9 * DAY) for task in late} == {"planned_late"}
    on_time = [task for task in tasks() if task.window_start >= NOW]
    assert {task_status(task, [], NOW + 30 * DAY) for task in on_time} == {"missed"}
    assert plan(app, NOW) == 0


@pytest.mark.rule("R10")
@pytest.mark.rule("N2")
def test_a_changed_route_makes_no_past_rounds_and_leaves_rounds_under_way(ask, rounds, points):
    ask("route.add", ROUTE, route(), NOW - 3 * DAY)
    before = [round_ for round_ in rounds() if round_.window_start <= NOW]
    hourly = {"rrule": "FREQ=DAILY", "window": "P1D", "points": [POINT, OTHER_POINT]}
    ask("route.change", ROUTE, hourly)
    kept = [round_ for round_ in rounds() if round_.window_start <= NOW]
    assert [round_.id for round_ in kept] == [round_.id for round_ in before]
    assert {len(round_.points) for round_ in kept} == {1}
    later = [round_ for round_ in rounds() if round_.window_start > NOW]
    assert {len(round_.points) for round_ in later} == {2}
    assert not any(round_.planned_at for round_ in rounds())


@pytest.mark.rule("R8")
@pytest.mark.clause("F4")
def test_unfinished_tasks_go_to_the_new_responsible_person_from_that_day_on(
    app, ask, tasks, desk_op
):
    ask("schedule.add", DUTY, duty(rrule=TWICE_A_DAY, window="PT4H"), NOW - 3 * DAY)
    finished = tasks()[-1].id
    desk_op("task.complete", finished, {}, by=ANA, at=NOW)
    ask("schedule.change", DUTY, {"responsible_id": BEN, "from_on": "2027-03-05"})
    since = datetime(2027, 3, 4, 16, tzinfo=UTC)
    by_id = {task.id: task for task in tasks()}
    assert by_id.pop(finished).responsible_id == ANA
    for task in by_id.values():
        assert task.responsible_id == (BEN if task.window_start >= since else ANA)
    assert plan(app, NOW) == 0


@pytest.mark.rule("R8")
def test_a_week_under_way_goes_to_the_new_person_once_the_day_has_come(app, ask, tasks):
    ask("schedule.add", DUTY, duty(rrule="FREQ=WEEKLY;BYDAY=MO", window="P7D"), NOW - 9 * DAY)
    ask("schedule.change", DUTY, {"responsible_id": BEN, "from_on": "2027-03-05"})
    this_week = next(task for task in tasks() if task.window_end > NOW)
    assert this_week.responsible_id == ANA
    plan(app, NOW + 2 * DAY)
    assert {task.id: task.responsible_id for task in tasks()}[this_week.id] == BEN


@pytest.mark.rule("R8")
def test_rounds_go_to_the_new_responsible_guard(ask, rounds, points):
    ask("route.add", ROUTE, route(), NOW - 3 * DAY)
    ask("route.change", ROUTE, {"responsible_id": BEN})
    assert {r.responsible_id for r in rounds() if r.window_end > NOW} == {BEN}
    assert {r.responsible_id for r in rounds() if r.window_end <= NOW} == {CHU}


@pytest.mark.rule("R8")
def test_a_planned_task_follows_what_its_schedule_says(ask, tasks):
    ask("schedule.add", DUTY, duty(rrule=TWICE_A_DAY, window="PT10H"), NOW - 3 * DAY)
    items = [label("地", "Floor"), label("窗", "Window")]
    ask("schedule.change", DUTY, {"window": "PT2H", "items": items, "grace": 5})
    begun = [task for task in tasks() if task.window_start <= NOW]
    assert {(task.window_end - task.window_start, task.grace) for task in begun} == {(10 * HOUR, 0)}
    later = [task for task in tasks() if task.window_start > NOW]
    assert {(task.window_end - task.window_start, task.grace) for task in later} == {(2 * HOUR, 5)}
    assert all(task.items == items for task in later)


@pytest.mark.rule("T17")
def test_a_single_task_is_given_to_somebody_else_and_stays_with_them(app, ask, tasks, desk_op):
    ask("schedule.add", DUTY, duty(), NOW - 3 * DAY)
    one = tasks()[-1]
    version = {"base": one.version, "by": BEN, "at": NOW}
    assert (
        desk_op("task.reassign", one.id, {"responsible_id": CHU}, **version)["status"] == "applied"
    )
    nobody = {"responsible_id": fixed_id("nobody")}
    assert desk_op("task.reassign", one.id, nobody, by=BEN)["code"] == "no-such-person"
    assert (
        desk_op("task.reassign", one.id, {"responsible_id": ANA}, by=ANA)["code"] == "not-allowed"
    )
    ask("schedule.change", DUTY, {"responsible_id": BEN})
    later = {task.id: task.responsible_id for task in tasks() if task.window_start > NOW}
    assert later.pop(one.id) == CHU
    assert set(later.values()) == {BEN}


@pytest.mark.rule("R8")
def test_planning_with_a_clock_that_went_back_cancels_nothing(app, ask, tasks):
    ask("schedule.add", DUTY, duty(), NOW - 3 * DAY)
    plan(app, NOW)
    before = len(tasks())
    assert plan(app, NOW - 3 * DAY) == 0
    assert len(tasks()) == before
    with app.app_context():
        assert db.session.scalars(Schedule.for_site(HOME_SITE)).one().active
        assert not db.session.scalars(PatrolRoute.for_site(HOME_SITE)).all()


@pytest.mark.rule("N2")
def test_the_rounds_of_a_route_that_is_in_use_again_are_walked_again(ask, rounds, points):
    ask("route.add", ROUTE, route(), NOW - 3 * DAY)
    later = {round_.id for round_ in rounds() if round_.window_start > NOW}
    ask("route.change", ROUTE, {"active": False}, NOW)
    assert not later & {round_.id for round_ in rounds()}
    ask("route.change", ROUTE, {"active": True}, NOW + HOUR)
    assert later <= {round_.id for round_ in rounds()}


class Duties:
    """Schedules, homes and routes that change at random while time goes on."""

    def __init__(self, app, desk_op, draw):
        self.app, self.desk_op, self.draw, self.now = app, desk_op, draw, NOW
        self.schedule, self.route = str(uuid4()), str(uuid4())

    def step(self):
        self.now += timedelta(hours=self.draw(st.integers(0, 90)))
        kind, subject, payload = self.draw(st.sampled_from(self.choices()))
        self.desk_op(kind, subject, payload, by=EVE, at=self.now)
        if self.draw(st.booleans()):
            plan(self.app, self.now)

    def choices(self):
        day = (self.now + timedelta(days=self.draw(st.integers(-9, 9)))).date().isoformat()
        rules = ({"rrule": TWICE_A_DAY, "window": "PT4H"}, {"rrule": "FREQ=DAILY", "window": "P1D"})
        changes = [
            *({**rule, **day_} for rule in rules for day_ in ({}, {"from_on": day})),
            *({"active": active} for active in (True, False)),
            *({"responsible_id": person} for person in (ANA, BEN)),
            *({"area_ids": ids, "from_on": day} for ids in ([STAIRS], [GATE], [])),
        ]
        weekly = {"rrule": "FREQ=WEEKLY;BYDAY=MO", "window": "P7D", "per_unit": True}
        return [
            ("schedule.add", self.schedule, duty()),
            ("schedule.add", str(uuid4()), duty(**weekly)),
            ("route.add", self.route, route()),
            *(("schedule.change", self.schedule, change) for change in changes),
            *(("route.change", self.route, change) for change in (*rules, *changes[4:6])),
            *(("unit.occupy", FLAT, {"occupied": occupied}) for occupied in (True, False)),
            ("unit.add", str(uuid4()), {"label": label("1", "1"), "area_id": STAIRS}),
        ]

    def required(self):
        """Every task and round that is not cancelled, and when the planner required it last."""
        with self.app.app_context():
            is_planned = Task.schedule_id != fixed_id("schedule"), Task.cancelled_at.is_(None)
            tasks = db.session.scalars(select(Task).where(*is_planned)).all()
            rounds = select(PatrolRound).where(PatrolRound.cancelled_at.is_(None))
            for record in (*tasks, *db.session.scalars(rounds)):
                ops = ops_about(HOME_SITE, record.id)
                required_at = [
                    op.received_at
                    for op in ops
                    if op.kind.endswith(".plan") or op.changes.get("cancelled_at", "") is None
                ]
                yield record, required_at[-1]


@pytest.mark.rule("R10")
@settings(max_examples=6, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_sequence_of_changes_makes_a_miss_that_began_before_its_plan(app, desk_op, points, data):
    duties = Duties(app, desk_op, data.draw)
    for _ in range(data.draw(st.integers(2, 8))):
        duties.step()
    plan(app, duties.now)
    for record, required_at in duties.required():
        assert record.planned_at or required_at <= record.window_start
