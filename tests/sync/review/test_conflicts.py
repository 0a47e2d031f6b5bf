"""Merging of decisions, and the resolution of conflicts."""

import pytest

from sync import Accepted, Contested, Merged, Quarantined, Refused
from sync.protocol.conflict_resolution import to_json_value
from tests.sync.builders import BEN, InMemoryRecord, make_op, opened_ticket


def revise_op(**payload):
    return make_op("ticket.revise", payload=payload, base=1)


@pytest.mark.rule("M1")
def test_a_decision_is_judged_by_the_version_its_author_saw():
    ticket = opened_ticket()
    ticket.apply(revise_op(urgency="urgent"))
    late = revise_op(urgency="urgent")
    assert isinstance(ticket.apply(late), Merged)


@pytest.mark.rule("M2")
def test_changes_to_other_fields_and_equal_values_are_merged():
    ticket = opened_ticket()
    ticket.apply(revise_op(urgency="urgent"))
    assert ticket.apply(revise_op(details="More")).rule == "other-fields"
    assert ticket.apply(revise_op(urgency="urgent")).rule == "same-value"


@pytest.mark.rule("M3")
def test_another_value_of_the_same_field_is_contested():
    ticket = opened_ticket()
    ticket.apply(revise_op(details="First"))
    verdict = ticket.apply(revise_op(details="Second"))
    assert isinstance(verdict, Contested)
    assert verdict.base == {"details": "A leak"}
    assert verdict.theirs == {"details": "First"}
    assert verdict.incoming == {"details": "Second"}
    assert ticket.row.details == "First"


def test_a_base_newer_than_the_record_counts_as_current():
    assert isinstance(
        opened_ticket().apply(make_op("ticket.revise", payload={"details": "x"}, base=9)), Accepted
    )


def open_conflict(**sides):
    record = InMemoryRecord("merge")
    values = {
        "base": {},
        "theirs": {"details": "First"},
        "incoming": {"details": "Second"},
        **sides,
    }
    identity = {"op_id": make_op("x").id, "subject": make_op("x").id, "subject_type": "ticket"}
    record.apply(make_op("merge.open", payload={**identity, "rule": "same-field", **values}))
    return record


@pytest.mark.rule("M4")
def test_a_conflict_waits_with_both_sides():
    record = open_conflict()
    assert record.row.settled_at is None
    assert record.row.theirs != record.row.incoming
    merged = InMemoryRecord("merge")
    identity = {"op_id": make_op("x").id, "subject": make_op("x").id, "subject_type": "ticket"}
    sides = {"base": {}, "theirs": {}, "incoming": {}, "stands": True}
    merged.apply(make_op("merge.open", payload={**identity, "rule": "other-fields", **sides}))
    assert merged.row.settled_at


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
def test_the_desk_takes_one_side_both_or_a_third_value(payload, written):
    record = open_conflict()
    verdict = record.apply(make_op("merge.settle", by=BEN, payload=payload))
    assert [followup.payload for followup in verdict.followups] == ([written] if written else [])
    assert record.apply(make_op("merge.settle", payload=payload)) == Refused("already-settled")


@pytest.mark.rule("M5")
def test_values_that_cannot_be_combined_are_refused():
    record = open_conflict(theirs={"urgency": "normal"}, incoming={"urgency": "urgent"})
    combined = record.apply(make_op("merge.settle", payload={"take": "both"}))
    assert combined == Refused("cannot-stand-together")
    without_value = record.apply(make_op("merge.settle", payload={"take": "value"}))
    assert without_value == Quarantined("malformed")


@pytest.mark.rule("M6")
def test_undoing_a_resolution_restores_the_previous_values():
    record = open_conflict()
    assert record.apply(make_op("merge.reopen")) == Refused("not-settled")
    record.apply(make_op("merge.settle", payload={"take": "incoming"}))
    undone = record.apply(make_op("merge.reopen"))
    assert [followup.payload for followup in undone.followups] == [{"details": "First"}]
    assert record.row.settled_at is None
    assert isinstance(record.apply(make_op("merge.settle", payload={"take": "theirs"})), Accepted)


def test_values_are_stored_as_json():
    moment = make_op("x").occurred_at
    assert to_json_value({"at": moment, "in": [moment]}) == {
        "at": "2026-11-24T12:00:00.000Z",
        "in": ["2026-11-24T12:00:00.000Z"],
    }
