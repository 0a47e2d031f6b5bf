"""Items, standing duty, ad-hoc work and what becomes of a miss."""

import itertools
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync import Accepted, Quarantined, Refused
from sync.work.task_folding import state
from tests.sync.builders import ANA, BEN, CHU, NOON, InMemoryRecord, make_op, planned_task

ITEMS = [{"zh": "垃圾箱", "en": "Bins"}, {"zh": "垃圾车", "en": "Carts"}]
AFTER_WINDOW = 24 * 60
"""Minutes after noon when the planned window is over."""


def task_word(task):
    return state(vars(task.row))


@pytest.mark.rule("T9")
@pytest.mark.clause("C2")
def test_a_task_with_one_of_two_items_is_done_in_part():
    task = planned_task(items=ITEMS)
    task.apply(make_op("task.tick", payload={"item": 0}))
    assert (task_word(task), task.row.done_at) == ("partial", None)
    task.apply(make_op("task.tick", by=BEN, minutes=3, payload={"item": 1, "leaves": "done"}))
    assert task_word(task) == "done"
    assert (task.row.done_by_id, task.row.helper_ids) == (ANA, [BEN])
    assert task.row.done_at == NOON + timedelta(minutes=3)


@pytest.mark.rule("T9")
def test_an_item_is_taken_back_by_whoever_ticked_it():
    task = planned_task(items=ITEMS)
    task.apply(make_op("task.complete"))
    task.apply(make_op("task.untick", by=BEN, minutes=1, payload={"item": 0}))
    assert task_word(task) == "done"
    task.apply(make_op("task.untick", minutes=2, payload={"item": 0}))
    assert list(task.row.ticked) == ["1"]


@pytest.mark.rule("T9")
def test_an_old_phone_ticks_all_items_at_once():
    task = planned_task(items=ITEMS)
    task.apply(make_op("task.complete"))
    assert task_word(task) == "done"
    assert {one["by_id"] for one in task.row.ticked.values()} == {ANA}


@pytest.mark.rule("T9")
def test_an_item_that_is_not_there_asks_for_a_look():
    task = planned_task(items=ITEMS)
    assert task.apply(make_op("task.tick", payload={"item": 2})).flag == "no-such-item"
    assert task.apply(make_op("task.tick", payload={"item": 20})) == Quarantined("malformed")
    assert task_word(task) == "open"


@pytest.mark.rule("T10")
@pytest.mark.clause("C3")
def test_a_standing_duty_takes_any_number_of_confirmations():
    duty = planned_task(standing=True)
    for minutes, by in ((0, ANA), (30, ANA), (60, BEN)):
        duty.apply(make_op("task.confirm", by=by, minutes=minutes))
    assert [one["by_id"] for one in duty.row.confirmed] == [ANA, ANA, BEN]
    assert (duty.row.done_at, duty.row.helper_ids) == (NOON, [BEN])
    duty.apply(make_op("task.undo", minutes=61))
    assert [one["by_id"] for one in duty.row.confirmed] == [ANA, BEN]


FACTS = st.sampled_from(
    [
        ("task.tick", {"item": 0}),
        ("task.tick", {"item": 1}),
        ("task.untick", {"item": 0}),
        ("task.untick", {"item": 1}),
        ("task.complete", {}),
        ("task.confirm", {}),
        ("task.undo", {}),
        ("task.skip", {"reason": "locked"}),
    ]
)
FACT_LISTS = st.lists(
    st.tuples(FACTS, st.sampled_from([ANA, BEN, CHU]), st.integers(0, 5)), min_size=1, max_size=8
)


@pytest.mark.rule("T8", "T9", "T10", "L1")
@given(FACT_LISTS, st.booleans(), st.randoms(use_true_random=False))
def test_items_and_confirmations_do_not_depend_on_the_order_of_arrival(made, standing, dice):
    facts = [make_op(kind, by=by, minutes=at, payload=said) for (kind, said), by, at in made]
    outcomes = []
    for _ in range(3):
        dice.shuffle(facts)
        task = planned_task(items=ITEMS, standing=standing)
        for fact in facts:
            task.apply(fact)
        outcomes.append(
            {name: value for name, value in vars(task.row).items() if name != "area_id"}
            | {"schedule_id": None}
        )
    assert outcomes[0] == outcomes[1] == outcomes[2]


@pytest.mark.rule("T9")
@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from([ANA, BEN])), min_size=1, max_size=6))
def test_ticks_of_several_people_are_all_kept(taps):
    task = planned_task(items=ITEMS)
    for minutes, (item, by) in enumerate(taps):
        task.apply(make_op("task.tick", by=by, minutes=minutes, payload={"item": item}))
    for item in (0, 1):
        people = [by for number, by in taps if number == item]
        told = task.row.ticked.get(str(item))
        assert bool(told) == bool(people)
        if told:
            assert told["by_id"] == people[0]
            assert {told["by_id"], *told["helper_ids"]} == set(people)


AD_HOC_PAYLOAD = {
    "label": "擦会议室",
    "area_id": ANA,
    "responsible_id": ANA,
    "window_end": "2026-11-24T15:00:00+00:00",
    "reason": "明天有客人",
}


