"""Found items: recording, custody, notices and return."""

import itertools

import pytest

from sync import RECORD_TYPES
from sync.protocol.clock import FOREVER
from tests.sync.builders import ANA, CHU, InMemoryRecord, make_op


def recorded_item(**payload):
    record = InMemoryRecord("find")
    record.apply(
        make_op("find.record", by=ANA, payload={"what": "A key", "place": "office", **payload})
    )
    return record


def item_state(record):
    return RECORD_TYPES["find"].state(vars(record.row))


@pytest.mark.rule("O1")
def test_a_found_item_is_recorded_with_its_keeper():
    record = recorded_item(condition="scratched")
    assert (record.row.found_by_id, item_state(record)) == (ANA, "kept")
    assert record.row.chain[0]["place"] == "office"
    assert RECORD_TYPES["find"].visible_until(vars(record.row)) == FOREVER


@pytest.mark.rule("O2")
def test_each_keeper_is_a_link_and_notices_are_stored():
    record = recorded_item()
    record.apply(
        make_op("find.keep", by=CHU, minutes=5, payload={"keeper": "Chu", "place": "gate"})
    )
    record.apply(make_op("find.notify", by=CHU, minutes=9, payload={"told_whom": "1203"}))
    assert [link["by_id"] for link in record.row.chain] == [ANA, CHU]
    assert item_state(record) == "notified"


@pytest.mark.rule("O3")
@pytest.mark.parametrize(
    ("kind", "payload", "state"),
    [
        ("find.return", {"to": "Ms Zhou", "how_known": "named the tag"}, "returned"),
        ("find.to_police", {"station": "North", "receipt": "R-7"}, "police"),
    ],
)
def test_an_item_is_given_away_once_and_later_facts_are_flagged(kind, payload, state):
    record = recorded_item()
    record.apply(make_op(kind, by=CHU, minutes=9, payload=payload))
    assert (item_state(record), record.row.ended_by_id) == (state, CHU)
    late = make_op("find.return", minutes=20, payload={"to": "Mr Li"})
    assert record.apply(late).flag == "after-the-end"
    assert item_state(record) == state


@pytest.mark.rule("O2")
def test_facts_of_a_found_item_fold_to_the_same_record_in_any_order():
    recording = make_op("find.record", by=ANA, payload={"what": "A key"})
    facts = [
        make_op("find.keep", by=CHU, minutes=5, payload={"keeper": "Chu"}),
        make_op("find.notify", minutes=6, payload={"told_whom": "1203"}),
        make_op("find.to_police", minutes=8, payload={"station": "North"}),
        make_op("find.return", minutes=9, payload={"to": "Ms Zhou"}),
    ]
    rows = []
    for order in itertools.permutations(facts):
        record = InMemoryRecord("find")
        for fact in (recording, *order):
            record.apply(fact)
        rows.append(record.row)
    assert all(row == rows[0] for row in rows)
