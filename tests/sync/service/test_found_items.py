"""Found things: kept, told of, and given back."""

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
def test_what_was_found_is_written_down_with_whoever_keeps_it():
    record = recorded_item(condition="scratched")
    assert (record.row.found_by_id, item_state(record)) == (ANA, "kept")
    assert record.row.chain[0]["place"] == "office"
    assert RECORD_TYPES["find"].visible_until(vars(record.row)) == FOREVER


@pytest.mark.rule("O2")
def test_each_pair_of_hands_is_a_link_and_notices_are_kept():
    record = recorded_item()
    record.apply(
        make_op("find.keep", by=CHU, minutes=5, payload={"keeper": "Chu", "place": "gate"})
    )
    record.apply(make_op("find.notify", by=CHU, minutes=9, payload={"told_whom": "1203"}))
    assert [link["by_id"] for link in record.row.chain] == [ANA, CHU]
    assert item_state(record) == "notified"


@pytest.mark.rule("O3")
@pytest.mark.parametrize(
    ("kind", "payload", "word"),
    [
        ("find.return", {"to": "Ms Zhou", "how_known": "named the tag"}, "returned"),
        ("find.to_police", {"station": "North", "receipt": "R-7"}, "police"),
    ],
)
def test_it_ends_once_and_what_is_told_later_asks_for_a_look(kind, payload, word):
    record = recorded_item()
    record.apply(make_op(kind, by=CHU, minutes=9, payload=payload))
    assert (item_state(record), record.row.ended_by_id) == (word, CHU)
    late = make_op("find.return", minutes=20, payload={"to": "Mr Li"})
    assert record.apply(late).flag == "after-the-end"
    assert item_state(record) == word


@pytest.mark.rule("O2")
def test_the_facts_of_a_find_make_the_same_record_in_any_order():
    begun = make_op("find.record", by=ANA, payload={"what": "A key"})
    facts = [
        make_op("find.keep", by=CHU, minutes=5, payload={"keeper": "Chu"}),
        make_op("find.notify", minutes=6, payload={"told_whom": "1203"}),
        make_op("find.to_police", minutes=8, payload={"station": "North"}),
        make_op("find.return", minutes=9, payload={"to": "Ms Zhou"}),
    ]
    made = []
    for order in itertools.permutations(facts):
        record = InMemoryRecord("find")
        for fact in (begun, *order):
            record.apply(fact)
        made.append(record.row)
    assert all(row == made[0] for row in made)
