"""Rectifications: what clears a failure, what does not, and who may say so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stage import ANA, BEN, CHU, NOON, Record, op

from sync import RECORD_TYPES, Refused

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


def raised(**more):
    """What an inspection at noon found wrong."""
    found = Record("rectification")
    found.take(op("rectification.raise", by=BEN, payload={**FAILURE, **more}))
    return found


def state(found):
    return RECORD_TYPES["rectification"].state(vars(found.row))


def done(by=ANA, minutes=10, **payload):
    return op("rectification.complete", by=by, minutes=minutes, payload=payload)


def looked(result, by=BEN, minutes=20, **payload):
    payload = {"result": result, **payload}
    return op("rectification.verify", by=by, minutes=minutes, payload=payload)


@pytest.mark.rule("I7")
@pytest.mark.parametrize(("critical", "hours"), [(False, 72), (True, 24)])
def test_it_begins_open_and_due(critical, hours):
    found = raised(critical=critical)
    assert state(found) == "open"
    assert (found.row.due_at - NOON).total_seconds() == hours * 3600
    assert (found.row.finding, found.row.before, found.row.after) == ("a sofa", ["b" * 64], [])


@pytest.mark.rule("I9")
def test_it_is_done_and_seen_again():
    found = raised()
    found.take(done(note="carried out", photos=["a" * 64]))
    assert (state(found), found.row.after, found.row.note) == ("done", ["a" * 64], "carried out")
    found.take(looked("pass"))
    assert (state(found), found.row.verified_by_id) == ("verified", BEN)


@pytest.mark.rule("I9")
def test_a_failed_second_look_opens_it_again_with_its_own_finding():
    found = raised()
    found.take(done())
    found.take(looked("fail", note="there is a chair now", photos=["c" * 64]))
    assert (state(found), found.row.failures) == ("open", 2)
    assert (found.row.finding, found.row.before) == ("there is a chair now", ["c" * 64])
    found.take(done(minutes=30))
    assert state(found) == "done"


@pytest.mark.rule("I9")
@pytest.mark.parametrize("minutes", [-5, 0])
def test_earlier_work_does_not_clear_a_later_failure(minutes):
    found = raised()
    found.take(done(minutes=minutes))
    assert state(found) == "open" and found.row.done_at is None


@pytest.mark.rule("I10")
def test_nobody_passes_the_own_work():
    found = raised()
    found.take(done(by=BEN))
    assert found.take(looked("pass", by=BEN)).flag == "verified-own-work"
    assert state(found) == "done"
    assert found.take(looked("pass", by=CHU, minutes=25)).flag is None
    assert state(found) == "verified"


@pytest.mark.rule("I11")
def test_the_desk_says_who_and_by_when():
    found = raised()
    assert found.take(op("rectification.assign")) == Refused("nothing-changed")
    found.take(op("rectification.assign", payload={"responsible_id": ANA}))
    found.take(op("rectification.assign", payload={"due_at": "2026-12-01T10:00:00+08:00"}))
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
        done(by, minutes) if what == "done" else looked(what, by, minutes)
        for what, by, minutes in facts
    ]
    shuffled = dice.sample(ops, len(ops))
    first = op("rectification.raise", by=BEN, payload=FAILURE)
    outcomes = []
    for order in (ops, shuffled):
        found = Record("rectification")
        for each in (first, *order):
            found.take(each)
        outcomes.append((state(found), vars(found.row)))
    assert outcomes[0] == outcomes[1]
    failed = max([0, *(m for what, _, m in facts if what == "fail")])
    hands = {by for what, by, m in facts if what == "done" and m > failed}
    passed = any(what == "pass" and m > failed and by not in hands for what, by, m in facts)
    expected = "verified" if passed else "done" if hands else "open"
    assert outcomes[0][0] == expected