def ad_hoc_task(person=None, **more):
    task = InMemoryRecord("task")
    person = person or SimpleNamespace(roles=["cleaner"], active_to=None)
    return task, task.apply(
        replace(
            make_op("task.assign", by=BEN, payload={**AD_HOC_PAYLOAD, **more}),
            related={ANA: person},
        )
    )


@pytest.mark.rule("T13")
@pytest.mark.clause("G3")
def test_ad_hoc_work_names_its_giver_its_person_and_its_time():
    task, verdict = ad_hoc_task()
    assert isinstance(verdict, Accepted)
    row = task.row
    assert (row.assigned_by_id, row.responsible_id, row.role) == (BEN, ANA, "cleaner")
    assert (row.window_start, row.reason, row.label["zh"]) == (NOON, "明天有客人", "擦会议室")


@pytest.mark.rule("T13")
def test_ad_hoc_work_needs_somebody_who_is_there_and_a_time_to_come():
    gone = SimpleNamespace(roles=["cleaner"], active_to=NOON)
    assert ad_hoc_task(gone)[1] == Refused("no-such-person")
    assert ad_hoc_task(window_end="2026-11-24T12:00:00+00:00")[1] == Refused("due-is-past")
    assert InMemoryRecord("task").apply(make_op("task.assign", payload=AD_HOC_PAYLOAD)) == Refused(
        "no-such-person"
    )
    assert ad_hoc_task(reason="")[1] == Quarantined("malformed")


@pytest.mark.rule("T14")
@pytest.mark.clause("G10")
def test_a_miss_is_decided_when_it_is_one_and_may_be_decided_anew():
    task = planned_task(grace=60)
    said = {"disposition": "made_good"}
    assert task.apply(make_op("task.dispose", by=BEN, payload=said)) == Refused("not-over")
    in_grace = make_op("task.dispose", by=BEN, minutes=4 * 60 + 59, payload=said)
    assert task.apply(in_grace) == Refused("not-over")
    assert isinstance(
        task.apply(make_op("task.dispose", by=BEN, minutes=AFTER_WINDOW, payload=said)), Accepted
    )
    anew = {"disposition": "reason", "note": "停水"}
    task.apply(make_op("task.dispose", by=BEN, minutes=AFTER_WINDOW + 1, payload=anew))
    assert (task.row.disposition, task.row.disposition_note) == ("reason", "停水")


@pytest.mark.rule("T14")
@pytest.mark.parametrize("disposition", ["reason", "case"])
def test_a_reason_and_a_case_are_told_in_words(disposition):
    bare = make_op(
        "task.dispose", minutes=AFTER_WINDOW, payload={"disposition": disposition, "note": " "}
    )
    assert planned_task().apply(bare) == Quarantined("malformed")


@pytest.mark.rule("T14")
@pytest.mark.parametrize(
    ("kind", "payload"),
    [("task.complete", {}), ("task.tick", {"item": 0}), ("task.confirm", {})],
)
def test_what_somebody_ticked_is_no_miss(kind, payload):
    task = planned_task(items=ITEMS)
    task.apply(make_op(kind, payload=payload))
    told = make_op("task.dispose", minutes=AFTER_WINDOW, payload={"disposition": "made_good"})
    assert task.apply(told) == Refused("already-done")


@pytest.mark.rule("T14")
def test_a_late_tick_stands_beside_what_was_decided():
    task = planned_task()
    task.apply(
        make_op("task.dispose", by=BEN, minutes=AFTER_WINDOW, payload={"disposition": "made_good"})
    )
    task.apply(make_op("task.complete", minutes=5, delay_minutes=2 * AFTER_WINDOW))
    assert task_word(task) == "done"
    assert task.row.disposition == "made_good"


@pytest.mark.rule("T15")
@pytest.mark.clause("C11")
def test_two_who_tell_of_the_same_rain_make_the_work_of_a_place_once():
    areas = [BEN, CHU]
    made = set()
    for order in itertools.permutations((ANA, BEN)):
        for minutes, by in enumerate(order):
            verdict = InMemoryRecord("weather").apply(
                make_op("weather.report", by=by, minutes=minutes, payload=rain_report(areas))
            )
            made |= {(work.subject, work.payload["area_id"]) for work in verdict.followups}
    assert len(made) == 2


def rain_report(areas, **more):
    return {"sort": "rain", "areas": areas, **more}


@pytest.mark.rule("T16")
def test_a_report_says_to_which_event_it_belongs():
    first, second, snow = (InMemoryRecord("weather") for _ in range(3))
    first.apply(make_op("weather.report", payload=rain_report([BEN, BEN])))
    second.apply(make_op("weather.report", minutes=60, payload=rain_report([BEN])))
    snow.apply(make_op("weather.report", payload={"sort": "snow", "areas": [BEN]}))
    assert first.row.event == second.row.event == "2026-11-24"
    assert (first.row.areas, snow.row.sort) == ([BEN], "snow")


@pytest.mark.rule("T15")
def test_another_event_of_the_same_day_makes_the_work_again():
    one, two = (
        InMemoryRecord("weather")
        .apply(make_op("weather.report", payload=rain_report([BEN], event=event)))
        .followups[0]
        for event in ("2026-11-24", "2026-11-24 evening")
    )
    assert one.subject != two.subject
