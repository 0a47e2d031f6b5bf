"""Rectifications: what clears a failure, what does not, and who may say so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync import RECORD_TYPES, Refused
from tests.sync.builders import ANA, BEN, CHU, NOON, InMemoryRecord, make_op

AREA = "00000000-0000-4000-8000-000000000001"
FAILURE = {
    "inspection_id": AREA,
    "item": "piled",
    "code": "IT-01",
    "label": {"zh": "杂物", "en": "Things left about"},
    "critical": False,
    "area": AREA,
    "person": None,
    "finding": "a sofa",
    "before": ["b" * 64],
}


def raised_rectification(**more):
    """What an inspection at noon found wrong."""
    found = InMemoryRecord("rectification")
    found.apply(make_op("rectification.raise", by=BEN, payload={**FAILURE, **more}))
    return found


def rectification_state(found):
    return RECORD_TYPES["rectification"].state(vars(found.row))


def done_op(by=ANA, minutes=10, **payload):
    return make_op("rectification.complete", by=by, minutes=minutes, payload=payload)


def verify_op(result, by=BEN, minutes=20, **payload):
    payload = {"result": result, **payload}
    return make_op("rectification.verify", by=by, minutes=minutes, payload=payload)


@pytest.mark.rule("I7")
@pytest.mark.parametrize(("critical", "hours"), [(False, 72), (True, 24)])
def test_it_begins_open_and_due(critical, hours):
    found = raised_rectification(critical=critical)
    assert rectification_state(found) == "open"
    assert (found.row.due_at - NOON).total_seconds() == hours * 3600
    assert (found.row.finding, found.row.before, found.row.after) == ("a sofa", ["b" * 64], [])


@pytest.mark.rule("I9")
def test_it_is_done_and_seen_again():
    found = raised_rectification()
    found.apply(done_op(note="carried out", photos=["a" * 64]))
    assert (rectification_state(found), found.row.after, found.row.note) == (
        "done",
        ["a" * 64],
        "carried out",
    )
    found.apply(verify_op("pass"))
    assert (rectification_state(found), found.row.verified_by_id) == ("verified", BEN)


@pytest.mark.rule("I9")
def test_a_failed_second_look_opens_it_again_with_its_own_finding():
    found = raised_rectification()
    found.apply(done_op())
    found.apply(verify_op("fail", note="there is a chair now", photos=["c" * 64]))
    assert (rectification_state(found), found.row.failures) == ("open", 2)
    assert (found.row.finding, found.row.before) == ("there is a chair now", ["c" * 64])
    found.apply(done_op(minutes=30))
    assert rectification_state(found) == "done"


@pytest.mark.rule("I9")
@pytest.mark.parametrize("minutes", [-5, 0])
def test_earlier_work_does_not_clear_a_later_failure(minutes):
    found = raised_rectification()
    found.apply(done_op(minutes=minutes))
    assert rectification_state(found) == "open" and found.row.done_at is None


@pytest.mark.rule("I10")
def test_nobody_passes_the_own_work():
    found = raised_rectification()
    found.apply(done_op(by=BEN))
    assert found.apply(verify_op("pass", by=BEN)).flag == "verified-own-work"
    assert rectification_state(found) == "done"
    assert found.apply(verify_op("pass", by=CHU, minutes=25)).flag is None
    assert rectification_state(found) == "verified"


@pytest.mark.rule("I11")
def test_the_desk_says_who_and_by_when():
    found = raised_rectification()
    assert found.apply(make_op("rectification.assign")) == Refused("nothing-changed")
    found.apply(make_op("rectification.assign", payload={"responsible_id": ANA}))
    found.apply(make_op("rectification.assign", payload={"due_at": "2026-12-01T10:00:00+08:00"}))
    assert (found.row.responsible_id, found.row.due_at.day) == (ANA, 1)


FACTS = st.lists(
    st.tuples(
        st.sampled_from(["done", "pass", "fail"]),
        st.sampled_from([ANA, BEN, CHU]),
        st.integers(-30, 30),
    ),
    max_size=7,
)


@pytest.mark.rule("I9")
@pytest.mark.rule("L1")
@given(FACTS, st.randoms(use_true_random=False))
def test_whatever_the_order_only_work_after_the_latest_failure_counts(facts, dice):
    ops = [
        done_op(by, minutes) if what == "done" else verify_op(what, by, minutes)
        for what, by, minutes in facts
    ]
    shuffled = dice.sample(ops, len(ops))
    first = make_op("rectification.raise", by=BEN, payload=FAILURE)
    outcomes = []
    for order in (ops, shuffled):
        found = InMemoryRecord("rectification")
        for each in (first, *order):
            found.apply(each)
        outcomes.append((rectification_state(found), vars(found.row)))
    assert outcomes[0] == outcomes[1]
    failed = max([0, *(m for what, _, m in facts if what == "fail")])
    hands = {by for what, by, m in facts if what == "done" and m > failed}
    passed = any(what == "pass" and m > failed and by not in hands for what, by, m in facts)
    expected = "verified" if passed else "done" if hands else "open"
    assert outcomes[0][0] == expected
