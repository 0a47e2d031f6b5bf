"""Lost property: what opens a case, and what has to be done before it closes."""

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
    open_requests,
    unasked_parties,
)
from sync.service.lost_property.folding import DEFAULT_FOLLOW_UP
from tests.sync.builders import ANA, BEN, CHU, NOON, InMemoryRecord, make_op

UNIT, FIRM = str(uuid4()), str(uuid4())
PARTY = f"{FIRM}|Lu"
SPAN = {"since": "2026-11-24T00:00:00Z", "before": "2026-11-24T12:00:00Z"}
ENTRIES = {str(uuid4()): "09:00 Lu (Spruce Cable)"}


def open_op(**payload):
    default = {"item": "Organiser", "contact": "1203", "unit": UNIT, **payload}
    return make_op("lost.open", by=CHU, payload=default)


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
    record.apply(open_op(**payload))
    for fact in facts:
        record.apply(fact)
    return record


@pytest.mark.rule("Q4")
@pytest.mark.clause("E5")
def test_each_statement_asked_for_has_its_own_due_time():
    hours = {"a": 4, "b": 48}
    due = {name: (NOON + timedelta(hours=n)).isoformat() for name, n in hours.items()}
    asked = [
        submit("ask", 10, party=name, name=name, answer_until=until) for name, until in due.items()
    ]
    record = open_case(*asked, submit("ask", 11, party="c", name="c"))
    requests = {line["party"]: line.get("answer_until") for line in open_requests(vars(record.row))}
    assert requests == {"a": "2026-11-24T16:00:00.000Z", "b": "2026-11-26T12:00:00.000Z", "c": None}
    record.apply(submit("state", 20, party="a", said="I saw nothing"))
    assert [line["party"] for line in open_requests(vars(record.row))] == ["b", "c"]
    record.apply(submit("ask", 30, party="a", name="a"))
    assert "a" in [line["party"] for line in open_requests(vars(record.row))], "asked once more"


def close(record, outcome, minutes=60):
    return record.apply(
        make_op("lost.close", by=BEN, minutes=minutes, payload={"outcome": outcome})
    )


def case_state(record):
    return RECORD_TYPES["lost"].state(vars(record.row))


@pytest.mark.rule("Q1")
@pytest.mark.clause("E2", "E8")
def test_a_loss_opens_a_ticket_with_the_same_first_responder():
    record, opening = (
        InMemoryRecord("lost"),
        open_op(holds_personal_data=True, details="all my numbers"),
    )
    verdict = record.apply(opening)
    (ticket,) = verdict.followups
    assert (ticket.kind, ticket.subject, ticket.by) == (
        "ticket.open",
        loss_ticket_id(opening.subject),
        CHU,
    )
    assert record.row.ticket == ticket.subject
    assert record.row.urgency == "urgent"
    ticket_record = InMemoryRecord("ticket")
    assert isinstance(ticket_record.apply(ticket), Accepted)
    assert ticket_record.row.first_responder_id == record.row.first_responder_id == CHU
    assert (ticket_record.row.urgency, ticket_record.row.about) == ("urgent", opening.subject)
    assert ticket_record.row.details == "Organiser: all my numbers"


@pytest.mark.rule("Q1")
def test_a_loss_with_a_ticket_opens_no_second_one():
    ticket = str(uuid4())
    record = InMemoryRecord("lost")
    assert record.apply(open_op(ticket=ticket)).followups == ()
    assert (record.row.ticket, record.row.urgency) == (ticket, "normal")


@pytest.mark.rule("Q1")
@pytest.mark.clause("F12")
def test_a_contact_that_was_not_asked_for_is_missing_until_it_is():
    record = InMemoryRecord("lost")
    record.apply(open_op(contact="", channel=None))
    assert (record.row.channel, missing_steps(vars(record.row))[0]) == (None, "contact-missing")
    assert record.apply(submit("contact", 1)) == Quarantined("malformed")
    told = record.apply(submit("contact", 2, declined_because="will come by"))
    assert "contact-missing" not in missing_steps(vars(record.row))
    assert [(op.kind, op.payload) for op in told.followups] == [
        ("ticket.revise", {"declined_because": "will come by"})
    ]


