"""A fresh demo accuses nobody: no page of its first day speaks of anything missed, late or to be
answered for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from server.auth.sessions import start_session
from server.db.engine import db
from server.jobs import scheduler
from server.maintenance import demo, upgrade
from server.models.patrol import PatrolRound
from server.models.tasks import Task
from server.oplog.replay import find_faults
from sync.work.board import task_status
from tests.conftest import create_test_app

SITE = demo.demo_id("squirrel")
NOW = datetime.now(UTC)
REPROACHES = ("missed", "planned_late", "done_late")
PAGES = ("/desk/", "/desk/timeline", "/desk/misses/", "/desk/patrol/", "/desk/raise/")


@pytest.fixture(scope="module")
def demo_app(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    app = create_test_app(f"sqlite:///{folder / 'demo.sqlite3'}", folder)
    with app.app_context():
        upgrade.upgrade()
        demo.build(NOW)
        scheduler.plan(SITE, NOW + timedelta(minutes=10))
        yield app
        db.session.remove()
        db.engine.dispose()


def test_no_work_of_the_first_day_is_missed_or_late(demo_app):
    tasks = db.session.scalars(select(Task).where(Task.site_id == SITE)).all()
    later = NOW + timedelta(minutes=10)
    assert all(task.window_end > NOW for task in tasks)
    goes_on = [task for task in tasks if task.window_end > later]  # a month may end in between
    assert {task_status(task, [], later) for task in goes_on} == {"open"}
    assert {"CL-05", "CL-06", "CL-07", "CL-08"} <= {
        task.code for task in tasks if task.window_start <= NOW
    }
    rounds = db.session.scalars(select(PatrolRound).where(PatrolRound.site_id == SITE)).all()
    assert rounds and all(round_.window_start >= NOW for round_ in rounds)
    assert not any(round_.planned_at for round_ in rounds)


@pytest.mark.rule("R10")
def test_nobody_ever_answers_for_what_began_before_the_demo(demo_app):
    tasks = db.session.scalars(select(Task).where(Task.site_id == SITE)).all()
    for days in (1, 7, 40):
        moment = NOW + timedelta(days=days)
        missed = [task for task in tasks if task_status(task, [], moment) == "missed"]
        assert missed and min(task.window_start for task in missed) >= NOW


@pytest.mark.parametrize("path", PAGES)
def test_no_page_of_the_first_day_reproaches_anybody(demo_app, path):
    with demo_app.test_request_context():
        token = start_session(demo.demo_id("squirrel", "mei"), SITE)
    browser = demo_app.test_client()
    browser.set_cookie("lodge", token)
    page = browser.get(path, headers={"Accept-Language": "en"}).text
    body = page.split('<p class="legend">')[0]
    assert not [state for state in REPROACHES if f'data-state="{state}"' in body]
    assert 'name="task"' not in page and "code=missed" not in page


def test_building_again_on_another_day_changes_nothing(demo_app):
    for now in (NOW, NOW + timedelta(days=1)):
        demo.build(now)
        tasks = db.session.scalars(select(Task).where(Task.site_id == SITE)).all()
        assert all(bool(task.planned_at) == (task.window_start < NOW) for task in tasks)
        assert not any(task.cancelled_at for task in tasks)
    assert find_faults(SITE) == []
