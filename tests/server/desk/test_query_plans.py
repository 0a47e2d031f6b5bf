"""No statement reads a whole table that grows with the years: each finds its rows by an index.

The statements are those of every page of the desk, of a phone, and of the jobs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask
from sqlalchemy import event, text

from server.db.engine import db
from server.jobs import retention
from server.jobs.runner import JOBS
from tests.phone_client import PhoneClient
from tests.seed_data import ANA, EVE, HOME_SITE, TASK
from tests.server.desk.test_visible_text import page_addresses

GROWING = {
    *("op", "feed", "visit", "task", "entry", "scan", "photo", "photo_link", "ticket", "round"),
    *("release", "weather", "shift", "inspection", "access", "lost", "find", "case", "arrears"),
    *("rectification", "training", "aside", "ticket_number"),
}
"""Tables of which a site has tens of thousands of rows after some years."""

WHOLE_SITE = {
    "SELECT min(": "the first row of an index",
    "SELECT max(": "the last row of an index",
    "(SELECT 1) WHERE 1!=1": "nothing is looked for",
    "feed.deleted IS": "compaction, once a day and outside of the write lock",
    "entry.out_at IS NULL OR entry.out_at": "open entries and those of the last days",
    "ticket.opened_at >= ? OR ticket.feedback_at": "what a month has to be followed up",
    "op.kind = 'arrears.call'": "the list of calls about arrears, which have an index of their own",
    "release.purged_at IS NULL": "the gate passes of one month: older ones are purged",
    "weather.reported_at DESC, weather.id": "the list of all weather reports",
    "WHERE 0 = 1": "nothing is looked for",
    '"case".site_id = ? ORDER BY "case".raised_at': "the list of all cases",
    '"case".site_id = ? AND CASE WHEN': "cases by state: some hundred in ten years",
    'DISTINCT "case".code': "the categories of all cases",
    'FROM (SELECT count(CASE WHEN (CASE WHEN ("case".decided_at': "cases by state",
    "access.site_id = ? ORDER BY access.at DESC NULLS LAST": "the file of the security log",
    "lost.closed_at IS": "lost property: some hundred in ten years",
    "lost.unit IS NOT NULL": "lost property: some hundred in ten years",
    "access.event IN (": "the newest look-ups of personal data: read until a page is full",
    "ORDER BY aside.settled_at DESC": "the list of all that was decided about ops set aside",
    "rectification.verified_at IS NULL": "open rectifications, with the verified of the same list",
    "training.site_id = ? ORDER BY training.begun_at": "the list of all trainings: one a week",
    'training."case" IS NOT NULL': "the trainings of cases: one a week",
}
"""Statements that read everything on purpose, by a part of them, with the reason."""


@contextmanager
def recorded_statements() -> Iterator[dict[str, Any]]:
    """Every statement that reads, with the parameters of one of its runs."""
    found: dict[str, Any] = {}

    def record(_: Any, __: Any, sql: str, parameters: Any, ___: Any, many: bool) -> None:
        if sql.lstrip()[:6].upper() in ("SELECT", "UPDATE", "DELETE") or "WITH" in sql[:5]:
            found.setdefault(sql, parameters[0] if many else parameters)

    event.listen(db.engine, "before_cursor_execute", record)
    try:
        yield found
    finally:
        event.remove(db.engine, "before_cursor_execute", record)


def sqlite_faults(sql: str, parameters: Any) -> list[str]:
    """Steps of a plan that read all rows of a growing table, or all of a site's; all of them may be
    counted in an index, for the total of a list."""
    plan = list(db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", parameters))
    is_sorted = any("TEMP B-TREE FOR ORDER BY" in step for *_, step in plan)
    is_whole_list = bool(re.search(r"WHERE [\w\"]+\.site_id = \? ORDER BY", sql))
    reads_first_rows = " LIMIT ?" in sql and is_whole_list and not is_sorted
    names = dict(re.findall(r"(?:FROM|JOIN) (\w+) AS (\w+)", sql))
    aliases = {alias: table for table, alias in names.items()}
    faults = []
    for *_, step in plan:
        match = re.match(r"(SCAN|SEARCH) (\w+)(.*)", step)
        if match and aliases.get(match[2], match[2]) in GROWING:
            narrowed = match[1] == "SEARCH" and not re.search(r"\(site_id=\?\)", match[3])
            is_counted = "SELECT count(" in sql and " COVERING INDEX " in match[3]
            if not narrowed and not reads_first_rows and not is_counted:
                faults.append(step)
    return faults


def postgresql_faults(sql: str, parameters: Any) -> list[str]:
    """The same: with sequential scans made dear, one that is left has no index to use."""
    connection = db.session.connection()
    connection.execute(text("SET LOCAL enable_seqscan = off"))
    plan = "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {sql}", parameters))
    return [t for t in re.findall(r"Seq Scan on (\w+)", plan) if t in GROWING]


def test_every_statement_finds_its_rows_by_an_index(
    app: Flask, estate: Flask, phone: PhoneClient, signed_in: Callable[..., Any]
) -> None:
    eve, now = signed_in(EVE), datetime.now(UTC)
    pages = page_addresses(estate)
    with estate.app_context(), recorded_statements() as statements:
        for page in pages:
            eve.get(page)
        phone.send_op("task.complete", TASK, by=ANA)
        phone.pull()
        for job in JOBS:
            job.run(HOME_SITE, now)
        retention.purge_expired(HOME_SITE, now + timedelta(days=400))
    is_sqlite = "sqlite" in app.config["SQLALCHEMY_DATABASE_URI"]
    faults_of, faults = (sqlite_faults if is_sqlite else postgresql_faults), []
    with app.app_context():
        for sql, parameters in statements.items():
            if not any(part in sql for part in WHOLE_SITE):
                faults += [f"{step}\n  {sql[:1500]}" for step in faults_of(sql, parameters)]
        db.session.rollback()
    assert len(statements) > 100
    assert not faults, "\n".join(sorted(faults))
