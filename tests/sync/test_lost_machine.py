"""Lost property, whatever people do: nothing ends too early (invariants 8 and 14)."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from types import SimpleNamespace
from uuid import uuid4

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from stage import ANA, BEN, CHU, Record, op

from sync import Accepted, Refused
from sync.service.lost_property import OUTCOMES, missing_steps, state

UNIT, FIRM = str(uuid4()), str(uuid4())
WHO = st.sampled_from([ANA, BEN, CHU])
PARTIES = st.dictionaries(st.sampled_from([ANA, BEN, f"{FIRM}|Lu"]), st.just("x"), max_size=3)
SPAN = {"since": "2026-11-24T00:00:00Z", "before": "2026-11-24T12:00:00Z"}
FIRMS = [
    SimpleNamespace(accountable_id=BEN, ended_at=None),
    SimpleNamespace(accountable_id=None, ended_at=None),
    None,
]
SHOTS = st.sampled_from(["a" * 64, "b" * 64])


class Loss(RuleBasedStateMachine):
    """One case, three people, each fact at its own minute; decisions stand between them."""

    def __init__(self):
        super().__init__()
        self.case, self.facts, self.minutes, self.shots = Record("lost"), [], 0, set()

    @initialize(personal=st.booleans())
    def open(self, personal):
        said = {"item": "Organiser", "contact": "1203", "holds_personal_data": personal}
        self.tell("lost.open", ANA, **said)

    def tell(self, kind, by, **payload):
        fact = op(kind, by=by, minutes=self.minutes, payload=payload)
        self.minutes += 1
        self.facts.append(fact)
        verdict = self.case.take(fact)
        assert isinstance(verdict, Accepted), "a fact is never refused"

    @rule(by=WHO, parties=PARTIES)
    def compile(self, by, parties):
        self.tell("lost.compile", by, unit=UNIT, **SPAN, parties=parties)

    @rule(by=WHO, party=st.sampled_from([ANA, BEN, f"{FIRM}|Lu"]), asks=st.booleans())
    def hear(self, by, party, asks):
        if asks:
            self.tell("lost.ask", by, party=party)
        else:
            self.tell("lost.state", by, party=party, declined=True)

    @rule(by=WHO, answer=st.sampled_from(["yes", "no", "undecided"]))
    def offer(self, by, answer):
        self.tell("lost.offer_police", by, answer=answer)

    @rule(by=WHO)
    def hand_over(self, by):
        self.tell("lost.to_police", by, station="North")

    @rule(by=WHO, shot=SHOTS)
    def find(self, by, shot):
        self.shots.add(shot)
        self.tell("lost.find", by, where="sofa", photos=[shot])

    @rule(by=WHO)
    def give_back(self, by):
        self.tell("lost.return", by, to="the owner")

    @rule(by=WHO)
    def feed_back(self, by):
        self.tell("lost.tell", by, said="all that we know")

    @rule(by=WHO)
    def plan(self, by):
        at = "2026-11-30T00:00:00Z"
        self.tell("lost.next", by, next_action="Ask", next_action_at=at)

    @rule(by=WHO, firm=st.sampled_from(FIRMS))
    def contract_out(self, by, firm):
        asked = op("lost.contract_out", by=by, minutes=self.minutes, payload={"contractor": FIRM})
        self.case.take(replace(asked, related={FIRM: firm} if firm else {}))

    @rule(by=WHO, outcome=st.sampled_from(OUTCOMES))
    def close(self, by, outcome):
        was = vars(self.case.row).copy()
        lacks = missing_steps(was, outcome)
        payload = {"outcome": outcome}
        verdict = self.case.take(op("lost.close", by=by, minutes=self.minutes, payload=payload))
        if was["closed_at"]:
            assert verdict == Refused("closed")
        elif lacks:
            assert verdict == Refused(lacks[0])
            assert vars(self.case.row) == was
        else:
            assert isinstance(verdict, Accepted)

    @rule(by=WHO)
    def reopen(self, by):
        self.case.take(op("lost.reopen", by=by, minutes=self.minutes, payload={"reason": "new"}))

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
        again = Record("lost")
        for fact in (self.facts[0], *later):
            again.take(fact)
        decided = ("contractor_id", "accountable_id", "contracted_at", "closed_at", "closed_by_id")
        decided += ("outcome", "closing_note")
        ours, theirs = vars(self.case.row), vars(again.row)
        assert all(ours[name] == theirs[name] for name in ours if name not in decided)


TestLoss = Loss.TestCase
TestLoss.settings = settings(max_examples=50, stateful_step_count=20, deadline=None)
