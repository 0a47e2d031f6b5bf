"""Merging and settling."""

import pytest

from sync import Accepted, Contested, Merged, Quarantined, Refused
from sync.protocol.conflict_resolution import to_json_value
from tests.sync.builders import BEN, InMemoryRecord, make_op, opened_ticket


def revise_op(**payload):
    return make_op("ticket.revise", payload=payload, base=1)


@pytest.mark.rule("M1")
def test_a_decision_is_judged_by_what_its_author_saw():
    ticket = opened_ticket()
    ticket.apply(revise_op(urgency="urgent"))
    late = revise_op(urgency="urgent")
    assert isinstance(ticket.apply(late), Merged)


@pytest.mark.rule("M2")
def test_other_fields_and_same_values_stand_together():
    ticket = opened_ticket()
    ticket.apply(revise_op(urgency="urgent"))
    assert ticket.apply(revise_op(details="More")).rule == "other-fields"
    assert ticket.apply(revise_op(urgency="urgent")).rule == "same-value"


@pytest.mark.rule("M3")
def test_the_same_field_with_another_value_is_contested_and_the_current_stands():
    ticket = opened_ticket()
    ticket.apply(revise_op(details="First"))
    verdict = ticket.apply(revise_op(details="Second"))
    assert isinstance(verdict, Contested)
    assert verdict.base == {"details": "A leak"}
    assert verdict.theirs == {"details": "First"}
    assert verdict.incoming == {"details": "Second"}
    assert ticket.row.details == "First"


def test_a_base_ahead_of_ours_is_simply_current():
    assert isinstance(
        opened_ticket().apply(make_op("ticket.revise", payload={"details": "x"}, base=9)), Accepted
    )


def open_conflict(**sides):
    record = InMemoryRecord("merge")
    both = {"base": {}, "theirs": {"details": "First"}, "incoming": {"details": "Second"}, **sides}
    about = {"op_id": make_op("x").id, "subject": make_op("x").id, "subject_type": "ticket"}
    record.apply(make_op("merge.open", payload={**about, "rule": "same-field", **both}))
    return record


@pytest.mark.rule("M4")
def test_a_merge_waits_with_both_sides():
    record = open_conflict()
    assert record.row.settled_at is None
    assert record.row.theirs != record.row.incoming
    stands = InMemoryRecord("merge")
    about = {"op_id": make_op("x").id, "subject": make_op("x").id, "subject_type": "ticket"}
    sides = {"base": {}, "theirs": {}, "incoming": {}, "stands": True}
    stands.apply(make_op("merge.open", payload={**about, "rule": "other-fields", **sides}))
    assert stands.row.settled_at


@pytest.mark.rule("M5")
@pytest.mark.parametrize(
    ("payload", "written"),
    [
        ({"take": "theirs"}, None),
        ({"take": "incoming"}, {"details": "Second"}),
        ({"take": "both"}, {"details": "First\nSecond"}),
        ({"take": "value", "value": {"details": "Third"}}, {"details": "Third"}),
    ],
)
def test_the_desk_takes_this_that_both_or_a_third(payload, written):
    record = open_conflict()
    verdict = record.apply(make_op("merge.settle", by=BEN, payload=payload))
    assert [follow.payload for follow in verdict.followups] == ([written] if written else [])
    assert record.apply(make_op("merge.settle", payload=payload)) == Refused("already-settled")


@pytest.mark.rule("M5")
def test_what_cannot_stand_together_is_not_taken_together():
    record = open_conflict(theirs={"urgency": "normal"}, incoming={"urgency": "urgent"})
    taken = record.apply(make_op("merge.settle", payload={"take": "both"}))
    assert taken == Refused("cannot-stand-together")
    valueless = record.apply(make_op("merge.settle", payload={"take": "value"}))
    assert valueless == Quarantined("malformed")


@pytest.mark.rule("M6")
def test_a_settlement_is_undone_and_what_stood_stands_again():
    record = open_conflict()
    assert record.apply(make_op("merge.reopen")) == Refused("not-settled")
    record.apply(make_op("merge.settle", payload={"take": "incoming"}))
    undone = record.apply(make_op("merge.reopen"))
    assert [follow.payload for follow in undone.followups] == [{"details": "First"}]
    assert record.row.settled_at is None
    assert isinstance(record.apply(make_op("merge.settle", payload={"take": "theirs"})), Accepted)


def test_values_are_kept_as_json():
    when = make_op("x").occurred_at
    assert to_json_value({"at": when, "in": [when]}) == {
        "at": "2026-11-24T12:00:00.000Z",
        "in": ["2026-11-24T12:00:00.000Z"],
    }
