"""Rounds of checkpoints: what counts, what is flagged, what is missed."""

from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync import judge, to_history_entry
from sync.work.patrol import fold, token_hash
from sync.work.patrol_report import point_reports
from tests.sync.builders import ANA, BEN, CHU, NOON, make_op

GATE, YARD, ROOF = (str(uuid4()) for _ in range(3))
UNKNOWN_POINT = str(uuid4())


def label(name):
    return {"zh": name, "en": name}


def point(id_):
    said = {"checkpoint": id_, "area_id": id_, "label": label(id_[:4]), "code": "101"}
    return {**said, "seals": [token_hash(f"token of {id_}")]}


def planned_round(**more):
    planned = {
        "points": [point(GATE), point(YARD), point(ROOF)],
        "fastest": 60,
        "window_start": NOON,
        "window_end": NOON + timedelta(hours=1),
        **{name: {} for name in ("scans", "fines", "skips")},
        "elsewhere": [],
        "photos": [],
        "cancelled_at": None,
    }
    return SimpleNamespace(**{**planned, **more})


def scan(id_, *, minutes=5, by=CHU, token=None, method="qr"):
    told = {"checkpoint": id_, "method": method}
    if method == "qr":
        told["token"] = token or f"token of {id_}"
    return make_op("round.scan", by=by, minutes=minutes, payload=told)


def round_after(*ops, around=None):
    around = around or planned_round()
    facts = sorted((to_history_entry(each) for each in ops), key=lambda e: (e.occurred_at, e.id))
    return SimpleNamespace(**{**vars(around), **fold(around, facts)})


def point_flags(found, id_):
    return found.scans[id_]["flags"]


@pytest.mark.rule("N3")
@pytest.mark.clause("B4")
def test_no_scan_is_refused():
    for told in (scan(GATE), scan(UNKNOWN_POINT), scan(GATE, minutes=-999), scan(GATE, token="x")):
        assert judge("round", planned_round(), told).changes


@pytest.mark.rule("N5")
def test_each_flag_appears_when_it_should_and_not_otherwise():
    found = round_after(scan(GATE, minutes=5), scan(YARD, minutes=10), scan(ROOF, minutes=15))
    assert [point_flags(found, id_) for id_ in (GATE, YARD, ROOF)] == [[], [], []]
    assert point_flags(round_after(scan(GATE, minutes=-1)), GATE) == ["early"]
    assert point_flags(round_after(scan(GATE, minutes=61)), GATE) == ["late"]
    assert point_flags(round_after(scan(GATE, token="of another site")), GATE) == ["copied"]
    assert point_flags(round_after(scan(GATE, method="code")), GATE) == []
    assert point_flags(round_after(scan(GATE, method="manual")), GATE) == ["manual"]
    assert point_flags(round_after(scan(GATE, minutes=5), scan(YARD, minutes=5)), YARD) in (
        ["fast"],
        [],
    )
    together = round_after(scan(GATE, minutes=5), scan(YARD, minutes=6))
    assert point_flags(together, YARD) == [], "a minute is fast enough"


@pytest.mark.rule("N5")
def test_two_points_at_once_are_too_fast_for_one_guard_and_not_for_two():
    one = round_after(scan(GATE, minutes=5), scan(YARD, minutes=5))
    assert ["fast"] in (point_flags(one, GATE), point_flags(one, YARD))
    two = round_after(scan(GATE, minutes=5), scan(YARD, minutes=5, by=BEN))
    assert point_flags(two, GATE) == point_flags(two, YARD) == []


@pytest.mark.rule("N4")
@given(st.permutations(range(8)))
def test_two_guards_scans_make_the_same_round_in_whatever_order_they_come(order):
    told = [
        *(scan(GATE, minutes=5), scan(GATE, minutes=3, by=BEN), scan(YARD, minutes=9)),
        *(scan(UNKNOWN_POINT, minutes=11), scan(ROOF, minutes=12, token="old")),
        make_op("round.fine", by=BEN, minutes=4, payload={"checkpoint": GATE}),
        make_op("round.fine", by=CHU, minutes=6, payload={"checkpoint": GATE}),
        make_op("round.skip", by=CHU, minutes=7, payload={"checkpoint": ROOF, "reason": "locked"}),
    ]
    row, history = planned_round(), []
    for place in order:
        verdict = judge("round", row, told[place], history)
        vars(row).update(verdict.changes)
        history.append(to_history_entry(told[place], 1, verdict.changes))
    assert row.scans[GATE]["by_id"] == BEN
    assert row.scans[GATE]["again"] == 1
    assert row.fines[GATE]["by_id"] == BEN
    assert [each["checkpoint"] for each in row.elsewhere] == [UNKNOWN_POINT]
    assert vars(row) == vars(round_after(*told, around=planned_round()))


@pytest.mark.rule("N4")
def test_a_label_that_became_valid_later_is_known_and_the_old_one_too():
    before = planned_round()
    anew = [{**point(GATE), "seals": [token_hash("new")]}, point(YARD)]
    changed = judge("round", before, make_op("round.amend", payload={"points": anew})).changes
    after = planned_round(**changed)
    for token in ("new", f"token of {GATE}"):
        assert point_flags(round_after(scan(GATE, token=token), around=after), GATE) == []


@dataclass
class DeviceStub:
    clear_at: object = None
    enrolled_at: object = NOON - timedelta(days=9)
    revoked_at: object = None
    lost_at: object = None
    id: str = "phone"
    label: str = "phone"
    seen_at: object = None
    report: dict = field(default_factory=dict)


@pytest.mark.rule("N6")
@given(st.integers(-90, 90), st.booleans(), st.integers(-30, 90))
def test_a_point_is_missed_only_when_every_phone_has_spoken(spoke, lost, now):
    spoken_at = NOON + timedelta(minutes=60 + spoke)
    phone = DeviceStub(clear_at=spoken_at, lost_at=NOON if lost else None)
    found = round_after(scan(GATE))
    moment = NOON + timedelta(minutes=60 + now)
    words = {
        step.point["checkpoint"]: step.status for step in point_reports(found, [phone], moment)
    }
    assert words[GATE] == "scanned"
    over, known = now >= 0, lost or spoke >= 0
    assert words[YARD] == ("open" if not over else "missed" if known else "unknown")


def test_a_round_is_played_back_in_the_order_of_its_scans():
    found = round_after(scan(ROOF, minutes=2), scan(GATE, minutes=8))
    played = point_reports(found, [], NOON)
    assert [step.point["checkpoint"] for step in played] == [ROOF, GATE, YARD]
    assert played[1].since_last == timedelta(minutes=6)
    assert ANA not in found.scans
