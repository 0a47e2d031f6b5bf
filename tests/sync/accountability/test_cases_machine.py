"""Random actions on a case: nobody is decided about without being heard."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sync import RECORD_TYPES, Accepted, Refused
from sync.accountability.case_payloads import is_accusing
from sync.protocol.clock import parse_time
from tests.sync.accountability.case_builders import (
    CATEGORY_ID,
    EVE,
    MINUTES_PER_DAY,
    CaseRecord,
    make_fact,
    published_category,
    raise_payload,
)
from tests.sync.builders import ANA, BEN, CHU, NOON

MOSTLY_TRUE = st.sampled_from((True, True, True, False))
PERSONS = st.sampled_from((ANA, BEN, CHU, EVE))
CODES = st.sampled_from(("missed", "told_against", "skipped", "told_for", "late_phone"))
DELAYS = st.sampled_from((0, 30, 2 * MINUTES_PER_DAY))
HOURS = 24
STEPS = {"raised", "fact_finding", "asked", "stated", "declined", "decided"}
STEPS |= {"acknowledged", "appealed", "closed"}


class CaseMachine(RuleBasedStateMachine):
    """A case with a subject who may or may not have read the category in time."""

    def __init__(self):
        super().__init__()
        self.now, self.statements, self.facts, self.decisions = 0, [], 0, []
        self.case = None

    @initialize(subject=st.sampled_from((ANA, BEN)), has_read=MOSTLY_TRUE, accused=MOSTLY_TRUE)
    def begin(self, subject, has_read, accused):
        codes = ["told_for", *(["missed"] if accused else [])]
        read_at = (NOON - timedelta(days=2)).isoformat()
        self.case = CaseRecord(
            published_category(acknowledged={subject: read_at} if has_read else {}), HOURS
        )
        facts = [make_fact(code, text="so it was") for code in codes]
        verdict = self.case.submit(
            "raise", subject, **raise_payload(answers_id=subject, facts=facts)
        )
        assert verdict == Refused("own-case")
        self.case.submit("raise", CHU, **raise_payload(answers_id=subject, facts=facts))
        self.facts = len(facts)

    @rule(minutes=st.sampled_from((1, 60, MINUTES_PER_DAY)))
    def wait(self, minutes):
        self.now += minutes

    @rule(by=PERSONS, code=CODES)
    def find(self, by, code):
        verdict = self.case.submit("find", by, self.now, facts=[make_fact(code, text="and this")])
        self.facts += isinstance(verdict, Accepted)
        assert not (isinstance(verdict, Accepted) and by == self.subject)

    @rule(by=PERSONS, hours=st.sampled_from((1, 24, 48)))
    def ask(self, by, hours):
        verdict = self.case.ask(self.now, hours, by)
        assert not (isinstance(verdict, Accepted) and by == self.subject)

    @rule(
        by=PERSONS, answer=st.sampled_from(("stated", "declined")), minutes_ago=DELAYS, delay=DELAYS
    )
    def state(self, by, answer, minutes_ago, delay):
        """Invariant 16: a statement made on a phone is stored, whatever was decided meanwhile."""
        at = max(self.now - minutes_ago, -30)
        text = f"{answer} {len(self.statements)}"
        verdict = self.case.submit("state", by, at, self.now - at + delay, answer=answer, text=text)
        assert isinstance(verdict, Accepted)
        self.statements.append((by, text))

    @rule(by=PERSONS, action=st.sampled_from(("acknowledge", "appeal")))
    def respond(self, by, action):
        """There is nothing to acknowledge before there is a decision."""
        payload = {"text": "not so"} if action == "appeal" else {}
        verdict = self.case.submit(action, by, self.now, **payload)
        if action == "acknowledge" and self.case.row.decided_at is None:
            assert verdict == Refused("before-it-existed")
        else:
            assert isinstance(verdict, Accepted)

    @rule()
    def ask_and_answer(self):
        """The usual way: somebody else asks, the subject answers."""
        self.ask(CHU, 24)
        self.now += 1
        self.state(self.subject, "stated", 0, 0)

    @rule(by=PERSONS)
    def decide_first(self, by):
        self.decide(by, "decide")

    @rule(by=PERSONS)
    def decide_again(self, by):
        self.decide(by, "review")

    def decide(self, by, action):
        before = dict(vars(self.case.row))
        self.now += 1
        measures = f"words of {by} at {self.now}"
        verdict = self.case.decide(by, self.now, action, measures=measures)
        if isinstance(verdict, Refused):
            assert vars(self.case.row) == before
            return
        self.decisions.append(measures)
        self.assert_fair_decision(before, by)
        if action == "review":
            assert by not in [decision["by_id"] for decision in before["decisions"]]

    def assert_fair_decision(self, before, by):
        """Invariant 10: heard or asked long enough ago, under a category that was published and
        read."""
        asked_at, stated_at = before["asked_at"], before["stated_at"]
        moment = NOON + timedelta(minutes=self.now)
        assert asked_at
        was_heard = stated_at and stated_at >= asked_at
        assert was_heard or moment >= asked_at + timedelta(hours=HOURS)
        assert was_heard or moment >= before["answer_until"]
        assert by != self.subject
        accusations = [parse_time(fact["at"]) for fact in before["facts"] if is_accusing(fact)]
        category = self.case.related[CATEGORY_ID]
        assert accusations and category.published_at <= min(accusations)
        assert parse_time(category.acknowledged[self.subject]) <= min(accusations)

    @rule(by=PERSONS, because=st.sampled_from((None, "", "a mistake")))
    def close(self, by, because):
        before = self.step
        verdict = self.case.submit("close", by, self.now, because=because)
        if isinstance(verdict, Accepted):
            assert by != self.subject
            assert before != "appealed"
            assert because or before == "acknowledged"

    @property
    def subject(self):
        return self.case.row.answers_id

    @property
    def step(self):
        return RECORD_TYPES["case"].state(vars(self.case.row))

    @invariant()
    def every_statement_keeps_its_author(self):
        """Invariant 15: every statement keeps its author, and only the subject's own count."""
        if self.subject:
            own = sorted(text for by, text in self.statements if by == self.subject)
            assert sorted(statement["text"] for statement in self.case.row.statements) == own
            assert len(self.case.row.facts) == self.facts

    @invariant()
    def decisions_are_what_somebody_wrote(self):
        if self.case:
            row = self.case.row
            assert [decision["measures"] for decision in row.decisions] == self.decisions
            assert row.measures == (self.decisions[-1] if self.decisions else None)
            assert row.finding == ("partly" if self.decisions else None)

    @invariant()
    def the_state_is_known_and_phones_get_only_open_cases(self):
        if self.case:
            row = vars(self.case.row)
            assert self.step in STEPS
            hidden = row["closed_at"] or not (row["asked_at"] or row["decided_at"])
            people = RECORD_TYPES["case"].people(row)
            assert people == ([] if hidden else [row["answers_id"]])


TestCases = CaseMachine.TestCase
TestCases.settings = settings(max_examples=150, stateful_step_count=30)
