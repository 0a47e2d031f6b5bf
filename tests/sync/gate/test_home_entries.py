"""Home entries: who was in a home, however late it is recorded."""

import itertools
from uuid import uuid4

import pytest

from sync import RECORD_TYPES, Quarantined
from sync.gate.home_entries import VISIBLE_FOR, party_key
from sync.protocol.clock import format_time
from tests.sync.builders import ANA, CHU, NOON, InMemoryRecord, make_op

UNIT, FIRM = str(uuid4()), str(uuid4())


def begin_op(minutes=0, **payload):
    default = {"unit": UNIT, "purpose": "Cable", **payload}
    return make_op("entry.begin", by=CHU, minutes=minutes, payload=default)


def recorded_entry(**payload):
    record = InMemoryRecord("entry")
    record.apply(begin_op(**payload))
    return record


@pytest.mark.rule("J1")
@pytest.mark.clause("E1")
def test_the_author_is_the_worker_unless_somebody_is_named():
    assert recorded_entry().row.worker_id == CHU
    assert recorded_entry(worker_id=ANA).row.worker_id == ANA
    contractor = recorded_entry(worker="Lu", contractor=FIRM)
    assert (contractor.row.worker_id, contractor.row.worker, contractor.row.contractor) == (
        None,
        "Lu",
        FIRM,
    )
    assert contractor.row.recorded_by_id == CHU
    unnamed = recorded_entry(contractor=FIRM)
    assert (unnamed.row.worker_id, unnamed.row.worker) == (None, None)


@pytest.mark.rule("J1")
def test_the_latest_answers_count_and_every_remark_stays():
    record = recorded_entry(resident_present=True, remarks="two boxes", acknowledgement="none")
    payload = {"resident_present": False, "acknowledgement": "signature", "remarks": "done"}
    record.apply(make_op("entry.end", minutes=20, payload=payload))
    row = record.row
    assert (row.resident_present, row.acknowledgement) == (False, "signature")
    assert row.remarks == "two boxes\ndone"
    assert RECORD_TYPES["entry"].state(vars(row)) == "out"
    assert RECORD_TYPES["entry"].visible_until(vars(row)) == format_time(row.out_at + VISIBLE_FOR)


@pytest.mark.rule("J2")
def test_the_earliest_end_after_the_beginning_counts_in_any_order():
    beginning = begin_op()
    ends = [make_op("entry.end", minutes=m) for m in (40, -10, 30)]
    for order in itertools.permutations(ends):
        record = InMemoryRecord("entry")
        record.apply(beginning)
        flags = {record.apply(end).flag for end in order}
        assert record.row.out_at == ends[2].occurred_at
        assert "left-again" in flags


@pytest.mark.rule("J2")
def test_an_undone_end_does_not_count():
    record = recorded_entry()
    record.apply(make_op("entry.end", minutes=10))
    record.apply(make_op("entry.undo", minutes=11))
    assert RECORD_TYPES["entry"].state(vars(record.row)) == "inside"
    record.apply(make_op("entry.end", by=ANA, minutes=30))
    assert record.row.out_by_id == ANA


@pytest.mark.rule("J2")
def test_an_end_before_the_beginning_is_flagged():
    record = recorded_entry()
    assert record.apply(make_op("entry.end", minutes=-5)).flag == "left-before-arriving"
    assert record.row.out_at == record.row.in_at


@pytest.mark.rule("J3")
def test_an_entry_recorded_afterwards_has_its_own_times():
    record = InMemoryRecord("entry")
    times = {"in_at": "2026-11-24T09:00:00+08:00", "out_at": "2026-11-24T09:30:00+08:00"}
    payload = {"unit": UNIT, "purpose": "Leak", "worker": "Lu", "contractor": FIRM, **times}
    record.apply(make_op("entry.tell", by=CHU, payload=payload))
    row = record.row
    assert row.afterwards and format_time(row.in_at) == "2026-11-24T01:00:00.000Z"
    assert format_time(row.out_at) == "2026-11-24T01:30:00.000Z"
    assert RECORD_TYPES["entry"].visible_until(vars(row)) == format_time(NOON + VISIBLE_FOR)


@pytest.mark.rule("J3")
def test_the_exit_may_be_recorded_afterwards():
    record = recorded_entry()
    payload = {"out_at": format_time(NOON)}
    record.apply(make_op("entry.left", minutes=600, payload=payload))
    assert record.row.out_at == NOON


@pytest.mark.rule("J4")
def test_a_voided_entry_keeps_its_reason_and_its_data():
    record = recorded_entry()
    record.apply(make_op("entry.strike", by=ANA, minutes=5, payload={"reason": "wrong home"}))
    row = record.row
    assert RECORD_TYPES["entry"].state(vars(row)) == "struck"
    assert (row.struck_because, row.struck_by_id, row.unit) == ("wrong home", ANA, UNIT)


def test_the_same_person_twice_has_one_party_key():
    same = [vars(recorded_entry(worker="Lu", contractor=FIRM).row) for _ in range(2)]
    assert party_key(same[0]) == party_key(same[1]) == f"{FIRM}|Lu"
    assert party_key(vars(recorded_entry(worker_id=ANA).row)) == ANA
    assert party_key(vars(recorded_entry(contractor=FIRM).row)) == f"{FIRM}|"


def test_a_photo_in_a_home_entry_is_malformed():
    assert InMemoryRecord("entry").apply(begin_op(photos=["0" * 64])) == Quarantined("malformed")


def test_facts_of_an_entry_fold_to_the_same_record_in_any_order():
    beginning = begin_op()
    facts = [
        make_op("entry.end", minutes=10, payload={"acknowledgement": "verbal"}),
        make_op("entry.undo", minutes=12),
        make_op("entry.left", minutes=50, payload={"out_at": format_time(NOON), "remarks": "told"}),
        make_op("entry.end", by=ANA, minutes=30, payload={"remarks": "late"}),
    ]
    rows = []
    for order in itertools.permutations(facts):
        record = InMemoryRecord("entry")
        for fact in (beginning, *order):
            record.apply(fact)
        rows.append(record.row)
    assert all(row == rows[0] for row in rows)
