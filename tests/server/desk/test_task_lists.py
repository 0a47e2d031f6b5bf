"""The lists of tasks: what their conditions of SQL select, and what is done to many at once."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random, SystemRandom
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from server.db.engine import db
from server.desk.lists import ListContext
from server.desk.task_list import STATUSES, TASKS
from server.desk.task_states import STATUS_CONDITIONS, site_phones
from server.models.access import Device
from server.models.tasks import Task
from server.oplog.directory import directory_of
from server.oplog.receive import make_op, submit_many
from sync.work.board import UNFINISHED_STATUSES, task_status
from tests.seed_data import ANA, BEN, CHU, HOME_SITE, TASK, fixed_id, task_payload
from tests.server.conftest import DeskBrowser

EN = {"Accept-Language": "en"}
SEED = os.environ.get("LODGE_SEED") or str(SystemRandom().randrange(10**6))


def random_task(rng: Random, number: int, now: datetime) -> Task:
    """A task whose times lie around now and around each other, some to the microsecond."""

    def near(moment: datetime) -> datetime:
        minutes = rng.choice([-90, -30, -10, -1, 0, 1, 10, 30, 31, 90])
        return moment + timedelta(minutes=minutes, microseconds=rng.choice([-1, 0, 1]))

    def sometimes(value: Any) -> Any:
        return value if rng.random() < 0.4 else None

    end, grace = near(now), rng.choice([0, 10, 30])
    done_at = sometimes(near(end + timedelta(minutes=grace)))
    payload = {**task_payload(), "window_start": end - timedelta(hours=2), "window_end": end}
    return Task(
        **payload,
        site_id=HOME_SITE,
        id=fixed_id(f"random {number}"),
        role="cleaner",
        needs_confirmation=False,
        grace=grace,
        ticked=rng.choice([{}, {}, {"0": {"at": "", "by_id": ANA}}]),
        done_at=done_at,
        done_received_at=done_at and sometimes(near(done_at)),
        skipped_at=sometimes(now),
        cancelled_at=sometimes(now) if rng.random() < 0.3 else None,
        planned_at=sometimes(now),
        version=1,
    )


def random_phone(rng: Random, number: int, now: datetime) -> Device:
    def around() -> datetime:
        return now - timedelta(minutes=rng.choice([-5, 0, 5, 20, 60, 300]))

    return Device(
        id=fixed_id(f"phone {number}"),
        site_id=HOME_SITE,
        label="Phone",
        token_hash=f"{number}",
        enrolled_at=around(),
        clear_at=rng.choice([None, around(), around()]),
        revoked_at=rng.choice([None, None, now]),
        lost_at=None,
    )


@pytest.mark.rule("D1", "D2", "D4")
@pytest.mark.parametrize("phones", [0, 1, 2])
def test_a_status_is_found_by_sql_for_exactly_the_tasks_that_have_it(
    app: Flask, phones: int
) -> None:
    rng, now = Random(f"{SEED} tasks {phones}"), datetime.now(UTC)
    with app.app_context():
        db.session.execute(Device.__table__.delete())
        db.session.add_all(random_phone(rng, number, now) for number in range(phones))
        db.session.add_all(random_task(rng, number, now) for number in range(300))
        db.session.flush()
        context = ListContext(HOME_SITE, BEN, frozenset(), directory_of(HOME_SITE), now)
        tasks = db.session.scalars(select(Task).where(Task.site_id == HOME_SITE)).all()
        statuses = {each.id: task_status(each, site_phones(context), now) for each in tasks}
        for name, condition in STATUS_CONDITIONS.items():
            found = set(db.session.scalars(select(Task.id).where(condition(context))))
            assert found == {id_ for id_, status in statuses.items() if status == name}, (
                SEED,
                name,
            )
        left = set(db.session.scalars(select(Task.id).where(STATUSES["left"].condition(context))))
        assert left == {
            id_ for id_, each in statuses.items() if each in (*UNFINISHED_STATUSES, "planned_late")
        }
        db.session.rollback()


@pytest.fixture
def three_tasks(app: Flask) -> list[str]:
    """Tasks of today, of tomorrow, and one that was over yesterday."""
    now = datetime.now(UTC)
    ids = [fixed_id(name) for name in ("today", "tomorrow", "yesterday")]
    for id_, hours in zip(ids, (1, 25, -30), strict=True):
        end = now + timedelta(hours=hours)
        window = {"window_start": end - timedelta(minutes=90), "window_end": end}
        times = {name: moment.isoformat() for name, moment in window.items()}
        with app.app_context():
            submit_many(HOME_SITE, [make_op("task.plan", id_, {**task_payload(), **times})])
    return ids


def shown(page: str) -> set[str]:
    """The tasks that a page of the list links to."""
    return set(re.findall(r"/desk/record/task/([0-9a-f-]{36})", page))


def test_the_list_begins_with_what_is_left_of_today(
    ben: DeskBrowser, three_tasks: list[str]
) -> None:
    today, tomorrow, yesterday = three_tasks
    first = shown(ben.get("/desk/tasks/").text)
    assert today in first and yesterday not in first
    assert yesterday in shown(ben.get("/desk/tasks/?due_since=any").text)
    assert tomorrow in shown(ben.get("/desk/tasks/?due_since=tomorrow").text)
    page = ben.get("/desk/tasks/?due_since=week&state=missed", headers=EN).text
    assert yesterday in shown(page) and today not in shown(page)


def test_a_named_period_stays_named_until_somebody_chooses_days(ben: DeskBrowser) -> None:
    page = ben.get("/desk/tasks/?due_since=week").text
    first, last = re.findall(r'type="date" name="due_\w+"\s+value="([\d-]+)"', page)
    left_alone = {"due_named": "week", "due_since": first, "due_until": last}
    assert "due_since=week" in ben.post("/desk/tasks/filter", left_alone).location
    chosen = ben.post("/desk/tasks/filter", {**left_alone, "due_since": "2026-01-01"}).location
    assert "due_since=2026-01-01" in chosen and f"due_until={last}" in chosen
    emptied = ben.post("/desk/tasks/filter", {"due_named": "week"}).location
    assert "due_since=any" in emptied


def responsible(app: Flask, ids: list[str]) -> list[str | None]:
    with app.app_context():
        return [db.session.get_one(Task, (HOME_SITE, id_)).responsible_id for id_ in ids]


@pytest.mark.rule("T17")
def test_tasks_are_given_to_somebody_else_and_those_that_are_over_are_named(
    app: Flask, ben: DeskBrowser, three_tasks: list[str]
) -> None:
    asked = {"state": "any", "due_since": "any", "reassign.responsible_id": CHU}
    sent = ben.post("/desk/tasks/bulk/reassign", {**asked, "row": three_tasks[:2]})
    assert sent.status_code == 303 and responsible(app, three_tasks) == [CHU, CHU, ANA]
    answer = ben.post("/desk/tasks/bulk/reassign", {**asked, "row": three_tasks}, headers=EN)
    assert answer.status_code == 200 and "3 were refused" in answer.text
    assert responsible(app, three_tasks) == [CHU, CHU, ANA]


def test_several_tasks_are_cancelled_for_one_reason(
    app: Flask, ben: DeskBrowser, three_tasks: list[str]
) -> None:
    form = {"row": three_tasks[:2], "cancel.reason": "The stairs are being painted"}
    assert ben.post("/desk/tasks/bulk/cancel", {**form, "cancel.reason": ""}).status_code == 422
    assert ben.post("/desk/tasks/bulk/cancel", form).status_code == 303
    page = ben.get("/desk/tasks/?state=cancelled&due_since=any").text
    assert shown(page) == set(three_tasks[:2])


def test_assigned_work_has_a_list_of_its_own(ben: DeskBrowser) -> None:
    due = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M}"
    form = {"label": "Move the chairs", "responsible_id": ANA, "reason": "Party"}
    ben.post("/desk/work/give", {**form, "area_id": task_payload()["area_id"], "window_end": due})
    page = ben.get("/desk/work/", headers=EN).text
    assert "Move the chairs" in page and "Party" in page and TASK not in shown(page)
    for words, is_found in (("chairs party", True), ("ana", True), ("mop", False)):
        found = ben.get(ben.post("/desk/work/filter", {"words": words}).location).text
        assert ("Move the chairs" in found) == is_found, words


def test_tasks_are_for_supervisors(
    signed_in: Callable[..., DeskBrowser], dao: DeskBrowser, three_tasks: list[str]
) -> None:
    assert signed_in(ANA, HOME_SITE).get("/desk/tasks/").status_code == 403
    assert not shown(dao.get("/desk/tasks/?due_since=any&state=any").text)
    dao.post("/desk/tasks/bulk/reassign", {"row": three_tasks, "reassign.responsible_id": BEN})
    assert TASKS.roles
