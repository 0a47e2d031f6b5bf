"""What tests of cases share: a category that was read, a site, and a case at any step."""

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
    """Work left undone: published three days before noon and read by everybody the day after."""
    read = (NOON - timedelta(days=2)).isoformat()
    said = {
        "code": "AC-1",
        "label": {"zh": "没做到", "en": "Left undone"},
        "subs": [{"code": "1a", "label": {"zh": "本职", "en": "own post"}}],
        "with_amount": False,
        "published_at": NOON - timedelta(days=3),
        "deactivated_at": None,
        "acknowledged": dict.fromkeys(PEOPLE, read),
    }
    return SimpleNamespace(**{**said, **more})


def related_records(category=None, hours=24):
    """The records that a rule of cases looks at."""
    site = SimpleNamespace(statement_hours=hours)
    return {**PEOPLE, CATEGORY_ID: category or published_category(), SITE_ID: site}


def make_fact(code="missed", minutes=-60, text=""):
    at = (NOON + timedelta(minutes=minutes)).isoformat()
    return {"code": code, "type": "task", "id": str(uuid4()), "at": at, "text": text}


def raise_payload(**more):
    said = {"category_id": CATEGORY_ID, "sub": "1a", "subject_kind": "person", "answers_id": ANA}
    return {**said, "facts": [make_fact()], **more}


class CaseRecord(InMemoryRecord):
    """A case, told step by step; `rule` and `hours` are what a decision finds beside it."""

    def __init__(self, rule=None, hours=24):
        super().__init__("case")
        self.related = related_records(rule, hours)

    def submit(self, word, by=BEN, minutes=0, late=0, base=None, **payload):
        done = make_op(
            f"case.{word}", by=by, minutes=minutes, payload=payload, base=base, delay_minutes=late
        )
        return self.apply(replace(done, related=self.related))

    def decide(self, by=EVE, minutes=60, word="decide", **payload):
        said = {"finding": "partly", "measures": "We talk about it", "category_id": CATEGORY_ID}
        return self.submit(word, by, minutes, **{**said, "site_id": SITE_ID, **payload})

    def ask(self, minutes=5, hours=24, by=BEN):
        until = NOON + timedelta(minutes=minutes, hours=hours)
        return self.submit("ask", by, minutes, answer_until=until.isoformat())


def raised_case(category=None, hours=24, by=BEN, **more):
    case = CaseRecord(category, hours)
    case.verdict = case.submit("raise", by, **raise_payload(**more))
    return case


def heard_case(**more):
    """A case whose subject was asked and said something."""
    case = raised_case(**more)
    case.ask()
    case.submit("state", case.row.answers_id, 10, answer="stated", text="The lift was stuck")
    return case


def decided_case(**more):
    case = heard_case(**more)
    case.decide()
    return case
