"""Visits: from the gate to the gate."""

import itertools

import pytest
from stage import CHU, Record, op

from sync import TYPES, Quarantined
from sync.masking import MASK, masked
from sync.visits import Amendment, Arrival


def arrival(**payload):
    return op(
        "visit.arrive", by=CHU, payload={"visitor": "Mr Wang", "purpose": "family", **payload}
    )


@pytest.mark.rule("V1")
def test_a_visitor_is_inside_until_seen_leaving():
    visit = Record("visit")
    visit.take(arrival())
    assert TYPES["visit"].state(vars(visit.row)) == "inside"
    visit.take(op("visit.depart", minutes=30))
    assert TYPES["visit"].state(vars(visit.row)) == "departed"


@pytest.mark.rule("V2")
def test_the_earliest_departure_after_the_arrival_counts_in_any_order():
    arrived = arrival()
    departures = [op("visit.depart", minutes=m) for m in (40, -10, 30)]
    for order in itertools.permutations(departures):
        visit = Record("visit")
        visit.take(arrived)
        flags = {visit.take(left).flag for left in order}
        assert visit.row.departed_at == departures[2].occurred_at
        assert "left-again" in flags


@pytest.mark.rule("V3")
def test_a_departure_before_the_arrival_asks_for_a_look():
    visit = Record("visit")
    visit.take(arrival())
    assert visit.take(op("visit.depart", minutes=-10)).flag == "left-before-arriving"
    assert visit.row.departed_at == visit.row.arrived_at


@pytest.mark.rule("V4")
def test_the_desk_mends_a_plate_and_nothing_else():
    visit = Record("visit")
    visit.take(arrival(plate="A-1"))
    visit.take(op("visit.amend", payload={"plate": "A-12345"}))
    assert (visit.row.plate, visit.row.visitor) == ("A-12345", "Mr Wang")


@pytest.mark.rule("V5")
def test_there_is_no_field_for_the_number_of_a_document():
    named = {*Arrival().fields, *Amendment().fields}
    assert named == {
        *("visitor", "purpose", "host_unit", "phone", "plate", "party_size", "id_checked")
    }
    visit = Record("visit")
    assert visit.take(arrival(id_number="110101199003070000")) == Quarantined("malformed")


@pytest.mark.rule("V5")
@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("身份证110101199003070000来访", f"身份证{MASK}来访"),
        ("110101 19900307 000X", MASK),
        ("1101011990030700001", "1101011990030700001"),
        ("phone 13800000000", "phone 13800000000"),
        ("a" * 20 + "1" * 18 + "b" * 26, "a" * 20 + "1" * 18 + "b" * 26),
    ],
)
def test_an_identity_number_in_free_text_is_masked(text, kept):
    assert masked({"note": [text]}) == {"note": [kept]}


@pytest.mark.parametrize("wrong", [{"party_size": 0}, {"party_size": "3"}, {"purpose": "party"}])
def test_values_out_of_bounds_are_kept_for_the_desk(wrong):
    assert Record("visit").take(arrival(**wrong)) == Quarantined("malformed")
