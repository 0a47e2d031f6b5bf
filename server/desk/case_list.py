"""Accountability cases with their states, for the pages of those whom they are about."""

from __future__ import annotations

from server.db.engine import db
from server.models.cases import Case
from sync import RECORD_TYPES


def case_state(case: Case) -> str:
    """How far a case has come."""
    return RECORD_TYPES["case"].state(vars(case))


def cases_about(site_id: str, subject_id: str) -> list[tuple[Case, str]]:
    """The cases about a team or a contractor with their states, newest first."""
    cases = db.session.scalars(Case.about(site_id, subject_id))
    return [(case, case_state(case)) for case in cases]
