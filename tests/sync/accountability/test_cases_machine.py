"""Whatever people do with a case, in whatever order: nobody is decided about unheard."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sync import RECORD_TYPES, Accepted, Refused
from sync.accountability.case_payloads import is_accusing
from sync.protocol.clock import parse_time
from sync.protocol.roles import DESK_ONLY_AUDIENCE
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
    """A case with a subject who may or may not have read the rule in time."""

    def __init__(self):
        super().__init__()
        self.now, self.said, self.facts, self.written = 0, [], 0, []
        self.case = None

    @initialize(asked=st.sampled_from((ANA, BEN)), read=MOSTLY_TRUE, reproached=MOSTLY_TRUE)
    def begin(self, asked, read, reproached):
        codes = ["told_for", *(["missed"] if reproached else [])]
        read_at = (NOON - timedelta(days=2)).isoformat()
        self.case = CaseRecord(
            published_category(acknowledged={asked: read_at} if read else {}), HOURS
        )
        facts = [make_fact(code, text="so it was") for code in codes]
        own = self.case.submit("raise", asked, **raise_payload(answers_id=asked, facts=facts))
        assert own == Refused("own-case")
        self.case.submit("raise", CHU, **raise_payload(answers_id=asked, facts=facts))
        self.facts = len(facts)

    @rule(minutes=st.sampled_from((1, 60, MINUTES_PER_DAY)))
    def wait(self, minutes):
        self.now += minutes

    @rule(by=PERSONS, code=CODES)
    def find(self, by, code):
        found = self.case.submit("find", by, self.now, facts=[make_fact(code, text="and this")])
        self.facts += isinstance(found, Accepted)
        assert not (isinstance(found, Accepted) and by == self.subject)

    @rule(by=PERSONS, hours=st.sampled_from((1, 24, 48)))
    def ask(self, by, hours):
        asked = self.case.ask(self.now, hours, by)
        assert not (isinstance(asked, Accepted) and by == self.subject)

    @rule(by=PERSONS, answer=st.sampled_from(("stated", "declined")), ago=DELAYS, late=DELAYS)
    def state(self, by, answer, ago, late):
        """Invariant 16: what somebody said on a phone stands, whatever was decided meanwhile."""
        at = max(self.now - ago, -30)
        said = f"{answer} {len(self.said)}"
        done = self.case.submit("state", by, at, self.now - at + late, answer=answer, text=said)
        assert isinstance(done, Accepted)
        self.said.append((by, said))

    @rule(by=PERSONS, word=st.sampled_from(("acknowledge", "appeal")))
    def respond(self, by, word):
        payload = {"text": "not so"} if word == "appeal" else {}
        assert isinstance(self.case.submit(word, by, self.now, **payload), Accepted)

    @rule()
    def ask_and_answer(self):
        """The way it should go: asked by one, answered by the subject."""
        self.ask(CHU, 24)
        self.now += 1
        self.state(self.subject, "stated", 0, 0)

    @rule(by=PERSONS)
    def decide_first(self, by):
        self.decide(by, "decide")

    @rule(by=PERSONS)
    def decide_anew(self, by):
        self.decide(by, "review")

    def decide(self, by, word):
        before = dict(vars(self.case.row))
        self.now += 1
        measures = f"words of {by} at {self.now}"
        verdict = self.case.decide(by, self.now, word, measures=measures)
        if isinstance(verdict, Refused):
            assert vars(self.case.row) == before
            return
        self.written.append(measures)
        self.assert_fair_decision(before, by)
        if word == "review":
            assert by not in [one["by_id"] for one in before["decisions"]]

    def assert_fair_decision(self, before, by):
        """Invariant 10: heard, or asked long enough ago, by a rule that was known and read."""
        asked_at, stated_at = before["asked_at"], before["stated_at"]
        moment = NOON + timedelta(minutes=self.now)
        assert asked_at
        heard = stated_at and stated_at >= asked_at
        assert heard or moment >= asked_at + timedelta(hours=HOURS)
        assert heard or moment >= before["answer_until"]
        assert by != self.subject
        against = [parse_time(one["at"]) for one in before["facts"] if is_accusing(one)]
        rule_ = self.case.related[CATEGORY_ID]
        assert against and rule_.published_at <= min(against)
        assert parse_time(rule_.acknowledged[self.subject]) <= min(against)

    @rule(by=PERSONS, because=st.sampled_from((None, "", "a mistake")))
    def close(self, by, because):
        before = self.step
        done = self.case.submit("close", by, self.now, because=because)
        if isinstance(done, Accepted):
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
    def nothing_is_lost_or_put_into_another_s_mouth(self):
        """Invariant 15: every statement keeps its author; only the subject's own count."""
        if self.subject:
            mine = sorted(said for by, said in self.said if by == self.subject)
            assert sorted(one["text"] for one in self.case.row.statements) == mine
            assert len(self.case.row.facts) == self.facts

    @invariant()
    def nothing_is_decided_but_by_somebody_who_wrote_it(self):
        if self.case:
            row = self.case.row
            assert [one["measures"] for one in row.decisions] == self.written
            assert row.measures == (self.written[-1] if self.written else None)
            assert row.finding == ("partly" if self.written else None)

    @invariant()
    def it_is_at_one_step_and_seen_only_where_it_concerns(self):
        if self.case:
            row = vars(self.case.row)
            assert self.step in STEPS
            hidden = row["closed_at"] or not (row["asked_at"] or row["decided_at"])
            told = RECORD_TYPES["case"].audience(row, lambda _: frozenset({"cleaner"}))
            assert (told == DESK_ONLY_AUDIENCE) == bool(hidden)


TestHearing = CaseMachine.TestCase
TestHearing.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
