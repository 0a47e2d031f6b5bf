"""Items, standing duty, ad-hoc work and what becomes of a miss."""

import itertools
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stage import ANA, BEN, CHU, NOON, Record, op, planned

from sync import Accepted, Quarantined, Refused
from sync.work.task_folding import state

ITEMS = [{"zh": "垃圾箱", "en": "Bins"}, {"zh": "垃圾车", "en": "Carts"}]
AFTER = 24 * 60
"""Minutes after noon when the planned window is over."""


def word(task):
    return state(vars(task.row))


@pytest.mark.rule("T9")
@pytest.mark.clause("C2")
def test_a_task_with_one_of_two_items_is_done_in_part():
    task = planned(items=ITEMS)
    task.take(op("task.tick", payload={"item": 0}))
    assert (word(task), task.row.done_at) == ("partial", None)
    task.take(op("task.tick", by=BEN, minutes=3, payload={"item": 1, "leaves": "done"}))
    assert word(task) == "done"
    assert (task.row.done_by_id, task.row.helper_ids) == (ANA, [BEN])
    assert task.row.done_at == NOON + timedelta(minutes=3)


@pytest.mark.rule("T9")
def test_an_item_is_taken_back_by_whoever_ticked_it():
    task = planned(items=ITEMS)
    task.take(op("task.complete"))
    task.take(op("task.untick", by=BEN, minutes=1, payload={"item": 0}))
    assert word(task) == "done"
    task.take(op("task.untick", minutes=2, payload={"item": 0}))
    assert list(task.row.ticked) == ["1"]


@pytest.mark.rule("T9")
def test_an_old_phone_ticks_all_items_at_once():
    task = planned(items=ITEMS)
    task.take(op("task.complete"))
    assert word(task) == "done"
    assert {one["by_id"] for one in task.row.ticked.values()} == {ANA}


@pytest.mark.rule("T9")
def test_an_item_that_is_not_there_asks_for_a_look():
    task = planned(items=ITEMS)
    assert task.take(op("task.tick", payload={"item": 2})).flag == "no-such-item"
    assert task.take(op("task.tick", payload={"item": 20})) == Quarantined("malformed")
    assert word(task) == "open"


@pytest.mark.rule("T10")
@pytest.mark.clause("C3")
def test_a_standing_duty_takes_any_number_of_confirmations():
    duty = planned(standing=True)
    for minutes, by in ((0, ANA), (30, ANA), (60, BEN)):
        duty.take(op("task.confirm", by=by, minutes=minutes))
    assert [one["by_id"] for one in duty.row.confirmed] == [ANA, ANA, BEN]
    assert (duty.row.done_at, duty.row.helper_ids) == (NOON, [BEN])
    duty.take(op("task.undo", minutes=61))
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
MADE = st.lists(
    st.tuples(FACTS, st.sampled_from([ANA, BEN, CHU]), st.integers(0, 5)), min_size=1, max_size=8
)


@pytest.mark.rule("T8", "T9", "T10", "L1")
@given(MADE, st.booleans(), st.randoms(use_true_random=False))
def test_items_and_confirmations_do_not_depend_on_the_order_of_arrival(made, standing, dice):
    facts = [op(kind, by=by, minutes=at, payload=said) for (kind, said), by, at in made]
    outcomes = []
    for _ in range(3):
        dice.shuffle(facts)
        task = planned(items=ITEMS, standing=standing)
        for fact in facts:
            task.take(fact)
        outcomes.append(
            {name: value for name, value in vars(task.row).items() if name != "area_id"}
            | {"schedule_id": None}
        )
    assert outcomes[0] == outcomes[1] == outcomes[2]


@pytest.mark.rule("T9")
@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from([ANA, BEN])), min_size=1, max_size=6))
def test_ticks_of_several_people_are_all_kept(taps):
    task = planned(items=ITEMS)
    for minutes, (item, by) in enumerate(taps):
        task.take(op("task.tick", by=by, minutes=minutes, payload={"item": item}))
    for item in (0, 1):
        people = [by for number, by in taps if number == item]
        told = task.row.ticked.get(str(item))
        assert bool(told) == bool(people)
        if told:
            assert told["by_id"] == people[0]
            assert {told["by_id"], *told["helper_ids"]} == set(people)


WORK = {
    "label": "擦会议室",
    "area_id": ANA,
    "responsible_id": ANA,
    "window_end": "2026-11-24T15:00:00+00:00",
    "reason": "明天有客人",
}


def given_work(person=None, **more):
    task = Record("task")
    person = person or SimpleNamespace(roles=["cleaner"], active_to=None)
    return task, task.take(
        replace(op("task.assign", by=BEN, payload={**WORK, **more}), related={ANA: person})
    )


