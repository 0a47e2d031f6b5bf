"""Entries into homes: who was in there, however late it is told."""

import itertools
from uuid import uuid4

import pytest

from sync import RECORD_TYPES, Quarantined
from sync.gate.home_entries import VISIBLE_FOR, party_key
from sync.protocol.clock import format_time
from tests.sync.builders import ANA, CHU, NOON, InMemoryRecord, make_op

UNIT, FIRM = str(uuid4()), str(uuid4())


def enter_payload(minutes=0, **payload):
    said = {"unit": UNIT, "purpose": "Cable", **payload}
    return make_op("entry.begin", by=CHU, minutes=minutes, payload=said)


def recorded_entry(**payload):
    record = InMemoryRecord("entry")
    record.apply(enter_payload(**payload))
    return record


@pytest.mark.rule("J1")
@pytest.mark.clause("E1")
def test_whoever_writes_it_down_went_in_unless_another_is_named():
    assert recorded_entry().row.worker_id == CHU
    assert recorded_entry(worker_id=ANA).row.worker_id == ANA
    firm = recorded_entry(worker="Lu", contractor=FIRM)
    assert (firm.row.worker_id, firm.row.worker, firm.row.contractor) == (None, "Lu", FIRM)
    assert firm.row.recorded_by_id == CHU
    unnamed = recorded_entry(contractor=FIRM)
    assert (unnamed.row.worker_id, unnamed.row.worker) == (None, None)


@pytest.mark.rule("J1")
def test_what_was_said_at_the_door_last_counts_and_every_remark_stays():
    record = recorded_entry(resident_present=True, remarks="two boxes", acknowledgement="none")
    said = {"resident_present": False, "acknowledgement": "signature", "remarks": "done"}
    record.apply(make_op("entry.end", minutes=20, payload=said))
    row = record.row
    assert (row.resident_present, row.acknowledgement) == (False, "signature")
    assert row.remarks == "two boxes\ndone"
    assert RECORD_TYPES["entry"].state(vars(row)) == "out"
    assert RECORD_TYPES["entry"].visible_until(vars(row)) == format_time(row.out_at + VISIBLE_FOR)


@pytest.mark.rule("J2")
def test_the_earliest_end_after_the_beginning_counts_in_any_order():
    begun = enter_payload()
    ends = [make_op("entry.end", minutes=m) for m in (40, -10, 30)]
    for order in itertools.permutations(ends):
        record = InMemoryRecord("entry")
        record.apply(begun)
        flags = {record.apply(end).flag for end in order}
        assert record.row.out_at == ends[2].occurred_at
        assert "left-again" in flags


@pytest.mark.rule("J2")
def test_an_end_taken_back_counts_no_more():
    record = recorded_entry()
    record.apply(make_op("entry.end", minutes=10))
    record.apply(make_op("entry.undo", minutes=11))
    assert RECORD_TYPES["entry"].state(vars(record.row)) == "inside"
    record.apply(make_op("entry.end", by=ANA, minutes=30))
    assert record.row.out_by_id == ANA


@pytest.mark.rule("J2")
def test_an_end_before_the_beginning_asks_for_a_look():
    record = recorded_entry()
    assert record.apply(make_op("entry.end", minutes=-5)).flag == "left-before-arriving"
    assert record.row.out_at == record.row.in_at


@pytest.mark.rule("J3")
def test_an_entry_told_afterwards_has_its_own_times_and_says_so():
    record = InMemoryRecord("entry")
    times = {"in_at": "2026-11-24T09:00:00+08:00", "out_at": "2026-11-24T09:30:00+08:00"}
    told = {"unit": UNIT, "purpose": "Leak", "worker": "Lu", "contractor": FIRM, **times}
    record.apply(make_op("entry.tell", by=CHU, payload=told))
    row = record.row
    assert row.afterwards and format_time(row.in_at) == "2026-11-24T01:00:00.000Z"
    assert format_time(row.out_at) == "2026-11-24T01:30:00.000Z"
    assert RECORD_TYPES["entry"].visible_until(vars(row)) == format_time(NOON + VISIBLE_FOR)


@pytest.mark.rule("J3")
def test_when_somebody_left_may_be_told_afterwards():
    record = recorded_entry()
    out = {"out_at": format_time(NOON)}
    record.apply(make_op("entry.left", minutes=600, payload=out))
    assert record.row.out_at == NOON


@pytest.mark.rule("J4")
def test_a_mistake_is_struck_out_with_its_reason_and_stays():
    record = recorded_entry()
    record.apply(make_op("entry.strike", by=ANA, minutes=5, payload={"reason": "wrong home"}))
    row = record.row
    assert RECORD_TYPES["entry"].state(vars(row)) == "struck"
    assert (row.struck_because, row.struck_by_id, row.unit) == ("wrong home", ANA, UNIT)


def test_the_same_person_twice_is_one_party():
    same = [vars(recorded_entry(worker="Lu", contractor=FIRM).row) for _ in range(2)]
    assert party_key(same[0]) == party_key(same[1]) == f"{FIRM}|Lu"
    assert party_key(vars(recorded_entry(worker_id=ANA).row)) == ANA
    assert party_key(vars(recorded_entry(contractor=FIRM).row)) == f"{FIRM}|"


def test_there_is_no_place_for_a_photo_of_a_home():
    assert InMemoryRecord("entry").apply(enter_payload(photos=["0" * 64])) == Quarantined(
        "malformed"
    )


def test_the_facts_of_an_entry_make_the_same_record_in_any_order():
    begun = enter_payload()
    facts = [
        make_op("entry.end", minutes=10, payload={"acknowledgement": "verbal"}),
        make_op("entry.undo", minutes=12),
        make_op("entry.left", minutes=50, payload={"out_at": format_time(NOON), "remarks": "told"}),
        make_op("entry.end", by=ANA, minutes=30, payload={"remarks": "late"}),
    ]
    made = []
    for order in itertools.permutations(facts):
        record = InMemoryRecord("entry")
        for fact in (begun, *order):
            record.apply(fact)
        made.append(record.row)
    assert all(row == made[0] for row in made)
