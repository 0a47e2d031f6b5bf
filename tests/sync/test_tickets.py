"""Tickets: first contact."""

from datetime import timedelta
from itertools import permutations
from types import SimpleNamespace
from uuid import uuid4

import pytest
from stage import ANA, BEN, CHU, NOON, Record, op, opened

from sync import Accepted, Merged, Quarantined, Refused
from sync.protocol.digest import ROLES
from sync.protocol.op import Op
from sync.service import ticket_lists
from sync.service.tickets import KINDS, MAX_CONTACT_TRIES, missing_steps, state, ticket_number


@pytest.mark.rule("K1")
@pytest.mark.parametrize("role", ROLES)
def test_every_role_may_open_a_ticket(role):
    assert role in KINDS["ticket.open"].roles


@pytest.mark.rule("K1")
def test_the_author_is_first_responder_and_begins_as_handler():
    ticket = opened()
    assert ticket.row.first_responder_id == ticket.row.handler_id == ANA


@pytest.mark.rule("K2")
@pytest.mark.clause("F12")
@pytest.mark.parametrize(
    "payload",
    [{"contact": None}, {"contact": ""}, {"details": "  "}, {"channel": "fax"}, {"matter": "x"}],
)
def test_a_ticket_says_how_to_reach_the_resident_and_what_it_is_about(payload):
    assert opened(**payload).row is None


@pytest.mark.rule("K2")
def test_no_contact_is_fine_with_a_reason_and_no_details_with_a_photo():
    assert opened(contact=None, declined_because="would not say").row
    assert opened(details="", photos=["0" * 64]).row.photos == ["0" * 64]


@pytest.mark.rule("K3")
def test_a_revision_carries_only_what_it_changes():
    ticket = opened()
    ticket.take(op("ticket.revise", payload={"urgency": "urgent"}, base=1))
    assert (ticket.row.urgency, ticket.row.details) == ("urgent", "A leak")
    assert ticket.take(op("ticket.revise", base=2)) == Refused("nothing-changed")


def test_the_number_follows_from_the_id_so_a_phone_can_tell_it_offline():
    subject = "01a2088b-e048-76db-9972-51f2edac7674"
    assert (
        ticket_number(subject)
        == ticket_number(subject.upper())
        != ticket_number(subject[:-1] + "5")
    )


def test_an_op_is_immutable():
    with pytest.raises(AttributeError):
        op("ticket.open").by = BEN
    assert Op.__dataclass_params__.frozen


FIRM, HEIR = str(uuid4()), str(uuid4())


def told(ticket, kind, by=ANA, minutes=0, **payload):
    return ticket.take(op(f"ticket.{kind}", by=by, minutes=minutes, payload=payload))


def word(ticket):
    return state(vars(ticket.row))


def lacks(ticket):
    return missing_steps(vars(ticket.row))


@pytest.mark.rule("K4", "K7")
@pytest.mark.clause("F9")
def test_handing_over_names_somebody_and_never_moves_the_first_responder():
    ticket = opened()
    told(ticket, "hand_over", by=BEN, minutes=1, handler_id=CHU)
    assert (ticket.row.handler_id, ticket.row.first_responder_id) == (CHU, ANA)
    assert word(ticket) == "handed_over" and ticket_lists.awaits_acceptance(ticket.row)
    stolen = op("ticket.amend", payload={"first_responder_id": CHU})
    assert ticket.take(stolen) == Quarantined("malformed")


@pytest.mark.rule("K7")
@pytest.mark.clause("E3")
@pytest.mark.clause("F3")
@pytest.mark.parametrize(
    "said",
    [
        {},
        {"contractor_id": FIRM},
        {"accountable_id": BEN},
        {"handler_id": BEN, "role": "cleaner"},
        {"outcome": "told to contact the firm"},
    ],
)
def test_nobody_is_sent_elsewhere_and_no_firm_answers_alone(said):
    """No receiver, two receivers, a firm without one of ours, an outcome that is not there."""
    ticket = opened()
    assert told(ticket, "hand_over", **said) == Quarantined("malformed")


