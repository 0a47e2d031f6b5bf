"""Tickets: first contact."""

import pytest
from stage import ANA, BEN, CHU, NOON, op, opened

from sync import Merged, Quarantined, Refused
from sync.feed import ROLES
from sync.op import Op
from sync.tickets import KINDS, number, state


@pytest.mark.rule("K1")
@pytest.mark.parametrize("role", ROLES)
def test_every_role_may_open_a_ticket(role):
    assert role in KINDS["ticket.open"].roles


@pytest.mark.rule("K1")
def test_the_author_is_first_responder_and_begins_as_handler():
    ticket = opened()
    assert ticket.row.first_responder_id == ticket.row.handler_id == ANA


@pytest.mark.rule("K2")
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


@pytest.mark.rule("K4")
def test_handing_over_never_moves_the_first_responder():
    ticket = opened()
    ticket.take(op("ticket.hand_over", by=BEN, payload={"handler_id": CHU}, base=1))
    assert (ticket.row.handler_id, ticket.row.first_responder_id) == (CHU, ANA)
    again = op("ticket.hand_over", by=BEN, payload={"handler_id": CHU}, base=2)
    assert ticket.take(again) == Refused("same-handler")
    stolen = op("ticket.amend", payload={"first_responder_id": CHU})
    assert ticket.take(stolen) == Quarantined("malformed")


@pytest.mark.rule("K5")
@pytest.mark.rule("M2")
def test_a_handover_and_a_revision_at_once_both_stand():
    ticket = opened()
    ticket.take(op("ticket.amend", by=BEN, payload={"handler_id": CHU}, base=1))
    verdict = ticket.take(op("ticket.revise", payload={"details": "A big leak"}, base=1))
    assert isinstance(verdict, Merged)
    assert (ticket.row.handler_id, ticket.row.details) == (CHU, "A big leak")


def test_the_number_follows_from_the_id_so_a_phone_can_tell_it_offline():
    subject = "01a2088b-e048-76db-9972-51f2edac7674"
    assert number(subject) == number(subject.upper()) != number(subject[:-1] + "5")


def test_an_op_is_immutable():
    with pytest.raises(AttributeError):
        op("ticket.open").by = BEN
    assert Op.__dataclass_params__.frozen


@pytest.mark.rule("K6")
@pytest.mark.clause("C12")
def test_what_was_put_right_on_the_spot_is_settled_by_whoever_saw_it_first():
    ticket = opened(done_on_the_spot="wiped at once")
    assert (ticket.row.settled_at, ticket.row.settled_how) == (NOON, "wiped at once")
    assert state(vars(ticket.row)) == "settled"
    assert ticket.row.first_responder_id == ANA
    assert state(vars(opened().row)) == "open"
