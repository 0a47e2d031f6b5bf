"""What waits for somebody at the desk, counted by the database for every page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from server.db.engine import db
from server.models.access import Device
from server.models.conflicts import Conflict
from server.models.patrol import PatrolRound
from server.models.quarantine import QuarantinedOp
from server.models.tasks import Task
from server.models.tickets import Ticket
from server.models.visits import Visit
from sync.work.board import SILENT_AFTER, certain_until
from sync.work.patrol_report import undisposed_points
from sync.work.task_folding import window_deadline

DAY, MONTH = timedelta(days=1), timedelta(days=31)


def waiting_counts(site_id: str) -> dict[str, int]:
    """What waits at a site, by name: tickets late or not accepted, visitors overdue, work missed
    today and this month without a decision, checkpoints missed, conflicts, quarantined ops, silent
    phones."""
    now = datetime.now(UTC)
    phones = db.session.execute(Device.contacts(site_id)).all()
    missed = _missed_tasks(site_id, now, min(certain_until(phones) or now, now))
    return {
        **_counted(site_id, now),
        "missed_today": sum(number for ended_at, number in missed if ended_at > now - DAY),
        "missed": sum(number for _, number in missed),
        "missed_points": _missed_points(site_id, now, phones),
        "silent": sum(now - (each.seen_at or each.enrolled_at) > SILENT_AFTER for each in phones),
    }


def _counted(site_id: str, now: datetime) -> dict[str, int]:
    """What a count alone answers, in one statement."""
    queries = {
        "tickets": Ticket.count_waiting(site_id, now),
        "overdue": Visit.count_overdue(site_id, now),
        "conflicts": Conflict.count_unsettled(site_id),
        "quarantine": QuarantinedOp.count_undecided(site_id),
    }
    columns = [query.scalar_subquery().label(name) for name, query in queries.items()]
    return {**db.session.execute(select(*columns)).mappings().one()}


def _missed_tasks(site_id: str, now: datetime, certain: datetime) -> list[tuple[datetime, int]]:
    """D4, D5: the ends of windows of this month, each with how many tasks were missed for certain
    and not decided about."""
    groups = db.session.execute(Task.count_untouched(site_id, now - MONTH, certain))
    return [
        (end, number) for end, grace, number in groups if window_deadline(end, grace) <= certain
    ]


def _missed_points(site_id: str, now: datetime, phones: Sequence[Any]) -> int:
    """N6: the checkpoints of the last day that were missed for certain and not decided about."""
    rounds = db.session.scalars(PatrolRound.ended_between(site_id, now - DAY, now))
    return sum(len(undisposed_points(round_, phones, now)) for round_ in rounds)