@pytest.mark.rule("K7")
@pytest.mark.clause("E3")
def test_a_firm_handles_while_one_of_ours_answers():
    ticket = opened()
    told(ticket, "hand_over", minutes=1, contractor_id=FIRM, accountable_id=BEN)
    row = ticket.row
    assert (row.contractor_id, row.accountable_id, row.handler_id) == (FIRM, BEN, BEN)
    assert (ticket_lists.open_steward_id(row), row.first_responder_id) == (ANA, ANA)


@pytest.mark.rule("K9")
def test_whoever_was_named_accepts_or_gives_it_back():
    ticket = opened()
    told(ticket, "hand_over", minutes=1, handler_id=CHU)
    odd = told(ticket, "accept", by=BEN, minutes=2)
    assert odd == Accepted(odd.changes, flag="not-the-handler") and ticket_lists.awaits_acceptance(
        ticket.row
    )
    told(ticket, "accept", by=CHU, minutes=3)
    assert word(ticket) == "in_progress"
    told(ticket, "give_back", by=CHU, minutes=4, reason="off duty")
    assert (ticket.row.handler_id, word(ticket)) == (ANA, "in_progress")


@pytest.mark.rule("K7")
@pytest.mark.clause("F19")
def test_what_is_handed_to_a_post_stays_with_the_giver_until_one_of_them_accepts():
    ticket = opened()
    told(ticket, "hand_over", minutes=1, role="guard")
    assert ticket_lists.open_handler_id(ticket.row) == ANA and ticket_lists.awaits_acceptance(
        ticket.row
    )
    told(ticket, "accept", by=CHU, minutes=2)
    assert ticket_lists.open_handler_id(ticket.row) == CHU and not ticket_lists.awaits_acceptance(
        ticket.row
    )


@pytest.mark.rule("K11")
@pytest.mark.clause("F10")
def test_received_for_somebody_absent_it_stays_with_whoever_received_it():
    ticket = opened()
    told(ticket, "hold", minutes=1, for_id=CHU)
    assert (word(ticket), ticket.row.handler_id) == ("proxy_held", ANA)
    assert ticket_lists.held_for_on_duty([ticket.row], {BEN: 1}) == []
    assert ticket_lists.held_for_on_duty([ticket.row], {CHU: 1}) == [ticket.row]
    told(ticket, "hand_over", minutes=2, handler_id=CHU)
    assert (word(ticket), ticket.row.first_responder_id) == ("handed_over", ANA)


@pytest.mark.rule("K12")
@pytest.mark.clause("F11")
@pytest.mark.parametrize("why", ["unclear", "urgent", "major"])
def test_what_goes_up_keeps_its_first_responder(why):
    ticket = opened()
    told(ticket, "escalate", minutes=1, to_id=BEN, reason=why)
    assert (word(ticket), ticket.row.handler_id) == ("escalated", BEN)
    assert ticket_lists.open_steward_id(ticket.row) == ANA
    assert told(ticket, "escalate", to_id=BEN, reason="tired") == Quarantined("malformed")


@pytest.mark.rule("K10", "K13")
@pytest.mark.clause("F6")
def test_passed_on_tracked_done_and_answered_and_only_then_closed():
    ticket = opened()
    told(ticket, "hand_over", minutes=1, handler_id=CHU)
    told(ticket, "accept", by=CHU, minutes=2)
    told(ticket, "resolve", by=CHU, minutes=3, how="mended")
    assert (word(ticket), lacks(ticket)) == ("resolved", ["follow-up", "feedback"])
    told(ticket, "feed_back", minutes=4, reaction="unsatisfied")
    assert (word(ticket), ticket.row.handler_id) == ("in_progress", CHU)
    assert lacks(ticket) == ["resolution", "follow-up", "feedback"]
    told(ticket, "resolve", by=CHU, minutes=5, how="mended well")
    told(ticket, "feed_back", minutes=6, reaction="satisfied", marks={"patience": "good"})
    assert lacks(ticket) == ["follow-up"]
    told(ticket, "follow", minutes=7, text="looked at it myself")
    assert (word(ticket), ticket.row.closed_at) == ("closed", NOON + timedelta(minutes=7))


