"""Which phones hold a record: by role, by person, by area, and only for a time."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

import pytest

from sync import RECORD_TYPES
from sync.protocol.clock import FOREVER, format_time
from sync.protocol.feature import RecordType
from sync.protocol.roles import ALL_ROLES, DESK_ONLY_AUDIENCE, role_mask
from sync.protocol.scope import LONGEST_HOLD, RECHECK, SiteScope, scope_of, workers_by_area
from sync.protocol.text import _l
from tests.sync.builders import ANA, BEN, NOON

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SITE = SiteScope(roles_of=lambda _: frozenset())
CLEANERS = role_mask(["cleaner"])


def record_type(**more):
    """A type whose records begin at `begins` and end at `ends`."""
    return RecordType(
        label=_l("Task"),
        states={},
        state=lambda _: "",
        visible_from=lambda record: record.get("begins", ""),
        visible_until=lambda record: record["ends"],
        audience=lambda *_: CLEANERS,
        **more,
    )


def record(**more):
    return {"begins": format_time(NOON), "ends": format_time(NOON + 2 * HOUR), **more}


def is_held(type_, row, at, site=SITE):
    return scope_of(type_, row, site, at).roles != DESK_ONLY_AUDIENCE


@pytest.mark.rule("W4")
@pytest.mark.parametrize(
    ("at", "held"),
    [
        (-7 * DAY - HOUR, False),
        (-7 * DAY, True),
        (timedelta(0), True),
        (2 * HOUR + 2 * DAY - HOUR, True),
        (2 * HOUR + 2 * DAY, False),
        (40 * DAY, False),
    ],
)
def test_a_record_is_held_from_a_week_before_until_two_days_after(at, held):
    assert is_held(record_type(), record(), NOON + at) == held


@pytest.mark.rule("W4")
def test_the_scope_says_when_it_changes_by_itself():
    type_, row = record_type(), record()
    early = scope_of(type_, row, SITE, NOON - 30 * DAY)
    assert early == (DESK_ONLY_AUDIENCE, frozenset(), NOON - 7 * DAY)
    during = scope_of(type_, row, SITE, early.changes_at)
    assert during == (CLEANERS, frozenset(), NOON + 2 * HOUR + 2 * DAY)
    assert scope_of(type_, row, SITE, during.changes_at).changes_at is None


@pytest.mark.rule("W4")
@pytest.mark.parametrize("ends", [FOREVER, "9999-12-31T23:59:59.000Z", "9999-12-30T12:00:00.000Z"])
def test_what_does_not_end_is_held_without_an_end(ends):
    assert scope_of(record_type(), record(ends=ends), SITE, NOON + 4000 * DAY) == (
        CLEANERS,
        frozenset(),
        None,
    )


@pytest.mark.rule("W4")
def test_the_beginning_of_time_is_no_error():
    row = record(begins="0001-01-01T00:00:00.000Z", ends="0001-01-01T00:00:00.000Z")
    assert not is_held(record_type(), row, NOON)
    assert is_held(record_type(), {**row, "ends": FOREVER}, NOON)


@pytest.mark.rule("W4")
def test_those_whom_a_record_concerns_hold_it_whatever_their_role():
    type_ = record_type(people=lambda row: [row["who"], None])
    assert scope_of(type_, record(who=ANA), SITE, NOON).people == {ANA}
    assert scope_of(type_, record(who=ANA), SITE, NOON + 9 * DAY).people == frozenset()


@pytest.mark.rule("W5")
def test_who_works_in_a_building_works_in_its_stairwells():
    parents = {"stairs": "building", "building": None, "gate": None, "a": "b", "b": "a"}
    workers = workers_by_area([("building", ANA), ("stairs", BEN), ("a", ANA)], parents)
    assert workers == {
        "stairs": {ANA, BEN},
        "building": {ANA},
        "a": {ANA},
        "b": {ANA},
    }
    site = SiteScope(lambda _: frozenset(), workers=workers)
    type_ = record_type(area_field="area")
    assert scope_of(type_, record(area="stairs"), site, NOON).people == {ANA, BEN}
    assert scope_of(type_, record(area="gate"), site, NOON).people == frozenset()


@pytest.mark.rule("W6")
def test_an_open_case_keeps_what_happened_at_its_home():
    type_, site = record_type(home_field="home"), SiteScope(SITE.roles_of, {}, frozenset({"3-301"}))
    later = NOON + 10 * DAY
    assert scope_of(type_, record(home="3-301"), site, later).changes_at == later + RECHECK
    assert is_held(type_, record(home="3-301"), later, site)
    assert not is_held(type_, record(home="3-302"), later, site)
    assert not is_held(type_, record(home=None), later, site)
    assert not is_held(type_, record(home="3-301"), NOON + 3 * HOUR + LONGEST_HOLD, site)


WHO_SEES = {
    "arrears": {"service_desk", "supervisor", "manager", "admin"},
    "checkpoint": {"guard", "service_desk", "supervisor", "manager", "admin"},
    "inspection": {"supervisor", "manager", "admin"},
    "readiness": {"supervisor", "manager", "admin"},
    "regular": {"guard", "service_desk", "supervisor", "manager", "admin"},
    "session": {"service_desk", "supervisor", "manager", "admin"},
    "template": {"supervisor", "manager", "admin"},
    "unit": {"guard", "service_desk", "supervisor", "manager", "admin"},
    "visit": {"guard", "service_desk", "supervisor", "manager", "admin"},
}


@pytest.mark.rule("W4")
@pytest.mark.parametrize("type_", WHO_SEES)
def test_each_role_sees_only_the_types_of_its_post(type_):
    audience = RECORD_TYPES[type_].audience({}, lambda _: ALL_ROLES)
    assert audience == role_mask(WHO_SEES[type_])


@pytest.mark.rule("W8")
@pytest.mark.asvs("8.2.2")
@pytest.mark.parametrize(
    ("type_", "row"),
    [
        ("task", {"responsible_id": None}),
        ("rectification", {"area": "a", "responsible_id": None}),
        ("ticket", {}),
        ("shift", {"person_id": BEN, "closed_at": None, "taken_over_at": None}),
    ],
)
def test_what_waits_for_a_role_is_not_for_workers_of_other_firms(type_, row):
    """Nor is it for another role of our own."""

    def sees(role, waiting_for):
        names = {"role": waiting_for, "asked_role": waiting_for}
        record = defaultdict(lambda: None, {**names, **row})
        audience = RECORD_TYPES[type_].audience(record, lambda _: frozenset({waiting_for}))
        return bool(audience & role_mask([role]))

    assert sees("cleaner", "cleaner")
    assert not sees("contractor_worker", "contractor_worker")
    assert not sees("contractor_worker", "cleaner")
    assert not sees("guard", "cleaner")
