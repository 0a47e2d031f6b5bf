"""Lost property: we stay with it until the end."""

import itertools
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest

from sync import RECORD_TYPES, Accepted, Quarantined, Refused
from sync.service.lost_property import (
    KINDS,
    OUTCOMES,
    loss_ticket_id,
    missing_steps,
    unasked_parties,
)
from sync.service.lost_property.folding import DEFAULT_FOLLOW_UP
from tests.sync.builders import ANA, BEN, CHU, NOON, InMemoryRecord, make_op

UNIT, FIRM = str(uuid4()), str(uuid4())
PARTY = f"{FIRM}|Lu"
SPAN = {"since": "2026-11-24T00:00:00Z", "before": "2026-11-24T12:00:00Z"}
ENTRIES = {str(uuid4()): "09:00 Lu (Spruce Cable)"}


def open_payload(**payload):
    said = {"item": "Organiser", "contact": "1203", "unit": UNIT, **payload}
    return make_op("lost.open", by=CHU, payload=said)


def compile_list(minutes=5, parties=None, **more):
    payload = {"unit": UNIT, **SPAN, "entries": ENTRIES, "parties": parties or {PARTY: "Lu"}}
    return make_op("lost.compile", by=CHU, minutes=minutes, payload={**payload, **more})


def submit(kind, minutes, **payload):
    return make_op(f"lost.{kind}", by=CHU, minutes=minutes, payload=payload)


STEPS = {
    "entries-missing": compile_list(),
    "statements-missing": submit("ask", 10, party=PARTY, name="Lu"),
    "police-missing": submit("offer_police", 15, answer="no"),
    "feedback-missing": submit("tell", 20, said="all that we know"),
}


def open_case(*facts, **payload):
    record = InMemoryRecord("lost")
    record.apply(open_payload(**payload))
    for fact in facts:
        record.apply(fact)
    return record


def close(record, outcome, minutes=60):
    return record.apply(
        make_op("lost.close", by=BEN, minutes=minutes, payload={"outcome": outcome})
    )


def case_state(record):
    return RECORD_TYPES["lost"].state(vars(record.row))


@pytest.mark.rule("Q1")
@pytest.mark.clause("E2", "E8")
def test_a_loss_opens_a_ticket_whose_first_responder_is_whoever_was_told():
    record, said = (
        InMemoryRecord("lost"),
        open_payload(holds_personal_data=True, details="all my numbers"),
    )
    verdict = record.apply(said)
    (ticket,) = verdict.followups
    assert (ticket.kind, ticket.subject, ticket.by) == (
        "ticket.open",
        loss_ticket_id(said.subject),
        CHU,
    )
    assert record.row.ticket == ticket.subject
    assert record.row.urgency == "urgent"
    matter = InMemoryRecord("ticket")
    assert isinstance(matter.apply(ticket), Accepted)
    assert matter.row.first_responder_id == record.row.first_responder_id == CHU
    assert (matter.row.urgency, matter.row.about) == ("urgent", said.subject)
    assert matter.row.details == "Organiser: all my numbers"


@pytest.mark.rule("Q1")
def test_a_loss_with_a_ticket_opens_no_other():
    ticket = str(uuid4())
    record = InMemoryRecord("lost")
    assert record.apply(open_payload(ticket=ticket)).followups == ()
    assert (record.row.ticket, record.row.urgency) == (ticket, "normal")


@pytest.mark.rule("Q1")
def test_nobody_opens_a_case_without_a_way_to_reach_the_resident():
    assert InMemoryRecord("lost").apply(open_payload(contact="")) == Quarantined("malformed")
    declined = open_payload(contact="", declined_because="will come by")
    assert isinstance(InMemoryRecord("lost").apply(declined), Accepted)


@pytest.mark.rule("Q8")
@pytest.mark.clause("E8")
def test_an_open_case_always_has_a_next_action_with_a_date():
    record = open_case()
    assert record.row.next_action_at == NOON + DEFAULT_FOLLOW_UP
    later = (NOON + timedelta(days=3)).isoformat()
    record.apply(submit("next", 5, next_action="Ask the firm", next_action_at=later))
    assert record.row.next_action == "Ask the firm"
    assert record.row.next_action_at == NOON + timedelta(days=3)
    assert record.apply(submit("next", 6, next_action="…")) == Quarantined("malformed")


@pytest.mark.rule("Q3")
@pytest.mark.clause("E6")
def test_a_newer_list_supersedes_the_old_one_which_stays():
    newer = compile_list(minutes=30, parties={PARTY: "Lu", ANA: "Ana"})
    for order in ((STEPS["entries-missing"], newer), (newer, STEPS["entries-missing"])):
        record = open_case(*order)
        assert [one["parties"] for one in record.row.lists] == [
            {PARTY: "Lu"},
            {PARTY: "Lu", ANA: "Ana"},
        ]
        assert unasked_parties(vars(record.row)).keys() == {PARTY, ANA}


@pytest.mark.rule("Q4")
@pytest.mark.clause("E5")
def test_a_statement_is_words_or_that_there_are_none():
    record = open_case(
        compile_list(), submit("state", 10, party=PARTY, name="Lu", said="I did not see it")
    )
    assert unasked_parties(vars(record.row)) == {}
    assert record.row.statements[0]["said"] == "I did not see it"
    assert isinstance(record.apply(submit("state", 11, party=PARTY, declined=True)), Accepted)
    assert record.apply(submit("state", 12, party=PARTY)) == Quarantined("malformed")


