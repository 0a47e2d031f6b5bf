"""The role that serves on PostgreSQL adds to the log, and cannot rewrite it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from server.db.engine import db
from server.jobs.old_addresses import remove_old_addresses
from server.jobs.retention import purge_expired
from server.maintenance.serving_role import GrantError, grant, grant_again
from server.oplog.receive import submit
from server.oplog.replay import find_faults
from server.oplog.security_log import flush_counts, log_access
from tests.conftest import create_test_app
from tests.postgres import PostgresCluster
from tests.seed_data import BEN, HOME_SITE, fixed_id

ROLE = "lodge-serve"
REWRITTEN = (
    "DELETE FROM op",
    "TRUNCATE op",
    "UPDATE op SET by = NULL",
    "UPDATE op SET received_at = now()",
    "UPDATE op SET status = 'refused'",
    "UPDATE op SET payload = '{}' WHERE kind = 'visit.arrive'",
    "UPDATE op SET link = 'x'",
    "UPDATE op SET digest = 'x'",
    "UPDATE op SET changes = '{}' WHERE kind = 'visit.arrive'",
    "UPDATE op SET proof = 'person'",
    "UPDATE op SET place = place + 1000",
    """UPDATE op SET verdict = '{}', flags = '["purged"]'""",
    "DELETE FROM access",
    "UPDATE access SET by_id = NULL, event = 'lookup'",
    "UPDATE access SET seals = '[]', address = 'x'",
    "UPDATE access SET address = 'x'",
    "ALTER TABLE op DISABLE TRIGGER ALL",
    "DROP TRIGGER lodge_guard_log ON op",
    "CREATE TABLE mine (id int)",
    "UPDATE alembic_version SET version_num = '0'",
)
REFUSED = "permission denied|log is not rewritten|must be owner"


@pytest.fixture
def serving(
    postgres: PostgresCluster, postgres_template: str, tmp_path: Path
) -> Iterator[tuple[Flask, Flask]]:
    """The application as the owner of the tables, and as the role that serves."""
    postgres.restore_snapshot(postgres_template)
    name = postgres.create_database(postgres_template)
    postgres.admin.execute(f'CREATE ROLE "{ROLE}" LOGIN')
    url = postgres.url(name)
    owner = create_test_app(url, tmp_path / "owner")
    server = create_test_app(url.replace("lodge@", f"{ROLE}@", 1), tmp_path / "serving")
    with owner.app_context():
        db.session.execute(text("CREATE TABLE IF NOT EXISTS alembic_version (version_num text)"))
        db.session.commit()
        grant(ROLE)
    yield owner, server
    for app in (owner, server):
        with app.app_context():
            db.session.remove()
            db.engine.dispose()
    postgres.admin.execute(f'DROP DATABASE "{name}"')
    postgres.admin.execute(f'DROP ROLE "{ROLE}"')


@pytest.mark.asvs("13.2.2", "16.4.2")
def test_the_serving_role_cannot_rewrite_the_log(serving: tuple[Flask, Flask]) -> None:
    """It records, judges and purges; whatever else it tries with the log is refused."""
    _, server = serving
    visit = fixed_id("a visit")
    with server.app_context():
        arrival = {"visitor": "Ms Secret", "purpose": "family"}
        assert submit(HOME_SITE, "visit.arrive", visit, arrival, by=BEN)["status"] == "applied"
        for _again in range(2):
            log_access("lookup", site_id=HOME_SITE, by=BEN)
        with server.test_request_context(environ_base={"REMOTE_ADDR": "198.51.100.77"}):
            log_access("sign_out", site_id=HOME_SITE, by=BEN)
        for statement in REWRITTEN:
            with pytest.raises(ProgrammingError, match=REFUSED):
                db.session.execute(text(statement))
            db.session.rollback()
        flush_counts(HOME_SITE, datetime.now(UTC) + timedelta(hours=1))
        submit(HOME_SITE, "visit.depart", visit, {}, by=BEN)
        assert find_faults(HOME_SITE) == []
        purge_expired(HOME_SITE, datetime.now(UTC) + timedelta(days=4000))
        assert remove_old_addresses(HOME_SITE, datetime.now(UTC) + timedelta(days=4000)) == 1
        bodies = db.session.scalars(text("SELECT body FROM op")).all()
        assert not any("Ms Secret" in body or "198.51" in body for body in bodies)


def test_an_upgrade_gives_a_serving_role_what_is_new(serving: tuple[Flask, Flask]) -> None:
    """Of a table that a migration made without default privileges, and of the guards."""
    owner, server = serving
    with owner.app_context():
        db.session.execute(text("DROP TRIGGER lodge_guard_access ON access"))
        db.session.execute(text("CREATE TABLE newer (id int)"))
        db.session.execute(text(f'REVOKE ALL ON newer FROM "{ROLE}"'))
        db.session.commit()
        grant_again()
    with server.app_context():
        log_access("lookup", site_id=HOME_SITE, by=BEN)
        db.session.execute(text("INSERT INTO newer VALUES (1)"))
        with pytest.raises(ProgrammingError, match=REFUSED):
            db.session.execute(text("UPDATE access SET by_id = NULL, event = 'x'"))
        db.session.rollback()
        grant_again()  # by the role itself: nothing happens


def test_only_another_role_of_postgresql_can_be_named(
    serving: tuple[Flask, Flask], sqlite_app: Flask
) -> None:
    owner, _ = serving
    with owner.app_context():
        for role in ("nobody-of-this-name", "lodge"):
            with pytest.raises(GrantError):
                grant(role)
    with sqlite_app.app_context(), pytest.raises(GrantError):
        grant(ROLE)
