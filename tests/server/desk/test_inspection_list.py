"""The list of inspections: what its conditions of SQL select."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from random import Random, SystemRandom

import pytest
from flask import Flask
from sqlalchemy import select

from server.db.engine import db
from server.desk.inspection_list import is_official, is_undecided
from server.models.inspections import Inspection
from sync.quality.scores import by_slot, official_inspections, undecided_slots
from tests.seed_data import BEN, HOME_SITE, STAIRS, fixed_id

SEED = os.environ.get("LODGE_SEED") or str(SystemRandom().randrange(10**6))


def random_inspection(rng: Random, number: int, now: datetime) -> Inspection:
    """One of a few subjects; often several are of one, and some were chosen at the same time."""
    return Inspection(
        site_id=HOME_SITE,
        id=fixed_id(f"inspection {number}"),
        template_id=fixed_id("checklist"),
        edition=1,
        code="IT-01",
        label={"en": "Stairs"},
        area=STAIRS,
        assessor_id=BEN,
        inspected_at=now,
        day="2026-11-24",
        slot=f"slot {rng.randrange(40)}",
        of_self=rng.random() < 0.2,
        gained=1,
        possible=1,
        formula="pass-weight/1",
        official_at=rng.choice([None, None, now, now + timedelta(minutes=1)]),
        version=1,
    )


@pytest.mark.rule("I8")
def test_the_official_and_the_undecided_are_found_by_sql(app: Flask) -> None:
    rng, now = Random(f"{SEED} inspections"), datetime.now(UTC)
    with app.app_context():
        db.session.add_all(random_inspection(rng, number, now) for number in range(80))
        db.session.flush()
        own = select(Inspection.id).where(Inspection.site_id == HOME_SITE)
        everything = db.session.scalars(
            select(Inspection).where(Inspection.site_id == HOME_SITE)
        ).all()
        assert len(by_slot(everything)) > 20
        officials = {each.id for each in official_inspections(everything)}
        undecided = {each.id for rivals in undecided_slots(everything) for each in rivals}
        assert set(db.session.scalars(own.where(is_official()))) == officials, SEED
        assert set(db.session.scalars(own.where(is_undecided()))) == undecided, SEED
        db.session.rollback()
