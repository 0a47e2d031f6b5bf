"""Places, people and photos."""

import pytest

from sync import Quarantined, Refused
from tests.sync.builders import InMemoryRecord, make_op, planned_task

LABEL = {"zh": "一号楼", "en": "Building 1"}


@pytest.mark.rule("E1")
def test_a_place_is_added_once():
    area = InMemoryRecord("area")
    add = make_op("area.add", payload={"label": LABEL, "kind": "building"})
    area.apply(add)
    assert area.row.label == LABEL
    assert area.apply(add) == Refused("already-exists")
    assert InMemoryRecord("area").apply(
        make_op("area.add", payload={"label": LABEL, "kind": "moon"})
    ) == (Quarantined("malformed"))


@pytest.mark.rule("E2")
def test_a_home_can_be_vacated():
    unit = InMemoryRecord("unit")
    unit.apply(make_op("unit.add", payload={"label": LABEL, "area_id": make_op("x").id}))
    assert unit.row.occupied
    unit.apply(make_op("unit.occupy", payload={"occupied": False}))
    assert not unit.row.occupied


@pytest.mark.rule("E3")
@pytest.mark.rule("E4")
def test_a_person_joins_and_leaves_once():
    person = InMemoryRecord("person")
    person.apply(make_op("person.add", payload={"name": "Ana", "roles": ["cleaner"]}))
    person.apply(make_op("person.leave", minutes=5))
    assert person.row.active_from < person.row.active_to
    assert person.apply(make_op("person.leave", minutes=6)) == Refused("already-left")


@pytest.mark.rule("P1")
def test_a_photo_belongs_to_the_record_that_its_op_names():
    task = planned_task()
    photo = {"sha256": "a" * 64, "bytes": 5, "captured_at": "2026-11-24T10:30:05+08:00"}
    task.apply(make_op("photo.attach", payload=photo))
    task.apply(make_op("task.complete", minutes=1, payload={"photos": ["b" * 64, "a" * 64]}))
    assert task.row.photos == ["a" * 64, "b" * 64]


@pytest.mark.rule("P2")
def test_the_number_of_received_photos_never_decreases():
    task = planned_task()
    task.row.photos_here = 0
    for count in (2, 1):
        task.apply(make_op("photo.arrive", payload={"sha256": "a" * 64, "here": count}))
    assert task.row.photos_here == 2
