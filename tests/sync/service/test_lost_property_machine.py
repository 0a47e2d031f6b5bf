"""Random actions on a lost-property case: it never closes too early (invariants 8 and 14)."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from types import SimpleNamespace
from uuid import uuid4

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sync import Accepted, Refused
from sync.service.lost_property import OUTCOMES, missing_steps, state
from tests.sync.builders import ANA, BEN, CHU, InMemoryRecord, make_op

UNIT, FIRM = str(uuid4()), str(uuid4())
PERSONS = st.sampled_from([ANA, BEN, CHU])
PARTIES = st.dictionaries(st.sampled_from([ANA, BEN, f"{FIRM}|Lu"]), st.just("x"), max_size=3)
SPAN = {"since": "2026-11-24T00:00:00Z", "before": "2026-11-24T12:00:00Z"}
FIRMS = [
    SimpleNamespace(accountable_id=BEN, ended_at=None),
    SimpleNamespace(accountable_id=None, ended_at=None),
    None,
]
PHOTO_HASHES = st.sampled_from(["a" * 64, "b" * 64])


class LostPropertyMachine(RuleBasedStateMachine):
    """One case and three people; each fact has its own minute, with decisions between them."""

    def __init__(self):
        super().__init__()
        self.case, self.facts, self.minutes, self.shots = InMemoryRecord("lost"), [], 0, set()

    @initialize(personal=st.booleans())
    def open(self, personal):
        payload = {"item": "Organiser", "contact": "1203", "holds_personal_data": personal}
        self.submit("lost.open", ANA, **payload)

    def submit(self, kind, by, **payload):
        fact = make_op(kind, by=by, minutes=self.minutes, payload=payload)
        self.minutes += 1
        self.facts.append(fact)
        verdict = self.case.apply(fact)
        assert isinstance(verdict, Accepted), "a fact is never refused"

    @rule(by=PERSONS, parties=PARTIES)
    def compile(self, by, parties):
        self.submit("lost.compile", by, unit=UNIT, **SPAN, parties=parties)

    @rule(by=PERSONS, party=st.sampled_from([ANA, BEN, f"{FIRM}|Lu"]), asks=st.booleans())
    def take_statement(self, by, party, asks):
        if asks:
            self.submit("lost.ask", by, party=party)
        else:
            self.submit("lost.state", by, party=party, declined=True)

    @rule(by=PERSONS, answer=st.sampled_from(["yes", "no", "undecided"]))
    def offer(self, by, answer):
        self.submit("lost.offer_police", by, answer=answer)

    @rule(by=PERSONS)
    def hand_over(self, by):
        self.submit("lost.to_police", by, station="North")

    @rule(by=PERSONS, shot=PHOTO_HASHES)
    def find(self, by, shot):
        self.shots.add(shot)
        self.submit("lost.find", by, where="sofa", photos=[shot])

    @rule(by=PERSONS)
    def give_back(self, by):
        self.submit("lost.return", by, to="the owner")

    @rule(by=PERSONS)
    def feed_back(self, by):
        self.submit("lost.tell", by, said="all that we know")

    @rule(by=PERSONS)
    def plan(self, by):
        at = "2026-11-30T00:00:00Z"
        self.submit("lost.next", by, next_action="Ask", next_action_at=at)

    @rule(by=PERSONS, firm=st.sampled_from(FIRMS))
    def contract_out(self, by, firm):
        op = make_op("lost.contract_out", by=by, minutes=self.minutes, payload={"contractor": FIRM})
        self.case.apply(replace(op, related={FIRM: firm} if firm else {}))

    @rule(by=PERSONS, outcome=st.sampled_from(OUTCOMES))
    def close(self, by, outcome):
        before = vars(self.case.row).copy()
        missing = missing_steps(before, outcome)
        payload = {"outcome": outcome}
        verdict = self.case.apply(
            make_op("lost.close", by=by, minutes=self.minutes, payload=payload)
        )
        if before["closed_at"]:
            assert verdict == Refused("closed")
        elif missing:
            assert verdict == Refused(missing[0])
            assert vars(self.case.row) == before
        else:
            assert isinstance(verdict, Accepted)

    @rule(by=PERSONS)
    def reopen(self, by):
        self.case.apply(
            make_op("lost.reopen", by=by, minutes=self.minutes, payload={"reason": "new"})
        )

    @invariant()
    def the_first_responder_never_changes(self):
        if self.case.row:
            assert self.case.row.first_responder_id == ANA

    @invariant()
    def a_contractor_has_an_accountable_manager(self):
        if self.case.row and self.case.row.contractor_id:
            assert self.case.row.accountable_id == BEN

    @invariant()
    def an_open_case_always_has_a_next_step(self):
        if self.case.row and state(vars(self.case.row)) != "closed":
            assert self.case.row.next_action_at is not None

    @invariant()
    def photos_are_those_of_the_facts(self):
        if self.case.row:
            assert set(self.case.row.photos) == self.shots

    def teardown(self):
        """Any order of arrival gives the same case."""
        if not self.case.row:
            return
        later = self.facts[1:]
        Random(len(later)).shuffle(later)
        other = InMemoryRecord("lost")
        for fact in (self.facts[0], *later):
            other.apply(fact)
        decision_fields = (
            "contractor_id",
            "accountable_id",
            "contracted_at",
            "closed_at",
            "closed_by_id",
        )
        decision_fields += ("outcome", "closing_note")
        columns, other_columns = vars(self.case.row), vars(other.row)
        assert all(
            columns[name] == other_columns[name] for name in columns if name not in decision_fields
        )


TestLoss = LostPropertyMachine.TestCase
TestLoss.settings = settings(max_examples=50, stateful_step_count=20)
