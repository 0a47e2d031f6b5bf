"""Places, people and photos."""

from dataclasses import replace

import pytest

from sync import KINDS, Quarantined, Refused, judge
from tests.sync.builders import ANA, InMemoryRecord, make_op, planned_task

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


def add_place(op_kind, taken=(), **payload):
    """The verdict on an op of the current version, beside places with these keys."""
    op = make_op(op_kind, payload={"label": LABEL, **payload})
    return judge(KINDS[op_kind].type, None, replace(op, taken=frozenset(taken)))


@pytest.mark.rule("E20")
def test_a_name_or_number_is_used_once_at_a_site():
    area_id, label = ANA, {"zh": "１－２－３０１", "en": "1-2-301"}
    unit = {"area_id": area_id, "label": label}
    assert add_place("unit.add", {"1-2-302"}, **unit).changes["label"] == label
    assert add_place("unit.add", {"1-2-301"}, **unit) == Refused("number-taken")
    room = {"kind": "room", "code": " Ａ１ "}
    assert add_place("area.add", **room).changes["code"] == "A1"
    assert add_place("area.add", {"code|a1"}, **room) == Refused("number-taken")
    assert add_place("area.add", {"None|building1"}, **room) == Refused("number-taken")
    assert add_place("area.add", {"None|building1"}, **room, parent_id=area_id).changes


@pytest.mark.rule("E6", "E20")
def test_a_checkpoint_has_a_number_of_its_own():
    point = {"area_id": ANA, "route": LABEL}
    assert add_place("checkpoint.add", **point, code="１００１").changes["code"] == "1001"
    assert add_place("checkpoint.add", {"1001"}, **point, code="1001") == Refused("number-taken")
    assert add_place("checkpoint.add", **point, code="1​") == Refused("number-too-short")
    taken = {str(number) for number in range(1000, 10000)} - {"4321"}
    assert add_place("checkpoint.add", taken, **point).changes["code"] == "4321"


@pytest.mark.rule("E20", "X7")
def test_a_place_of_an_earlier_version_is_kept_although_its_name_is_taken():
    unit = make_op("unit.add", payload={"label": LABEL, "area_id": ANA}, v=1)
    verdict = judge("unit", None, replace(unit, taken=frozenset({"building1"})))
    assert verdict.changes == {**unit.payload, "occupied": True}


@pytest.mark.rule("E2")
def test_a_home_can_be_vacated():
    unit = InMemoryRecord("unit")
    unit.apply(make_op("unit.add", payload={"label": LABEL, "area_id": ANA}))
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
