"""The lists of rounds and their points: what their conditions of SQL select."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from random import Random, SystemRandom
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from server.db.engine import db
from server.desk.lists import ListContext
from server.desk.patrol_list import POINT_LIST, POINT_STATES, ROUND_STATES, ROUNDS
from server.desk.task_states import site_phones
from server.models.access import Device
from server.models.patrol import REPORT, PatrolRound
from server.oplog.directory import directory_of
from sync.protocol.clock import format_time
from sync.work.patrol_report import point_reports, uncounted_scans
from tests.seed_data import ANA, BEN, GATE, HOME_SITE, fixed_id, label
from tests.server.desk.test_task_lists import random_phone

SEED = os.environ.get("LODGE_SEED") or str(SystemRandom().randrange(10**6))
PLACES = [fixed_id(f"place {number}") for number in range(3)]


def random_round(rng: Random, number: int, now: datetime) -> PatrolRound:
    """A round around now, with scans and reasons at times that count or do not."""
    start = now + timedelta(minutes=rng.choice([-200, -70, -60, -30, 0, 30]))
    end = start + timedelta(minutes=rng.choice([30, 60]))

    def fact(**more: Any) -> dict[str, Any]:
        at = start + timedelta(minutes=rng.choice([-90, -5, 10, 70, 130, 300]))
        return {"at": format_time(at), "by_id": ANA, **more}

    flags = [[], [], ["late"], ["moved"], ["copied"], ["late", "manual"]]
    scans = {p: fact(method="qr", flags=rng.choice(flags)) for p in PLACES if rng.random() < 0.5}
    skips = {p: fact(reason="locked") for p in PLACES if rng.random() < 0.3}
    points = [{"checkpoint": p, "label": label("点", "Point"), "area_id": GATE} for p in PLACES]
    facts = {
        "points": points[: rng.choice([2, 3, 3])],
        "scans": scans,
        "skips": skips,
        "elsewhere": [fact(checkpoint=PLACES[0])] if rng.random() < 0.2 else [],
        "window_start": start,
        "window_end": end,
        "planned_at": rng.choice([None, None, now]),
        "fines": {},
        "disposed": {},
    }
    round_: Any = SimpleNamespace(**facts)
    return PatrolRound(
        **facts,
        **{name: derive(round_) for name, derive in REPORT.items()},
        site_id=HOME_SITE,
        id=fixed_id(f"random round {number}"),
        route_id=fixed_id("route"),
        label=label("夜", "Night"),
        fastest=0,
        version=1,
    )


@pytest.mark.rule("N6", "R10")
@pytest.mark.parametrize("phones", [0, 2])
def test_sql_finds_the_rounds_and_points_that_the_report_names(app: Flask, phones: int) -> None:
    rng, now = Random(f"{SEED} rounds {phones}"), datetime.now(UTC)
    with app.app_context():
        db.session.execute(Device.__table__.delete())
        db.session.add_all(random_phone(rng, number, now) for number in range(phones))
        db.session.add_all(random_round(rng, number, now) for number in range(100))
        db.session.flush()
        db.session.expire_all()
        context = ListContext(HOME_SITE, BEN, frozenset(), directory_of(HOME_SITE), now)
        rounds = db.session.scalars(select(PatrolRound)).all()
        reports = {
            f"{each.id}|{point.point['checkpoint']}": point.status
            for each in rounds
            for point in point_reports(each, site_phones(context), now)
        }
        for name in POINT_STATES:
            found = POINT_LIST.ids({"state": name, "when_since": "any"}, 1000, context)
            assert set(found) == {id_ for id_, status in reports.items() if status == name}, SEED
        for name, expected in round_states(rounds, reports, now).items():
            found = ROUNDS.ids({"state": name, "when_since": "any"}, 1000, context)
            assert set(found) == expected, (SEED, name)
        db.session.rollback()


def round_states(rounds: Any, reports: dict[str, str], now: datetime) -> dict[str, set[str]]:
    """The rounds that each state should find, by the statuses of their points."""
    found: dict[str, set[str]] = {name: set() for name in ROUND_STATES}
    for each in rounds:
        statuses = [s for id_, s in reports.items() if id_.startswith(each.id)]
        facts = [status in ("scanned", "late", "skipped") for status in statuses]
        for name in ("missed", "unknown", "planned_late"):
            if name in statuses:
                found[name].add(each.id)
        if all(facts):
            found["done"].add(each.id)
        elif each.window_end > now:
            has_begun = each.window_start <= now
            name = "later" if not has_begun else "going" if any(facts) else "not_begun"
            found[name].add(each.id)
        if {"late", "skipped"} & set(statuses):
            found["noted"].add(each.id)
        if each.flagged_points or uncounted_scans(each):
            found["flagged"].add(each.id)
    return found
