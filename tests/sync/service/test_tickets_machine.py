"""Tickets, whatever people do: nobody drops the ball, in any order (invariants 5, 6, 7, 8, 19)."""

from __future__ import annotations

from random import Random
from uuid import uuid4

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sync.service import ticket_lists
from sync.service.tickets import MAX_CONTACT_TRIES, missing_steps, state
from tests.sync.builders import ANA, BEN, CHU, NOON, InMemoryRecord, make_op

PEOPLE = [ANA, BEN, CHU]
FIRM = str(uuid4())
PERSONS = st.sampled_from(PEOPLE)
ITEMS = st.sampled_from(["bag", "key"])


class TicketMachine(RuleBasedStateMachine):
    """One ticket, three people, each fact at its own minute."""

    def __init__(self):
        super().__init__()
        self.ticket, self.told, self.minutes = InMemoryRecord("ticket"), [], 0

    @initialize(has_items=st.booleans(), spot=st.booleans())
    def open(self, has_items, spot):
        said = {"channel": "phone", "matter": "report", "contact": "gate", "details": "A leak"}
        spot_ = {"done_on_the_spot": "wiped"} if spot else {}
        self.submit("open", ANA, has_items=has_items, **said, **spot_)

    def submit(self, kind, by, **payload):
        fact = make_op(f"ticket.{kind}", by=by, minutes=self.minutes, payload=payload)
        self.minutes += 1
        self.told.append(fact)
        self.ticket.apply(fact)

    @rule(by=PERSONS, to=PERSONS)
    def hand_over(self, by, to):
        self.submit("hand_over", by, handler_id=to)

    @rule(by=PERSONS)
    def hand_to_a_post(self, by):
        self.submit("hand_over", by, role="guard")

    @rule(by=PERSONS, answers=PERSONS)
    def hand_to_a_firm(self, by, answers):
        self.submit("hand_over", by, contractor_id=FIRM, accountable_id=answers)

    @rule(by=PERSONS)
    def accept(self, by):
        self.submit("accept", by)

    @rule(by=PERSONS)
    def give_back(self, by):
        self.submit("give_back", by, reason="cannot")

    @rule(by=PERSONS, absent=PERSONS)
    def hold(self, by, absent):
        self.submit("hold", by, for_id=absent)

    @rule(by=PERSONS, to=PERSONS, why=st.sampled_from(["unclear", "urgent", "major"]))
    def escalate(self, by, to, why):
        self.submit("escalate", by, to_id=to, reason=why)

    @rule(by=PERSONS)
    def follow(self, by):
        self.submit("follow", by, text="asked how it stands")

    @rule(by=PERSONS)
    def resolve(self, by):
        self.submit("resolve", by, how="mended")

    @rule(
        by=PERSONS, said=st.sampled_from(["satisfied", "unsatisfied", "unreachable"]), why=PERSONS
    )
    def feed_back(self, by, said, why):
        because = {"because": "away"} if why == ANA else {}
        self.submit("feed_back", by, reaction=said, **because)

    @rule(by=PERSONS, thing=ITEMS)
    def register(self, by, thing):
        self.submit("register", by, item=thing)

    @rule(by=PERSONS, thing=ITEMS)
    def return_item(self, by, thing):
        self.submit("return_item", by, item=thing, to="owner")

    @rule(by=PERSONS)
    def reopen(self, by):
        self.submit("reopen", by, reason="again")

    @invariant()
    def the_first_responder_never_changes(self):
        assert self.ticket.row is None or self.ticket.row.first_responder_id == ANA

    @invariant()
    def it_is_closed_only_after_feedback_later_than_the_work(self):
        row = self.ticket.row
        if row is None or not row.closed_at:
            return
        assert row.resolved_at and row.feedback_at and row.feedback_at >= row.resolved_at
        assert row.reaction == "satisfied" or row.unreachable >= MAX_CONTACT_TRIES
        assert missing_steps(vars(row)) == [] and state(vars(row)) == "closed"

    @invariant()
    def an_open_one_always_says_what_it_lacks(self):
        row = self.ticket.row
        assert row is None or row.closed_at or missing_steps(vars(row))

    @invariant()
    def it_is_on_exactly_one_handlers_list_and_on_its_stewards(self):
        row = self.ticket.row
        if row is None:
            return
        on = [p for p in PEOPLE if ticket_lists.TICKET_LISTS["handling"](row, p, NOON)]
        answers = [p for p in PEOPLE if ticket_lists.TICKET_LISTS["answering"](row, p, NOON)]
        assert len(on) == (0 if row.closed_at else 1)
        assert answers == ([] if row.closed_at else [ANA])

    @invariant()
    def no_firm_without_somebody_of_ours(self):
        row = self.ticket.row
        assert row is None or not row.contractor_id or row.accountable_id in PEOPLE

    @invariant()
    def feedback_by_somebody_else_has_a_reason(self):
        row = self.ticket.row
        if row is None or row.feedback_by_id in (None, ANA):
            return
        given = [e for e in self.ticket.history if e.kind == "ticket.feed_back"]
        assert any(e.by == row.feedback_by_id and e.payload.get("because") for e in given)

    def teardown(self):
        """Whatever order the facts arrive in, the ticket is the same."""
        if not self.told:
            return
        opening, *rest = self.told
        Random(len(rest)).shuffle(rest)
        again = InMemoryRecord("ticket")
        for fact in (opening, *rest):
            again.apply(fact)
        assert vars(again.row) == vars(self.ticket.row)


def test_a_thing_that_comes_in_late_brings_a_closed_matter_back():
    matter = TicketMachine()
    matter.open(has_items=False, spot=True)
    matter.feed_back(by=ANA, said="satisfied", why=BEN)
    assert matter.ticket.row.closed_at
    matter.register(by=ANA, thing="bag")
    assert not matter.ticket.row.closed_at and missing_steps(vars(matter.ticket.row)) == ["return"]
    matter.return_item(by=BEN, thing="bag")
    assert matter.ticket.row.closed_at
    matter.teardown()


TestMatter = TicketMachine.TestCase
TestMatter.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