@pytest.mark.rule("K10")
@pytest.mark.clause("F5")
def test_feedback_before_the_work_closes_nothing():
    ticket = opened()
    early = told(ticket, "feed_back", minutes=1, reaction="satisfied")
    assert early.flag == "feedback-too-early"
    told(ticket, "resolve", minutes=2, how="mended")
    assert (word(ticket), lacks(ticket)) == ("resolved", ["feedback"])


@pytest.mark.rule("K10")
def test_a_resident_who_is_not_reached_is_tried_several_times():
    ticket = opened()
    told(ticket, "resolve", minutes=1, how="mended")
    for n in range(MAX_CONTACT_TRIES):
        assert word(ticket) == "resolved"
        told(ticket, "feed_back", minutes=2 + n, reaction="unreachable")
    assert word(ticket) == "closed"


@pytest.mark.rule("K13")
@pytest.mark.clause("F15")
def test_a_delegate_says_why_and_never_becomes_first_responder():
    ticket = opened()
    told(ticket, "resolve", minutes=1, how="mended")
    odd = told(ticket, "feed_back", by=BEN, minutes=2, reaction="satisfied")
    assert odd.flag == "feedback-without-reason" and word(ticket) == "resolved"
    told(ticket, "feed_back", by=BEN, minutes=3, reaction="satisfied", because="Ana is ill")
    row = ticket.row
    assert (row.feedback_by_id, row.first_responder_id, word(ticket)) == (BEN, ANA, "closed")


@pytest.mark.rule("K6")
@pytest.mark.clause("F2")
@pytest.mark.clause("F8")
@pytest.mark.parametrize(
    ("said", "became"),
    [
        ({"reaction": "satisfied"}, "closed"),
        ({}, "resolved"),
        ({"reaction": "unsatisfied"}, "received"),
        ({"channel": "on_round"}, "closed"),
    ],
)
def test_settled_on_the_spot_it_ends_with_the_reaction_of_whoever_asked(said, became):
    assert word(opened(done_on_the_spot="wiped at once", **said)) == became


@pytest.mark.rule("K6")
@pytest.mark.clause("C12")
def test_what_was_put_right_on_the_spot_is_answered_by_whoever_saw_it_first():
    ticket = opened(done_on_the_spot="wiped at once", channel="on_round")
    row = ticket.row
    assert (row.resolved_at, row.resolved_how) == (NOON, "wiped at once")
    assert (row.first_responder_id, row.closed_at) == (ANA, NOON)


@pytest.mark.rule("K14")
@pytest.mark.clause("F14")
def test_a_question_that_was_answered_is_part_of_the_story_even_afterwards():
    ticket = opened(done_on_the_spot="wiped", channel="on_round")
    assert told(ticket, "enquire", by=CHU, minutes=9, who="Mr Fir", answered="done") == Accepted(
        ticket.history[-1].changes
    )
    last = ticket.row.timeline[-1]
    assert (last["kind"], last["text"], last["by_id"]) == ("enquire", "done", CHU)
    assert word(ticket) == "closed"


@pytest.mark.rule("K15")
@pytest.mark.clause("F13")
def test_things_are_registered_passed_on_and_given_back_before_it_ends():
    ticket = opened(has_items=True)
    assert (word(ticket), lacks(ticket)) == ("draft", ["item", "resolution", "feedback"])
    told(ticket, "register", minutes=1, item="black bag", condition="torn", quantity=2)
    told(ticket, "pass_on", by=BEN, minutes=2, item="black bag", to="safe in the office")
    told(ticket, "pass_on", minutes=2, item="no such thing", to="x")
    told(ticket, "resolve", minutes=3, how="found its owner")
    told(ticket, "feed_back", minutes=4, reaction="satisfied")
    assert (word(ticket), lacks(ticket)) == ("resolved", ["return"])
    told(ticket, "return_item", minutes=5, item="black bag", to="Mr Fir")
    bag = ticket.row.things["black bag"]
    assert [link["to"] for link in bag["chain"]] == [None, "safe in the office", "Mr Fir"]
    assert (bag["condition"], bag["quantity"], word(ticket)) == ("torn", 2, "closed")


