"""Tickets: first responder, transfer, acceptance, feedback, merging and lists."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import permutations
from types import SimpleNamespace
from uuid import uuid4

import pytest

from sync import Accepted, Merged, Quarantined, Refused, is_flag_moot
from sync.protocol.op import Op
from sync.protocol.roles import ROLES
from sync.service import ticket_lists
from sync.service.tickets import KINDS, MAX_CONTACT_TRIES, missing_steps, state, ticket_number
from sync.service.tickets.labels import VALUES
from tests.sync.builders import ANA, BEN, CHU, NOON, InMemoryRecord, make_op, opened_ticket


@pytest.mark.rule("K1")
@pytest.mark.parametrize("role", ROLES)
def test_every_role_may_open_a_ticket(role):
    assert role in KINDS["ticket.open"].roles


@pytest.mark.rule("K1")
def test_the_author_is_first_responder_and_handler():
    ticket = opened_ticket()
    assert ticket.row.first_responder_id == ticket.row.handler_id == ANA


@pytest.mark.rule("K2")
@pytest.mark.clause("F12")
@pytest.mark.parametrize(
    "payload",
    [{"details": "  "}, {"channel": "fax"}, {"matter": "x"}, {"category": "坏了"}],
)
def test_a_ticket_says_what_it_is_about_in_known_codes(payload):
    assert opened_ticket(**payload).row is None


@pytest.mark.rule("K2")
def test_a_photo_or_a_category_replaces_the_details():
    assert opened_ticket(details="", photos=["0" * 64]).row.photos == ["0" * 64]
    leak = opened_ticket(details="", category="leaking").row
    assert (leak.category, leak.details) == ("leaking", "")


@pytest.mark.rule("K2")
@pytest.mark.clause("F12")
@pytest.mark.parametrize(
    ("unknown", "code", "answer"),
    [
        ("contact", "contact", {"contact": "1203"}),
        ("contact", "contact", {"declined_because": "calls back"}),
        ("matter", "matter", {"matter": "report"}),
    ],
)
def test_what_was_not_asked_is_missing_until_it_is_answered(unknown, code, answer):
    ticket = opened_ticket(**{unknown: None})
    submit(ticket, "resolve", minutes=1)
    submit(ticket, "feed_back", minutes=2, reaction="satisfied")
    assert (ticket_state(ticket), missing(ticket)) == ("informed", [code])
    ticket.apply(make_op("ticket.revise", minutes=3, payload=answer, base=3))
    assert (ticket_state(ticket), ticket.row.closed_at) == ("closed", NOON + timedelta(minutes=3))
    submit(ticket, "enquire", minutes=4, answered="done")
    assert ticket_state(ticket) == "closed"


@pytest.mark.rule("K2")
def test_nobody_is_asked_about_what_we_found_ourselves():
    ticket = opened_ticket(channel="on_round", matter=None, contact=None)
    assert missing(ticket) == ["resolution"]
    submit(ticket, "resolve", minutes=1)
    assert (ticket_state(ticket), ticket.row.reaction) == ("closed", None)
    named = opened_ticket(channel="on_round", matter=None, contact="1203")
    assert missing(named) == ["resolution", "feedback"]


@pytest.mark.rule("K3")
def test_an_edit_changes_only_its_own_fields():
    ticket = opened_ticket()
    ticket.apply(make_op("ticket.revise", payload={"urgency": "urgent"}, base=1))
    assert (ticket.row.urgency, ticket.row.details) == ("urgent", "A leak")
    assert ticket.apply(make_op("ticket.revise", base=2)) == Refused("nothing-changed")


def test_the_number_is_derived_from_the_id():
    subject = "01a2088b-e048-76db-9972-51f2edac7674"
    assert (
        ticket_number(subject)
        == ticket_number(subject.upper())
        != ticket_number(subject[:-1] + "5")
    )


def test_an_op_is_immutable():
    with pytest.raises(AttributeError):
        make_op("ticket.open").by = BEN
    assert Op.__dataclass_params__.frozen


FIRM, SUCCESSOR = str(uuid4()), str(uuid4())


def submit(ticket, kind, by=ANA, minutes=0, **payload):
    return ticket.apply(make_op(f"ticket.{kind}", by=by, minutes=minutes, payload=payload))


def ticket_state(ticket):
    return state(vars(ticket.row))


def missing(ticket):
    return missing_steps(vars(ticket.row))


@pytest.mark.rule("K4", "K7")
@pytest.mark.clause("F9")
def test_a_transfer_names_a_handler_and_keeps_the_first_responder():
    ticket = opened_ticket()
    submit(ticket, "hand_over", by=BEN, minutes=1, handler_id=CHU)
    assert (ticket.row.handler_id, ticket.row.first_responder_id) == (CHU, ANA)
    assert ticket_state(ticket) == "handed_over" and ticket_lists.awaits_acceptance(ticket.row)
    op = make_op("ticket.amend", payload={"first_responder_id": CHU})
    assert ticket.apply(op) == Quarantined("malformed")


@pytest.mark.rule("K7")
@pytest.mark.clause("E3")
@pytest.mark.clause("F3")
@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"contractor_id": FIRM},
        {"accountable_id": BEN},
        {"handler_id": BEN, "role": "cleaner"},
        {"outcome": "told to contact the firm"},
    ],
)
def test_a_transfer_needs_exactly_one_receiver(payload):
    """Malformed: no receiver, two receivers, a contractor without one of our managers, an unknown
    field."""
    ticket = opened_ticket()
    assert submit(ticket, "hand_over", **payload) == Quarantined("malformed")


@pytest.mark.rule("K7")
@pytest.mark.clause("E3")
def test_a_contractor_handles_a_ticket_while_our_manager_is_accountable():
    ticket = opened_ticket()
    submit(ticket, "hand_over", minutes=1, contractor_id=FIRM, accountable_id=BEN)
    row = ticket.row
    assert (row.contractor_id, row.accountable_id, row.handler_id) == (FIRM, BEN, BEN)
    assert (ticket_lists.open_steward_id(row), row.first_responder_id) == (ANA, ANA)


@pytest.mark.rule("K9")
def test_the_named_person_accepts_or_returns_a_ticket():
    ticket = opened_ticket()
    submit(ticket, "hand_over", minutes=1, handler_id=CHU)
    by_other = submit(ticket, "accept", by=BEN, minutes=2)
    assert by_other == Accepted(
        by_other.changes, flag="not-the-handler"
    ) and ticket_lists.awaits_acceptance(ticket.row)
    submit(ticket, "accept", by=CHU, minutes=3)
    assert ticket_state(ticket) == "in_progress"
    submit(ticket, "give_back", by=CHU, minutes=4, reason="off duty")
    assert (ticket.row.handler_id, ticket_state(ticket)) == (ANA, "in_progress")


@pytest.mark.rule("K7")
@pytest.mark.clause("F19")
def test_a_ticket_for_a_role_stays_with_the_giver_until_accepted():
    ticket = opened_ticket()
    submit(ticket, "hand_over", minutes=1, role="guard")
    assert ticket_lists.open_handler_id(ticket.row) == ANA and ticket_lists.awaits_acceptance(
        ticket.row
    )
    submit(ticket, "accept", by=CHU, minutes=2)
    assert ticket_lists.open_handler_id(ticket.row) == CHU and not ticket_lists.awaits_acceptance(
        ticket.row
    )


@pytest.mark.rule("K11")
@pytest.mark.clause("F10")
def test_a_ticket_received_on_behalf_stays_with_the_receiver():
    ticket = opened_ticket()
    submit(ticket, "hold", minutes=1, for_id=CHU)
    assert (ticket_state(ticket), ticket.row.handler_id) == ("proxy_held", ANA)
    assert ticket_lists.held_for_on_duty([ticket.row], {BEN: 1}) == []
    assert ticket_lists.held_for_on_duty([ticket.row], {CHU: 1}) == [ticket.row]
    submit(ticket, "hand_over", minutes=2, handler_id=CHU)
    assert (ticket_state(ticket), ticket.row.first_responder_id) == ("handed_over", ANA)


@pytest.mark.rule("K12")
@pytest.mark.clause("F11")
@pytest.mark.parametrize("reason", ["unclear", "urgent", "major"])
def test_an_escalated_ticket_keeps_its_first_responder(reason):
    ticket = opened_ticket()
    submit(ticket, "escalate", minutes=1, to_id=BEN, reason=reason)
    assert (ticket_state(ticket), ticket.row.handler_id) == ("escalated", BEN)
    assert ticket_lists.open_steward_id(ticket.row) == ANA
    assert submit(ticket, "escalate", to_id=BEN, reason="tired") == Quarantined("malformed")


@pytest.mark.rule("K10", "K13")
@pytest.mark.clause("F6")
def test_a_transferred_ticket_closes_after_work_feedback_and_follow_up():
    ticket = opened_ticket()
    submit(ticket, "hand_over", minutes=1, handler_id=CHU)
    submit(ticket, "accept", by=CHU, minutes=2)
    submit(ticket, "resolve", by=CHU, minutes=3, how="mended")
    assert (ticket_state(ticket), missing(ticket)) == ("resolved", ["follow-up", "feedback"])
    submit(ticket, "feed_back", minutes=4, reaction="unsatisfied")
    assert (ticket_state(ticket), ticket.row.handler_id) == ("in_progress", CHU)
    assert missing(ticket) == ["resolution", "feedback"]
    submit(ticket, "resolve", by=CHU, minutes=5, how="mended well")
    submit(ticket, "feed_back", minutes=6, reaction="satisfied", marks={"patience": "good"})
    assert (ticket_state(ticket), ticket.row.closed_at) == ("closed", NOON + timedelta(minutes=6))


@pytest.mark.rule("K10")
@pytest.mark.clause("F6")
@pytest.mark.parametrize(("v", "closed_after"), [(1, None), (2, timedelta(minutes=3))])
def test_a_satisfied_ticket_is_over_without_a_follow_up(v, closed_after):
    """Feedback of version 1 leaves its record as it was; everybody reads that it is closed."""
    ticket = opened_ticket()
    submit(ticket, "hand_over", minutes=1, handler_id=CHU)
    submit(ticket, "resolve", by=CHU, minutes=2)
    payload = {"reaction": "satisfied"}
    ticket.apply(make_op("ticket.feed_back", minutes=3, payload=payload, v=v))
    assert (ticket_state(ticket), missing(ticket)) == ("closed", [])
    assert not ticket_lists.is_open(ticket.row)
    assert ticket.row.closed_at == (closed_after and NOON + closed_after)
    submit(ticket, "reopen", minutes=5, reason="again")
    assert (ticket_state(ticket), missing(ticket)[0]) == ("in_progress", "resolution")


@pytest.mark.rule("K22")
@pytest.mark.clause("E4")
def test_an_interim_answer_is_given_at_any_time_and_may_promise_another():
    ticket, later = opened_ticket(), (NOON + timedelta(hours=5)).isoformat()
    submit(ticket, "hand_over", minutes=1, handler_id=CHU)
    assert "follow-up" in missing(ticket)
    submit(ticket, "inform", minutes=2, said="the plumber comes at five", promised_at=later)
    row = ticket.row
    assert (row.promised_at, row.timeline[-1]["text"]) == (
        NOON + timedelta(hours=5),
        "the plumber comes at five",
    )
    assert missing(ticket) == ["resolution", "feedback"]
    unexplained = submit(ticket, "inform", by=BEN, minutes=3, said="tomorrow")
    assert unexplained.flag == "feedback-without-reason"
    assert submit(ticket, "inform", by=BEN, minutes=4, said="x", because="off duty").flag is None


@pytest.mark.rule("K19")
@pytest.mark.parametrize(
    "promised_at", ["0001-01-01T00:00:00Z", "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"]
)
@pytest.mark.parametrize("kind", ["promise", "inform", "open"])
def test_a_reply_is_promised_for_a_time_to_come(kind, promised_at):
    refused = Refused("promise-out-of-range")
    if kind == "open":
        payload = {**OPEN_PAYLOAD, "promised_at": promised_at}
        opening = make_op("ticket.open", payload=payload)
        assert InMemoryRecord("ticket").apply(opening) == refused
        logged = replace(opening, arriving=False)
        assert isinstance(InMemoryRecord("ticket").apply(logged), Accepted), "old records stand"
        return
    more = {"said": "x"} if kind == "inform" else {}
    assert submit(opened_ticket(), kind, promised_at=promised_at, **more) == refused


def test_quick_phrases_are_codes():
    """A phrase that a phone offers has a code, which every reader sees in their own language."""
    for field in ("category", "give_back.reason", "follow.text", "done_on_the_spot"):
        assert all(code.isascii() and code.islower() for code in VALUES[field])


@pytest.mark.rule("K10")
@pytest.mark.clause("F5")
def test_feedback_before_the_work_closes_nothing():
    ticket = opened_ticket()
    early = submit(ticket, "feed_back", minutes=1, reaction="satisfied")
    assert early.flag == "feedback-too-early"
    submit(ticket, "resolve", minutes=2, how="mended")
    assert (ticket_state(ticket), missing(ticket)) == ("resolved", ["feedback"])


@pytest.mark.rule("K10")
def test_an_unreachable_resident_is_tried_several_times():
    ticket = opened_ticket()
    submit(ticket, "resolve", minutes=1, how="mended")
    for n in range(MAX_CONTACT_TRIES):
        assert ticket_state(ticket) == "resolved"
        submit(ticket, "feed_back", minutes=2 + n, reaction="unreachable")
    assert ticket_state(ticket) == "closed"


@pytest.mark.rule("K13")
@pytest.mark.clause("F15")
def test_a_delegate_needs_a_reason_and_never_becomes_first_responder():
    ticket = opened_ticket()
    submit(ticket, "resolve", minutes=1, how="mended")
    unexplained = submit(ticket, "feed_back", by=BEN, minutes=2, reaction="satisfied")
    assert unexplained.flag == "feedback-without-reason" and ticket_state(ticket) == "resolved"
    submit(ticket, "feed_back", by=BEN, minutes=3, reaction="satisfied", because="Ana is ill")
    row = ticket.row
    assert (row.feedback_by_id, row.first_responder_id, ticket_state(ticket)) == (
        BEN,
        ANA,
        "closed",
    )


@pytest.mark.rule("K6")
@pytest.mark.clause("F2")
@pytest.mark.clause("F8")
@pytest.mark.parametrize(
    ("payload", "state_after"),
    [
        ({"reaction": "satisfied"}, "closed"),
        ({}, "resolved"),
        ({"reaction": "unsatisfied"}, "received"),
        ({"channel": "on_round"}, "closed"),
        ({"channel": "on_round", "contact": "1203"}, "resolved"),
        ({"channel": "on_round", "contact": "1203", "reaction": "unsatisfied"}, "received"),
    ],
)
def test_resolved_on_the_spot_ends_with_the_residents_response(payload, state_after):
    assert ticket_state(opened_ticket(done_on_the_spot="wiped at once", **payload)) == state_after


@pytest.mark.rule("K6")
@pytest.mark.clause("C12")
def test_work_done_on_the_spot_on_patrol_closes_at_once():
    ticket = opened_ticket(done_on_the_spot="wiped at once", channel="on_round")
    row = ticket.row
    assert (row.resolved_at, row.resolved_how) == (NOON, "wiped at once")
    assert (row.first_responder_id, row.closed_at, row.reaction) == (ANA, NOON, "not_needed")


@pytest.mark.rule("K14")
@pytest.mark.clause("F14")
def test_an_answered_question_is_added_to_a_closed_ticket():
    ticket = opened_ticket(done_on_the_spot="wiped", channel="on_round")
    assert submit(ticket, "enquire", by=CHU, minutes=9, who="Mr Fir", answered="done") == Accepted(
        ticket.history[-1].changes
    )
    last = ticket.row.timeline[-1]
    assert (last["kind"], last["text"], last["by_id"]) == ("enquire", "done", CHU)
    assert ticket_state(ticket) == "closed"


@pytest.mark.rule("K15")
@pytest.mark.clause("F13")
def test_items_are_registered_passed_on_and_returned_before_closing():
    ticket = opened_ticket(has_items=True)
    assert (ticket_state(ticket), missing(ticket)) == ("draft", ["item", "resolution", "feedback"])
    submit(ticket, "register", minutes=1, item="black bag", condition="torn", quantity=2)
    submit(ticket, "pass_on", by=BEN, minutes=2, item="black bag", to="safe in the office")
    submit(ticket, "pass_on", minutes=2, item="no such thing", to="x")
    submit(ticket, "resolve", minutes=3, how="found its owner")
    submit(ticket, "feed_back", minutes=4, reaction="satisfied")
    assert (ticket_state(ticket), missing(ticket)) == ("informed", ["return"])
    submit(ticket, "return_item", minutes=5, item="black bag", to="Mr Fir")
    bag = ticket.row.things["black bag"]
    assert [link["to"] for link in bag["chain"]] == [None, "safe in the office", "Mr Fir"]
    assert (bag["condition"], bag["quantity"], ticket_state(ticket)) == ("torn", 2, "closed")


@pytest.mark.rule("K15")
@pytest.mark.clause("F13")
def test_what_was_handed_over_is_registered_in_the_opening():
    ticket = opened_ticket(item="U disk 2.0", quantity=2, condition="scratched", holder="Li")
    thing = ticket.row.things["U disk 2.0"]
    assert (thing["quantity"], thing["condition"]) == (2, "scratched")
    assert [link["to"] for link in thing["chain"]] == ["Li"]
    assert ticket_state(opened_ticket(quantity=3)) == "draft", "nobody knows of what"


@pytest.mark.rule("K16")
@pytest.mark.clause("F7")
def test_a_reopened_ticket_keeps_its_number_and_first_responder():
    ticket = opened_ticket(done_on_the_spot="wiped", reaction="satisfied")
    number = ticket.row.number
    submit(ticket, "reopen", by=CHU, minutes=5, reason="wet again")
    row = ticket.row
    assert (ticket_state(ticket), row.number, row.handler_id) == ("in_progress", number, ANA)
    assert missing(ticket) == ["resolution", "feedback"]


@pytest.mark.rule("K8")
def test_a_fact_after_closing_is_stored_and_flagged():
    ticket = opened_ticket(done_on_the_spot="wiped", channel="on_round")
    late = submit(ticket, "hand_over", minutes=5, handler_id=BEN)
    assert late.flag == "after-the-end" and ticket.row.handler_id == ANA
    assert ticket.row.timeline[-1]["aside"] is True
    revised = make_op("ticket.revise", payload={"details": "More"}, base=2)
    assert ticket.apply(revised) == Refused("closed")


@pytest.mark.rule("K5")
@pytest.mark.rule("M2")
def test_a_transfer_and_an_edit_at_the_same_time_are_both_accepted():
    ticket = opened_ticket()
    submit(ticket, "hand_over", by=BEN, minutes=1, handler_id=CHU)
    verdict = ticket.apply(make_op("ticket.revise", payload={"details": "A big leak"}, base=1))
    assert isinstance(verdict, Merged)
    assert (ticket.row.handler_id, ticket.row.details) == (CHU, "A big leak")
    assert submit(ticket, "amend", by=BEN, details="As settled") == Accepted(
        {"details": "As settled"}
    )


@pytest.mark.rule("K24")
@pytest.mark.parametrize(
    ("roles", "trades", "flag"),
    [
        (["repair"], ["plumber"], None),
        (["cleaner", "repair"], ["electrician", "plumber"], None),
        (["repair"], ["electrician"], "not-the-role"),
        (["repair"], [], None),
        (["guard"], ["plumber"], "not-the-role"),
    ],
)
def test_whoever_accepts_has_the_role_and_trade_or_is_flagged(roles, trades, flag):
    """It is kept and takes effect: they may have begun the work."""
    ticket = opened_ticket()
    submit(ticket, "hand_over", by=ANA, minutes=1, role="repair", trade="plumber")
    accept = make_op("ticket.accept", by=CHU, minutes=2)
    who = {CHU: SimpleNamespace(roles=roles, trades=trades)}
    verdict = ticket.apply(replace(accept, related=who))
    assert (verdict.flag, ticket.row.handler_id) == (flag, CHU)


@pytest.mark.rule("K24", "M7")
def test_another_hand_over_answers_who_accepted_it():
    ticket = opened_ticket()
    submit(ticket, "hand_over", by=ANA, minutes=1, role="repair", trade="plumber")
    accept = make_op("ticket.accept", by=CHU, minutes=2)
    who = {CHU: SimpleNamespace(roles=["guard"], trades=[])}
    ticket.apply(replace(accept, related=who))
    is_moot = partial(is_flag_moot, "not-the-role", "ticket", op_id=accept.id)
    assert not is_moot(record=ticket.row, history=ticket.history)
    submit(ticket, "hand_over", by=ANA, minutes=9, role="repair", trade="plumber")
    assert is_moot(record=ticket.row, history=ticket.history)


def two_phone_ops():
    """Ops of two phones that were both offline."""
    return [
        make_op("ticket.hand_over", by=ANA, minutes=1, payload={"handler_id": CHU}),
        make_op("ticket.accept", by=CHU, minutes=2),
        make_op("ticket.give_back", by=CHU, minutes=3, payload={"reason": "off duty"}),
        make_op("ticket.resolve", by=ANA, minutes=4, payload={"how": "mended"}),
        make_op("ticket.follow", by=ANA, minutes=5, payload={"text": "looked"}),
        make_op("ticket.feed_back", by=ANA, minutes=6, payload={"reaction": "satisfied"}),
    ]


@pytest.mark.rule("K8")
def test_facts_of_two_offline_phones_fold_to_the_same_ticket_in_any_order():
    results, facts = set(), two_phone_ops()
    opening = make_op("ticket.open", payload={**OPEN_PAYLOAD})
    for order in permutations(facts):
        ticket = InMemoryRecord("ticket")
        for fact in (opening, *order):
            ticket.apply(fact)
        assert ticket_state(ticket) == "closed"
        results.add(repr(sorted(vars(ticket.row).items())))
    assert len(results) == 1


OPEN_PAYLOAD = {"channel": "phone", "matter": "report", "contact": "gate", "details": "A leak"}


def merge_tickets(ticket, other):
    """Merge `other` into `one`, and apply the followups to the ticket that they name."""
    op = make_op("ticket.merge", ticket.row.id, by=BEN, payload={"other_id": other.row.id})
    verdict = ticket.apply(Op(**{**op_fields(op), "related": {other.row.id: other.row}}))
    for followup in verdict.followups if isinstance(verdict, Accepted) else ():
        next(t for t in (ticket, other) if t.row.id == followup.subject).apply(followup)
    return verdict


def op_fields(op):
    return {name: getattr(op, name) for name in Op.__dataclass_fields__}


def ticket_opened_by(by, minutes, **more):
    ticket = InMemoryRecord("ticket")
    contact = {} if not more else {"contact": f"caller {minutes}"}
    payload = {**OPEN_PAYLOAD, **contact, **more}
    ticket.apply(make_op("ticket.open", by=by, minutes=minutes, payload=payload))
    return ticket


@pytest.mark.rule("K17")
@pytest.mark.clause("F7")
@pytest.mark.clause("F16")
@pytest.mark.parametrize("later_first", [True, False])
def test_duplicate_tickets_merge_into_the_earlier_one(later_first):
    first, second = ticket_opened_by(ANA, 0), ticket_opened_by(CHU, 7)
    assert ticket_lists.possible_duplicates(first.row, [first.row, second.row]) == [second.row]
    merge_tickets(*((second, first) if later_first else (first, second)))
    assert (first.row.first_responder_id, first.row.co_receiver_ids) == (ANA, [CHU])
    assert first.row.numbers == [first.row.number, second.row.number]
    assert (ticket_state(first), ticket_state(second)) == ("received", "merged")
    assert (
        second.row.merged_into == first.row.id and ticket_lists.open_handler_id(second.row) is None
    )
    assert merge_tickets(second, first) == Refused("already-merged")


@pytest.mark.rule("K17")
@pytest.mark.clause("F16")
@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ({"details": "301 漏水"}, {"details": "301漏水了，快来"}, True),
        ({"details": "3栋2单元301漏水"}, {"details": "厨房漏水", "contact": "3-2-301"}, True),
        ({"details": "３０１ leaking"}, {"details": "0301", "category": "leaking"}, True),
        ({"details": "1-2-301 漏水"}, {"details": "3-2-301 漏水"}, False),
        ({"details": "301 漏水"}, {"details": "301 灯不亮"}, False),
        ({"details": "301 漏水"}, {"details": "2026年301 漏水"}, True),
        ({"details": "漏水 2026年"}, {"details": "漏水 2026年"}, False),
        ({"details": "漏水 13800001301"}, {"details": "漏水 13800001301"}, False),
        ({"details": "漏水", "area": ANA}, {"details": "又漏水", "area": ANA}, True),
        ({"details": "漏水", "unit": ANA}, {"details": "501室漏水"}, True),
    ],
)
def test_tickets_are_alike_by_place_and_words(one, other, alike):
    first, second = (
        ticket_opened_by(by, m, **more) for by, m, more in ((ANA, 0, one), (BEN, 11, other))
    )
    found = ticket_lists.possible_duplicates(
        second.row, [first.row, second.row], lambda unit: "3-2-501" if unit else ""
    )
    assert found == ([first.row] if alike else [])


@pytest.mark.rule("K17")
def test_merging_again_brings_all_numbers_along():
    first, second, third = (
        ticket_opened_by(ANA, 0),
        ticket_opened_by(CHU, 7),
        ticket_opened_by(BEN, 3),
    )
    merge_tickets(second, third)
    merge_tickets(first, third)
    assert first.row.co_receiver_ids == [BEN, CHU]
    assert len(set(first.row.numbers)) == 3


@pytest.mark.rule("K18")
@pytest.mark.clause("F4")
def test_a_successor_takes_over_and_the_first_responder_stays():
    ticket = opened_ticket()
    person = SimpleNamespace(active_to=None)
    op = make_op("ticket.succeed", by=BEN, payload={"from_id": ANA, "to_id": SUCCESSOR})
    to_a_leaver = Op(**{**op_fields(op), "related": {SUCCESSOR: SimpleNamespace(active_to=NOON)}})
    assert ticket.apply(to_a_leaver) == Refused("no-such-person")
    ticket.apply(Op(**{**op_fields(op), "related": {SUCCESSOR: person}}))
    row = ticket.row
    assert (row.first_responder_id, row.steward_id, row.handler_id) == (ANA, SUCCESSOR, SUCCESSOR)
    submit(ticket, "resolve", by=SUCCESSOR, minutes=1, how="mended")
    submit(ticket, "feed_back", by=SUCCESSOR, minutes=2, reaction="satisfied")
    assert (ticket_state(ticket), ticket.row.first_responder_id) == ("closed", ANA)


@pytest.mark.rule("K19")
@pytest.mark.clause("E4")
def test_a_promise_is_due_at_its_time_whoever_handles_the_ticket():
    due = NOON + timedelta(hours=2)
    ticket = opened_ticket(promised_at=due.isoformat())
    submit(ticket, "hand_over", minutes=1, contractor_id=FIRM, accountable_id=BEN)
    just_before = due - timedelta(milliseconds=1)
    assert ticket_lists.is_due_soon(ticket.row, just_before) and not ticket_lists.is_breached(
        ticket.row, just_before
    )
    assert ticket_lists.is_breached(ticket.row, due)
    lists = {n for n, f in ticket_lists.TICKET_LISTS.items() if f(ticket.row, ANA, due)}
    assert lists == {"answering", "breached", "waiting", "open"}
    submit(ticket, "promise", minutes=90, promised_at=(due + timedelta(days=2)).isoformat())
    assert not ticket_lists.is_breached(ticket.row, due)


@pytest.mark.rule("K20")
@pytest.mark.clause("F1")
def test_an_open_ticket_is_on_one_handlers_list_and_on_its_stewards():
    ticket = opened_ticket()
    everybody = [ANA, BEN, CHU]
    for n, (kind, payload) in enumerate(
        [("hand_over", {"role": "guard"}), ("hold", {"for_id": BEN}), ("resolve", {"how": "ok"})]
    ):
        submit(ticket, kind, minutes=n + 1, **payload)
        handling = [
            p for p in everybody if ticket_lists.TICKET_LISTS["handling"](ticket.row, p, NOON)
        ]
        stewards = [
            p for p in everybody if ticket_lists.TICKET_LISTS["answering"](ticket.row, p, NOON)
        ]
        assert (handling, stewards) == ([ANA], [ANA])


@pytest.mark.rule("V17")
@pytest.mark.clause("A2")
def test_how_a_resident_was_received_is_recorded_only_as_it_was_said():
    assert opened_ticket().row.voices is None
    assert opened_ticket(voices=["greeted", "answered"]).row.voices == ["greeted", "answered"]
    malformed = make_op("ticket.open", payload={"details": "x", "voices": ["sang"]})
    assert InMemoryRecord("ticket").apply(malformed) == Quarantined("malformed")
