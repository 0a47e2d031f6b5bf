"""Places, people and photos."""

import pytest
from stage import Record, op, planned

from sync import Quarantined, Refused

LABEL = {"zh": "一号楼", "en": "Building 1"}


@pytest.mark.rule("E1")
def test_a_place_begins_once():
    area = Record("area")
    add = op("area.add", payload={"label": LABEL, "kind": "building"})
    area.take(add)
    assert area.row.label == LABEL
    assert area.take(add) == Refused("already-exists")
    assert Record("area").take(op("area.add", payload={"label": LABEL, "kind": "moon"})) == (
        Quarantined("malformed")
    )


@pytest.mark.rule("E2")
def test_a_home_can_be_vacated():
    unit = Record("unit")
    unit.take(op("unit.add", payload={"label": LABEL, "area_id": op("x").id}))
    assert unit.row.occupied
    unit.take(op("unit.occupy", payload={"occupied": False}))
    assert not unit.row.occupied


@pytest.mark.rule("E3")
@pytest.mark.rule("E4")
def test_a_person_comes_and_leaves_once():
    person = Record("person")
    person.take(op("person.add", payload={"name": "Ana", "roles": ["cleaner"]}))
    person.take(op("person.leave", minutes=5))
    assert person.row.active_from < person.row.active_to
    assert person.take(op("person.leave", minutes=6)) == Refused("already-left")


@pytest.mark.rule("P1")
def test_a_photo_belongs_to_the_record_that_its_op_names():
    task = planned()
    photo = {"sha256": "a" * 64, "bytes": 5, "captured_at": "2026-11-24T10:30:05+08:00"}
    task.take(op("photo.attach", payload=photo))
    task.take(op("task.complete", minutes=1, payload={"photos": ["b" * 64, "a" * 64]}))
    assert task.row.photos == ["a" * 64, "b" * 64]


@pytest.mark.rule("P2")
def test_the_number_of_photos_that_are_here_never_falls():
    task = planned()
    task.row.photos_here = 0
    for here in (2, 1):
        task.take(op("photo.arrive", payload={"sha256": "a" * 64, "here": here}))
    assert task.row.photos_here == 2
