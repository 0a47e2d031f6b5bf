"""Runs the background jobs of every site, each on its own: a failing job stops no other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import structlog
from flask import Flask, current_app
from flask_babel import lazy_gettext as _

from server.db.engine import db
from server.jobs import (
    compaction,
    frequent_visitors,
    home_entries,
    old_addresses,
    retention,
    scheduler,
    scopes,
)
from server.jobs.failures import JobFailure, delete_failure, failures_of, save_failure
from server.logs import log_crash
from server.oplog import replay, security_log
from server.photos import uploads

log = structlog.get_logger("lodge.jobs")

INTERVAL = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Job:
    """Work that the server does by itself for one site. `failing`: what does not happen while it
    fails, as supervisors read it. `daily`: at most one success a day and process."""

    name: str
    run: Callable[[str, datetime], object]
    failing: Any
    daily: bool = False


JOBS = (
    Job("plan", scheduler.plan, _("Tasks and patrols are not being planned.")),
    Job(
        "move_records",
        scopes.move_records,
        _("Phones are not given the work of the coming days."),
    ),
    Job(
        "purge",
        retention.purge_expired,
        _("Personal data past its retention period is not being erased."),
    ),
    Job(
        "delete_stale_uploads",
        uploads.delete_stale_uploads,
        _("Unfinished photo uploads are not being deleted."),
    ),
    Job(
        "update_frequent_visitors",
        frequent_visitors.update_frequent_visitors,
        _("The list of frequent visitors is not being updated."),
    ),
    Job(
        "join_home_entries",
        home_entries.join_plain_pairs,
        _("Exits from homes are not being joined with their entries."),
    ),
    Job(
        "count_access",
        security_log.flush_counts,
        _("Repeated events are not being counted in the security log."),
    ),
    Job(
        "remove_old_addresses",
        old_addresses.remove_old_addresses,
        _("Old network addresses are not being removed from the security log."),
        daily=True,
    ),
    Job(
        "compact",
        compaction.compact_feed,
        _("Old entries of the sync feed are not being removed."),
        daily=True,
    ),
)


_ADDED = "lodge-jobs"


def add_job(app: Flask, job: Job) -> None:
    """Run a job of a room that this one does not know, after the others."""
    app.extensions.setdefault(_ADDED, []).append(job)


def all_jobs() -> list[Job]:
    """The jobs of this application, in the order in which they run."""
    return [*JOBS, *current_app.extensions.get(_ADDED, ())]


@dataclass(slots=True)
class JobRunner:
    """Runs jobs and stores which of them fail."""

    jobs: Sequence[Job] = JOBS
    last_success: dict[tuple[str, str], date] = field(default_factory=dict)
    """By (site id, job name), for daily jobs."""

    def run_all_sites(self) -> None:
        """Run every job of every site. Needs an app context; raises nothing."""
        try:
            site_ids = replay.all_site_ids()
        except Exception as error:
            db.session.rollback()
            log_crash(error, job="list_sites")
            return
        for site_id in site_ids:
            self.run_site(site_id)

    def run_site(self, site_id: str) -> None:
        """Run the jobs of one site, each whether or not the one before it failed."""
        for job in self.jobs:
            now = datetime.now(UTC)
            if not (job.daily and self.last_success.get((site_id, job.name)) == now.date()):
                self._run_job(job, site_id, now)

    def _run_job(self, job: Job, site_id: str, now: datetime) -> None:
        started, error = time.perf_counter(), None
        try:
            job.run(site_id, now)
            self.last_success[site_id, job.name] = now.date()
        except Exception as raised:
            error = raised
            db.session.rollback()
        milliseconds = round((time.perf_counter() - started) * 1000)
        if error is None:
            log.info("job done", job=job.name, site=site_id, ms=milliseconds)
        else:
            log_crash(error, job=job.name, site=site_id, ms=milliseconds)
        try:
            _store_outcome(job, site_id, now, error)
        except Exception as raised:  # the database is away, or another process was faster
            db.session.rollback()
            log_crash(raised, job=job.name, site=site_id)


def failing_jobs(site_id: str) -> list[tuple[Job, JobFailure]]:
    """The jobs that fail at a site now, in the order in which they run."""
    failures = failures_of(site_id)
    return [(job, failures[job.name]) for job in all_jobs() if job.name in failures]


def _store_outcome(job: Job, site_id: str, now: datetime, error: Exception | None) -> None:
    """Writes only when something changed: most runs succeed after a success."""
    stored = failures_of(site_id).get(job.name)
    db.session.rollback()
    if error is None:
        if stored:
            delete_failure(site_id, job.name)
        return
    failure = JobFailure(job.name, type(error).__name__, stored.since if stored else now)
    if failure != stored:
        save_failure(site_id, failure)


def run_loop(app: Flask, stop: threading.Event) -> None:
    """Run the jobs of all sites every INTERVAL until `stop` is set."""
    with app.app_context():
        runner = JobRunner(all_jobs())
    while True:
        with app.app_context():
            runner.run_all_sites()
        if stop.wait(INTERVAL.total_seconds()):
            return


def start_thread(app: Flask) -> threading.Event:
    """Start `run_loop` in a thread of this process; returns the event that ends it."""
    stop = threading.Event()
    threading.Thread(target=run_loop, args=(app, stop), name="jobs", daemon=True).start()
    return stop
