"""Merging and settling."""

import pytest
from stage import BEN, Record, op, opened

from sync import Accepted, Contested, Merged, Quarantined, Refused
from sync.protocol.conflict_resolution import to_json_value


def revise(**payload):
    return op("ticket.revise", payload=payload, base=1)


@pytest.mark.rule("M1")
def test_a_decision_is_judged_by_what_its_author_saw():
    ticket = opened()
    ticket.take(revise(urgency="urgent"))
    late = revise(urgency="urgent")
    assert isinstance(ticket.take(late), Merged)


@pytest.mark.rule("M2")
def test_other_fields_and_same_values_stand_together():
    ticket = opened()
    ticket.take(revise(urgency="urgent"))
    assert ticket.take(revise(details="More")).rule == "other-fields"
    assert ticket.take(revise(urgency="urgent")).rule == "same-value"


@pytest.mark.rule("M3")
def test_the_same_field_with_another_value_is_contested_and_the_current_stands():
    ticket = opened()
    ticket.take(revise(details="First"))
    verdict = ticket.take(revise(details="Second"))
    assert isinstance(verdict, Contested)
    assert verdict.base == {"details": "A leak"}
    assert verdict.theirs == {"details": "First"}
    assert verdict.incoming == {"details": "Second"}
    assert ticket.row.details == "First"


def test_a_base_ahead_of_ours_is_simply_current():
    assert isinstance(
        opened().take(op("ticket.revise", payload={"details": "x"}, base=9)), Accepted
    )


def merge(**sides):
    record = Record("merge")
    both = {"base": {}, "theirs": {"details": "First"}, "incoming": {"details": "Second"}, **sides}
    about = {"op_id": op("x").id, "subject": op("x").id, "subject_type": "ticket"}
    record.take(op("merge.open", payload={**about, "rule": "same-field", **both}))
    return record


@pytest.mark.rule("M4")
def test_a_merge_waits_with_both_sides():
    record = merge()
    assert record.row.settled_at is None
    assert record.row.theirs != record.row.incoming
    stands = Record("merge")
    about = {"op_id": op("x").id, "subject": op("x").id, "subject_type": "ticket"}
    sides = {"base": {}, "theirs": {}, "incoming": {}, "stands": True}
    stands.take(op("merge.open", payload={**about, "rule": "other-fields", **sides}))
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
    record = merge()
    verdict = record.take(op("merge.settle", by=BEN, payload=payload))
    assert [follow.payload for follow in verdict.followups] == ([written] if written else [])
    assert record.take(op("merge.settle", payload=payload)) == Refused("already-settled")


@pytest.mark.rule("M5")
def test_what_cannot_stand_together_is_not_taken_together():
    record = merge(theirs={"urgency": "normal"}, incoming={"urgency": "urgent"})
    taken = record.take(op("merge.settle", payload={"take": "both"}))
    assert taken == Refused("cannot-stand-together")
    valueless = record.take(op("merge.settle", payload={"take": "value"}))
    assert valueless == Quarantined("malformed")


@pytest.mark.rule("M6")
def test_a_settlement_is_undone_and_what_stood_stands_again():
    record = merge()
    assert record.take(op("merge.reopen")) == Refused("not-settled")
    record.take(op("merge.settle", payload={"take": "incoming"}))
    undone = record.take(op("merge.reopen"))
    assert [follow.payload for follow in undone.followups] == [{"details": "First"}]
    assert record.row.settled_at is None
    assert isinstance(record.take(op("merge.settle", payload={"take": "theirs"})), Accepted)


def test_values_are_kept_as_json():
    when = op("x").occurred_at
    assert to_json_value({"at": when, "in": [when]}) == {
        "at": "2026-11-24T12:00:00.000Z",
        "in": ["2026-11-24T12:00:00.000Z"],
    }
