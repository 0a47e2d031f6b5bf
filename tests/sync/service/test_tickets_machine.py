"""Random actions on a ticket, in any order of arrival (invariants 5, 6, 7, 8, 19)."""

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
    """One ticket and three people; each fact has its own minute."""

    def __init__(self):
        super().__init__()
        self.ticket, self.facts, self.minutes = InMemoryRecord("ticket"), [], 0

    @initialize(has_items=st.booleans(), spot=st.booleans())
    def open(self, has_items, spot):
        payload = {"channel": "phone", "matter": "report", "contact": "gate", "details": "A leak"}
        on_the_spot = {"done_on_the_spot": "wiped"} if spot else {}
        self.submit("open", ANA, has_items=has_items, **payload, **on_the_spot)

    def submit(self, kind, by, **payload):
        fact = make_op(f"ticket.{kind}", by=by, minutes=self.minutes, payload=payload)
        self.minutes += 1
        self.facts.append(fact)
        self.ticket.apply(fact)

    @rule(by=PERSONS, to=PERSONS)
    def hand_over(self, by, to):
        self.submit("hand_over", by, handler_id=to)

    @rule(by=PERSONS)
    def hand_to_a_role(self, by):
        self.submit("hand_over", by, role="guard")

    @rule(by=PERSONS, accountable=PERSONS)
    def hand_to_a_contractor(self, by, accountable):
        self.submit("hand_over", by, contractor_id=FIRM, accountable_id=accountable)

    @rule(by=PERSONS)
    def accept(self, by):
        self.submit("accept", by)

    @rule(by=PERSONS)
    def give_back(self, by):
        self.submit("give_back", by, reason="cannot")

    @rule(by=PERSONS, absent=PERSONS)
    def hold(self, by, absent):
        self.submit("hold", by, for_id=absent)

    @rule(by=PERSONS, to=PERSONS, reason=st.sampled_from(["unclear", "urgent", "major"]))
    def escalate(self, by, to, reason):
        self.submit("escalate", by, to_id=to, reason=reason)

    @rule(by=PERSONS)
    def follow(self, by):
        self.submit("follow", by, text="asked how it stands")

    @rule(by=PERSONS)
    def resolve(self, by):
        self.submit("resolve", by, how="mended")

    @rule(
        by=PERSONS,
        reaction=st.sampled_from(["satisfied", "unsatisfied", "unreachable"]),
        delegate=PERSONS,
    )
    def feed_back(self, by, reaction, delegate):
        because = {"because": "away"} if delegate == ANA else {}
        self.submit("feed_back", by, reaction=reaction, **because)

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
    def closed_only_after_work_and_later_feedback(self):
        row = self.ticket.row
        if row is None or not row.closed_at:
            return
        assert row.resolved_at and row.feedback_at and row.feedback_at >= row.resolved_at
        assert row.reaction == "satisfied" or row.unreachable >= MAX_CONTACT_TRIES
        assert missing_steps(vars(row)) == [] and state(vars(row)) == "closed"

    @invariant()
    def an_open_ticket_always_lists_missing_steps(self):
        row = self.ticket.row
        assert row is None or row.closed_at or missing_steps(vars(row))

    @invariant()
    def an_open_ticket_is_on_one_handlers_list_and_on_its_stewards(self):
        row = self.ticket.row
        if row is None:
            return
        handlers = [p for p in PEOPLE if ticket_lists.TICKET_LISTS["handling"](row, p, NOON)]
        stewards = [p for p in PEOPLE if ticket_lists.TICKET_LISTS["answering"](row, p, NOON)]
        assert len(handlers) == (0 if row.closed_at else 1)
        assert stewards == ([] if row.closed_at else [ANA])

    @invariant()
    def a_contractor_has_an_accountable_manager(self):
        row = self.ticket.row
        assert row is None or not row.contractor_id or row.accountable_id in PEOPLE

    @invariant()
    def feedback_by_somebody_else_has_a_reason(self):
        row = self.ticket.row
        if row is None or row.feedback_by_id in (None, ANA):
            return
        feedback = [e for e in self.ticket.history if e.kind == "ticket.feed_back"]
        assert any(e.by == row.feedback_by_id and e.payload.get("because") for e in feedback)

    def teardown(self):
        """Any order of arrival gives the same ticket."""
        if not self.facts:
            return
        opening, *later = self.facts
        Random(len(later)).shuffle(later)
        other = InMemoryRecord("ticket")
        for fact in (opening, *later):
            other.apply(fact)
        assert vars(other.row) == vars(self.ticket.row)


def test_an_item_registered_after_closing_reopens_the_ticket():
    machine = TicketMachine()
    machine.open(has_items=False, spot=True)
    machine.feed_back(by=ANA, reaction="satisfied", delegate=BEN)
    assert machine.ticket.row.closed_at
    machine.register(by=ANA, thing="bag")
    assert not machine.ticket.row.closed_at and missing_steps(vars(machine.ticket.row)) == [
        "return"
    ]
    machine.return_item(by=BEN, thing="bag")
    assert machine.ticket.row.closed_at
    machine.teardown()


TestTickets = TicketMachine.TestCase
TestTickets.settings = settings(max_examples=60, stateful_step_count=25)
