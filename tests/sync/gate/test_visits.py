"""Visits, gate passes and frequent visitors."""

import itertools
import random
from dataclasses import replace
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
def test_a_visitor_is_inside_until_a_departure_is_recorded():
    visit = InMemoryRecord("visit")
    visit.apply(arrive_op())
    assert RECORD_TYPES["visit"].state(vars(visit.row)) == "inside"
    visit.apply(make_op("visit.depart", minutes=30))
    assert RECORD_TYPES["visit"].state(vars(visit.row)) == "departed"


@pytest.mark.rule("V2")
def test_the_earliest_departure_after_the_arrival_counts_in_any_order():
    arrival = arrive_op()
    departures = [make_op("visit.depart", minutes=m) for m in (40, -10, 30)]
    for order in itertools.permutations(departures):
        visit = InMemoryRecord("visit")
        visit.apply(arrival)
        flags = {visit.apply(departure).flag for departure in order}
        assert visit.row.departed_at == departures[2].occurred_at
        assert "left-again" in flags


@pytest.mark.rule("V3")
@pytest.mark.asvs("2.2.3")
def test_a_departure_before_the_arrival_is_flagged():
    visit = InMemoryRecord("visit")
    visit.apply(arrive_op())
    assert visit.apply(make_op("visit.depart", minutes=-10)).flag == "left-before-arriving"
    assert visit.row.departed_at == visit.row.arrived_at


@pytest.mark.rule("V4")
def test_a_correction_changes_only_the_plate():
    visit = InMemoryRecord("visit")
    visit.apply(arrive_op(plate="A-1"))
    visit.apply(make_op("visit.amend", payload={"plate": "A-12345"}))
    assert (visit.row.plate, visit.row.visitor) == ("A-12345", "Mr Wang")


@pytest.mark.rule("V5")
def test_no_field_takes_the_number_of_an_identity_document():
    names = {*VisitArrivePayload().fields, *VisitAmendPayload().fields}
    assert names == {
        *("visitor", "purpose", "host_unit", "phone", "plate", "party_size", "id_checked"),
        *("host_person", "firm", "expected_minutes", "note", "steps"),
    }
    visit = InMemoryRecord("visit")
    assert visit.apply(arrive_op(id_number="110101199003070000")) == Quarantined("malformed")


@pytest.mark.rule("V5")
@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("身份证110101199003070000来访", f"身份证{MASK}来访"),
        ("110101 19900307 000X", MASK),
        ("1101011990030700001", "1101011990030700001"),
        ("phone 13800000000", "phone 13800000000"),
        ("a" * 20 + "1" * 18 + "b" * 26, "a" * 20 + "1" * 18 + "b" * 26),
    ],
)
def test_an_identity_number_in_free_text_is_masked(text, masked):
    assert mask_id_numbers({"note": [text]}) == {"note": [masked]}


@pytest.mark.parametrize("wrong", [{"party_size": 0}, {"party_size": "3"}, {"purpose": "party"}])
def test_values_out_of_bounds_are_quarantined(wrong):
    assert InMemoryRecord("visit").apply(arrive_op(**wrong)) == Quarantined("malformed")


def expect_op(**payload):
    default = {"visitor": "Ms Li", "purpose": "service", "firm": "Cable", **payload}
    return make_op("visit.expect", by=CHU, minutes=-60, payload=default)


def visit_state(visit):
    return RECORD_TYPES["visit"].state(vars(visit.row))


def visit_after(op):
    visit = InMemoryRecord("visit")
    visit.apply(op)
    return visit


@pytest.mark.rule("V6")
@pytest.mark.clause("B3")
def test_a_pre_registered_visitor_is_expected_until_let_in():
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
def test_phones_show_a_pre_registered_visitor_until_the_expected_end():
    visible_until = RECORD_TYPES["visit"].visible_until
    end = NOON + timedelta(hours=3)
    assert visible_until(
        vars(visit_after(expect_op(expected_until=format_time(end))).row)
    ) == format_time(end)
    assert visible_until(vars(visit_after(expect_op()).row)) == format_time(
        NOON + timedelta(hours=11)
    )


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
def test_a_visit_is_due_to_end_as_planned_or_after_the_usual_time(first, due):
    visit = visit_after(first)
    if first.kind == "visit.expect":
        visit.apply(make_op("visit.admit"))
    assert visit.row.due_at == NOON + timedelta(minutes=due)


