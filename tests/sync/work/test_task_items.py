"""Task items, upkeep, ad hoc tasks, decisions on missed tasks, and weather reports."""

import itertools
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync import Accepted, Quarantined, Refused
from sync.work.task_folding import state
from sync.work.weather import near_task_ids
from tests.sync.builders import ANA, BEN, CHU, NOON, InMemoryRecord, make_op, planned_task

ITEMS = [{"zh": "垃圾箱", "en": "Bins"}, {"zh": "垃圾车", "en": "Carts"}]
AFTER_WINDOW = 24 * 60
"""Minutes after noon at which the planned window is over."""


def task_state(task):
    return state(vars(task.row))


@pytest.mark.rule("T9")
@pytest.mark.clause("C2")
def test_a_task_with_one_of_two_items_ticked_is_partial():
    task = planned_task(items=ITEMS)
    task.apply(make_op("task.tick", payload={"item": 0}))
    assert (task_state(task), task.row.done_at) == ("partial", None)
    task.apply(make_op("task.tick", by=BEN, minutes=3, payload={"item": 1, "leaves": "done"}))
    assert task_state(task) == "done"
    assert (task.row.done_by_id, task.row.helper_ids) == (ANA, [BEN])
    assert task.row.done_at == NOON + timedelta(minutes=3)


@pytest.mark.rule("T9")
def test_an_item_is_taken_back_by_whoever_ticked_it():
    task = planned_task(items=ITEMS)
    task.apply(make_op("task.complete"))
    task.apply(make_op("task.untick", by=BEN, minutes=1, payload={"item": 0}))
    assert task_state(task) == "done"
    task.apply(make_op("task.untick", minutes=2, payload={"item": 0}))
    assert list(task.row.ticked) == ["1"]


@pytest.mark.rule("T9")
def test_completing_a_task_ticks_all_items():
    task = planned_task(items=ITEMS)
    task.apply(make_op("task.complete"))
    assert task_state(task) == "done"
    assert {tick["by_id"] for tick in task.row.ticked.values()} == {ANA}


@pytest.mark.rule("T9")
def test_an_unknown_item_is_flagged():
    task = planned_task(items=ITEMS)
    assert task.apply(make_op("task.tick", payload={"item": 2})).flag == "no-such-item"
    assert task.apply(make_op("task.tick", payload={"item": 20})) == Quarantined("malformed")
    assert task_state(task) == "open"


@pytest.mark.rule("T10")
@pytest.mark.clause("C3")
def test_upkeep_takes_any_number_of_confirmations():
    duty = planned_task(standing=True)
    for minutes, by in ((0, ANA), (30, ANA), (60, BEN)):
        duty.apply(make_op("task.confirm", by=by, minutes=minutes))
    assert [confirmation["by_id"] for confirmation in duty.row.confirmed] == [ANA, ANA, BEN]
    assert (duty.row.done_at, duty.row.helper_ids) == (NOON, [BEN])
    duty.apply(make_op("task.undo", minutes=61))
    assert [confirmation["by_id"] for confirmation in duty.row.confirmed] == [ANA, BEN]


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
def test_items_and_confirmations_do_not_depend_on_the_order_of_arrival(entries, standing, dice):
    facts = [
        make_op(kind, by=by, minutes=at, payload=payload) for (kind, payload), by, at in entries
    ]
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
def test_ticks_of_several_people_are_all_stored(taps):
    task = planned_task(items=ITEMS)
    for minutes, (item, by) in enumerate(taps):
        task.apply(make_op("task.tick", by=by, minutes=minutes, payload={"item": item}))
    for item in (0, 1):
        people = [by for number, by in taps if number == item]
        ticked = task.row.ticked.get(str(item))
        assert bool(ticked) == bool(people)
        if ticked:
            assert ticked["by_id"] == people[0]
            assert {ticked["by_id"], *ticked["helper_ids"]} == set(people)


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
def test_an_ad_hoc_task_records_who_assigned_it_to_whom_until_when():
    task, verdict = ad_hoc_task()
    assert isinstance(verdict, Accepted)
    row = task.row
    assert (row.assigned_by_id, row.responsible_id, row.role) == (BEN, ANA, "cleaner")
    assert (row.window_start, row.reason, row.label["zh"]) == (NOON, "明天有客人", "擦会议室")


