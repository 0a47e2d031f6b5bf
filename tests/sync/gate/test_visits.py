"""Visits: from the gate to the gate."""

import itertools
import random
from datetime import timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import fields

from sync import KINDS, RECORD_TYPES, Quarantined, Refused
from sync.gate import frequent_visitors
from sync.gate.visits import STEPS, VisitAmendPayload, VisitArrivePayload, missing_farewell_flag
from sync.protocol.clock import format_time
from sync.protocol.redaction import MASK, mask_id_numbers, redact
from tests.sync.builders import CHU, NOON, InMemoryRecord, make_op


def arrive_op(**payload):
    return make_op(
        "visit.arrive", by=CHU, payload={"visitor": "Mr Wang", "purpose": "family", **payload}
    )


@pytest.mark.rule("V1")
def test_a_visitor_is_inside_until_seen_leaving():
    visit = InMemoryRecord("visit")
    visit.apply(arrive_op())
    assert RECORD_TYPES["visit"].state(vars(visit.row)) == "inside"
    visit.apply(make_op("visit.depart", minutes=30))
    assert RECORD_TYPES["visit"].state(vars(visit.row)) == "departed"


@pytest.mark.rule("V2")
def test_the_earliest_departure_after_the_arrival_counts_in_any_order():
    arrived = arrive_op()
    departures = [make_op("visit.depart", minutes=m) for m in (40, -10, 30)]
    for order in itertools.permutations(departures):
        visit = InMemoryRecord("visit")
        visit.apply(arrived)
        flags = {visit.apply(left).flag for left in order}
        assert visit.row.departed_at == departures[2].occurred_at
        assert "left-again" in flags


@pytest.mark.rule("V3")
def test_a_departure_before_the_arrival_asks_for_a_look():
    visit = InMemoryRecord("visit")
    visit.apply(arrive_op())
    assert visit.apply(make_op("visit.depart", minutes=-10)).flag == "left-before-arriving"
    assert visit.row.departed_at == visit.row.arrived_at


@pytest.mark.rule("V4")
def test_the_desk_mends_a_plate_and_nothing_else():
    visit = InMemoryRecord("visit")
    visit.apply(arrive_op(plate="A-1"))
    visit.apply(make_op("visit.amend", payload={"plate": "A-12345"}))
    assert (visit.row.plate, visit.row.visitor) == ("A-12345", "Mr Wang")


@pytest.mark.rule("V5")
def test_there_is_no_field_for_the_number_of_a_document():
    named = {*VisitArrivePayload().fields, *VisitAmendPayload().fields}
    assert named == {
        *("visitor", "purpose", "host_unit", "phone", "plate", "party_size", "id_checked"),
        *("host_person", "firm", "expected_minutes", "note"),
    }
    visit = InMemoryRecord("visit")
    assert visit.apply(arrive_op(id_number="110101199003070000")) == Quarantined("malformed")


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
    assert mask_id_numbers({"note": [text]}) == {"note": [kept]}


@pytest.mark.parametrize("wrong", [{"party_size": 0}, {"party_size": "3"}, {"purpose": "party"}])
def test_values_out_of_bounds_are_kept_for_the_desk(wrong):
    assert InMemoryRecord("visit").apply(arrive_op(**wrong)) == Quarantined("malformed")


def expect_op(**payload):
    told = {"visitor": "Ms Li", "purpose": "service", "firm": "Cable", **payload}
    return make_op("visit.expect", by=CHU, minutes=-60, payload=told)


def visit_state(visit):
    return RECORD_TYPES["visit"].state(vars(visit.row))


def visit_after(first):
    visit = InMemoryRecord("visit")
    visit.apply(first)
    return visit


@pytest.mark.rule("V6")
@pytest.mark.clause("B3")
def test_an_announced_visitor_is_expected_until_let_in():
    visit = visit_after(expect_op(expected_from=format_time(NOON)))
    assert visit_state(visit) == "expected"
    visit.apply(make_op("visit.admit", payload={"id_checked": True}))
    assert (visit_state(visit), visit.row.arrived_at, visit.row.id_checked) == (
        "inside",
        NOON,
        True,
    )
    backwards = expect_op(expected_from=format_time(NOON), expected_until=format_time(NOON))
    assert InMemoryRecord("visit").apply(backwards) == Quarantined("malformed")


