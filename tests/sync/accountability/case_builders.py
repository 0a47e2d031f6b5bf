"""Builders for the tests of cases: a category that was read, a site, and a case at any step."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

from tests.sync.builders import ANA, BEN, CHU, NOON, InMemoryRecord, make_op

EVE, SITE_ID, CATEGORY_ID = (str(uuid4()) for _ in range(3))
MINUTES_PER_DAY = 24 * 60

PEOPLE = {
    ANA: SimpleNamespace(roles=["cleaner"], active_to=None),
    BEN: SimpleNamespace(roles=["supervisor"], active_to=None),
    CHU: SimpleNamespace(roles=["guard"], active_to=None),
    EVE: SimpleNamespace(roles=["manager"], active_to=None),
}


def published_category(**more):
    """A category published three days before noon and read by everybody a day later."""
    read_at = (NOON - timedelta(days=2)).isoformat()
    default = {
        "code": "AC-1",
        "label": {"zh": "没做到", "en": "Left undone"},
        "subs": [{"code": "1a", "label": {"zh": "本职", "en": "own post"}}],
        "with_amount": False,
        "published_at": NOON - timedelta(days=3),
        "deactivated_at": None,
        "acknowledged": dict.fromkeys(PEOPLE, read_at),
    }
    return SimpleNamespace(**{**default, **more})


def related_records(category=None, hours=24):
    """The records that the rules of cases read."""
    site = SimpleNamespace(statement_hours=hours)
    return {**PEOPLE, CATEGORY_ID: category or published_category(), SITE_ID: site}


def make_fact(code="missed", minutes=-60, text=""):
    at = (NOON + timedelta(minutes=minutes)).isoformat()
    return {"code": code, "type": "task", "id": str(uuid4()), "at": at, "text": text}


def raise_payload(**more):
    default = {"category_id": CATEGORY_ID, "sub": "1a", "subject_kind": "person", "answers_id": ANA}
    return {**default, "facts": [make_fact()], **more}


class CaseRecord(InMemoryRecord):
    """A case to which ops are applied. `category` and `hours` are those of the related records."""

    def __init__(self, category=None, hours=24):
        super().__init__("case")
        self.related = related_records(category, hours)

    def submit(self, action, by=BEN, minutes=0, delay=0, base=None, **payload):
        op = make_op(
            f"case.{action}",
            by=by,
            minutes=minutes,
            payload=payload,
            base=base,
            delay_minutes=delay,
        )
        return self.apply(replace(op, related=self.related))

    def decide(self, by=EVE, minutes=60, action="decide", **payload):
        default = {"finding": "partly", "measures": "We talk about it", "category_id": CATEGORY_ID}
        return self.submit(action, by, minutes, **{**default, "site_id": SITE_ID, **payload})

    def ask(self, minutes=5, hours=24, by=BEN):
        until = NOON + timedelta(minutes=minutes, hours=hours)
        return self.submit("ask", by, minutes, answer_until=until.isoformat())


def raised_case(category=None, hours=24, by=BEN, **more):
    case = CaseRecord(category, hours)
    case.verdict = case.submit("raise", by, **raise_payload(**more))
    return case


def heard_case(**more):
    """A case whose subject was asked and gave a statement."""
    case = raised_case(**more)
    case.ask()
    case.submit("state", case.row.answers_id, 10, answer="stated", text="The lift was stuck")
    return case


def decided_case(**more):
    case = heard_case(**more)
    case.decide()
    return case
