"""Found things: kept, told of, and given back."""

import itertools

import pytest
from stage import ANA, CHU, Record, op

from sync import RECORD_TYPES
from sync.protocol.digest import FOREVER


def find(**payload):
    record = Record("find")
    record.take(op("find.record", by=ANA, payload={"what": "A key", "place": "office", **payload}))
    return record


def state(record):
    return RECORD_TYPES["find"].state(vars(record.row))


@pytest.mark.rule("O1")
def test_what_was_found_is_written_down_with_whoever_keeps_it():
    record = find(condition="scratched")
    assert (record.row.found_by_id, state(record)) == (ANA, "kept")
    assert record.row.chain[0]["place"] == "office"
    assert RECORD_TYPES["find"].visible_until(vars(record.row)) == FOREVER


@pytest.mark.rule("O2")
def test_each_pair_of_hands_is_a_link_and_notices_are_kept():
    record = find()
    record.take(op("find.keep", by=CHU, minutes=5, payload={"keeper": "Chu", "place": "gate"}))
    record.take(op("find.notify", by=CHU, minutes=9, payload={"told_whom": "1203"}))
    assert [link["by_id"] for link in record.row.chain] == [ANA, CHU]
    assert state(record) == "notified"


@pytest.mark.rule("O3")
@pytest.mark.parametrize(
    ("kind", "payload", "word"),
    [
        ("find.return", {"to": "Ms Zhou", "how_known": "named the tag"}, "returned"),
        ("find.to_police", {"station": "North", "receipt": "R-7"}, "police"),
    ],
)
def test_it_ends_once_and_what_is_told_later_asks_for_a_look(kind, payload, word):
    record = find()
    record.take(op(kind, by=CHU, minutes=9, payload=payload))
    assert (state(record), record.row.ended_by_id) == (word, CHU)
    late = op("find.return", minutes=20, payload={"to": "Mr Li"})
    assert record.take(late).flag == "after-the-end"
    assert state(record) == word


@pytest.mark.rule("O2")
def test_the_facts_of_a_find_make_the_same_record_in_any_order():
    begun = op("find.record", by=ANA, payload={"what": "A key"})
    facts = [
        op("find.keep", by=CHU, minutes=5, payload={"keeper": "Chu"}),
        op("find.notify", minutes=6, payload={"told_whom": "1203"}),
        op("find.to_police", minutes=8, payload={"station": "North"}),
        op("find.return", minutes=9, payload={"to": "Ms Zhou"}),
    ]
    made = []
    for order in itertools.permutations(facts):
        record = Record("find")
        for fact in (begun, *order):
            record.take(fact)
        made.append(record.row)
    assert all(row == made[0] for row in made)