@pytest.mark.rule("Q7")
@pytest.mark.clause("E6")
@pytest.mark.parametrize("lacking", STEPS)
def test_each_thing_that_is_missing_blocks_the_end(lacking):
    record = open_case(*(fact for code, fact in STEPS.items() if code != lacking))
    codes = missing_steps(vars(record.row))
    assert lacking in codes
    assert close(record, "informed") == Refused(codes[0])
    assert record.row.closed_at is None
    record.apply(replace(STEPS[lacking], occurred_at=NOON + timedelta(minutes=40)))
    if lacking == "entries-missing":
        assert missing_steps(vars(record.row)) == []
    assert isinstance(close(record, "informed"), Accepted)
    assert (record.row.outcome, case_state(record)) == ("informed", "closed")


@pytest.mark.rule("Q6")
@pytest.mark.clause("E6")
def test_an_offer_without_an_answer_is_not_enough():
    steps = {**STEPS, "police-missing": submit("offer_police", 15, answer="undecided")}
    record = open_case(*steps.values())
    assert close(record, "informed") == Refused("police-missing")
    record.apply(submit("offer_police", 30, answer="yes"))
    assert close(record, "police") == Refused("not-with-police")
    record.apply(submit("to_police", 31, station="North", receipt="R-7"))
    assert close(record, "police") == Refused("feedback-missing"), "told before it went there"
    record.apply(submit("tell", 32, said="it is with the police"))
    assert isinstance(close(record, "police"), Accepted)


@pytest.mark.rule("Q7")
def test_what_is_back_with_its_owner_needs_the_return_and_a_word():
    record = open_case(submit("find", 5, where="sofa"))
    assert (case_state(record), close(record, "returned")) == ("found", Refused("not-returned"))
    record.apply(submit("return", 6, to="Ms Zhou"))
    assert close(record, "returned") == Refused("feedback-missing")
    record.apply(submit("tell", 7, said="here it is"))
    assert isinstance(close(record, "returned"), Accepted)


@pytest.mark.rule("Q7")
@pytest.mark.clause("E6")
@pytest.mark.parametrize("outcome", ["no_evidence", "unresolved", "contractor", ""])
def test_no_other_end_exists(outcome):
    record = open_case(*STEPS.values())
    assert close(record, outcome) == Quarantined("malformed")
    assert OUTCOMES == ("returned", "police", "informed")


@pytest.mark.rule("Q7")
def test_what_came_meanwhile_blocks_an_end_that_nobody_had_seen_it_for():
    """A phone that had not heard of the newer list closes on the older one: refused."""
    record = open_case(*STEPS.values())
    seen = record.version
    record.apply(compile_list(minutes=30, parties={PARTY: "Lu", ANA: "Ana"}))
    blind = make_op("lost.close", by=BEN, minutes=31, payload={"outcome": "informed"}, base=seen)
    assert record.apply(blind) == Refused("statements-missing")


@pytest.mark.rule("Q7")
def test_facts_and_the_end_from_one_phone_without_a_signal_stand_together():
    record = open_case(compile_list())
    seen = record.version
    for code in ("statements-missing", "police-missing", "feedback-missing"):
        record.apply(STEPS[code])
    end = make_op("lost.close", by=BEN, minutes=31, payload={"outcome": "informed"}, base=seen)
    assert isinstance(record.apply(end), Accepted)


@pytest.mark.rule("Q2")
def test_what_comes_after_the_end_is_kept_and_asks_for_a_look():
    record = open_case(*STEPS.values())
    close(record, "informed")
    assert record.apply(submit("find", 25, where="stairs")).flag == "after-the-end"
    assert (len(record.row.found), case_state(record)) == (1, "closed")
    assert close(record, "informed") == Refused("closed")
    assert isinstance(record.apply(make_op("lost.reopen", payload={"reason": "found"})), Accepted)
    assert (case_state(record), record.row.outcome) == ("found", None)
    assert record.apply(make_op("lost.reopen", payload={"reason": "again"})) == Refused(
        "not-closed"
    )


@pytest.mark.rule("Q5")
@pytest.mark.clause("E3", "E10")
@pytest.mark.parametrize(
    ("firm", "verdict"),
    [
        (SimpleNamespace(accountable_id=BEN, ended_at=None), None),
        (SimpleNamespace(accountable_id=None, ended_at=None), "needs-accountable"),
        (SimpleNamespace(accountable_id=BEN, ended_at=NOON), "contract-ended"),
        (None, "no-such-record"),
    ],
)
def test_a_firm_handles_a_case_only_with_somebody_of_ours_who_answers(firm, verdict):
    record = open_case()
    asked = make_op("lost.contract_out", by=BEN, minutes=9, payload={"contractor": FIRM})
    answer = record.apply(replace(asked, related={FIRM: firm} if firm else {}))
    assert answer == (Refused(verdict) if verdict else answer)
    assert record.row.first_responder_id == CHU
    assert (record.row.contractor_id is None) == (record.row.accountable_id is None)
    assert (record.row.accountable_id == BEN) == (verdict is None)


@pytest.mark.rule("Q5")
def test_a_closed_case_goes_to_nobody():
    record = open_case(*STEPS.values())
    close(record, "informed")
    asked = make_op("lost.contract_out", by=BEN, minutes=99, payload={"contractor": FIRM})
    assert record.apply(asked) == Refused("closed")


@pytest.mark.rule("Q2")
def test_the_facts_of_two_phones_make_the_same_case_in_any_order():
    begun = open_payload()
    facts = [*STEPS.values(), submit("find", 18, where="sofa"), compile_list(minutes=22)]
    made = []
    for order in itertools.permutations(facts):
        record = InMemoryRecord("lost")
        for fact in (begun, *order):
            record.apply(fact)
        made.append(vars(record.row))
    assert all(row == made[0] for row in made)


def test_every_fact_of_a_case_is_taken_whoever_tells_it():
    assert all(kind.fact or kind.roles for kind in KINDS.values())
