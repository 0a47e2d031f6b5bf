"""Home entries: who was in a home, however late it is recorded."""

import itertools
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest

from sync import RECORD_TYPES, Quarantined, Refused
from sync.gate.home_entries import VISIBLE_FOR, party_key, possible_pairs
from sync.protocol.clock import format_time
from tests.sync.builders import ANA, BEN, CHU, NOON, InMemoryRecord, make_op

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
@pytest.mark.asvs("2.2.3")
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


def entry_row(**fields):
    """A stored entry of Lu into the home, from noon on."""
    default = {"unit": UNIT, "in_at": NOON, "out_at": None, "worker_id": None, "worker": "Lu"}
    ends = {"contractor": FIRM, "struck_at": None, "joined_to": None, "out_by_id": None}
    return SimpleNamespace(id=str(uuid4()), **{**default, **ends, **fields})


def exit_row(minutes=30, **fields):
    return entry_row(in_at=None, out_at=NOON + timedelta(minutes=minutes), **fields)


@pytest.mark.rule("J8")
@pytest.mark.clause("E1")
def test_an_exit_without_its_entry_makes_up_no_time():
    record = InMemoryRecord("entry")
    record.apply(make_op("entry.exit", by=CHU, payload={"unit": UNIT, "worker": "Lu"}))
    row = record.row
    assert (row.in_at, row.out_at, row.out_by_id, row.purpose) == (None, NOON, CHU, None)
    assert RECORD_TYPES["entry"].state(vars(row)) == "out"
    assert RECORD_TYPES["entry"].visible_until(vars(row)) == format_time(NOON + VISIBLE_FOR)


@pytest.mark.rule("J8")
def test_an_entry_told_without_times_has_none():
    record = InMemoryRecord("entry")
    record.apply(make_op("entry.tell", by=CHU, payload={"unit": UNIT, "purpose": "repair"}))
    assert (record.row.in_at, record.row.out_at) == (None, None)
    assert RECORD_TYPES["entry"].state(vars(record.row)) == "out"


def joined(entry, exit_, minutes=90):
    """Two records after the desk joined them, and the op that a rule derived for the entry."""
    op = make_op("entry.join", by=ANA, minutes=minutes, payload={"into": entry.row.id})
    verdict = exit_.apply(replace(op, related={entry.row.id: entry.row}))
    [absorb] = verdict.followups
    entry.apply(absorb)
    return absorb


@pytest.mark.rule("J7")
@pytest.mark.clause("E1")
def test_two_records_of_one_visit_are_joined_and_separated_again():
    entry, exit_ = recorded_entry(contractor=FIRM), InMemoryRecord("entry")
    seen = {"unit": UNIT, "worker": "Lu", "contractor": FIRM, "remarks": "with a ladder"}
    exit_.apply(make_op("entry.exit", by=BEN, minutes=40, payload=seen))
    before = dict(vars(entry.row))
    joined(entry, exit_)
    row = entry.row
    assert (row.out_at, row.out_by_id) == (exit_.row.out_at, BEN)
    assert (row.worker, row.remarks, row.in_at) == ("Lu", "with a ladder", NOON)
    assert RECORD_TYPES["entry"].state(vars(exit_.row)) == "joined"
    [release] = exit_.apply(make_op("entry.separate", by=ANA, minutes=95)).followups
    entry.apply(release)
    assert vars(entry.row) == before
    assert RECORD_TYPES["entry"].state(vars(exit_.row)) == "out"
    joined(entry, exit_, minutes=99)
    assert entry.row.out_by_id == BEN


@pytest.mark.rule("J7")
def test_what_does_not_fit_is_not_joined():
    entry, exit_ = recorded_entry(worker="Lu"), InMemoryRecord("entry")
    exit_.apply(make_op("entry.exit", by=BEN, minutes=40, payload={"unit": UNIT, "worker": "Lu"}))

    def join(**changed):
        into = SimpleNamespace(**{**vars(entry.row), **changed})
        op = make_op("entry.join", payload={"into": into.id})
        return exit_.apply(replace(op, related={into.id: into}))

    assert join(unit=str(uuid4())) == Refused("does-not-end-it")
    assert join(out_at=NOON) == Refused("does-not-end-it")
    assert join(in_at=NOON + timedelta(hours=1)) == Refused("does-not-end-it")
    assert join(in_at=NOON - timedelta(hours=24)) == Refused("does-not-end-it")
    assert join(struck_at=NOON) == Refused("already-joined")
    op = make_op("entry.join", payload={"into": str(uuid4())})
    assert exit_.apply(op) == Refused("no-such-record")


@pytest.mark.rule("J7")
@pytest.mark.parametrize(
    ("rows", "plain"),
    [
        ([entry_row(), exit_row()], [True]),
        ([entry_row(worker=None), exit_row()], [False]),
        ([entry_row(), exit_row(), exit_row(50)], [False, False]),
        ([entry_row(), exit_row(worker="Wu")], []),
        ([entry_row(worker=None, contractor=None), exit_row(worker=None, contractor=None)], []),
        ([entry_row(), exit_row(-5)], []),
        ([entry_row(), exit_row(25 * 60)], []),
        ([entry_row(), exit_row(unit=str(uuid4()))], []),
        ([entry_row(), exit_row(struck_at=NOON)], []),
        ([entry_row(worker_id=ANA, worker=None), exit_row(worker_id=ANA, worker=None)], [True]),
        ([entry_row(), entry_row(in_at=NOON, out_at=NOON + timedelta(hours=1))], [False]),
    ],
)
def test_an_exit_is_proposed_to_the_entry_of_the_same_home_and_worker(rows, plain):
    assert [pair.is_plain for pair in possible_pairs(rows)] == plain
