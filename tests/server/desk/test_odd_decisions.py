"""Decisions under clumsy and hostile hands: odd answers, and records of others."""

from __future__ import annotations

from typing import Any

import pytest

from server.db.engine import db
from server.models.conflicts import Conflict
from tests.seed_data import BEN, HOME_SITE
from tests.server.desk.test_conflicts import contested_revision

__all__ = ["contested_revision"]

ODD = ("a\x00b", "%_\\'\"", "\u202eabc \u05e9\u05dc\u05d5\u05dd", "x" * 10_000, "-1", "")


@pytest.mark.parametrize("odd", ODD)
def test_odd_answers_to_a_question_settle_nothing(
    app: Any, ben: Any, contested_revision: str, odd: str
) -> None:
    url = f"/desk/settle/{contested_revision}"
    forms: tuple[dict[str, Any], ...] = (
        {"take": odd, "also": [odd, BEN], "page": odd, "type": odd},
        {"take": "theirs", "also": [odd]},
        {"take": "value", "details": "x" * 10_000},
        {"take": "current", "settlement_note": "x" * 10_000},
    )
    for form in forms:
        assert 400 <= ben.post(url, form).status_code < 500, form
    for name in ("page", "type", "settled"):
        assert ben.get("/desk/settle/", query_string={name: odd}).status_code == 200
    with app.app_context():
        assert db.session.get_one(Conflict, (HOME_SITE, contested_revision)).settled_at is None