@pytest.mark.rule("K16")
@pytest.mark.clause("F7")
def test_what_comes_up_again_is_the_same_matter():
    ticket = opened(done_on_the_spot="wiped", channel="on_round")
    number_ = ticket.row.number
    told(ticket, "reopen", by=CHU, minutes=5, reason="wet again")
    row = ticket.row
    assert (word(ticket), row.number, row.handler_id) == ("in_progress", number_, ANA)
    assert lacks(ticket) == ["resolution", "feedback"]


@pytest.mark.rule("K8")
def test_what_is_done_after_the_end_is_kept_and_asks_for_a_look():
    ticket = opened(done_on_the_spot="wiped", channel="on_round")
    late = told(ticket, "hand_over", minutes=5, handler_id=BEN)
    assert late.flag == "after-the-end" and ticket.row.handler_id == ANA
    assert ticket.row.timeline[-1]["aside"] is True
    revised = op("ticket.revise", payload={"details": "More"}, base=2)
    assert ticket.take(revised) == Refused("closed")


@pytest.mark.rule("K5")
@pytest.mark.rule("M2")
def test_a_handover_and_a_revision_at_once_both_stand():
    ticket = opened()
    told(ticket, "hand_over", by=BEN, minutes=1, handler_id=CHU)
    verdict = ticket.take(op("ticket.revise", payload={"details": "A big leak"}, base=1))
    assert isinstance(verdict, Merged)
    assert (ticket.row.handler_id, ticket.row.details) == (CHU, "A big leak")
    assert told(ticket, "amend", by=BEN, details="As settled") == Accepted(
        {"details": "As settled"}
    )


def of_two_phones():
    """What the cleaner's and the electrician's phones hold, both without a signal."""
    return [
        op("ticket.hand_over", by=ANA, minutes=1, payload={"handler_id": CHU}),
        op("ticket.accept", by=CHU, minutes=2),
        op("ticket.give_back", by=CHU, minutes=3, payload={"reason": "off duty"}),
        op("ticket.resolve", by=ANA, minutes=4, payload={"how": "mended"}),
        op("ticket.follow", by=ANA, minutes=5, payload={"text": "looked"}),
        op("ticket.feed_back", by=ANA, minutes=6, payload={"reaction": "satisfied"}),
    ]


@pytest.mark.rule("K8")
def test_every_order_of_two_offline_phones_ends_in_the_same_ticket():
    ends, events = set(), of_two_phones()
    opening = op("ticket.open", payload={**SAID})
    for order in permutations(events):
        ticket = Record("ticket")
        for event in (opening, *order):
            ticket.take(event)
        assert word(ticket) == "closed"
        ends.add(repr(sorted(vars(ticket.row).items())))
    assert len(ends) == 1


SAID = {"channel": "phone", "matter": "report", "contact": "gate", "details": "A leak"}


def merged(one, other):
    """Put `other` to `one`, and what follows from it to whom it is about."""
    made = op("ticket.merge", one.row.id, by=BEN, payload={"other_id": other.row.id})
    verdict = one.take(Op(**{**fields(made), "beside": {other.row.id: other.row}}))
    for follow in verdict.followups if isinstance(verdict, Accepted) else ():
        next(t for t in (one, other) if t.row.id == follow.subject).take(follow)
    return verdict


def fields(made):
    return {name: getattr(made, name) for name in Op.__dataclass_fields__}


def ticket_of(by, minutes):
    ticket = Record("ticket")
    ticket.take(op("ticket.open", by=by, minutes=minutes, payload=SAID))
    return ticket