@pytest.mark.rule("V6")
def test_an_announced_visitor_stays_on_the_list_of_the_gate_until_it_is_too_late():
    until = RECORD_TYPES["visit"].visible_until
    end = NOON + timedelta(hours=3)
    assert until(vars(visit_after(expect_op(expected_until=format_time(end))).row)) == format_time(
        end
    )
    assert until(vars(visit_after(expect_op()).row)) == format_time(NOON + timedelta(hours=11))


@pytest.mark.rule("V7")
@pytest.mark.parametrize(
    ("first", "due"),
    [
        (arrive_op(), 480),
        (arrive_op(expected_minutes=45), 45),
        (expect_op(expected_minutes=90), 90),
        (expect_op(expected_until=format_time(NOON + timedelta(hours=2))), 120),
        (expect_op(expected_until=format_time(NOON - timedelta(minutes=5))), 480),
    ],
)
def test_a_visit_is_due_to_end_as_announced_or_as_usual(first, due):
    visit = visit_after(first)
    if first.kind == "visit.expect":
        visit.apply(make_op("visit.admit"))
    assert visit.row.due_at == NOON + timedelta(minutes=due)


@pytest.mark.rule("V8")
def test_a_refusal_is_kept_and_admission_outweighs_it():
    visit = visit_after(expect_op())
    visit.apply(make_op("visit.refuse", payload={"reason": "nobody home"}))
    assert (visit_state(visit), visit.row.refuse_reason) == ("refused", "nobody home")
    visit.apply(make_op("visit.admit", minutes=5))
    assert visit_state(visit) == "inside"
    late = visit.apply(make_op("visit.refuse", minutes=6, payload={"reason": "no"}))
    assert (late.flag, visit_state(visit)) == ("refused-though-inside", "inside")


@pytest.mark.rule("V9")
def test_a_presumption_yields_to_a_departure_that_was_seen():
    visit = visit_after(arrive_op())
    visit.apply(make_op("visit.presume_left", minutes=60))
    assert (visit_state(visit), visit.row.presumed) == ("departed", True)
    assert visit.apply(make_op("visit.depart", minutes=90)).flag is None
    assert (visit.row.presumed, visit.row.departed_at) == (False, NOON + timedelta(minutes=90))


@pytest.mark.rule("V9")
def test_a_departure_and_an_admission_are_taken_back():
    visit = visit_after(arrive_op())
    visit.apply(make_op("visit.depart", minutes=5))
    visit.apply(make_op("visit.return", minutes=6))
    assert (visit_state(visit), visit.row.departed_at) == ("inside", None)
    announced = visit_after(expect_op())
    announced.apply(make_op("visit.admit"))
    announced.apply(make_op("visit.reopen", minutes=1))
    assert visit_state(announced) == "expected"


@pytest.mark.rule("V10")
@pytest.mark.clause("B3")
def test_the_steps_of_a_reception_are_noted_and_never_required():
    visit = visit_after(arrive_op())
    for minutes, step in enumerate(("greeted", "soothed", "greeted")):
        visit.apply(make_op("visit.attend", minutes=minutes, payload={"step": step}))
    assert visit.row.steps == ["greeted", "soothed"]
    assert visit.apply(make_op("visit.attend", payload={"step": "searched"})) == Quarantined(
        "malformed"
    )


@pytest.mark.rule("V11")
@pytest.mark.clause("A2")
def test_all_steps_without_a_departure_leave_the_visitor_inside_and_count():
    visit = visit_after(arrive_op())
    for step in STEPS:
        visit.apply(make_op("visit.attend", payload={"step": step}))
    assert visit_state(visit) == "inside"
    assert missing_farewell_flag(visit.row.steps, departed=False) == "not-seen-out"
    assert missing_farewell_flag(["greeted"], departed=True) == "no-farewell"
    assert missing_farewell_flag(list(STEPS), departed=True) is None


MOVE_KINDS = ("visit.admit", "visit.depart", "visit.presume_left", "visit.return", "visit.reopen")