@pytest.mark.rule("T13")
def test_an_ad_hoc_task_needs_an_active_person_and_a_future_deadline():
    gone = SimpleNamespace(roles=["cleaner"], active_to=NOON)
    assert ad_hoc_task(gone)[1] == Refused("no-such-person")
    assert ad_hoc_task(window_end="2026-11-24T12:00:00+00:00")[1] == Refused("due-is-past")
    assert InMemoryRecord("task").apply(make_op("task.assign", payload=AD_HOC_PAYLOAD)) == Refused(
        "no-such-person"
    )
    assert ad_hoc_task(reason="")[1] == Quarantined("malformed")


@pytest.mark.rule("T14")
@pytest.mark.clause("G10")
def test_a_missed_task_is_decided_after_its_grace_and_may_be_decided_again():
    task = planned_task(grace=60)
    decision = {"disposition": "made_good"}
    assert task.apply(make_op("task.dispose", by=BEN, payload=decision)) == Refused("not-over")
    in_grace = make_op("task.dispose", by=BEN, minutes=4 * 60 + 59, payload=decision)
    assert task.apply(in_grace) == Refused("not-over")
    assert isinstance(
        task.apply(make_op("task.dispose", by=BEN, minutes=AFTER_WINDOW, payload=decision)),
        Accepted,
    )
    new_decision = {"disposition": "reason", "note": "停水"}
    task.apply(make_op("task.dispose", by=BEN, minutes=AFTER_WINDOW + 1, payload=new_decision))
    assert (task.row.disposition, task.row.disposition_note) == ("reason", "停水")


@pytest.mark.rule("T14")
@pytest.mark.parametrize("disposition", ["reason", "case"])
def test_an_excuse_and_a_case_need_a_note(disposition):
    without_note = make_op(
        "task.dispose", minutes=AFTER_WINDOW, payload={"disposition": disposition, "note": " "}
    )
    assert planned_task().apply(without_note) == Quarantined("malformed")


@pytest.mark.rule("T14")
@pytest.mark.parametrize(
    ("kind", "payload"),
    [("task.complete", {}), ("task.tick", {"item": 0}), ("task.confirm", {})],
)
def test_a_ticked_task_is_not_missed(kind, payload):
    task = planned_task(items=ITEMS)
    task.apply(make_op(kind, payload=payload))
    decision = make_op("task.dispose", minutes=AFTER_WINDOW, payload={"disposition": "made_good"})
    assert task.apply(decision) == Refused("already-done")


@pytest.mark.rule("T14")
def test_a_late_tick_does_not_remove_the_decision():
    task = planned_task()
    task.apply(
        make_op("task.dispose", by=BEN, minutes=AFTER_WINDOW, payload={"disposition": "made_good"})
    )
    task.apply(make_op("task.complete", minutes=5, delay_minutes=2 * AFTER_WINDOW))
    assert task_state(task) == "done"
    assert task.row.disposition == "made_good"


@pytest.mark.rule("T15")
@pytest.mark.clause("C11")
def test_two_reports_of_the_same_rain_create_one_task_for_each_area():
    areas = [BEN, CHU]
    tasks = set()
    for order in itertools.permutations((ANA, BEN)):
        for minutes, by in enumerate(order):
            verdict = InMemoryRecord("weather").apply(
                make_op("weather.report", by=by, minutes=minutes, payload=rain_report(areas))
            )
            tasks |= {(task.subject, task.payload["area_id"]) for task in verdict.followups}
    assert len(tasks) == 2


def rain_report(areas, **more):
    return {"sort": "rain", "areas": areas, **more}


