"""Corrective actions: what clears a problem, what does not, and who may confirm it."""

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
    """A corrective action after an inspection at noon."""
    rectification = InMemoryRecord("rectification")
    rectification.apply(make_op("rectification.raise", by=BEN, payload={**FAILURE, **more}))
    return rectification


def rectification_state(rectification):
    return RECORD_TYPES["rectification"].state(vars(rectification.row))


def done_op(by=ANA, minutes=10, **payload):
    return make_op("rectification.complete", by=by, minutes=minutes, payload=payload)


def verify_op(result, by=BEN, minutes=20, **payload):
    payload = {"result": result, **payload}
    return make_op("rectification.verify", by=by, minutes=minutes, payload=payload)


@pytest.mark.rule("I7")
@pytest.mark.parametrize(("critical", "hours"), [(False, 72), (True, 24)])
def test_it_begins_open_with_a_due_time(critical, hours):
    rectification = raised_rectification(critical=critical)
    assert rectification_state(rectification) == "open"
    assert (rectification.row.due_at - NOON).total_seconds() == hours * 3600
    assert (rectification.row.finding, rectification.row.before, rectification.row.after) == (
        "a sofa",
        ["b" * 64],
        [],
    )


@pytest.mark.rule("I9")
def test_it_is_verified_after_work_and_a_check():
    rectification = raised_rectification()
    rectification.apply(done_op(note="carried out", photos=["a" * 64]))
    assert (
        rectification_state(rectification),
        rectification.row.after,
        rectification.row.note,
    ) == (
        "done",
        ["a" * 64],
        "carried out",
    )
    rectification.apply(verify_op("pass"))
    assert (rectification_state(rectification), rectification.row.verified_by_id) == (
        "verified",
        BEN,
    )


@pytest.mark.rule("I9")
def test_a_failed_check_opens_it_again_with_a_new_finding():
    rectification = raised_rectification()
    rectification.apply(done_op())
    rectification.apply(verify_op("fail", note="there is a chair now", photos=["c" * 64]))
    assert (rectification_state(rectification), rectification.row.failures) == ("open", 2)
    assert (rectification.row.finding, rectification.row.before) == (
        "there is a chair now",
        ["c" * 64],
    )
    rectification.apply(done_op(minutes=30))
    assert rectification_state(rectification) == "done"


@pytest.mark.rule("I9")
@pytest.mark.parametrize("minutes", [-5, 0])
def test_earlier_work_does_not_clear_a_later_failure(minutes):
    rectification = raised_rectification()
    rectification.apply(done_op(minutes=minutes))
    assert rectification_state(rectification) == "open" and rectification.row.done_at is None


@pytest.mark.rule("I10")
def test_passing_ones_own_work_is_flagged_and_does_not_count():
    rectification = raised_rectification()
    rectification.apply(done_op(by=BEN))
    assert rectification.apply(verify_op("pass", by=BEN)).flag == "verified-own-work"
    assert rectification_state(rectification) == "done"
    assert rectification.apply(verify_op("pass", by=CHU, minutes=25)).flag is None
    assert rectification_state(rectification) == "verified"


@pytest.mark.rule("I11")
def test_the_desk_sets_the_responsible_person_and_the_due_time():
    rectification = raised_rectification()
    assert rectification.apply(make_op("rectification.assign")) == Refused("nothing-changed")
    rectification.apply(make_op("rectification.assign", payload={"responsible_id": ANA}))
    rectification.apply(
        make_op("rectification.assign", payload={"due_at": "2026-12-01T10:00:00+08:00"})
    )
    assert (rectification.row.responsible_id, rectification.row.due_at.day) == (ANA, 1)


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
def test_only_work_after_the_latest_failure_counts_in_any_order(facts, dice):
    ops = [
        done_op(by, minutes) if action == "done" else verify_op(action, by, minutes)
        for action, by, minutes in facts
    ]
    shuffled = dice.sample(ops, len(ops))
    first = make_op("rectification.raise", by=BEN, payload=FAILURE)
    outcomes = []
    for order in (ops, shuffled):
        rectification = InMemoryRecord("rectification")
        for op in (first, *order):
            rectification.apply(op)
        outcomes.append((rectification_state(rectification), vars(rectification.row)))
    assert outcomes[0] == outcomes[1]
    failed_minute = max([0, *(m for action, _, m in facts if action == "fail")])
    workers = {by for action, by, m in facts if action == "done" and m > failed_minute}
    passed = any(
        action == "pass" and m > failed_minute and by not in workers for action, by, m in facts
    )
    expected = "verified" if passed else "done" if workers else "open"
    assert outcomes[0][0] == expected