@pytest.mark.rule("V2", "V9")
@given(
    moves=st.lists(st.tuples(st.sampled_from(MOVE_KINDS), st.integers(-30, 90)), max_size=8),
    announced=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_comings_and_goings_come_out_the_same_in_any_order(moves, announced, seed):
    first = expect_op() if announced else arrive_op()
    told = [make_op(kind, minutes=minutes) for kind, minutes in moves]
    rows = []
    for order in (told, random.Random(seed).sample(told, len(told))):
        visit = visit_after(first)
        for one in order:
            visit.apply(one)
        rows.append(vars(visit.row))
    assert rows[0] == rows[1]
    left, came = rows[0]["departed_at"], rows[0]["arrived_at"]
    assert not (left and came) or left >= came


@pytest.mark.rule("V12")
def test_a_purged_visit_is_nobodys_and_stays_so():
    visit = visit_after(
        arrive_op(plate="沪A12345", phone="138", host_person="Mr Zhao", note="deaf")
    )
    assert visit.apply(make_op("visit.purge", minutes=99)).tombstone
    shown = vars(visit.row)
    assert visit_state(visit) == "purged"
    assert not {"沪A12345", "138", "Mr Zhao", "deaf", "Mr Wang"} & set(map(str, shown.values()))
    assert visit.apply(make_op("visit.amend", payload={"plate": "B"})) == Refused("purged")


@pytest.mark.rule("V13")
def test_what_is_held_is_not_purged_until_it_is_let_go_of():
    visit = visit_after(arrive_op())
    visit.apply(make_op("visit.hold", payload={"reason": "case 7"}))
    assert visit.apply(make_op("visit.hold", payload={"reason": "again"})) == Refused("on-hold")
    assert visit.apply(make_op("visit.purge")) == Refused("on-hold")
    visit.apply(make_op("visit.release_hold"))
    assert visit.apply(make_op("visit.release_hold")) == Refused("not-on-hold")
    assert visit.apply(make_op("visit.purge")).tombstone


@pytest.mark.rule("V14")
def test_a_release_is_seen_out_and_that_can_be_taken_back():
    told = {"what": "A sofa", "carrier": "Movers", "agreed_by": "Ms Li"}
    note = begun_release = InMemoryRecord("release")
    note.apply(make_op("release.record", payload=told))
    assert RECORD_TYPES["release"].state(vars(begun_release.row)) == "waiting"
    out, back = make_op("release.pass", minutes=5), make_op("release.undo", minutes=6)
    for one in (back, out):
        note.apply(one)
    assert note.row.passed_at is None
    note.apply(make_op("release.pass", minutes=7))
    assert RECORD_TYPES["release"].state(vars(note.row)) == "passed"


@pytest.mark.rule("V15")
def test_who_came_twice_is_a_regular_as_the_newest_visit_has_them():
    def came(id_, visitor, plate, minutes):
        told = {"visitor": visitor, "purpose": "service", "host_unit": None, "firm": None}
        at = NOON + timedelta(minutes=minutes)
        return SimpleNamespace(id=id_, plate=plate, arrived_at=at, **told)

    visits = [came("b", "Post", "B", 9), came("a", "Post", "A", 1), came("c", "Once", None, 5)]
    (found,) = frequent_visitors.frequent_visitors(visits)
    assert (found.visit_count, found.latest_visit.plate) == (2, "B")


def text_fields(schema):
    """Every field of a payload that takes free text, and how long it may be."""
    for name, field in schema.fields.items():
        if isinstance(field, fields.String) and not isinstance(field, fields.UUID):
            yield name


@pytest.mark.rule("V5")
@pytest.mark.parametrize(
    "kind", [k for k in sorted(KINDS) if k.split(".")[0] in ("visit", "release", "regular")]
)
def test_no_kind_about_visitors_names_a_document_and_every_text_is_masked(kind):
    schema = KINDS[kind].payload()
    assert not [n for n in schema.fields if "id_n" in n or "document" in n or "card" in n]
    said = dict.fromkeys(text_fields(schema), "号110101199003070000")
    assert "19900307" not in str(mask_id_numbers(said))


@pytest.mark.rule("V12")
@pytest.mark.parametrize("kind", ["visit.arrive", "visit.expect", "visit.refuse", "release.record"])
def test_a_blanked_payload_still_has_the_shape_of_its_kind(kind):
    unit = "00000000-0000-4000-8000-000000000001"
    said = {"visitor": "Mr Wang", "purpose": "family", "plate": "P", "host_unit": unit}
    said |= {"what": "A sofa", "reason": "no", "carrier": "C", "photos": ["a" * 64]}
    schema = KINDS[kind].payload()
    mine = {name: value for name, value in said.items() if name in schema.fields}
    left = redact(mine, RECORD_TYPES[kind.split(".")[0]].redacted_values)
    assert schema.load(left) and not {"Mr Wang", "P", "A sofa", unit} & set(map(str, left.values()))
