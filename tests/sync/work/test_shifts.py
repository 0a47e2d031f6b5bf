"""Shifts: starting with a question, ending with open items, taking over with a signature."""

from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync import RECORD_TYPES, Accepted, Quarantined
from sync.protocol.clock import format_time
from sync.work.shifts import MAX_SHIFT, overlapping_shifts
from tests.sync.builders import ANA, BEN, CHU, NOON, InMemoryRecord, make_op

TASK = f"task:{uuid4()}"


def begun_shift(**payload):
    shift = InMemoryRecord("shift")
    shift.apply(make_op("shift.open", payload={"uniform": True, **payload}))
    return shift


def shift_state(shift):
    return RECORD_TYPES["shift"].state(vars(shift.row))


@pytest.mark.rule("S1")
@pytest.mark.clause("D1")
@pytest.mark.parametrize(
    ("payload", "flag"),
    [
        ({"uniform": True}, None),
        ({"uniform": False, "note": "in the wash"}, None),
        ({"uniform": False}, "note-missing"),
        ({"uniform": False, "note": "  "}, "note-missing"),
    ],
)
def test_a_shift_starts_with_or_without_work_clothes(payload, flag):
    shift = InMemoryRecord("shift")
    verdict = shift.apply(make_op("shift.open", payload=payload))
    assert isinstance(verdict, Accepted) and verdict.flag == flag
    assert shift_state(shift) == "open"
    assert (shift.row.person_id, shift.row.uniform) == (ANA, payload["uniform"])


@pytest.mark.clause("D1")
def test_a_photo_in_the_start_of_a_shift_is_malformed():
    assert InMemoryRecord("shift").apply(
        make_op("shift.open", payload={"uniform": False, "photos": ["0" * 64]})
    ) == Quarantined("malformed")


@pytest.mark.rule("S2")
def test_the_end_of_a_shift_records_unsent_ops_and_open_items():
    shift = begun_shift()
    shift.apply(
        make_op("shift.close", minutes=400, payload={"unsent": 3, "open_items": {TASK: "Mop"}})
    )
    assert (shift.row.unsent, shift.row.open_items) == (3, {TASK: "Mop"})
    assert shift_state(shift) == "closed"
    assert RECORD_TYPES["shift"].visible_until(vars(shift.row)) == format_time(shift.row.closed_at)


@pytest.mark.rule("S3")
def test_a_hand_over_records_the_next_person_and_the_open_items():
    shift = begun_shift()
    verdict = shift.apply(make_op("shift.hand_over", payload={"to": BEN, "items": {TASK: "Mop"}}))
    assert (verdict.flag, shift_state(shift)) == (None, "handed_over")
    assert (shift.row.handed_to_id, shift.row.items) == (BEN, {TASK: "Mop"})
    by_another = shift.apply(make_op("shift.hand_over", by=CHU, payload={"to": BEN}))
    assert by_another.flag == "handed-over-by-another"


@pytest.mark.rule("S4")
def test_only_the_signature_of_the_next_person_counts():
    shift = begun_shift()
    shift.apply(make_op("shift.hand_over", minutes=1, payload={"to": BEN}))
    wrong = shift.apply(make_op("shift.take_over", by=CHU, minutes=2))
    assert (wrong.flag, shift_state(shift)) == ("signed-by-another", "handed_over")
    right = shift.apply(make_op("shift.take_over", by=BEN, minutes=3))
    assert (right.flag, shift_state(shift)) == (None, "closed")
    assert shift.row.taken_over_by_id == BEN


def test_a_signature_does_not_count_for_a_later_hand_over():
    shift = begun_shift()
    shift.apply(make_op("shift.hand_over", minutes=1, payload={"to": BEN}))
    shift.apply(make_op("shift.take_over", by=BEN, minutes=2))
    shift.apply(make_op("shift.hand_over", minutes=3, payload={"to": CHU}))
    assert (shift_state(shift), shift.row.taken_over_at) == ("handed_over", None)


@pytest.mark.parametrize(
    "items", [{"not an item": "x"}, {TASK: "x" * 121}, {f"task:{uuid4()}": "x" for _ in range(201)}]
)
def test_a_malformed_list_of_open_items_is_quarantined(items):
    verdict = begun_shift().apply(make_op("shift.hand_over", payload={"to": BEN, "items": items}))
    assert verdict == Quarantined("malformed")