@pytest.mark.rule("T13")
@pytest.mark.clause("G3")
def test_ad_hoc_work_names_its_giver_its_person_and_its_time():
    task, verdict = given_work()
    assert isinstance(verdict, Accepted)
    row = task.row
    assert (row.assigned_by_id, row.responsible_id, row.role) == (BEN, ANA, "cleaner")
    assert (row.window_start, row.reason, row.label["zh"]) == (NOON, "明天有客人", "擦会议室")


@pytest.mark.rule("T13")
def test_ad_hoc_work_needs_somebody_who_is_there_and_a_time_to_come():
    gone = SimpleNamespace(roles=["cleaner"], active_to=NOON)
    assert given_work(gone)[1] == Refused("no-such-person")
    assert given_work(window_end="2026-11-24T12:00:00+00:00")[1] == Refused("due-is-past")
    assert Record("task").take(op("task.assign", payload=WORK)) == Refused("no-such-person")
    assert given_work(reason="")[1] == Quarantined("malformed")


@pytest.mark.rule("T14")
@pytest.mark.clause("G10")
def test_a_miss_is_decided_when_it_is_one_and_may_be_decided_anew():
    task = planned(grace=60)
    said = {"disposition": "made_good"}
    assert task.take(op("task.dispose", by=BEN, payload=said)) == Refused("not-over")
    in_grace = op("task.dispose", by=BEN, minutes=4 * 60 + 59, payload=said)
    assert task.take(in_grace) == Refused("not-over")
    assert isinstance(task.take(op("task.dispose", by=BEN, minutes=AFTER, payload=said)), Accepted)
    anew = {"disposition": "reason", "note": "停水"}
    task.take(op("task.dispose", by=BEN, minutes=AFTER + 1, payload=anew))
    assert (task.row.disposition, task.row.disposition_note) == ("reason", "停水")


@pytest.mark.rule("T14")
@pytest.mark.parametrize("disposition", ["reason", "case"])
def test_a_reason_and_a_case_are_told_in_words(disposition):
    bare = op("task.dispose", minutes=AFTER, payload={"disposition": disposition, "note": " "})
    assert planned().take(bare) == Quarantined("malformed")


@pytest.mark.rule("T14")
@pytest.mark.parametrize(
    ("kind", "payload"),
    [("task.complete", {}), ("task.tick", {"item": 0}), ("task.confirm", {})],
)
def test_what_somebody_ticked_is_no_miss(kind, payload):
    task = planned(items=ITEMS)
    task.take(op(kind, payload=payload))
    told = op("task.dispose", minutes=AFTER, payload={"disposition": "made_good"})
    assert task.take(told) == Refused("already-done")


@pytest.mark.rule("T14")
def test_a_late_tick_stands_beside_what_was_decided():
    task = planned()
    task.take(op("task.dispose", by=BEN, minutes=AFTER, payload={"disposition": "made_good"}))
    task.take(op("task.complete", minutes=5, late=2 * AFTER))
    assert word(task) == "done"
    assert task.row.disposition == "made_good"


@pytest.mark.rule("T15")
@pytest.mark.clause("C11")
def test_two_who_tell_of_the_same_rain_make_the_work_of_a_place_once():
    areas = [BEN, CHU]
    made = set()
    for order in itertools.permutations((ANA, BEN)):
        for minutes, by in enumerate(order):
            verdict = Record("weather").take(
                op("weather.report", by=by, minutes=minutes, payload=rain(areas))
            )
            made |= {(work.subject, work.payload["area_id"]) for work in verdict.followups}
    assert len(made) == 2


def rain(areas, **more):
    return {"sort": "rain", "areas": areas, **more}


@pytest.mark.rule("T16")
def test_a_report_says_to_which_event_it_belongs():
    first, second, snow = (Record("weather") for _ in range(3))
    first.take(op("weather.report", payload=rain([BEN, BEN])))
    second.take(op("weather.report", minutes=60, payload=rain([BEN])))
    snow.take(op("weather.report", payload={"sort": "snow", "areas": [BEN]}))
    assert first.row.event == second.row.event == "2026-11-24"
    assert (first.row.areas, snow.row.sort) == ([BEN], "snow")


@pytest.mark.rule("T15")
def test_another_event_of_the_same_day_makes_the_work_again():
    one, two = (
        Record("weather").take(op("weather.report", payload=rain([BEN], event=event))).followups[0]
        for event in ("2026-11-24", "2026-11-24 evening")
    )
    assert one.subject != two.subject
