"""Background jobs: one that fails stops no other, and shows at the desk until it succeeds."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from marshmallow import ValidationError
from sqlalchemy import select, text
from structlog.testing import capture_logs

from server.db.engine import db, write_transaction
from server.jobs import runner, scheduler
from server.jobs.failures import JobFailure, failures_of, save_failure
from server.jobs.runner import JOBS, Job, JobRunner
from server.models.feed import ServerState
from server.models.visits import Visit
from server.oplog.receive import ops_about
from tests.seed_data import ANA, BEN, CHU, EVE, FLAT, HOME_SITE, OTHER_SITE, fixed_id, label

SCHEDULE = fixed_id("broken schedule")
JOB_NAMES = [job.name for job in JOBS]


@pytest.fixture
def unplannable_site(app, desk_op):
    """The home site with a schedule whose logged recurrence rule cannot be read any more."""
    payload = {
        "code": "CL-90",
        "label": label("扫地", "Sweep"),
        "area_kind": "stairwell",
        "rrule": "FREQ=DAILY",
        "window": "P1D",
        "dtstart": "2026-01-01T00:00:00+08:00",
        "responsible_id": ANA,
        "active": True,
    }
    assert desk_op("schedule.add", SCHEDULE, payload, by=EVE)["status"] == "applied"
    set_recurrence_rule(app, "FREQ=NEVER")


def set_recurrence_rule(app, rule):
    with app.app_context(), write_transaction():
        (op,) = ops_about(HOME_SITE, SCHEDULE)
        op.payload = {**op.payload, "rrule": rule}


@pytest.fixture
def run_jobs(app):
    def run(jobs=JOBS, job_runner=None):
        with app.app_context():
            (job_runner or JobRunner(jobs)).run_all_sites()

    return run


@pytest.fixture
def failing_names(app):
    def names(site=HOME_SITE):
        with app.app_context():
            return list(failures_of(site))

    return names


def add_visit_past_retention(phone, app):
    payload = {"visitor": "Wang", "purpose": "service", "host_unit": FLAT}
    visit = phone.add_op("visit.arrive", None, payload, by=CHU)["subject"]
    phone.send_outbox()
    with app.app_context(), write_transaction():
        stored = db.session.get_one(Visit, (HOME_SITE, visit))
        stored.retained_from = datetime.now(UTC) - timedelta(days=60)
    return visit


@pytest.mark.rule("V12")
def test_a_site_whose_planning_fails_is_purged_all_the_same(
    app, phone, unplannable_site, run_jobs, failing_names
):
    visit = add_visit_past_retention(phone, app)
    with app.app_context(), pytest.raises(ValidationError, match="RRULE"):
        scheduler.plan(HOME_SITE, datetime.now(UTC))
    run_jobs()
    with app.app_context():
        assert db.session.get(Visit, (HOME_SITE, visit)).purged_at
    assert failing_names() == ["plan"]
    assert failing_names(OTHER_SITE) == []


def test_each_run_of_a_job_is_logged_with_site_duration_and_error(unplannable_site, run_jobs):
    with capture_logs() as lines:
        run_jobs()
    by_job = {line["job"]: line for line in lines if line.get("site") == HOME_SITE}
    assert list(by_job) == JOB_NAMES
    assert all(line["ms"] >= 0 for line in by_job.values())
    assert by_job["plan"]["event"] == "crashed"
    assert by_job["plan"]["error"] == "ValidationError"
    assert by_job["purge"]["event"] == "job done"


def test_the_board_names_a_failing_job_until_it_succeeds(
    app, ben, signed_in, unplannable_site, run_jobs
):
    english = {"headers": {"Accept-Language": "en"}}
    run_jobs()
    page = ben.get("/desk/", **english).text
    assert "Tasks and patrols are not being planned." in page
    assert "plan: ValidationError" in page
    assert "not being erased" not in page
    set_recurrence_rule(app, "FREQ=DAILY")
    run_jobs()
    assert "failing-jobs" not in ben.get("/desk/", **english).text


def test_the_front_desk_does_not_see_failing_jobs(app, desk_op, signed_in):
    fay = fixed_id("fay")
    payload = {"name": "Fay", "roles": ["service_desk"]}
    assert desk_op("person.add", fay, payload, by=EVE)["status"] == "applied"
    with app.app_context():
        save_failure(HOME_SITE, JobFailure("purge", "OSError", datetime.now(UTC)))
    assert "failing-jobs" in signed_in(BEN).get("/desk/").text
    assert "failing-jobs" not in signed_in(fay).get("/desk/").text


def test_a_job_fails_since_its_first_failure(app, run_jobs):
    def fail(site_id, now):
        raise KeyError("never shown: it may quote personal data")

    job = Job("purge", fail, "Nothing is erased.")
    run_jobs([job])
    with app.app_context():
        first = failures_of(HOME_SITE)["purge"]
    run_jobs([job])
    with app.app_context():
        assert failures_of(HOME_SITE)["purge"] == first
        (value,) = db.session.scalars(
            select(ServerState.value).where(ServerState.key.like(f"job-failure|{HOME_SITE}|%"))
        )
    assert "never shown" not in value


def test_a_failed_transaction_of_one_job_does_not_reach_the_next(app, run_jobs, failing_names):
    def fail_in_a_transaction(site_id, now):
        with write_transaction():
            db.session.execute(text("UPDATE site SET retention_days = 7"))
            db.session.execute(text("SELECT * FROM no_such_table"))

    seen = []

    def read_retention(site_id, now):
        days = "SELECT retention_days FROM site WHERE site_id = :site"
        seen.append(db.session.scalar(text(days), {"site": site_id}))

    run_jobs([Job("one", fail_in_a_transaction, ""), Job("two", read_retention, "")])
    assert seen == [30, 30]
    assert failing_names() == ["one"]


def test_a_daily_job_runs_again_only_after_a_failure(run_jobs):
    outcomes = iter([RuntimeError("once"), None, AssertionError("a second run on one day")])

    def run_next(site_id, now):
        if site_id == HOME_SITE and (error := next(outcomes)):
            raise error

    job_runner = JobRunner([Job("compact", run_next, "", daily=True)])
    for _ in range(3):
        run_jobs(job_runner=job_runner)
    assert isinstance(next(outcomes), AssertionError)


def test_the_loop_ends_when_its_event_is_set(app):
    stop = threading.Event()
    stop.set()
    with capture_logs() as lines:
        runner.run_loop(app, stop)
    assert [line["job"] for line in lines if line["site"] == HOME_SITE] == [
        *JOB_NAMES,
        "write_exports",
    ]
