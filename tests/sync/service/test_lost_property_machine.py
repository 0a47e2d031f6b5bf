"""Lost property, whatever people do: nothing ends too early (invariants 8 and 14)."""

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
    """One case, three people, each fact at its own minute; decisions stand between them."""

    def __init__(self):
        super().__init__()
        self.case, self.facts, self.minutes, self.shots = InMemoryRecord("lost"), [], 0, set()

    @initialize(personal=st.booleans())
    def open(self, personal):
        said = {"item": "Organiser", "contact": "1203", "holds_personal_data": personal}
        self.submit("lost.open", ANA, **said)

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
        asked = make_op(
            "lost.contract_out", by=by, minutes=self.minutes, payload={"contractor": FIRM}
        )
        self.case.apply(replace(asked, related={FIRM: firm} if firm else {}))

    @rule(by=PERSONS, outcome=st.sampled_from(OUTCOMES))
    def close(self, by, outcome):
        was = vars(self.case.row).copy()
        lacks = missing_steps(was, outcome)
        payload = {"outcome": outcome}
        verdict = self.case.apply(
            make_op("lost.close", by=by, minutes=self.minutes, payload=payload)
        )
        if was["closed_at"]:
            assert verdict == Refused("closed")
        elif lacks:
            assert verdict == Refused(lacks[0])
            assert vars(self.case.row) == was
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
    def a_firm_has_somebody_of_ours_who_answers(self):
        if self.case.row and self.case.row.contractor_id:
            assert self.case.row.accountable_id == BEN

    @invariant()
    def there_is_always_a_next_action(self):
        if self.case.row and state(vars(self.case.row)) != "closed":
            assert self.case.row.next_action_at is not None

    @invariant()
    def every_photo_is_that_of_an_op_of_this_case(self):
        if self.case.row:
            assert set(self.case.row.photos) == self.shots

    def teardown(self):
        """Any order in which the facts arrive makes the same case."""
        if not self.case.row:
            return
        later = self.facts[1:]
        Random(len(later)).shuffle(later)
        again = InMemoryRecord("lost")
        for fact in (self.facts[0], *later):
            again.apply(fact)
        decided = ("contractor_id", "accountable_id", "contracted_at", "closed_at", "closed_by_id")
        decided += ("outcome", "closing_note")
        ours, theirs = vars(self.case.row), vars(again.row)
        assert all(ours[name] == theirs[name] for name in ours if name not in decided)


TestLoss = LostPropertyMachine.TestCase
TestLoss.settings = settings(max_examples=50, stateful_step_count=20, deadline=None)