@pytest.mark.rule("V8")
def test_a_refusal_is_stored_and_admission_takes_precedence():
    visit = visit_after(expect_op())
    visit.apply(make_op("visit.refuse", payload={"reason": "nobody home"}))
    assert (visit_state(visit), visit.row.refuse_reason) == ("refused", "nobody home")
    visit.apply(make_op("visit.admit", minutes=5))
    assert visit_state(visit) == "inside"
    late = visit.apply(make_op("visit.refuse", minutes=6, payload={"reason": "no"}))
    assert (late.flag, visit_state(visit)) == ("refused-though-inside", "inside")


@pytest.mark.rule("V9")
def test_a_recorded_departure_replaces_a_presumed_one():
    visit = visit_after(arrive_op())
    visit.apply(make_op("visit.presume_left", minutes=60))
    assert (visit_state(visit), visit.row.presumed) == ("departed", True)
    assert visit.apply(make_op("visit.depart", minutes=90)).flag is None
    assert (visit.row.presumed, visit.row.departed_at) == (False, NOON + timedelta(minutes=90))


@pytest.mark.rule("V9")
def test_a_departure_and_an_admission_can_be_undone():
    visit = visit_after(arrive_op())
    visit.apply(make_op("visit.depart", minutes=5))
    visit.apply(make_op("visit.return", minutes=6))
    assert (visit_state(visit), visit.row.departed_at) == ("inside", None)
    expected = visit_after(expect_op())
    expected.apply(make_op("visit.admit"))
    expected.apply(make_op("visit.reopen", minutes=1))
    assert visit_state(expected) == "expected"


@pytest.mark.rule("V10")
@pytest.mark.clause("B3")
def test_reception_steps_are_recorded_once_each():
    visit = visit_after(arrive_op())
    for minutes, step in enumerate(("greeted", "soothed", "greeted")):
        visit.apply(make_op("visit.attend", minutes=minutes, payload={"step": step}))
    assert visit.row.steps == ["greeted", "soothed"]
    assert visit.apply(make_op("visit.attend", payload={"step": "searched"})) == Quarantined(
        "malformed"
    )


@pytest.mark.rule("V11")
@pytest.mark.clause("A2")
def test_without_a_departure_the_visitor_counts_as_not_seen_out():
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
    pre_registered=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_moves_fold_to_the_same_visit_in_any_order(moves, pre_registered, seed):
    first = expect_op() if pre_registered else arrive_op()
    ops = [make_op(kind, minutes=minutes) for kind, minutes in moves]
    rows = []
    for order in (ops, random.Random(seed).sample(ops, len(ops))):
        visit = visit_after(first)
        for op in order:
            visit.apply(op)
        rows.append(vars(visit.row))
    assert rows[0] == rows[1]
    departed_at, arrived_at = rows[0]["departed_at"], rows[0]["arrived_at"]
    assert not (departed_at and arrived_at) or departed_at >= arrived_at


@pytest.mark.rule("V12")
def test_an_erased_visit_has_no_personal_data():
    visit = visit_after(
        arrive_op(plate="沪A12345", phone="138", host_person="Mr Zhao", note="deaf")
    )
    assert visit.apply(make_op("visit.purge", minutes=99)).tombstone
    columns = vars(visit.row)
    assert visit_state(visit) == "purged"
    assert not {"沪A12345", "138", "Mr Zhao", "deaf", "Mr Wang"} & set(map(str, columns.values()))
    assert visit.apply(make_op("visit.amend", payload={"plate": "B"})) == Refused("purged")


@pytest.mark.rule("V13")
def test_a_visit_on_legal_hold_is_not_erased_until_the_hold_is_lifted():
    visit = visit_after(arrive_op())
    visit.apply(make_op("visit.hold", payload={"reason": "case 7"}))
    assert visit.apply(make_op("visit.hold", payload={"reason": "again"})) == Refused("on-hold")
    assert visit.apply(make_op("visit.purge")) == Refused("on-hold")
    visit.apply(make_op("visit.release_hold"))
    assert visit.apply(make_op("visit.release_hold")) == Refused("not-on-hold")
    assert visit.apply(make_op("visit.purge")).tombstone