@pytest.mark.rule("Q11")
@pytest.mark.clause("F6")
def test_what_the_case_records_its_ticket_need_not_record_again():
    record = open_case(*STEPS.values())
    told = record.apply(submit("tell", 50, said="we told her everything"))
    assert [(op.kind, op.payload) for op in told.followups] == [
        ("ticket.inform", {"said": "we told her everything"})
    ]
    closed = close(record, "informed")
    assert [(op.kind, op.payload) for op in closed.followups] == [
        ("ticket.conclude", {"outcome": "informed"})
    ]


@pytest.mark.rule("Q8")
@pytest.mark.clause("E8")
def test_an_open_case_always_has_a_dated_next_step():
    record = open_case()
    assert record.row.next_action_at == NOON + DEFAULT_FOLLOW_UP
    later = (NOON + timedelta(days=3)).isoformat()
    record.apply(submit("next", 5, next_action="Ask the firm", next_action_at=later))
    assert record.row.next_action == "Ask the firm"
    assert record.row.next_action_at == NOON + timedelta(days=3)
    assert record.apply(submit("next", 6, next_action="…")) == Quarantined("malformed")


@pytest.mark.rule("Q3")
@pytest.mark.clause("E6")
def test_a_newer_list_replaces_the_old_one_which_stays_stored():
    newer = compile_list(minutes=30, parties={PARTY: "Lu", ANA: "Ana"})
    for order in ((STEPS["entries-missing"], newer), (newer, STEPS["entries-missing"])):
        record = open_case(*order)
        assert [list_["parties"] for list_ in record.row.lists] == [
            {PARTY: "Lu"},
            {PARTY: "Lu", ANA: "Ana"},
        ]
        assert unasked_parties(vars(record.row)).keys() == {PARTY, ANA}


@pytest.mark.rule("Q4")
@pytest.mark.clause("E5")
def test_a_statement_needs_a_text_or_a_refusal():
    record = open_case(
        compile_list(), submit("state", 10, party=PARTY, name="Lu", said="I did not see it")
    )
    assert unasked_parties(vars(record.row)) == {}
    assert record.row.statements[0]["said"] == "I did not see it"
    assert isinstance(record.apply(submit("state", 11, party=PARTY, declined=True)), Accepted)
    assert record.apply(submit("state", 12, party=PARTY)) == Quarantined("malformed")


@pytest.mark.rule("Q7")
@pytest.mark.clause("E6")
@pytest.mark.parametrize("missing_code", STEPS)
def test_each_missing_step_blocks_closing(missing_code):
    record = open_case(*(fact for code, fact in STEPS.items() if code != missing_code))
    codes = missing_steps(vars(record.row))
    assert missing_code in codes
    assert close(record, "informed") == Refused(codes[0])
    assert record.row.closed_at is None
    record.apply(replace(STEPS[missing_code], occurred_at=NOON + timedelta(minutes=40)))
    if missing_code == "entries-missing":
        assert missing_steps(vars(record.row)) == []
    assert isinstance(close(record, "informed"), Accepted)
    assert (record.row.outcome, case_state(record)) == ("informed", "closed")


@pytest.mark.rule("Q6")
@pytest.mark.clause("E6")
def test_an_unanswered_police_offer_is_not_enough():
    steps = {**STEPS, "police-missing": submit("offer_police", 15, answer="undecided")}
    record = open_case(*steps.values())
    assert close(record, "informed") == Refused("police-missing")
    record.apply(submit("offer_police", 30, answer="yes"))
    assert close(record, "police") == Refused("not-with-police")
    record.apply(submit("to_police", 31, station="North", receipt="R-7"))
    assert close(record, "police") == Refused("feedback-missing"), "informed before the hand-over"
    record.apply(submit("tell", 32, said="it is with the police"))
    assert isinstance(close(record, "police"), Accepted)