@pytest.mark.rule("K17")
@pytest.mark.clause("F7")
@pytest.mark.clause("F16")
@pytest.mark.parametrize("from_the_later", [True, False])
def test_two_who_registered_the_same_become_the_earlier_one(from_the_later):
    first, second = ticket_of(ANA, 0), ticket_of(CHU, 7)
    assert ticket_lists.possible_duplicates(first.row, [first.row, second.row]) == [second.row]
    merged(*((second, first) if from_the_later else (first, second)))
    assert (first.row.first_responder_id, first.row.co_receiver_ids) == (ANA, [CHU])
    assert first.row.numbers == [first.row.number, second.row.number]
    assert (word(first), word(second)) == ("received", "merged")
    assert (
        second.row.merged_into == first.row.id and ticket_lists.open_handler_id(second.row) is None
    )
    assert merged(second, first) == Refused("already-merged")


@pytest.mark.rule("K17")
def test_a_third_registration_brings_its_numbers_along():
    first, second, third = ticket_of(ANA, 0), ticket_of(CHU, 7), ticket_of(BEN, 3)
    merged(second, third)
    merged(first, third)
    assert first.row.co_receiver_ids == [BEN, CHU]
    assert len(set(first.row.numbers)) == 3


@pytest.mark.rule("K18")
@pytest.mark.clause("F4")
def test_whoever_leaves_hands_on_what_they_answer_for_and_history_stays():
    ticket = opened()
    person = SimpleNamespace(active_to=None)
    made = op("ticket.succeed", by=BEN, payload={"from_id": ANA, "to_id": HEIR})
    gone = Op(**{**fields(made), "beside": {HEIR: SimpleNamespace(active_to=NOON)}})
    assert ticket.take(gone) == Refused("no-such-person")
    ticket.take(Op(**{**fields(made), "beside": {HEIR: person}}))
    row = ticket.row
    assert (row.first_responder_id, row.steward_id, row.handler_id) == (ANA, HEIR, HEIR)
    told(ticket, "resolve", by=HEIR, minutes=1, how="mended")
    told(ticket, "feed_back", by=HEIR, minutes=2, reaction="satisfied")
    assert (word(ticket), ticket.row.first_responder_id) == ("closed", ANA)


@pytest.mark.rule("K19")
@pytest.mark.clause("E4")
def test_a_promise_is_due_to_the_second_and_whoever_handles_it_changes_nothing():
    due = NOON + timedelta(hours=2)
    ticket = opened(promised_at=due.isoformat())
    told(ticket, "hand_over", minutes=1, contractor_id=FIRM, accountable_id=BEN)
    just_before = due - timedelta(milliseconds=1)
    assert ticket_lists.is_due_soon(ticket.row, just_before) and not ticket_lists.is_breached(
        ticket.row, just_before
    )
    assert ticket_lists.is_breached(ticket.row, due)
    on = {n for n, f in ticket_lists.TICKET_LISTS.items() if f(ticket.row, ANA, due)}
    assert on == {"answering", "breached", "waiting", "open"}
    told(ticket, "promise", minutes=90, promised_at=(due + timedelta(days=2)).isoformat())
    assert not ticket_lists.is_breached(ticket.row, due)


@pytest.mark.rule("K20")
@pytest.mark.clause("F1")
def test_an_open_matter_is_on_one_handlers_list_and_on_its_stewards():
    ticket = opened()
    everybody = [ANA, BEN, CHU]
    for n, (kind, said) in enumerate(
        [("hand_over", {"role": "guard"}), ("hold", {"for_id": BEN}), ("resolve", {"how": "ok"})]
    ):
        told(ticket, kind, minutes=n + 1, **said)
        handling = [
            p for p in everybody if ticket_lists.TICKET_LISTS["handling"](ticket.row, p, NOON)
        ]
        stewards = [
            p for p in everybody if ticket_lists.TICKET_LISTS["answering"](ticket.row, p, NOON)
        ]
        assert (handling, stewards) == ([ANA], [ANA])