@pytest.mark.rule("V14")
def test_a_gate_pass_is_released_and_that_can_be_undone():
    payload = {"what": "A sofa", "carrier": "Movers", "agreed_by": "Ms Li"}
    gate_pass = InMemoryRecord("release")
    gate_pass.apply(make_op("release.record", payload=payload))
    assert RECORD_TYPES["release"].state(vars(gate_pass.row)) == "waiting"
    release, undo = make_op("release.pass", minutes=5), make_op("release.undo", minutes=6)
    for op in (undo, release):
        gate_pass.apply(op)
    assert gate_pass.row.passed_at is None
    gate_pass.apply(make_op("release.pass", minutes=7))
    assert RECORD_TYPES["release"].state(vars(gate_pass.row)) == "passed"


@pytest.mark.rule("V15")
def test_two_visits_make_a_frequent_visitor_with_the_newest_details():
    def visit(id_, visitor, plate, minutes):
        fields_ = {"visitor": visitor, "purpose": "service", "host_unit": None, "firm": None}
        arrived_at = NOON + timedelta(minutes=minutes)
        return SimpleNamespace(id=id_, plate=plate, arrived_at=arrived_at, **fields_)

    visits = [visit("b", "Post", "B", 9), visit("a", "Post", "A", 1), visit("c", "Once", None, 5)]
    (visitor_,) = frequent_visitors.frequent_visitors(visits)
    assert (visitor_.visit_count, visitor_.latest_visit.plate) == (2, "B")


def text_fields(schema):
    """The names of a payload's fields for free text."""
    for name, field in schema.fields.items():
        if isinstance(field, fields.String) and not isinstance(field, fields.UUID):
            yield name


@pytest.mark.rule("V5")
@pytest.mark.parametrize(
    "kind", [k for k in sorted(KINDS) if k.split(".")[0] in ("visit", "release", "regular")]
)
def test_no_kind_about_visitors_takes_a_document_and_every_text_is_masked(kind):
    schema = KINDS[kind].payload()
    assert not [n for n in schema.fields if "id_n" in n or "document" in n or "card" in n]
    payload = dict.fromkeys(text_fields(schema), "号110101199003070000")
    assert "19900307" not in str(mask_id_numbers(payload))


@pytest.mark.rule("V12")
@pytest.mark.parametrize("kind", ["visit.arrive", "visit.expect", "visit.refuse", "release.record"])
def test_a_redacted_payload_is_still_valid_and_has_no_personal_data(kind):
    unit = "00000000-0000-4000-8000-000000000001"
    values = {"visitor": "Mr Wang", "purpose": "family", "plate": "P", "host_unit": unit}
    values |= {"what": "A sofa", "reason": "no", "carrier": "C", "photos": ["a" * 64]}
    schema = KINDS[kind].payload()
    payload = {name: value for name, value in values.items() if name in schema.fields}
    redacted = redact(payload, RECORD_TYPES[kind.split(".")[0]].redacted_values)
    assert schema.load(redacted) and not {"Mr Wang", "P", "A sofa", unit} & set(
        map(str, redacted.values())
    )


@pytest.mark.rule("V16")
def test_what_nobody_said_about_a_visit_stays_unknown():
    visit = InMemoryRecord("visit")
    visit.apply(make_op("visit.arrive", payload={"visitor": "Wang", "purpose": "family"}))
    assert (visit.row.party_size, visit.row.id_checked, visit.row.steps) == (None, False, [])
    note = InMemoryRecord("release")
    note.apply(make_op("release.record", payload={"what": "sofa"}))
    assert note.row.quantity is None
    old = InMemoryRecord("visit")
    old_op = make_op("visit.arrive", payload={"visitor": "Wang", "purpose": "family"})
    old.apply(replace(old_op, v=1))
    assert old.row.party_size == 1, "as the log has it"


@pytest.mark.rule("V10")
@pytest.mark.clause("A2")
@pytest.mark.clause("B3")
def test_the_greeting_before_the_registration_and_the_steps_after_it_are_one_reception():
    visit = InMemoryRecord("visit")
    said = {"visitor": "Wang", "purpose": "family", "steps": ["greeted", "seated"]}
    visit.apply(make_op("visit.arrive", payload=said))
    for minutes, step in enumerate(("answered", "soothed", "guided", "farewell", "guided"), 1):
        visit.apply(make_op("visit.attend", minutes=minutes, payload={"step": step}))
    assert tuple(visit.row.steps) == STEPS