@pytest.mark.rule("Q7")
def test_a_returned_item_needs_the_return_and_feedback():
    record = open_case(submit("find", 5, where="sofa"))
    assert (case_state(record), close(record, "returned")) == ("found", Refused("not-returned"))
    record.apply(submit("return", 6, to="Ms Zhou"))
    assert close(record, "returned") == Refused("feedback-missing")
    record.apply(submit("tell", 7, said="here it is"))
    assert isinstance(close(record, "returned"), Accepted)


@pytest.mark.rule("Q7")
@pytest.mark.clause("E6")
@pytest.mark.parametrize("outcome", ["no_evidence", "unresolved", "contractor", ""])
def test_no_other_outcome_exists(outcome):
    record = open_case(*STEPS.values())
    assert close(record, outcome) == Quarantined("malformed")
    assert OUTCOMES == ("returned", "police", "informed")


@pytest.mark.rule("Q7")
def test_a_list_unknown_to_the_closing_phone_blocks_closing():
    """A phone that has only the older list closes the case: refused by the newer one."""
    record = open_case(*STEPS.values())
    known_version = record.version
    record.apply(compile_list(minutes=30, parties={PARTY: "Lu", ANA: "Ana"}))
    close_op = make_op(
        "lost.close", by=BEN, minutes=31, payload={"outcome": "informed"}, base=known_version
    )
    assert record.apply(close_op) == Refused("statements-missing")


@pytest.mark.rule("Q7")
def test_facts_and_closing_from_one_offline_phone_are_all_accepted():
    record = open_case(compile_list())
    known_version = record.version
    for code in ("statements-missing", "police-missing", "feedback-missing"):
        record.apply(STEPS[code])
    close_op = make_op(
        "lost.close", by=BEN, minutes=31, payload={"outcome": "informed"}, base=known_version
    )
    assert isinstance(record.apply(close_op), Accepted)


@pytest.mark.rule("Q2")
def test_a_fact_after_closing_is_stored_and_flagged():
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
    ("firm", "code"),
    [
        (SimpleNamespace(accountable_id=BEN, ended_at=None), None),
        (SimpleNamespace(accountable_id=None, ended_at=None), "needs-accountable"),
        (SimpleNamespace(accountable_id=BEN, ended_at=NOON), "contract-ended"),
        (None, "no-such-record"),
    ],
)
def test_a_contractor_needs_one_of_our_managers_to_be_accountable(firm, code):
    record = open_case()
    op = make_op("lost.contract_out", by=BEN, minutes=9, payload={"contractor": FIRM})
    result = record.apply(replace(op, related={FIRM: firm} if firm else {}))
    assert result == (Refused(code) if code else result)
    assert record.row.first_responder_id == CHU
    assert (record.row.contractor_id is None) == (record.row.accountable_id is None)
    assert (record.row.accountable_id == BEN) == (code is None)


@pytest.mark.rule("Q5")
def test_a_closed_case_cannot_be_given_to_a_contractor():
    record = open_case(*STEPS.values())
    close(record, "informed")
    op = make_op("lost.contract_out", by=BEN, minutes=99, payload={"contractor": FIRM})
    assert record.apply(op) == Refused("closed")


@pytest.mark.rule("Q2")
def test_facts_of_two_phones_fold_to_the_same_case_in_any_order():
    opening = open_op()
    facts = [*STEPS.values(), submit("find", 18, where="sofa"), compile_list(minutes=22)]
    rows = []
    for order in itertools.permutations(facts):
        record = InMemoryRecord("lost")
        for fact in (opening, *order):
            record.apply(fact)
        rows.append(vars(record.row))
    assert all(row == rows[0] for row in rows)


def test_every_kind_is_a_fact_or_has_roles():
    by_people = (kind for kind in KINDS.values() if not kind.from_server_only)
    assert all(kind.fact or kind.roles for kind in by_people)