def test_phones_stop_showing_a_shift_that_nobody_ended():
    assert RECORD_TYPES["shift"].visible_until(vars(begun_shift().row)) == format_time(
        NOON + MAX_SHIFT
    )


MINUTES = st.integers(1, 600)
FACTS = st.one_of(
    st.tuples(st.just("shift.close"), MINUTES, st.sampled_from([ANA, BEN]), st.just(None)),
    st.tuples(st.just("shift.hand_over"), MINUTES, st.just(ANA), st.sampled_from([BEN, CHU])),
    st.tuples(st.just("shift.take_over"), MINUTES, st.sampled_from([BEN, CHU]), st.just(None)),
)


@pytest.mark.rule("S5")
@pytest.mark.rule("L1")
@given(st.lists(FACTS, max_size=7), st.randoms(use_true_random=False))
def test_a_shift_is_the_same_in_any_order_of_its_facts(facts, dice):
    ops = [
        make_op(kind, by=by, minutes=minutes, payload={"to": to} if to else {})
        for kind, minutes, by, to in facts
    ]
    opening = make_op("shift.open", payload={"uniform": False, "note": "torn"})
    rows = []
    for _ in range(3):
        shift = InMemoryRecord("shift")
        shift.apply(opening)
        dice.shuffle(ops)
        assert all(isinstance(shift.apply(op), Accepted) for op in ops)
        rows.append({**vars(shift.row), "state": shift_state(shift)})
    assert rows[0] == rows[1] == rows[2]
    closings = [op.occurred_at for op in ops if op.kind == "shift.close"]
    assert rows[0]["closed_at"] == min(closings, default=None)
    hand_overs = sorted(
        (op for op in ops if op.kind == "shift.hand_over"),
        key=lambda op: (op.occurred_at, op.id),
    )
    assert rows[0]["handed_to_id"] == (hand_overs[-1].payload["to"] if hand_overs else None)
    assert rows[0]["taken_over_by_id"] in (None, rows[0]["handed_to_id"])


SPANS = st.lists(
    st.tuples(st.sampled_from([ANA, BEN]), st.sampled_from("AB"), st.integers(0, 60), MINUTES),
    max_size=6,
)


@pytest.mark.rule("S6")
@given(SPANS, st.randoms(use_true_random=False))
def test_overlapping_shifts_on_two_phones_are_marked_and_no_others(spans, dice):
    shifts, phones, hours = [], {}, {}
    for person, phone, start, minutes in spans:
        shift = InMemoryRecord("shift")
        shift.apply(make_op("shift.open", by=person, minutes=start * 10, payload={"uniform": True}))
        shift.apply(make_op("shift.close", by=person, minutes=start * 10 + minutes))
        shift.row.id = str(uuid4())
        shifts.append(shift.row)
        phones[shift.row.id] = phone
        hours[shift.row.id] = set(range(start * 10, start * 10 + minutes))
    expected = {
        shift_row.id
        for shift_row in shifts
        for other in shifts
        if shift_row.person_id == other.person_id
        and phones[shift_row.id] != phones[other.id]
        and hours[shift_row.id] & hours[other.id]
    }
    dice.shuffle(shifts)
    assert overlapping_shifts(shifts, phones) == expected


def test_a_shift_that_was_not_ended_does_not_overlap_the_next_day():
    old, new = begun_shift().row, begun_shift().row
    old.id, new.id = "old", "new"
    new.opened_at = NOON + MAX_SHIFT + timedelta(minutes=1)
    assert overlapping_shifts([old, new], {"old": "A", "new": "B"}) == set()
    new.opened_at = NOON + timedelta(hours=1)
    assert overlapping_shifts([old, new], {"old": "A", "new": "B"}) == {"old", "new"}
    assert overlapping_shifts([old, new], {"old": "A", "new": "A"}) == set()


@pytest.mark.rule("S7")
def test_a_note_goes_with_the_handover():
    shift = InMemoryRecord("shift")
    shift.apply(make_op("shift.open", by=ANA, payload={"uniform": True, "note": "early"}))
    said = {"to": BEN, "handover_note": " the pump hums "}
    shift.apply(make_op("shift.hand_over", by=ANA, minutes=5, payload=said))
    assert (shift.row.note, shift.row.handover_note) == ("early", "the pump hums")