@pytest.mark.rule("T16")
def test_a_weather_report_has_an_event():
    first, second, snow = (InMemoryRecord("weather") for _ in range(3))
    first.apply(make_op("weather.report", payload=rain_report([BEN, BEN])))
    second.apply(make_op("weather.report", minutes=59, payload=rain_report([BEN])))
    snow.apply(make_op("weather.report", payload={"sort": "snow", "areas": [BEN]}))
    assert first.row.event == second.row.event == "2026-11-24 20"
    assert (first.row.areas, snow.row.sort) == ([BEN], "snow")


@pytest.mark.rule("T15")
def test_another_event_of_the_same_day_creates_another_task():
    first, second = (
        InMemoryRecord("weather")
        .apply(make_op("weather.report", payload=rain_report([BEN], event=event)))
        .followups[0]
        for event in ("2026-11-24", "2026-11-24 evening")
    )
    assert first.subject != second.subject


class Rain:
    """Reports of rain and the tasks that they lead to, as the server has them."""

    def __init__(self):
        self.tasks = {}

    def report(self, areas, minutes, delay_minutes=0, **more):
        """The areas that get a task from a report."""
        op = make_op(
            "weather.report",
            minutes=minutes,
            delay_minutes=delay_minutes,
            payload=rain_report(areas, **more),
        )
        op = replace(op, related={i: self.tasks[i] for i in near_task_ids(op) if i in self.tasks})
        verdict = InMemoryRecord("weather").apply(op)
        new = [task for task in verdict.followups if task.subject not in self.tasks]
        for task in new:
            planned = InMemoryRecord("task")
            planned.apply(task)
            self.tasks[task.subject] = planned.row
        return [task.payload["area_id"] for task in new]


@pytest.mark.rule("T15")
@pytest.mark.clause("C11")
@given(st.integers(0, 600), st.integers(-119, 119), st.booleans())
def test_reports_less_than_two_hours_apart_are_one_event_in_any_order(first, apart, swapped):
    rain = Rain()
    reports = [([ANA, BEN], first), ([BEN, CHU], first + apart)]
    new = [rain.report(*report) for report in (reversed(reports) if swapped else reports)]
    assert sorted(itertools.chain(*new)) == sorted([ANA, BEN, CHU])


@pytest.mark.rule("T15")
@pytest.mark.clause("C11")
def test_a_second_shower_of_the_day_makes_tasks_again():
    rain = Rain()
    assert rain.report([BEN], 0) == [BEN]
    assert rain.report([BEN], 90) == []
    assert rain.report([BEN], 125) == [BEN], "the first has been dealt with"
    assert rain.report([BEN], 130, event="2026-11-24 22:10") == [BEN], "told to be another one"
    assert rain.report([BEN], 131, event="2026-11-24 22:10") == []


@pytest.mark.rule("R10")
def test_a_task_of_a_report_that_arrives_late_says_when_it_was_planned():
    rain = Rain()
    rain.report([BEN], 0, delay_minutes=600)
    rain.report([ANA], 0, delay_minutes=1)
    planned = {task.area_id: task.planned_at for task in rain.tasks.values()}
    assert planned == {BEN: NOON + timedelta(minutes=600), ANA: None}


@pytest.mark.rule("X7")
def test_reports_of_version_1_are_one_event_a_day():
    old = [
        make_op("weather.report", minutes=minutes, payload=rain_report([BEN]), v=1)
        for minutes in (-700, 200)
    ]
    tasks = [InMemoryRecord("weather").apply(op).followups[0].subject for op in old]
    assert tasks[0] == tasks[1]


@pytest.mark.rule("T18")
@pytest.mark.clause("C10")
def test_the_record_of_pest_control_is_what_was_said_last_of_each_field():
    first = {"agent": "Bait", "dose": "20 g", "method": "Boxes", "firm": "Spruce"}
    facts = [
        make_op("task.complete", payload=first),
        make_op("task.complete", minutes=9, payload={"notice": "Poster, 22 Nov", "dose": "25 g"}),
    ]
    for order in itertools.permutations(facts):
        task = planned_task(code="CL-09")
        for fact in order:
            task.apply(fact)
        given = {name: getattr(task.row, name) for name in (*first, "notice")}
        assert given == {**first, "dose": "25 g", "notice": "Poster, 22 Nov"}
        assert task.row.done_at == NOON
