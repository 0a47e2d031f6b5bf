"""Failing jobs, stored in the database so that every process can show them at the desk.

One row of `server_state` a failing job and site; a job that succeeds again deletes its row.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from server.db.engine import db, write_transaction
from server.models.feed import ServerState
from sync.protocol.clock import format_time, parse_time

KEY_PREFIX = "job-failure"


@dataclass(frozen=True, slots=True)
class JobFailure:
    """A job that fails at a site. `error`: name of the exception class, never its message, which
    may quote personal data. `since`: first failure after the last success."""

    job: str
    error: str
    since: datetime


def failures_of(site_id: str) -> dict[str, JobFailure]:
    """The failing jobs of a site, by job name."""
    prefix = _key(site_id, "")
    rows = db.session.execute(
        select(ServerState.key, ServerState.value).where(
            ServerState.key.startswith(prefix, autoescape=True)
        )
    )
    stored = {row.key.removeprefix(prefix): json.loads(row.value) for row in rows}
    return {
        job: JobFailure(job, value["error"], parse_time(value["since"]))
        for job, value in stored.items()
    }


def save_failure(site_id: str, failure: JobFailure) -> None:
    """Insert or replace the row of a failing job."""
    value = json.dumps({"error": failure.error, "since": format_time(failure.since)})
    with write_transaction():
        db.session.merge(ServerState(key=_key(site_id, failure.job), value=value))


def delete_failure(site_id: str, job: str) -> None:
    """Delete the row of a job that succeeded again."""
    with write_transaction():
        db.session.execute(delete(ServerState).where(ServerState.key == _key(site_id, job)))


def _key(site_id: str, job: str) -> str:
    return f"{KEY_PREFIX}|{site_id}|{job}"
